use outbound::{Answer, SendError};

use crate::samples;
use crate::trial::{HOSTILE, Trial, hostile};

const PLAIN: &str = "victorops_configs: [{api_key: V1CT0R, api_url: 'https://vo.example.org/alert', routing_key: ops}]";

#[tokio::test]
async fn the_group_is_the_entity() {
    let trial = Trial::new(PLAIN);
    trial.fire().await.unwrap();
    let fired = trial.body();
    trial.resolve().await.unwrap();
    let resolved = trial.body();
    assert_eq!(fired["entity_id"].as_str().map(str::len), Some(64));
    assert_eq!(fired["entity_id"], resolved["entity_id"]);
    assert_eq!(fired["message_type"], "CRITICAL");
    assert_eq!(resolved["message_type"], "RECOVERY");
    assert_eq!(
        trial.requests()[0].url,
        "https://vo.example.org/alert/V1CT0R/ops"
    );
}

#[tokio::test]
async fn an_unknown_type_is_critical() {
    for (wanted, sent) in [
        ("INFO", "INFO"),
        ("warning", "CRITICAL"),
        ("{{ .Nope }}", "CRITICAL"),
    ] {
        let yaml = format!(
            "victorops_configs: [{{api_key: k, routing_key: r, message_type: '{wanted}'}}]"
        );
        let trial = Trial::new(&yaml);
        trial.fire().await.unwrap();
        assert_eq!(trial.body()["message_type"], sent, "{wanted}");
    }
}

#[tokio::test]
async fn a_routing_key_stays_in_the_path() {
    let yaml = "victorops_configs: [{api_key: k, api_url: 'https://vo.example.org/a?x=1', \
                routing_key: '{{ .CommonLabels.instance }}'}]";
    let trial = Trial::new(yaml);
    let notification = samples::notification(&[("a b?c#d%2F", false)]);
    trial.deliver(&notification).await.unwrap();
    assert_eq!(
        trial.requests()[0].url,
        "https://vo.example.org/a/k/a%20b%3Fc%23d%252F?x=1"
    );
}

#[tokio::test]
async fn a_routing_key_that_fails_reaches_nobody() {
    let yaml = "victorops_configs: [{api_key: k, routing_key: '{{ .Nope }}'}]";
    let trial = Trial::new(yaml);
    let error = trial.fire().await.unwrap_err();
    assert!(
        error.detail.starts_with("routing_key: ") && error.retry.is_none(),
        "{error}"
    );
    assert!(trial.requests().is_empty());
}

#[tokio::test]
async fn answers_are_judged_and_the_key_stays_hidden() {
    let failure = r#"{"result":"failure","messages":"invalid key V1CT0R"}"#;
    for (answer, is_retried, is_ambiguous) in [
        (Answer::status(200).with_body(failure), false, false),
        (Answer::status(404).with_body("no V1CT0R"), false, false),
        (Answer::status(429), true, false),
        (Answer::status(503).with_body(failure), true, false),
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
        assert!(!error.detail.contains("V1CT0R"), "{error}");
    }
    let success = Answer::status(200).with_body(r#"{"result":"success","entity_id":"x"}"#);
    assert!(Trial::new(PLAIN).answering([success]).fire().await.is_ok());
}

#[tokio::test]
async fn a_failing_template_costs_its_field_only() {
    let yaml = "victorops_configs: [{api_key: k, routing_key: r, state_message: '{{ .Nope }}', \
                custom_fields: {bad: '{{ .Nope }}', good: x}}]";
    let trial = Trial::new(yaml);
    let note = trial.fire().await.unwrap().fallback.expect("a note");
    let body = trial.body();
    assert_eq!((&body["bad"], &body["good"]), (&"".into(), &"x".into()));
    let state = body["state_message"].as_str().unwrap();
    assert!(state.contains("Alerts Firing:"), "{state}");
    assert!(
        state.ends_with(&format!("[template error] {note}")),
        "{state}"
    );
}

#[tokio::test]
async fn values_stay_values() {
    let yaml = "victorops_configs: [{api_key: k, routing_key: r, custom_fields: {i: '{{ .CommonLabels.instance }}'}}]";
    let trial = Trial::new(yaml);
    trial.deliver(&hostile()).await.unwrap();
    assert_eq!(trial.body()["i"], HOSTILE);
}

#[tokio::test]
async fn a_key_file_that_is_empty_sends_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let trial = Trial::new(&format!(
        "victorops_configs: [{{api_key_file: '{path}', routing_key: r}}]"
    ));
    let error = trial.fire().await.unwrap_err();
    assert_eq!(error.detail, format!("api_key_file `{path}` is empty"));
    assert!(trial.requests().is_empty());
}
