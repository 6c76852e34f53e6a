//! Templates that make a mention of harmless values.

use super::{INTEGRATIONS, body, calls, each_text};
use crate::own::trial::{Trial, all_over, labelled};

/// A text, and a value of the label `p` that it makes a mention of.
const MADE: [(&str, &str); 8] = [
    ("{{ .CommonLabels.p }}{{ .CommonLabels.q }}", "<"),
    ("x<{{ .CommonLabels.q }}>", ""),
    (
        "{{ urlUnescape .CommonLabels.p }}",
        "%3Cat id=all%3E%3Cusers/all%3E",
    ),
    (
        r#"{{ reReplaceAll "X" "" .CommonLabels.p }}"#,
        "<Xat id=all><X@all>",
    ),
    (
        r#"{{ printf "%.1s%s" .CommonLabels.p .CommonLabels.q }}"#,
        "<b>",
    ),
    (r#"{{ join "" (stringSlice "<" .CommonLabels.q) }}"#, ""),
    ("{{ .CommonLabels.p | toLower }}", "<USERS/ALL>"),
    ("{{ range .Alerts }}{{ .Labels.p }}{{ end }}", "at id=all><"),
];

#[test]
fn no_template_makes_a_mention_of_a_value() {
    for (name, settings, ..) in INTEGRATIONS {
        for (text, value) in MADE {
            let labels = [("p", value), ("q", "at id=all>")];
            let notification = labelled(all_over("x"), &labels);
            let text = text.replace('\'', "''");
            let trial = Trial::new(
                name,
                &format!("{settings}, text: '{text}', title: '{text}'"),
            );
            trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
            each_text(&body(&trial, &notification), &mut |said| {
                assert!(!calls(said), "{name} {settings} {text}: {said:?}");
            });
        }
    }
}

/// What the template itself says calls people, with an id that an alert names.
#[test]
fn a_mention_of_the_template_stands() {
    let text = "text: '<at user_id=\"{{ .CommonLabels.p }}\"></at>', message_type: text";
    let trial = Trial::new(
        "feishu",
        &format!("webhook_url: 'http://f.example.org', {text}"),
    );
    trial.answer_always(200, r#"{"code":0}"#);
    let notification = labelled(all_over("x"), &[("p", "ou_1")]);
    let mut has = false;
    each_text(&body(&trial, &notification), &mut |said| {
        has |= said.contains("<at user_id=\"ou_1\"></at>");
    });
    assert!(has);
}

/// Links lead to what they say, whatever a value looks like.
#[test]
fn links_hold_values_as_they_are() {
    let trial = Trial::new("feishu", "webhook_url: 'http://f.example.org'");
    trial.answer_always(200, r#"{"code":0}"#);
    let body = body(&trial, &all_over("<users/all>"));
    let url = body.pointer("/card/elements/1/actions/0/url");
    let url = url.and_then(serde_json::Value::as_str).expect("a button");
    assert!(url.contains("%3Cusers%2Fall%3E"), "{url}");
}
