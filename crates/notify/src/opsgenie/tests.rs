use outbound::{Answer, Method, SendError};
use serde_json::{Value, json};

use crate::Delivered;
use crate::trial::{HOSTILE, Trial, hostile};

const PLAIN: &str = "opsgenie_configs: [{api_key: G3NIE, api_url: 'https://og.example.org/'}]";
const UPDATING: &str =
    "opsgenie_configs: [{api_key: G3NIE, api_url: 'https://og.example.org/', update_alerts: true}]";

#[tokio::test]
async fn an_alert_is_created_updated_and_closed_under_one_alias() {
    let trial = Trial::new(UPDATING);
    trial.fire().await.unwrap();
    trial.resolve().await.unwrap();
    let requests = trial.requests();
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let alias = body["alias"].as_str().unwrap().to_owned();
    let sent: Vec<_> = requests
        .iter()
        .map(|r| (r.method.clone(), r.url.as_str()))
        .collect();
    let about = |what: &str| {
        format!("https://og.example.org/v2/alerts/{alias}/{what}?identifierType=alias")
    };
    let expected = [
        (Method::POST, "https://og.example.org/v2/alerts"),
        (Method::PUT, &about("message")),
        (Method::PUT, &about("description")),
        (Method::POST, &about("close")),
    ];
    assert_eq!(sent, expected);
    let is_ours = |r: &outbound::Request| r.header("Authorization") == Some("GenieKey G3NIE");
    assert!(requests.iter().all(is_ours));
}

#[tokio::test]
async fn a_query_of_the_address_stays() {
    let yaml = "opsgenie_configs: [{api_key: k, api_url: 'https://og.example.org/eu?via=proxy'}]";
    let trial = Trial::new(yaml);
    trial.fire().await.unwrap();
    trial.resolve().await.unwrap();
    let requests = trial.requests();
    assert_eq!(
        requests[0].url,
        "https://og.example.org/eu/v2/alerts?via=proxy"
    );
    assert!(
        requests[1]
            .url
            .ends_with("/close?via=proxy&identifierType=alias")
    );
}

#[tokio::test]
async fn an_update_that_failed_for_now_leaves_the_message_half_way() {
    let lost = SendError::NotSent {
        cause: "connection refused".to_owned(),
    };
    for answer in [
        Answer::status(503),
        Answer::status(429),
        Answer::error(lost),
    ] {
        let trial = Trial::new(UPDATING).answering([Answer::status(202), answer]);
        let error = trial.fire().await.unwrap_err();
        assert!(error.is_ambiguous && error.retry.is_some(), "{error}");
        assert_eq!(trial.requests().len(), 2);
    }
}

#[tokio::test]
async fn an_update_that_is_refused_for_good_does_not_undo_the_alert() {
    let refused = Answer::status(422).with_body(r#"{"message":"Key G3NIE may not update"}"#);
    let trial = Trial::new(UPDATING).answering([Answer::status(202), Answer::status(202), refused]);
    let Delivered { fallback, .. } = trial.fire().await.unwrap();
    let note = fallback.expect("a note");
    assert!(
        note.starts_with("update_alerts: description: unexpected status code 422"),
        "{note}"
    );
    assert!(note.contains("Key <secret> may not"), "{note}");
}

#[tokio::test]
async fn an_alert_that_was_not_created_was_not_told() {
    for (answer, is_retried, is_ambiguous) in [
        (
            Answer::status(422).with_body("no such team, G3NIE"),
            false,
            false,
        ),
        (Answer::status(429), true, false),
        (Answer::status(500), true, false),
        (
            Answer::error(SendError::Ambiguous {
                cause: "reset".to_owned(),
            }),
            true,
            true,
        ),
    ] {
        let trial = Trial::new(UPDATING).answering([answer]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(
            (error.retry.is_some(), error.is_ambiguous),
            (is_retried, is_ambiguous)
        );
        assert!(!error.detail.contains("G3NIE"), "{error}");
        assert_eq!(trial.requests().len(), 1);
    }
}

#[tokio::test]
async fn responders_may_come_of_labels() {
    let yaml = "opsgenie_configs: [{api_key: k, responders: [\
                {name: '{{ .CommonLabels.team }}', type: '{{ .CommonLabels.kind }}'}, \
                {name: ' a,,b, ', type: teams}, {name: '{{ .CommonLabels.nobody }}', type: teams}, \
                {id: '{{ .CommonLabels.job }}', type: schedule}]}]";
    let trial = Trial::new(yaml);
    trial.fire().await.unwrap();
    let expected = json!([
        {"name": "a", "type": "team"},
        {"name": "b", "type": "team"},
        {"id": "node", "type": "schedule"},
    ]);
    assert_eq!(trial.body()["responders"], expected);
}

#[tokio::test]
async fn a_failing_template_costs_its_field_only() {
    let yaml = "opsgenie_configs: [{api_key: k, message: '{{ .Nope }}', note: '{{ .Nope }}', \
                details: {d: '{{ .Nope }}'}, priority: P1}]";
    let trial = Trial::new(yaml);
    let note = trial.fire().await.unwrap().fallback.expect("a note");
    let body = trial.body();
    assert_eq!(body["message"], "[FIRING:1] HighLoad node (critical)");
    assert_eq!(
        (&body["note"], &body["details"]["d"]),
        (&Value::Null, &json!(""))
    );
    assert_eq!(body["priority"], "P1");
    let description = body["description"].as_str().unwrap();
    assert!(
        description.ends_with(&format!("\n\n[template error] {note}")),
        "{description}"
    );
}

#[tokio::test]
async fn values_stay_values_and_a_long_headline_is_cut() {
    let trial = Trial::new(PLAIN);
    trial.deliver(&hostile()).await.unwrap();
    let body = trial.body();
    assert_eq!(body["details"]["instance"], HOSTILE);
    let message = body["message"].as_str().unwrap();
    assert!(message.chars().count() <= 130, "{message}");
}
