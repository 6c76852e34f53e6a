use crate::own::trial::{Trial, told};

const SETTINGS: &str = "url: 'https://am2.example.org/prefix', ends_after: 2h";

#[tokio::test]
async fn alerts_go_on_as_prometheus_would_post_them() {
    let trial = Trial::new("forward", SETTINGS);
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert_eq!(request.url, "https://am2.example.org/prefix/api/v2/alerts");
    let [firing, resolved] = body.as_array().unwrap().as_slice() else {
        panic!("two alerts: {body}")
    };
    let expected = serde_json::json!({
        "labels": {"alertname": "HighLoad", "instance": "n1", "job": "node", "severity": "critical"},
        "annotations": {"runbook_url": "https://runbooks.example.org/load", "summary": "load is high"},
        "startsAt": "2026-03-04T05:06:07.089Z",
        "endsAt": "2026-03-04T07:10:00Z",
        "generatorURL": "http://prom.example.org/graph?a=1&b=2",
    });
    assert_eq!(firing, &expected);
    assert_eq!(resolved["labels"]["instance"], "n2");
    assert_eq!(resolved["endsAt"], "2026-03-04T06:06:07.089Z");
}

#[tokio::test]
async fn what_the_other_one_refuses_is_final() {
    let trial = Trial::new("forward", SETTINGS);
    let error = trial
        .failure(400, r#""start time must be before end time""#)
        .await;
    assert_eq!(error.retry, None);
    assert!(
        error.detail.contains("start time must be before"),
        "{}",
        error.detail
    );
    assert!(trial.failure(503, "").await.retry.is_some());
    trial.answer(200, "");
    trial.deliver(&told(&[("n1", true)])).await.unwrap();
}
