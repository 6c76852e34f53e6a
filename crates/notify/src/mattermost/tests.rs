use domain::label::Labels;
use serde_json::{Value, json};

use crate::FailureReason;
use crate::samples;
use crate::trial::Trial;

const URL: &str = "https://chat.example.org/hooks/abcdefgh12345678";

fn stage(settings: &str) -> Trial {
    Trial::of(
        "mattermost_configs",
        &format!("webhook_url: {URL}\n{settings}"),
    )
}

async fn post(settings: &str) -> Value {
    let notification = samples::notification(&[("n1", false)]);
    let body = stage(settings).told(&notification, "ok").await;
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_priority_asks_for_no_more_than_mattermost_allows() {
    for (settings, expected) in [
        (
            "priority: Urgent",
            json!({"priority": "urgent", "requested_ack": true, "persistent_notifications": true}),
        ),
        (
            "priority: IMPORTANT",
            json!({"priority": "important", "requested_ack": true}),
        ),
        ("priority: whatever", json!({"priority": "standard"})),
        (
            "priority: '{{ .CommonLabels.nothing }}'",
            json!({"priority": "standard"}),
        ),
        ("priority: ''", Value::Null),
    ] {
        let flags = "requested_ack: true, persistent_notifications: true";
        let post = post(&format!("priority: {{{settings}, {flags}}}")).await;
        assert_eq!(post["priority"], expected, "{settings}");
    }
}

#[tokio::test]
async fn the_text_of_a_post_is_cut_and_that_of_an_attachment_is_not() {
    let long = "é".repeat(16_384);
    let flat = post(&format!("text: {long}")).await;
    assert_eq!(flat["attachments"][0]["text"], long);
    let listed = post(&format!("text: {long}\nattachments: [{{text: {long}}}]")).await;
    let cut = listed["text"].as_str().unwrap();
    assert_eq!(
        (cut.chars().count(), cut.chars().last()),
        (16_383, Some('…'))
    );
    assert_eq!(listed["attachments"][0]["text"], long);
}

#[tokio::test]
async fn a_failed_template_costs_its_own_field() {
    let broken = "text: '{{ template \"missing\" . }}'\ntitle: T\ncolor: '{{ .Alerts.Nothing }}'\nfields: [{title: '{{ .X }}', value: v}]";
    let said = post(broken).await;
    let attachment = &said["attachments"][0];
    assert_eq!(attachment["title"], "T");
    assert_eq!(attachment["color"], Value::Null);
    assert_eq!(attachment["fields"], json!([{"value": "v"}]));
    let text = attachment["text"].as_str().unwrap();
    assert!(text.contains("alertname = HighLoad"), "{text}");
    let note = text.split_once("\n\n[template error] ").unwrap().1;
    for field in ["text: ", "color: ", "fields[0].title: "] {
        assert!(note.contains(field), "{note}");
    }

    let listed = post("text: up\nattachments: [{title: '{{ .X }}', text: a}]").await;
    assert!(
        listed["text"]
            .as_str()
            .unwrap()
            .starts_with("up\n\n[template error] attachments[0].title: ")
    );
}

#[tokio::test]
async fn nobody_is_told_in_the_wrong_channel() {
    let stage = stage("channel: '{{ template \"missing\" . }}'");
    let failure = stage
        .deliver(&samples::notification(&[("n1", false)]))
        .await;
    let failure = failure.unwrap_err();
    assert!(failure.detail.starts_with("channel: "), "{failure}");
    assert_eq!((failure.retry, stage.take().len()), (None, 0));
}

#[tokio::test]
async fn what_alerts_say_stays_inside_of_its_text() {
    let hostile = "\"}],\n\u{0}</script>@channel [x](http://h) ` *b* \\";
    let labels = Labels::from_pairs([("alertname", hostile)]);
    let mut notification = samples::notification(&[("n1", false)]);
    notification.alerts = vec![samples::alert(labels, false)];
    let stage = stage("text: '{{ .CommonLabels.alertname }}'\ntitle: t");
    let body = stage.told(&notification, "ok").await;
    let post: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(post["attachments"][0]["text"], hostile);
    assert!(!body.contains('<'), "{body}");
}

#[tokio::test]
async fn answers_are_judged_by_their_status_and_errors_show_no_hook() {
    let stage = stage("channel: c");
    let notification = samples::notification(&[("n1", false)]);
    for (status, is_retried, reason) in [
        (400, false, FailureReason::ClientError),
        (404, false, FailureReason::ClientError),
        (429, true, FailureReason::RateLimited),
        (500, true, FailureReason::ServerError),
        (503, true, FailureReason::ServerError),
    ] {
        let body = format!("no such hook {URL}");
        let failure = stage.failure(&notification, status, &body).await;
        assert_eq!(
            (failure.retry.is_some(), failure.reason),
            (is_retried, reason),
            "{status}"
        );
        assert!(failure.detail.contains("no such hook"), "{failure}");
        assert!(!failure.detail.contains("abcdefgh12345678"), "{failure}");
    }
}
