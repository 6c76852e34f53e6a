use outbound::{Answer as Scripted, SendError};
use serde_json::{Value, json};

use super::method_of;
use crate::samples;
use crate::trial::Trial;

const FINE: &str = r#"{"success":true}"#;

fn stage(settings: &str) -> Trial {
    let own = "api_url: https://chat.example.org\ntoken: t0kent0ken\ntoken_id: us3rus3r";
    Trial::of("rocketchat_configs", &format!("{own}\n{settings}"))
}

async fn attachment(settings: &str) -> Value {
    let notification = samples::notification(&[("n1", false)]);
    let body = stage(settings).told(&notification, FINE).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    body["attachments"][0].clone()
}

#[test]
fn the_method_lies_below_the_server() {
    for (server, url) in [
        ("https://h", "https://h/api/v1/chat.postMessage"),
        ("https://h/", "https://h/api/v1/chat.postMessage"),
        (
            "https://h/a/?q=1",
            "https://h/a/api/v1/chat.postMessage?q=1",
        ),
    ] {
        assert_eq!(method_of(server), url);
    }
}

#[tokio::test]
async fn cells_are_as_short_as_the_message_says_unless_they_say_so() {
    let said =
        attachment("fields: [{title: a, value: b}, {title: c, value: d, short: true}]").await;
    let expected = json!([{"short": false, "title": "a", "value": "b"}, {"short": true, "title": "c", "value": "d"}]);
    assert_eq!(said["fields"], expected);
}

#[tokio::test]
async fn a_title_is_cut() {
    let said = attachment(&format!("title: {}", "é".repeat(1025))).await;
    let title = said["title"].as_str().unwrap();
    assert_eq!(
        (title.chars().count(), title.chars().last()),
        (1024, Some('…'))
    );
}

#[tokio::test]
async fn a_failed_template_costs_its_own_field() {
    let said = attachment(
        "title: '{{ .X }}'\ncolor: '{{ .Y }}'\ntext: hello\nactions: [{text: '{{ .Z }}', url: u}]",
    )
    .await;
    assert_eq!(said["title"], "[FIRING:1] HighLoad node (n1 critical)");
    assert_eq!(said["color"], Value::Null);
    assert_eq!(said["actions"][0]["url"], "u");
    let text = said["text"].as_str().unwrap();
    assert!(
        text.starts_with("hello\n\n[template error] title: "),
        "{text}"
    );
    assert!(
        text.contains("color: ") && text.contains("actions[0].text: "),
        "{text}"
    );
}

#[tokio::test]
async fn tokens_in_files_are_read_for_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let (token, id) = (folder.path().join("token"), folder.path().join("id"));
    let settings = format!(
        "api_url: https://chat.example.org\ntoken_file: {}\ntoken_id_file: {}",
        token.display(),
        id.display()
    );
    let stage = Trial::of("rocketchat_configs", &settings);
    let notification = samples::notification(&[("n1", false)]);
    let failure = stage.deliver(&notification).await.unwrap_err();
    assert!(failure.detail.starts_with("token_file `"), "{failure}");
    std::fs::write(&id, "me\n").unwrap();
    for secret in ["first", "second"] {
        std::fs::write(&token, format!(" {secret}\n")).unwrap();
        stage.answer(200, FINE);
        stage.deliver(&notification).await.unwrap();
        let sent = stage.take();
        assert_eq!(sent[0].request.header("x-auth-token"), Some(secret));
        assert_eq!(sent[0].request.header("x-user-id"), Some("me"));
    }
}

#[tokio::test]
async fn a_200_may_be_a_refusal() {
    let stage = stage("channel: c");
    let notification = samples::notification(&[("n1", false)]);
    for (body, is_retried, shown) in [
        (
            r#"{"success":false,"error":"[invalid-channel] of t0kent0ken","errorType":"invalid-channel"}"#,
            false,
            "error response from Rocket.Chat: [invalid-channel] of <secret>",
        ),
        (
            r#"{"success":false,"error":"Too many requests [error-too-many-requests]"}"#,
            true,
            "error response from Rocket.Chat: Too many requests [error-too-many-requests]",
        ),
        (r#"{}"#, false, "error response from Rocket.Chat: "),
    ] {
        let failure = stage.failure(&notification, 200, body).await;
        assert_eq!(failure.retry.is_some(), is_retried, "{body}");
        assert!(!failure.is_ambiguous);
        assert_eq!(failure.detail, shown);
    }
}

#[tokio::test]
async fn an_unreadable_success_is_repeated() {
    let stage = stage("channel: c");
    let notification = samples::notification(&[("n1", false)]);
    let failure = stage.failure(&notification, 200, "<html>t0kent0ken").await;
    assert!(failure.is_ambiguous && failure.retry.is_some());
    assert_eq!(
        failure.detail,
        "the answer is not understood: <html><secret>"
    );
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_and_a_bad_token_is_not() {
    let stage = stage("channel: c");
    let notification = samples::notification(&[("n1", false)]);
    let cause = "connection reset".to_owned();
    stage
        .http
        .answer_next(Scripted::error(SendError::Ambiguous { cause }));
    let failure = stage.deliver(&notification).await.unwrap_err();
    assert!(failure.is_ambiguous && failure.retry.is_some());
    let failure = stage.failure(&notification, 401, "us3rus3r who?").await;
    assert!(!failure.is_ambiguous && failure.retry.is_none());
    assert!(failure.detail.ends_with(": <secret> who?"), "{failure}");
}
