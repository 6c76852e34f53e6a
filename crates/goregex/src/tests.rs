//! Go's dialect where it differs from the `regex` crate's.

use proptest::prelude::*;

use super::*;

mod programs;

use programs::{is_match, program};

#[test]
fn means_what_go_means() {
    for (pattern, yes, no) in [
        (r"^\d+$", "19", "١٩"),
        (r"^\w$", "a", "é"),
        (r"^\W$", "é", "a"),
        (r"^\s$", "\t", "\u{b}"),
        (r"^\S$", "\u{a0}", " "),
        (r"\bé", "aé", "é"),
        (r"a\Bb", "ab", "a b"),
        (r"^[a&&b]{2}$", "&b", "c&"),
        (r"^[[a]$", "[", "]"),
        (r"^[]a]$", "]", "["),
        (r"^[^]a]$", "[", "]"),
        (r"^[a-]$", "-", "b"),
        (r"^[\d-z]$", "-", "a"),
        (r"^[a~~b]$", "~", "c"),
        (r"^[[:word:]]$", "_", "é"),
        (r"^[[:^digit:]]$", "é", "1"),
        (r"^[^\D]$", "1", "a"),
        (r"^[^\n]$", "a", "\n"),
        (r"^\Qa.*\E$", "a.*", "ab"),
        (r"^\Qab\E+$", "abb", "abab"),
        (r"^a\Q", "a", "b"),
        (r"^\x41\x{1F525}\101\a?$", "A🔥A", "A"),
        (r"\Aa\z", "a", "a\n"),
        ("^a$", "a", "a\n"),
        ("(?m)^a$", "b\na", "ab"),
        ("^.$", "é", "\n"),
        ("^(?s).$", "\n", "ab"),
        ("^(?i)k$", "\u{212a}", "l"),
        ("^(?i:s)[^a]$", "ſA", "sa"),
        (r"^(?i)\w$", "ſ", "é"),
        (r"^(?i)\W$", "é", "ſ"),
        ("^(?i)a(?-i)b$", "Ab", "AB"),
        ("^((?i)a)b$", "Ab", "AB"),
        (r"^\pL\p{Greek}\PL$", "xα1", "xya"),
        (r"^\p{^Lu}\P{^Lu}$", "aA", "Aa"),
        (r"^\p{Letter}\p{upper case letter}?\p{Any}$", "aA1", ""),
        ("^(?P<n>a)(?P<n>b)(?<m>c)(?P<1x>d)$", "abcd", "abc"),
        ("^a{,2}$", "a{,2}", "aa"),
        ("^a{02}$", "a{02}", "aa"),
        ("^a{$", "a{", "a"),
        ("^{$", "{", ""),
        ("^a*(?i)*$", "aa", "A"),
        ("^(?:a|)*?b$", "aab", "aa"),
        (r"^\_\-\ \#$", "_- #", ""),
        (r"^[\x{D000}-\x{E000}]$", "\u{e000}", "a"),
        ("^(|a)+$", "aa", "b"),
        ("^a#b c$", "a#b c", "a"),
        ("^]}$", "]}", ""),
        ("^x{0}y$", "y", "xy"),
        ("(?U)^a+$", "aa", ""),
    ] {
        let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let program = program(pattern);
        for (text, expected) in [(yes, true), (no, false)] {
            assert_eq!(
                regex.is_match(text),
                expected,
                "{pattern} {text:?}: {regex}"
            );
            assert_eq!(is_match(&program, text), expected, "{pattern} {text:?}");
        }
    }
}

#[test]
fn nothing_matches_a_surrogate() {
    for pattern in [r"\x{D800}", r"[\x{D800}-\x{DFFF}]"] {
        let regex = compile(pattern).expect(pattern);
        assert!(!regex.is_match("\u{fffd}a"), "{pattern}");
    }
    assert!(compile(r"^[^\x{D800}]$").expect("valid").is_match("\n"));
}

#[test]
fn refuses_with_gos_words() {
    for (pattern, error) in [
        ("(", "missing closing ): `(`"),
        ("a)b", "unexpected ): `a)b`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[]", "missing closing ]: `[]`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*{2}?b", "invalid nested repetition operator: `*{2}?`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(|+)", "missing argument to repetition operator: `+`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(a{101}){10}", "invalid repeat count: `{10}`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (
            r"\p{IsGreek}",
            r"invalid character class range: `\p{IsGreek}`",
        ),
        (r"\pé", r"invalid character class range: `\pé`"),
        (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
        (r"\p", r"invalid character class range: `\p`"),
        (r"\q", r"invalid escape sequence: `\q`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
        ("(?P<a", "invalid named capture: `(?P<a`"),
        ("(?z)", "invalid or unsupported Perl syntax: `(?z`"),
        ("(?-)", "invalid or unsupported Perl syntax: `(?-)`"),
    ] {
        let got = parse(pattern).expect_err(pattern).to_string();
        assert_eq!(got, format!("error parsing regexp: {error}"));
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |depth: usize| format!("{}a{}", "(b|c".repeat(depth), ")*d".repeat(depth));
    assert!(compile(&deep(MAX_DEPTH)).is_ok());
    let error = compile(&deep(MAX_DEPTH + 1))
        .expect_err("too deep")
        .to_string();
    assert!(error.contains("expression nests too deeply"), "{error}");
    // Repetitions stacked in every group nest deeper than the engine may go: an error, never a crash.
    let chained = deep(MAX_DEPTH).replace(")*", ")*(?i)*(?i)*");
    assert!(compile(&chained).is_err());
    let stacked = format!("a*{}", "(?i)*".repeat(MAX_DEPTH * 2));
    assert!(compile(&stacked).is_err());
    let error = compile(&r"(\pL|\pN){1000}".repeat(3))
        .expect_err("too large")
        .to_string();
    assert!(error.contains("expression too large"), "{error}");
}

proptest! {
    #[test]
    fn what_go_accepts_compiles(pattern in r"([a(){}|^$.*+?\[\]\\,0-9:&~é-]|\(\?|\(\?P<n>|\(\?i|\[\[:alpha:\]|\\p[LN{]|\\x[0-9]{2}|\\[dwsbBAzQE0-7]){0,12}") {
        match compile(&pattern) {
            Ok(_) => {}
            Err(error) => prop_assert!(
                error.reason != "expression nests too deeply" && error.reason != "expression too large",
                "{} -> {:?}", pattern, parse(&pattern)
            ),
        }
    }

    #[test]
    fn no_pattern_panics(pattern in any::<String>()) {
        let _ = compile(&pattern);
    }
}
