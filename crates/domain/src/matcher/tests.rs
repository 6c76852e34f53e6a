//! What the recorded vectors (`cargo xtask vectors`) do not say, and properties over arbitrary input.

use proptest::prelude::*;

use super::*;

#[test]
fn warns_where_the_notations_part() {
    let warning = |input: &str| {
        parse_matchers(input.as_bytes(), MatcherMode::Fallback)
            .expect(input)
            .warning
    };
    assert_eq!(warning(r#"foo="bar""#), None);
    assert_eq!(warning(r#""a b"=c"#), None);
    let incompatible = warning("foo=a b").expect("only classic reads it");
    assert!(incompatible.contains(r#"{foo="a b"}"#), "{incompatible}");
    let disagreement = warning(r#"foo="\x41""#).expect("the readings differ");
    assert!(disagreement.contains(r#"{foo="\\x41"}"#), "{disagreement}");
    assert!(disagreement.contains(r#"{foo="A"}"#), "{disagreement}");
}

#[test]
fn orders_by_name_value_and_operator() {
    let parsed = parse_matchers(b"b=1,a=~2,a=2,a!~2,a!=2,a=1", MatcherMode::Utf8).expect("valid");
    let mut matchers = parsed.matchers;
    matchers.sort();
    let want = r#"{a="1",a="2",a!="2",a=~"2",a!~"2",b="1"}"#;
    assert_eq!(print_matchers(&matchers), want);
}

#[test]
fn knows_valid_label_names() {
    for (name, classic, utf8) in [
        ("foo", true, true),
        ("_f1", true, true),
        ("1f", false, true),
        ("a:b", false, true),
        ("", false, false),
        ("é", false, true),
    ] {
        assert_eq!(
            is_valid_label_name(name, MatcherMode::Classic),
            classic,
            "{name}"
        );
        assert_eq!(is_valid_label_name(name, MatcherMode::Utf8), utf8, "{name}");
        assert_eq!(
            is_valid_label_name(name, MatcherMode::Fallback),
            utf8,
            "{name}"
        );
    }
}

#[test]
fn text_that_is_not_utf8_matches_no_label() {
    let labels = Labels::from_pairs([("a", "\u{fffd}"), ("\u{fffd}", "x")]);
    let by_value = Matcher::from_bytes(MatchOp::Equal, b"a", b"\xff").expect("a matcher");
    assert!(!by_value.matches_labels(&labels));
    let by_name = Matcher::from_bytes(MatchOp::Equal, b"\xff", b"x").expect("a matcher");
    assert!(!by_name.matches_labels(&labels));
    let error = Matcher::from_bytes(MatchOp::Regex, b"a", b"x\xff").expect_err("a bad pattern");
    assert_eq!(
        error.to_string(),
        "error parsing regexp: invalid UTF-8: `\u{fffd}`"
    );
}

/// Label values that make the difference between the shortcuts and the engine.
fn values() -> impl Strategy<Value = String> {
    "[ab.\n]{0,5}"
}

/// Expressions the shortcuts are for, and some they are not for.
fn patterns() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "ab", r"\.", ".*", ".+", "|", "a|b", "(a|b)", "(?:ab|)", "a?", "(?s:.*)", "(?s)",
        "(?i)", "", ".", "[ab]", r"\n", "^", "$", r"\Qa.\E", "(a?b)?",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Patterns that the crate would take a tenth of a second and 10 MB to compile match all the same.
#[test]
fn large_expressions_are_cheap_or_refused() {
    let regex = |pattern: &str| Matcher::new(MatchOp::Regex, "a", pattern);
    let letters = regex(r"i(\pL{1,200})").expect("Go accepts it");
    assert!(letters.matches("iéa") && !letters.matches("i1") && !letters.matches(""));
    assert!(letters.cost() < 2_000, "{}", letters.cost());
    let either = regex(r"(?i)(x[\x{400}-\x{4FFFF}]\W\S+){3}y").expect("Go accepts it");
    assert!(either.matches("X丁 aX丁 bx丁 cY"));
    for pattern in [
        "(a|b)*".repeat(100_000),
        (0..1_000)
            .map(|n| format!(r"(?i)[\x{{{n:x}}}-\x{{FFFFF}}]"))
            .collect(),
        r"(?:\pL\pN|a){1000}".repeat(200),
    ] {
        let error = regex(&pattern).expect_err("too large").to_string();
        assert!(error.contains("expression too large"), "{}", error.len());
    }
}

#[test]
fn a_request_has_an_allowance() {
    let taken = |patterns: &mut dyn Iterator<Item = String>| {
        let mut allowance = Allowance::default();
        let pay = |pattern: String| {
            let matcher = Matcher::new(MatchOp::Regex, "a", &pattern);
            allowance.pay(&matcher.expect("a pattern"))
        };
        patterns.map(pay).take_while(Result::is_ok).count()
    };
    let people = |n: usize| format!(r"(?i)host-{n}[0-9]+\.(foo|bar)\.example\.org:.+");
    assert!((200..900).contains(&taken(&mut (0..900).map(people))));
    let hostile = |n: usize| format!(r"{n}(\pL{{1,200}})");
    assert!((20..400).contains(&taken(&mut (0..900).map(hostile))));
    let plain = |n: usize| n.to_string();
    assert!((900..1_100).contains(&taken(&mut (0..5_000).map(plain))));
}

proptest! {
    #[test]
    fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..40)) {
        for mode in [MatcherMode::Classic, MatcherMode::Utf8, MatcherMode::Fallback] {
            let _ = parse_matchers(&input, mode);
            let _ = parse_matcher(&input, mode);
        }
    }

    #[test]
    fn nothing_like_a_matcher_panics(input in r#"[{]?([a\\"é ][=!~]{1,2}["]?[a\\"\x00éx0-7{}(\[,]{0,6}["]?[, ]?){0,3}[}]?"#) {
        for mode in [MatcherMode::Classic, MatcherMode::Utf8, MatcherMode::Fallback] {
            if let Ok(parsed) = parse_matchers(input.as_bytes(), mode) {
                let _ = print_matchers(&parsed.matchers);
            }
            let _ = parse_matcher(input.as_bytes(), mode);
        }
    }

    #[test]
    fn both_notations_read_plain_matchers_alike(name in "[a-z_][a-z0-9_]{0,6}", value in r#"[a-zA-Z0-9 .é|,{}'-]{0,10}"#, op in 0..2_usize) {
        let input = format!("{{ {name} {} \"{value}\" , }}", ["=", "!="][op]);
        let classic = parse_matchers(input.as_bytes(), MatcherMode::Classic).expect("classic");
        let utf8 = parse_matchers(input.as_bytes(), MatcherMode::Utf8).expect("utf8");
        prop_assert_eq!(&classic, &utf8);
        let fallback = parse_matchers(input.as_bytes(), MatcherMode::Fallback).expect("fallback");
        prop_assert_eq!(&classic, &fallback);
    }

    #[test]
    fn what_is_printed_reads_back(name in any::<String>().prop_filter("names are not empty", |n| !n.is_empty()), value in any::<String>()) {
        let matcher = Matcher::equal(&name, &value);
        let printed = matcher.to_string();
        // Inside an unquoted name only `\n`, `\"` and `\\` are escaped; other control characters stand as they are.
        let again = parse_matchers(format!("{{{printed}}}").as_bytes(), MatcherMode::Utf8);
        prop_assert_eq!(again.expect(&printed).matchers, vec![matcher]);
    }

    #[test]
    fn shortcuts_agree_with_the_engine(pattern in patterns(), value in values()) {
        if let Ok(matcher) = Matcher::new(MatchOp::Regex, "a", &pattern) {
            let engine = go_regex::compile(&format!("^(?:{pattern})$")).expect("it compiled before");
            prop_assert_eq!(matcher.matches(&value), engine.is_match(&value), "{}", pattern);
        }
    }
}
