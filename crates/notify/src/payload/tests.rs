use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(yaml: &str, expected: &str) {
    assert_eq!(
        custom(&Value::from_yaml(yaml).unwrap()).as_deref(),
        Ok(expected),
        "{yaml}"
    );
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

/// The recorded payload with every template replaced by what it renders to, as its texts would stand there.
#[test]
fn the_recorded_payload_comes_out_once_rendered() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/payloads/webhook.json"
    );
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let variants = vectors["variants"].as_array().unwrap();
    let variant = variants
        .iter()
        .find(|v| v["name"] == "webhook-payload")
        .unwrap();
    let mut yaml = variant["receiver_yaml"].as_str().unwrap().to_owned();
    for (template, rendered) in [
        (
            "{{ .Status | toUpper }} {{ .CommonLabels.alertname }}",
            "FIRING HighLoad",
        ),
        ("{{ len .Alerts }}", "2"),
        ("{{ eq .Status \"firing\" }}", "true"),
        ("{{ .Receiver }}", "webhook-payload"),
        (
            "{{ toJson .GroupLabels }}",
            r#"{"alertname":"HighLoad","job":"node"}"#,
        ),
        ("{{ .Status }}", "firing"),
        (
            "{{ range .Alerts }}{{ .Labels.instance }};{{ end }}",
            "n1:9100;n2:9100;",
        ),
        (
            "{{ .CommonLabels | toJson }}",
            r#"{"alertname":"HighLoad","job":"node","severity":"critical"}"#,
        ),
    ] {
        assert!(yaml.contains(template), "{template}");
        yaml = yaml.replace(template, rendered);
    }
    let Value::Map(receiver) = Value::from_yaml(&yaml).unwrap() else {
        panic!("a map")
    };
    let Value::List(webhooks) = &receiver[0].1 else {
        panic!("a list")
    };
    let Value::Map(webhook) = &webhooks[0] else {
        panic!("a map")
    };
    let payload = webhook
        .iter()
        .find(|(key, _)| key.as_text() == Some("payload"))
        .unwrap();
    let expected = variant["requests"]["added"][0]["body"].as_str().unwrap();
    assert_eq!(custom(&payload.1).unwrap() + "\n", expected);
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
    assert_eq!(custom(&number), Err(PayloadError::Number));
}

#[test]
fn a_payload_cannot_explode() {
    let many = format!("[{}]", "1,".repeat(VALUES_MAX));
    assert_eq!(custom(&Value::Text(many)), Err(PayloadError::Size));
    let text = format!("'[{}]'", "1,".repeat(200));
    let bomb = format!("[&a {text},{}]", "*a,".repeat(999));
    assert_eq!(custom(&Value::Text(bomb)), Err(PayloadError::Size));
}

proptest! {
    #[test]
    fn any_text_gives_valid_json(text in any::<String>()) {
        if let Ok(json) = custom(&Value::Text(text)) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    }
}
