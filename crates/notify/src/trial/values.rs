//! Whatever a label says, it arrives as it is and is nothing else to the receiver.

use outbound::Answer;
use proptest::prelude::*;
use serde_json::Value;

use super::Trial;
use crate::samples;

/// Integrations whose first template says a label, where in the body it is said, and the request of it.
const CASES: [(&str, &str, usize); 12] = [
    (
        "pagerduty_configs: [{routing_key: k, description: d, class: '{{ .CommonLabels.instance }}'}]",
        "/payload/class",
        0,
    ),
    (
        "pagerduty_configs: [{service_key: k, client: '{{ .CommonLabels.instance }}'}]",
        "/client",
        0,
    ),
    (
        "opsgenie_configs: [{api_key: k, description: '{{ .CommonLabels.instance }}', update_alerts: true}]",
        "/description",
        2,
    ),
    (
        "victorops_configs: [{api_key: k, routing_key: r, custom_fields: {x: '{{ .CommonLabels.instance }}'}}]",
        "/x",
        0,
    ),
    (
        "incidentio_configs: [{url: 'https://inc.example.org', alert_source_token: t}]",
        "/alerts/0/labels/instance",
        0,
    ),
    (
        "telegram_configs: [{bot_token: t, chat_id: 1, parse_mode: '', message: '{{ .CommonLabels.instance }}'}]",
        "/text",
        0,
    ),
    (
        "telegram_configs: [{bot_token: t, chat_id: 1, message: '<b>{{ .CommonLabels.instance }}</b>'}]",
        "/text",
        0,
    ),
    (
        "jira_configs: [{api_url: 'https://jira.example.org', project: '{{ .CommonLabels.instance }}', issue_type: t}]",
        "/fields/project/key",
        1,
    ),
    (
        "slack_configs: [{api_url: 'https://s.example.org', channel: c, text: '{{ .CommonLabels.instance }}'}]",
        "/attachments/0/text",
        0,
    ),
    (
        "mattermost_configs: [{webhook_url: 'https://m.example.org', text: '{{ .CommonLabels.instance }}'}]",
        "/attachments/0/text",
        0,
    ),
    (
        "rocketchat_configs: [{token: t, token_id: i, text: '{{ .CommonLabels.instance }}'}]",
        "/attachments/0/text",
        0,
    ),
    (
        "wechat_configs: [{api_secret: s, corp_id: c, message: '{{ .CommonLabels.instance }}'}]",
        "/text/content",
        1,
    ),
];

/// An answer in which everybody finds what they look for.
const FINE: &str = r#"{"issues":[],"ok":true,"success":true,"errcode":0,"access_token":"t"}"#;

/// What was said there about an alert with this label.
async fn said((yaml, pointer, request): (&str, &str, usize), label: &str) -> String {
    let fine = Answer::status(200).with_body(FINE);
    let trial = Trial::new(yaml).answering([fine.clone(), fine]);
    let notification = samples::notification(&[(label, false)]);
    trial.deliver(&notification).await.expect("accepted");
    let body = &trial.requests()[request].body;
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let said = body.pointer(pointer).and_then(Value::as_str);
    said.expect("a text").to_owned()
}

fn check(case: (&str, &str, usize), label: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let said = runtime.block_on(said(case, label));
    if case.0.contains("<b>") {
        let inside = said
            .strip_prefix("<b>")
            .and_then(|s| s.strip_suffix("</b>"));
        let inside = inside.expect("the tags of the template");
        assert!(!inside.contains(['<', '>', '"', '\'']), "{inside}");
    } else {
        assert_eq!(said, label, "{}", case.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_label_stays_a_text(label in any::<String>()) {
        // A label of an alert is never empty, and so is no message of it.
        let label = format!("x{label}");
        CASES.iter().for_each(|case| check(*case, &label));
    }
}

#[test]
fn hostile_labels_stay_texts() {
    CASES.iter().for_each(|case| check(*case, super::HOSTILE));
}
