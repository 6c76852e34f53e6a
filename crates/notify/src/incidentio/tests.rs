use outbound::{Answer, SendError};
use serde_json::json;

use crate::trial::{HOSTILE, Trial, hostile};
use crate::{Notification, samples};

const PLAIN: &str =
    "incidentio_configs: [{url: 'https://inc.example.org/v2/x', alert_source_token: T0KEN}]";

#[tokio::test]
async fn the_body_is_that_of_a_webhook() {
    let trial = Trial::new(PLAIN);
    trial.deliver(&hostile()).await.unwrap();
    let body = trial.body();
    assert_eq!(
        (&body["version"], &body["status"]),
        (&json!("1"), &json!("firing"))
    );
    assert_eq!(body["alerts"][0]["labels"]["instance"], HOSTILE);
    let request = &trial.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer T0KEN"));
    assert!(request.body.ends_with(b"}\n"));
}

#[tokio::test]
async fn url_and_token_are_read_for_every_message() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let (url, token) = (file("url"), file("token"));
    let yaml = format!(
        "incidentio_configs: [{{url_file: '{}', alert_source_token_file: '{}'}}]",
        url.display(),
        token.display()
    );
    let trial = Trial::new(&yaml);
    let error = trial.fire().await.unwrap_err();
    assert!(
        error.detail.starts_with("url_file `") && error.retry.is_none(),
        "{error}"
    );
    for n in ["1", "2"] {
        std::fs::write(&url, format!("https://inc.example.org/{n}\n")).unwrap();
        std::fs::write(&token, format!("token{n}\n")).unwrap();
        trial.fire().await.unwrap();
        let request = trial.requests().pop().unwrap();
        assert_eq!(request.url, format!("https://inc.example.org/{n}"));
        assert_eq!(
            request.header("authorization"),
            Some(&*format!("Bearer token{n}"))
        );
    }
}

/// So many alerts, the last of which fires, each with so long a label.
fn alerts(count: usize, label_bytes: usize) -> Notification {
    let pad = "0".repeat(label_bytes);
    let names: Vec<String> = (0..count).map(|n| format!("{n}{pad}")).collect();
    let names = names.iter().enumerate();
    let instances: Vec<_> = names
        .map(|(n, name)| (name.as_str(), n + 1 < count))
        .collect();
    samples::notification(&instances)
}

#[tokio::test]
async fn a_body_that_is_too_large_keeps_its_first_alert() {
    for (count, label_bytes, listed) in [(10, 100, 10), (1000, 1000, 1), (2, 600_000, 1)] {
        let trial = Trial::new(PLAIN);
        trial.deliver(&alerts(count, label_bytes)).await.unwrap();
        let body = trial.body();
        assert_eq!(body["alerts"].as_array().map(Vec::len), Some(listed));
        // What is said of all stays as it was.
        assert_eq!(body["status"], "firing");
        assert_eq!(body["commonLabels"].get("instance"), None);
    }
}

#[tokio::test]
async fn answers_are_judged_and_the_token_stays_hidden() {
    for (answer, is_retried, is_ambiguous) in [
        (Answer::status(401).with_body("T0KEN?"), false, false),
        (Answer::status(422).with_body("T0KEN?"), false, false),
        (Answer::status(429), true, false),
        (Answer::status(503), true, false),
        (
            Answer::error(SendError::Ambiguous {
                cause: "reset".to_owned(),
            }),
            true,
            true,
        ),
    ] {
        let trial = Trial::new(PLAIN).answering([answer]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(
            (error.retry.is_some(), error.is_ambiguous),
            (is_retried, is_ambiguous)
        );
        assert!(!error.detail.contains("T0KEN"), "{error}");
    }
}
