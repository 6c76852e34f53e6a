use crate::own::trial::{Trial, told};

#[tokio::test]
async fn a_notification_is_an_event() {
    let trial = Trial::new(
        "cloudevents",
        "url: 'https://e.example.org/in/T0KENabcdef', max_alerts: 1",
    );
    trial.answer(202, "");
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert_eq!(
        request.header("content-type"),
        Some("application/cloudevents+json; charset=utf-8")
    );
    for (field, expected) in [
        ("specversion", "1.0"),
        ("id", "0123abcd"),
        ("type", "belfry.notification.firing"),
        ("source", "http://am.example.org/x"),
        ("subject", r#"{}:{alertname="HighLoad", job="node"}"#),
        ("time", "2026-03-04T05:06:37.089Z"),
        ("datacontenttype", "application/json"),
    ] {
        assert_eq!(body[field], expected, "{field}");
    }
    let data = &body["data"];
    assert_eq!(
        (&data["version"], &data["truncatedAlerts"]),
        (&"4".into(), &1.into())
    );
    assert_eq!(data["alerts"][0]["labels"]["instance"], "n1");
}

#[tokio::test]
async fn a_type_is_never_empty_and_a_failing_one_is_told() {
    let trial = Trial::new("cloudevents", "url: 'http://e.example.org', type: ' '");
    let body = trial.body(&told(&[("n1", true)]), "").await;
    assert_eq!(body["type"], "belfry.notification.resolved");
    let trial = Trial::new(
        "cloudevents",
        "url: 'http://e.example.org', type: '{{ .Nope }}'",
    );
    let body = trial.body(&told(&[("n1", false)]), "").await;
    assert_eq!(body["type"], "belfry.notification.firing");
    assert!(
        body["data"]["templateError"]
            .as_str()
            .unwrap()
            .starts_with("type: ")
    );
}

#[tokio::test]
async fn answers_are_judged_by_status() {
    for (status, is_retried) in [(429, true), (500, true), (410, false), (415, false)] {
        let trial = Trial::new("cloudevents", "url: 'https://e.example.org/in/T0KENabcdef'");
        let error = trial.failure(status, "no T0KENabcdef").await;
        assert_eq!(error.retry.is_some(), is_retried, "{status}");
        assert!(!error.detail.contains("T0KEN"), "{}", error.detail);
    }
}
