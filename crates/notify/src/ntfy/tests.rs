use crate::FailureReason;
use crate::own::trial::{Trial, told};

#[tokio::test]
async fn a_message_is_published_as_json_at_the_servers_root() {
    let trial = Trial::new(
        "ntfy",
        "topic: ops-7f3a, url: 'http://n.example.org', token: tk_secret",
    );
    trial.answer(200, r#"{"id":"x","event":"message"}"#);
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert_eq!(request.url, "http://n.example.org/");
    assert_eq!(request.header("authorization"), Some("Bearer tk_secret"));
    assert_eq!(body["topic"], "ops-7f3a");
    assert_eq!(body["title"], "[FIRING:1] HighLoad node (critical)");
    assert_eq!(body["priority"], 5);
    assert_eq!(
        body["tags"],
        serde_json::json!(["rotating_light", "critical"])
    );
    assert!(
        body["click"]
            .as_str()
            .unwrap()
            .starts_with("http://am.example.org/x/#/alerts?filter=%7Balertname")
    );
    let actions = body["actions"].as_array().unwrap();
    assert_eq!(
        (actions.len(), &actions[0]["label"], &actions[1]["label"]),
        (2, &"Silence".into(), &"Runbook".into())
    );
    assert_eq!(actions[1]["action"], "view");
    assert_eq!(body.get("markdown"), None);
    let text = body["message"].as_str().unwrap();
    assert!(
        text.contains("\nFiring (1)\nHighLoad instance=n1\nload is high\nSource: http://prom"),
        "{text}"
    );
}

#[tokio::test]
async fn its_settings_are_templates() {
    let settings = "topic: 'ops-{{ .GroupLabels.job }}', priority: 'high', tags: 'a, b,,{{ .Status }}', click: 'javascript:alert(1)', \
                    markdown: true, actions: [{label: 'Ack {{ .Status }}', url: 'https://ack.example.org/{{ .GroupLabels.job }}', action: http, clear: true}, {label: x, url: nowhere}]";
    let trial = Trial::new("ntfy", settings);
    let body = trial.body(&told(&[("n1", false)]), "{}").await;
    assert_eq!(
        (&body["topic"], &body["priority"]),
        (&"ops-node".into(), &4.into())
    );
    assert_eq!(body["tags"], serde_json::json!(["a", "b", "firing"]));
    assert_eq!((body.get("click"), &body["markdown"]), (None, &true.into()));
    let expected = serde_json::json!([{"action": "http", "label": "Ack firing", "url": "https://ack.example.org/node", "clear": true}]);
    assert_eq!(body["actions"], expected);
}

#[tokio::test]
async fn a_priority_that_is_none_is_told() {
    let trial = Trial::new("ntfy", "topic: t, priority: 'sky-high'");
    let delivered = trial.fire().await.unwrap();
    assert_eq!(
        delivered.fallback.unwrap(),
        "priority: \"sky-high\" is no priority of ntfy"
    );
    assert_eq!(trial.sent().1["priority"], 3);
}

#[tokio::test]
async fn a_topic_that_fails_fails_the_message() {
    let trial = Trial::new("ntfy", "topic: '{{ .Nope }}'");
    let error = trial.fire().await.unwrap_err();
    assert!(error.detail.starts_with("topic: "), "{}", error.detail);
    assert!(trial.requests().is_empty());
}

#[tokio::test]
async fn answers_are_judged_by_status() {
    for (status, is_retried, reason) in [
        (429, true, FailureReason::RateLimited),
        (507, true, FailureReason::ServerError),
        (403, false, FailureReason::AuthError),
        (400, false, FailureReason::ClientError),
        (413, false, FailureReason::ClientError),
    ] {
        let trial = Trial::new("ntfy", "topic: secret-topic, token: tk_secret");
        let answer =
            r#"{"code":42901,"http":429,"error":"limit reached for secret-topic by tk_secret"}"#;
        let error = trial.failure(status, answer).await;
        assert_eq!(
            (error.retry.is_some(), error.reason),
            (is_retried, reason),
            "{status}"
        );
        assert!(!error.detail.contains("tk_secret") && !error.detail.contains("secret-topic"));
    }
}

#[tokio::test]
async fn a_long_message_does_not_become_a_file() {
    let many: Vec<String> = (0..200).map(|n| format!("node-{n}")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), false)).collect();
    let trial = Trial::new("ntfy", "topic: t");
    let body = trial.body(&told(&many), "{}").await;
    let text = body["message"].as_str().unwrap();
    assert!(
        (3500..=4096).contains(&text.len()) && text.ends_with("\n…"),
        "{}",
        text.len()
    );
}
