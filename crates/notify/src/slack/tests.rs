use std::time::Duration;

use domain::label::Labels;
use outbound::{Answer as Scripted, SendError};
use serde_json::{Value, json};

use super::*;
use crate::samples;
use crate::trial::Trial;

const HOOK: &str = "https://hooks.example.org/services/T0000000/B0000000/s3cr3ts3cr3t";
const POSTED: &str = r#"{"ok":true,"channel":"C0123","ts":"1700000000.000100"}"#;

fn hook(settings: &str) -> Trial {
    Trial::of(
        "slack_configs",
        &format!("api_url: {HOOK}\nchannel: '#ops'\n{settings}"),
    )
}

/// An app that changes its messages.
fn app() -> Trial {
    let settings = "api_url: https://slack.com/api/chat.postMessage\nchannel: '#ops'\nupdate_message: true\n\
        http_config: {authorization: {credentials: xoxb-t0ken}}";
    Trial::of("slack_configs", settings)
}

fn kept(channel: &str, ts: &str) -> ReceiverData {
    ReceiverData::new([(CHANNEL_ID, channel), (THREAD_TS, ts)]).unwrap()
}

async fn message(settings: &str) -> Value {
    let notification = samples::notification(&[("n1", false)]);
    let body = hook(settings).told(&notification, "ok").await;
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_failed_template_costs_its_own_field() {
    let broken = "title: '{{ .X }}'\nusername: '{{ .X }}'\npretext: '{{ template \"missing\" . }}'\ntext: body\nfooter: foot\n\
        color: '{{ .X }}'\nfields: [{title: a, value: '{{ .X }}'}]\n\
        actions: [{type: button, text: go, url: '{{ .X }}', name: n}, {type: button, text: ask, name: n, confirm: {text: '{{ .X }}', title: t}}]";
    let said = message(broken).await;
    assert_eq!(
        (&said["channel"], &said["username"]),
        (&json!("#ops"), &json!("Alertmanager"))
    );
    let attachment = &said["attachments"][0];
    assert_eq!(
        attachment["title"],
        "[FIRING:1] HighLoad node (n1 critical)"
    );
    assert_eq!(
        (&attachment["color"], &attachment["footer"]),
        (&json!("danger"), &json!("foot"))
    );
    assert_eq!(
        attachment["fields"],
        json!([{"title": "a", "short": false}])
    );
    assert_eq!(
        attachment["actions"][0],
        json!({"type": "button", "text": "go"})
    );
    assert_eq!(attachment["actions"][1]["confirm"], json!({"title": "t"}));
    let (text, note) = attachment["text"]
        .as_str()
        .unwrap()
        .split_once("\n\n[template error] ")
        .unwrap();
    assert_eq!(text, "body");
    let fields = [
        "username",
        "title",
        "pretext",
        "color",
        "fields[0].value",
        "actions[0].url",
        "actions[1].confirm.text",
    ];
    for field in fields {
        assert!(note.contains(&format!("{field}: ")), "{note}");
    }
}

#[tokio::test]
async fn nobody_is_told_in_the_wrong_channel() {
    let stage = Trial::of(
        "slack_configs",
        &format!("api_url: {HOOK}\nchannel: '{{{{ .X }}}}'"),
    );
    let failure = stage
        .deliver(&samples::notification(&[("n1", false)]))
        .await;
    let failure = failure.unwrap_err();
    assert!(
        failure.detail.starts_with("channel: ") && failure.retry.is_none(),
        "{failure}"
    );
    assert_eq!(stage.take().len(), 0);
}

#[tokio::test]
async fn what_alerts_say_stays_inside_of_its_text() {
    let hostile = "\"}],\n\u{0}<!channel> @everyone </b> ` *b* \\ {{ .X }}";
    let mut notification = samples::notification(&[("n1", false)]);
    let labels = Labels::from_pairs([("alertname", hostile)]);
    notification.alerts = vec![samples::alert(labels, false)];
    let stage = hook("text: '{{ .CommonLabels.alertname }}'\ntitle: t");
    let body = stage.told(&notification, "ok").await;
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(said["attachments"][0]["text"], hostile);
    assert!(!body.contains('<'), "{body}");
}

#[tokio::test]
async fn no_marked_parts_means_the_usual_ones() {
    let usual = json!(["fallback", "pretext", "text"]);
    assert_eq!(
        message("mrkdwn_in: []").await["attachments"][0]["mrkdwn_in"],
        usual
    );
    assert_eq!(
        message("mrkdwn_in: [text]").await["attachments"][0]["mrkdwn_in"],
        json!(["text"])
    );
}

#[tokio::test]
async fn its_own_timeout_bounds_the_attempt() {
    let stage = hook("timeout: 9s");
    stage.answer(200, "ok");
    stage
        .deliver(&samples::notification(&[("n1", false)]))
        .await
        .unwrap();
    let left = stage.take()[0].deadline;
    assert!(
        left <= Duration::from_secs(9) && Duration::from_secs(8) < left,
        "{left:?}"
    );
}

#[tokio::test]
async fn a_message_is_changed_and_what_is_kept_follows_it() {
    let stage = app();
    let mut notification = samples::notification(&[("n1", false)]);
    stage.answer(200, POSTED);
    let delivered = stage.deliver(&notification).await.unwrap();
    assert_eq!(
        delivered.receiver_data,
        Some(kept("C0123", "1700000000.000100"))
    );
    assert_eq!(
        stage.take()[0].request.url,
        "https://slack.com/api/chat.postMessage"
    );

    notification.receiver_data = kept("C0123", "1700000000.000100");
    stage.answer(
        200,
        r#"{"ok":true,"channel":"C0123","ts":"1700000000.000200"}"#,
    );
    let delivered = stage.deliver(&notification).await.unwrap();
    assert_eq!(
        delivered.receiver_data,
        Some(kept("C0123", "1700000000.000200"))
    );
    let sent = stage.take();
    assert_eq!(sent[0].request.url, UPDATE);
    let body: Value = serde_json::from_slice(&sent[0].request.body).unwrap();
    assert_eq!(
        (&body["channel"], &body["ts"]),
        (&json!("C0123"), &json!("1700000000.000100"))
    );
}

#[tokio::test]
async fn only_an_integration_that_changes_messages_keeps_them() {
    let stage = hook("");
    let mut notification = samples::notification(&[("n1", false)]);
    notification.receiver_data = kept("C0123", "1.2");
    stage.answer(200, POSTED);
    assert_eq!(
        stage.deliver(&notification).await.unwrap().receiver_data,
        None
    );
    assert_eq!(stage.take()[0].request.url, HOOK);
}

#[tokio::test]
async fn a_message_that_is_gone_is_posted_anew() {
    for code in GONE {
        let stage = app();
        let mut notification = samples::notification(&[("n1", false)]);
        notification.receiver_data = kept("C9", "1.2");
        stage.answers(&[&format!(r#"{{"ok":false,"error":"{code}"}}"#), POSTED]);
        let delivered = stage.deliver(&notification).await.unwrap();
        assert_eq!(
            delivered.receiver_data,
            Some(kept("C0123", "1700000000.000100"))
        );
        let sent = stage.take();
        assert_eq!(
            sent[1].request.url,
            "https://slack.com/api/chat.postMessage"
        );
        let body: Value = serde_json::from_slice(&sent[1].request.body).unwrap();
        assert_eq!(
            (&body["channel"], &body["ts"]),
            (&json!("#ops"), &Value::Null)
        );
    }
    let stage = app();
    let mut notification = samples::notification(&[("n1", false)]);
    notification.receiver_data = kept("C9", "1.2");
    let failure = stage
        .failure(
            &notification,
            200,
            r#"{"ok":false,"error":"token_revoked"}"#,
        )
        .await;
    assert!(failure.retry.is_none() && failure.detail.ends_with(": token_revoked"));
    assert_eq!(stage.take().len(), 1);
}

#[tokio::test]
async fn a_200_may_be_a_refusal() {
    let notification = samples::notification(&[("n1", false)]);
    for (body, is_retried, is_ambiguous, code) in [
        (
            r#"{"ok":false,"error":"channel_not_found"}"#,
            false,
            false,
            "channel_not_found",
        ),
        (
            r#"{"ok":false,"error":"invalid_auth s3cr3ts3cr3t"}"#,
            false,
            false,
            "invalid_auth <secret>",
        ),
        (r#"{"ok":false}"#, false, false, ""),
        (
            r#"{"ok":false,"error":"ratelimited"}"#,
            true,
            false,
            "ratelimited",
        ),
        (
            r#"{"ok":false,"error":"rate_limited"}"#,
            true,
            false,
            "rate_limited",
        ),
        (
            r#"{"ok":false,"error":"service_unavailable"}"#,
            true,
            false,
            "service_unavailable",
        ),
        (
            r#"{"ok":false,"error":"request_timeout"}"#,
            true,
            false,
            "request_timeout",
        ),
        (
            r#"{"ok":false,"error":"internal_error"}"#,
            true,
            true,
            "internal_error",
        ),
        (
            r#"{"ok":false,"error":"fatal_error"}"#,
            true,
            true,
            "fatal_error",
        ),
        ("no_service", false, false, "no_service"),
        ("invalid_payload\n", false, false, "invalid_payload"),
    ] {
        let failure = hook("").failure(&notification, 200, body).await;
        assert_eq!(
            (failure.retry.is_some(), failure.is_ambiguous),
            (is_retried, is_ambiguous),
            "{body}"
        );
        assert_eq!(
            failure.detail,
            format!("channel `#ops`: error response from Slack: {code}")
        );
    }
    for body in ["", "<html>log in</html>", r#"{"ok":fal"#] {
        let failure = hook("").failure(&notification, 200, body).await;
        assert!(failure.retry.is_some() && failure.is_ambiguous, "{body}");
    }
    let stage = hook("");
    let mut cut = Scripted::status(200).with_body("o");
    cut.outcome.as_mut().unwrap().body_is_cut = true;
    stage.http.answer_next(cut);
    assert!(stage.deliver(&notification).await.unwrap_err().is_ambiguous);
    let stage = hook("");
    let json = Scripted::status(200).with_header("Content-Type", "application/json; charset=utf-8");
    stage.http.answer_next(json.with_body("<html>"));
    let failure = stage.deliver(&notification).await.unwrap_err();
    assert!(failure.retry.is_some() && failure.is_ambiguous);
}

#[tokio::test]
async fn statuses_decide_about_another_attempt() {
    let notification = samples::notification(&[("n1", false)]);
    for (status, body, is_retried) in [
        (400, "invalid_payload", false),
        (403, "action_prohibited", false),
        (404, "channel_not_found", false),
        (410, "channel_is_archived", false),
        (429, "rate_limited", true),
        (500, "rollup_error", true),
        (503, "", true),
    ] {
        let failure = hook("")
            .failure(&notification, status, &format!("{body} {HOOK}"))
            .await;
        assert_eq!(
            (failure.retry.is_some(), failure.is_ambiguous),
            (is_retried, false),
            "{status}"
        );
        assert!(
            !failure.detail.contains("s3cr3ts3cr3t") && failure.detail.contains(body),
            "{failure}"
        );
    }
    let stage = hook("");
    let later = Scripted::status(429).with_header("Retry-After", "30");
    stage.http.answer_next(later);
    let advice = stage
        .deliver(&notification)
        .await
        .unwrap_err()
        .retry
        .unwrap();
    assert_eq!(advice.after, Some(Duration::from_secs(30)));
    let cause = "timed out".to_owned();
    stage
        .http
        .answer_next(Scripted::error(SendError::Ambiguous { cause }));
    assert!(stage.deliver(&notification).await.unwrap_err().is_ambiguous);
}
