use proptest::prelude::*;

use super::*;
use crate::data::Data;
use crate::samples;

/// Writes a payload for a message about two alerts.
fn custom(payload: &Value) -> Result<String, Failure> {
    let set = TemplateSet::default();
    let notification = samples::notification(&[("n1", false), ("n2", false)]);
    let facts = Data::new(&notification, &notification.alerts);
    Payload::new(payload, &set).write(&Rendering::new(&set, &facts, notification.at))
}

#[track_caller]
fn check(yaml: &str, expected: &str) {
    let written = custom(&Value::from_yaml(yaml).unwrap());
    assert_eq!(written.as_deref(), Ok(expected), "{yaml}");
}

#[test]
fn texts_are_read_once_more_as_yaml() {
    for (text, expected) in [
        ("''", "null"),
        ("'007'", "7"),
        ("'1.50'", "1.5"),
        ("'y'", "true"),
        ("'off'", "false"),
        ("'~'", "null"),
        ("'1e3'", "1000"),
        ("'0x1f'", "31"),
        ("'18446744073709551615'", "18446744073709551615"),
        ("'plain text'", r#""plain text""#),
        ("'2026-03-04'", r#""2026-03-04""#),
        (r#""a: 1\nb: [x, y]""#, r#"{"a":1,"b":["x",true]}"#),
        (r#"'{"b": 2, "a": "1"}'"#, r#"{"a":1,"b":2}"#),
        ("'[1, two'", r#""[1, two""#),
        (r#"'"007"'"#, r#""\"007\"""#),
        ("'a<b'", r#""a\u003cb""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn texts_and_keys_are_templates() {
    check("a: '{{ len .Alerts }}'", r#"{"a":2}"#);
    check(
        "'{{ .Status }}-key': ['{{ .Receiver }}']",
        r#"{"firing-key":["team\\.a"]}"#,
    );
    check(
        "a: '{{ .GroupLabels | toJson }}'",
        r#"{"a":{"alertname":"HighLoad","job":"node"}}"#,
    );
    // Of keys that turn out the same the last one counts.
    check("{'{{ .Status }}': 1, firing: 2}", r#"{"firing":2}"#);
}

#[test]
fn what_a_template_says_is_no_template() {
    check(
        r#"a: '[{{ "{{" }} .Status {{ "}}" }}]'"#,
        r#"{"a":"[{{ .Status }}]"}"#,
    );
    check(
        r#"a: '["{{ "{{" }} .Status }}"]'"#,
        r#"{"a":["{{ .Status }}"]}"#,
    );
}

#[test]
fn a_failing_text_fails_the_payload() {
    let payload = Value::from_yaml("a: ['{{ .Nope }}']").unwrap();
    let failure = custom(&payload).unwrap_err();
    assert_eq!((failure.line, failure.column), (1, 3));
    assert!(
        failure.message.contains("can't evaluate field Nope"),
        "{failure}"
    );
}

#[test]
fn structures_are_kept_and_keys_sorted() {
    check(
        "z: 7\nyes_value: yes\nnothing: null\nlist: [a, 2, [x, {k: v}]]\n1: dropped\nfloat: 1.5\nempty: {}",
        r#"{"empty":{},"float":1.5,"list":["a",2,["x",{"k":"v"}]],"nothing":null,"yes_value":true,"z":7}"#,
    );
}

#[test]
fn keys_are_never_read_as_yaml() {
    check("'007': 1\n'': 2", r#"{"":2,"007":1}"#);
}

#[test]
fn numbers_json_does_not_know_are_refused() {
    let number = Value::Text(".inf".to_owned());
    assert_eq!(custom(&number), Err(PayloadError::Number.into()));
}

#[test]
fn a_payload_cannot_explode() {
    let many = format!("[{}]", "1,".repeat(VALUES_MAX));
    assert_eq!(custom(&Value::Text(many)), Err(PayloadError::Size.into()));
    let text = format!("'[{}]'", "1,".repeat(200));
    let bomb = format!("[&a {text},{}]", "*a,".repeat(999));
    assert_eq!(custom(&Value::Text(bomb)), Err(PayloadError::Size.into()));
}

proptest! {
    #[test]
    fn any_text_gives_valid_json(text in any::<String>()) {
        if let Ok(json) = custom(&Value::Text(text)) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    }
}
