use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let mut out = String::new();
    push_text(&mut out, text);
    assert_eq!(out, expected);
}

#[test]
fn markup_is_escaped() {
    check("a<b>&c", r#""a\u003cb\u003e\u0026c""#);
}

#[test]
fn control_characters_have_short_forms_where_go_has_them() {
    check(
        "\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}",
        "\"\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}\"",
    );
}

#[test]
fn line_separators_of_javascript_are_escaped() {
    check(
        "\u{2028}\u{2029}é🔥\u{fffd}",
        "\"\\u2028\\u2029é🔥\u{fffd}\"",
    );
}

#[test]
fn quotes_and_backslashes() {
    check(r#"a"b\c"#, r#""a\"b\\c""#);
}

#[test]
fn numbers_are_written_as_go_writes_them() {
    for (number, expected) in [
        (1.5, "1.5"),
        (7.0, "7"),
        (-0.0, "-0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e-7, "1.25e-7"),
        (0.000_001, "0.000001"),
        (-1e100, "-1e+100"),
    ] {
        let mut out = String::new();
        push_float(&mut out, number).unwrap();
        assert_eq!(out, expected);
    }
    assert_eq!(push_float(&mut String::new(), f64::NAN), None);
    assert_eq!(push_float(&mut String::new(), f64::INFINITY), None);
}

proptest! {
    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        let mut out = String::new();
        push_text(&mut out, &text);
        prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn any_number_comes_back(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
        let mut out = String::new();
        push_float(&mut out, number).unwrap();
        prop_assert_eq!(out.parse::<f64>().unwrap(), number);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
    }
}
