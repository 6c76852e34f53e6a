//! YAML 1.1 words, and texts in yaml.v2's notation.

use super::scalar::{Meaning, is_base_60, meaning};
use super::typed::any;
use super::value::Value;
use super::{parse, print};

#[test]
fn words_mean_what_they_mean_to_yaml_v2() {
    for (text, expected) in [
        ("yes", Meaning::Bool(true)),
        ("off", Meaning::Bool(false)),
        ("~", Meaning::Null),
        ("0755", Meaning::Int(493)),
        ("08", Meaning::Float(8.0)),
        ("0x1F", Meaning::Int(31)),
        ("0b11", Meaning::Int(3)),
        ("1_000", Meaning::Int(1000)),
        ("+5", Meaning::Int(5)),
        (
            "18446744073709551615",
            Meaning::Int(18_446_744_073_709_551_615),
        ),
        (
            "18446744073709551616",
            Meaning::Float(18_446_744_073_709_551_616.0),
        ),
        ("1e3", Meaning::Float(1000.0)),
        (".5", Meaning::Float(0.5)),
        ("1:30", Meaning::Text),
        ("2020-01-02", Meaning::Timestamp),
        ("2020-13-02", Meaning::Text),
        ("2020-01-02T03:04:05Z", Meaning::Timestamp),
        ("-", Meaning::Text),
        ("1.2.3", Meaning::Text),
        (".", Meaning::Text),
        ("NO", Meaning::Bool(false)),
        ("no!", Meaning::Text),
    ] {
        assert_eq!(meaning(text), expected, "{text}");
    }
    assert!(is_base_60("1:30") && is_base_60("-12:05:59.5") && !is_base_60("2024:2026"));
}

fn printed(text: &str) -> String {
    print(&Value::Map(vec![("k".into(), text.into())]))
}

#[test]
fn texts_are_printed_in_the_notation_yaml_v2_chooses() {
    for (text, expected) in [
        ("plain text", "k: plain text\n"),
        ("", "k: \"\"\n"),
        ("true", "k: \"true\"\n"),
        ("1:30", "k: \"1:30\"\n"),
        ("2020-01-02", "k: \"2020-01-02\"\n"),
        ("a: b", "k: 'a: b'\n"),
        ("a:b", "k: a:b\n"),
        ("it's", "k: it's\n"),
        ("'it's'", "k: '''it''s'''\n"),
        (" lead", "k: ' lead'\n"),
        ("tail ", "k: 'tail '\n"),
        ("a #b", "k: 'a #b'\n"),
        ("#b", "k: '#b'\n"),
        ("- a", "k: '- a'\n"),
        ("-a", "k: -a\n"),
        ("---", "k: '---'\n"),
        ("[a]", "k: '[a]'\n"),
        ("a\nb", "k: |-\n  a\n  b\n"),
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\n\n", "k: |+\n  a\n\n"),
        ("\na", "k: |2-\n\n  a\n"),
        ("a \nb", "k: \"a \\nb\"\n"),
        ("tab\there", "k: \"tab\\there\"\n"),
        ("\u{1f642}", "k: \"\\U0001F642\"\n"),
        ("größe", "k: größe\n"),
        ("\u{a0}x", "k: \u{a0}x\n"),
    ] {
        assert_eq!(printed(text), expected, "{text:?}");
    }
}

#[test]
fn long_texts_are_folded_at_the_first_space_after_column_80() {
    let words = vec!["word"; 30].join(" ");
    let expected = format!(
        "k: {}\n  {}\n",
        vec!["word"; 16].join(" "),
        vec!["word"; 14].join(" ")
    );
    assert_eq!(printed(&words), expected);
    let quoted = printed(&format!("'{words}"));
    assert!(quoted.lines().count() == 2, "{quoted}");
    let root = parse(&quoted).unwrap().unwrap();
    let Value::Map(pairs) = any(&root).unwrap() else {
        panic!()
    };
    assert_eq!(pairs, [("k".into(), Value::Text(format!("'{words}")))]);
}

#[test]
fn collections_are_nested_as_yaml_v2_nests_them() {
    let text = "a:\n- b: 1\n  c:\n  - - x\n    - z\n  - {}\n- []\nd:\n  e: null\n";
    let root = parse(text).unwrap().unwrap();
    assert_eq!(print(&any(&root).unwrap()), text);
}

#[test]
fn keys_are_sorted_with_their_numbers() {
    let text = "{a10: 1, a9: 2, B: 3, 2: 4, true: 5, a: 6, a-b: 7}";
    let root = parse(text).unwrap().unwrap();
    let expected = "true: 5\n2: 4\nB: 3\na: 6\na-b: 7\na9: 2\na10: 1\n";
    assert_eq!(print(&any(&root).unwrap()), expected);
}

#[test]
fn a_second_document_a_mark_and_line_ends_do_not_matter() {
    for text in [
        "\u{feff}a: 1\n",
        "a: 1\r\n",
        "a: 1\n---\n}{",
        "--- {a: 1}\n...\nrest: ]",
    ] {
        let root = parse(text).unwrap().unwrap();
        assert_eq!(print(&any(&root).unwrap()), "a: 1\n", "{text:?}");
    }
    assert!(parse("").unwrap().is_none());
    assert!(parse("# nothing\n").unwrap().is_none());
}

#[test]
fn repeated_keys_and_merges() {
    assert!(any(&parse("{a: 1, a: 2}").unwrap().unwrap()).is_err());
    let text = "x: &x {a: 1}\nz: {<<: *x, b: 2}\n";
    let root = parse(text).unwrap().unwrap();
    assert_eq!(
        print(&any(&root).unwrap()),
        "x:\n  a: 1\nz:\n  a: 1\n  b: 2\n"
    );
}

#[test]
fn a_text_that_ends_its_own_line_is_followed_by_the_next_key_at_once() {
    let pairs = vec![
        ("a".into(), "x\n".into()),
        ("b".into(), "y\n\n".into()),
        ("c".into(), Value::Int(1)),
    ];
    assert_eq!(print(&Value::Map(pairs)), "a: |\n  x\nb: |+\n  y\n\nc: 1\n");
}

#[test]
fn oddities_of_yaml_v2_are_kept() {
    assert_eq!(printed("<<"), "k: <<\n");
    assert_eq!(printed("\u{feff}x"), "k: \"\\uFEFF\\x78\"\n");
    let long = "k".repeat(129);
    let pairs = vec![(long.as_str().into(), "v".into())];
    assert_eq!(print(&Value::Map(pairs)), format!("? {long}\n: v\n"));
}
