//! Whole requests are within what providers take, however long values and links are.

use super::{INTEGRATIONS, RUNTIME, body, each_text};
use crate::own::trial::{Trial, labelled, saying, told};

/// Each integration with the longest body its provider takes.
const BOUNDS: [(&str, &str, usize); 8] = [
    (
        "ntfy",
        "topic: t, click: '{{ alertURL .GroupLabels }}'",
        8192,
    ),
    (
        "ntfy",
        "topic: t, markdown: true, title: '{{ .CommonLabels.path }}'",
        8192,
    ),
    (
        "feishu",
        "webhook_url: 'http://f.example.org', secret: s, at_all: true",
        20_000,
    ),
    (
        "feishu",
        "webhook_url: 'http://f.example.org', message_type: text",
        20_000,
    ),
    ("dingtalk", "webhook_url: 'http://d.example.org'", 20_000),
    (
        "dingtalk",
        "webhook_url: 'http://d.example.org', message_type: action_card",
        20_000,
    ),
    (
        "googlechat",
        "webhook_url: 'http://c.example.org', threads: true",
        32_000,
    ),
    (
        "googlechat",
        "webhook_url: 'http://c.example.org', message_type: text",
        32_000,
    ),
];

#[test]
fn long_values_and_links_make_no_request_too_long() {
    let values = [
        "c".repeat(400),
        "é".repeat(900),
        "漢\"".repeat(300),
        "<&>".repeat(600),
        "\n\u{1}".repeat(500),
    ];
    for (name, settings, bytes_max) in BOUNDS {
        let trial = Trial::new(name, settings);
        trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
        for value in &values {
            let names: Vec<String> = (0..60).map(|n| format!("{value}{n}")).collect();
            let instances: Vec<_> = names.iter().map(|name| (name.as_str(), false)).collect();
            let delivered = RUNTIME.block_on(trial.deliver(&saying(value, &instances)));
            delivered.expect("it is accepted");
            let bytes = trial.sent().0.body.len();
            assert!(bytes <= bytes_max, "{name} {settings}: {bytes} bytes");
            // Values of blanks say little.
            assert!(
                bytes_max / 10 < bytes,
                "{name} {settings}: {bytes} bytes say too little"
            );
        }
    }
}

/// A long value does not take the alert's name and what it says with it.
#[test]
fn a_long_value_leaves_room_for_the_rest() {
    for (name, settings, ..) in INTEGRATIONS {
        let trial = Trial::new(name, settings);
        trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
        let notification = told(&[("n1", false)]);
        let notification = labelled(notification, &[("path", &"p".repeat(3000))]);
        let mut said = String::new();
        each_text(&body(&trial, &notification), &mut |text| {
            said.push_str(text)
        });
        for part in ["HighLoad", "load is high", "ppp"] {
            assert!(said.contains(part), "{name} {settings}: {said}");
        }
    }
}
