use std::time::Duration;

use outbound::{Answer, SendError};

use crate::trial::{HOSTILE, Trial, hostile};
use crate::{FailureReason, samples};

const V2: &str =
    "pagerduty_configs: [{routing_key: R0UTINGKEY, url: 'https://pd.example.org/v2/enqueue'}]";
const V1: &str = "pagerduty_configs: [{service_key: S3RVICEKEY}]";

#[tokio::test]
async fn an_event_is_known_by_its_group() {
    let trial = Trial::new(V2);
    trial.fire().await.unwrap();
    let fired = trial.body();
    trial.resolve().await.unwrap();
    let resolved = trial.body();
    assert_eq!(fired["dedup_key"].as_str().map(str::len), Some(64));
    assert_eq!(fired["dedup_key"], resolved["dedup_key"]);
    assert_eq!(
        (&fired["event_action"], &resolved["event_action"]),
        (&"trigger".into(), &"resolve".into())
    );
    assert_eq!(fired["payload"]["severity"], "error");
}

#[tokio::test]
async fn what_is_refused_depends_on_the_version() {
    for (yaml, status, is_retried) in [
        (V2, 400, false),
        (V2, 403, false),
        (V2, 429, true),
        (V2, 502, true),
        (V1, 400, false),
        (V1, 403, true),
        (V1, 429, true),
        (V1, 500, true),
    ] {
        let trial = Trial::new(yaml).answering([Answer::status(status)]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(error.retry.is_some(), is_retried, "{yaml} {status}");
        assert!(!error.is_ambiguous);
    }
}

#[tokio::test]
async fn a_refusal_is_quoted_without_the_key() {
    let said = r#"{"status":"invalid event","message":"Event object is invalid","errors":["R0UTINGKEY is no key"]}"#;
    let trial = Trial::new(V2).answering([Answer::status(400).with_body(said)]);
    let error = trial.fire().await.unwrap_err();
    assert_eq!(error.reason, FailureReason::ClientError);
    assert!(error.detail.contains("<secret> is no key"), "{error}");
    assert!(!error.detail.contains("R0UTINGKEY"), "{error}");
}

#[tokio::test]
async fn a_key_that_a_template_makes_is_a_secret_as_well() {
    let yaml = "pagerduty_configs: [{routing_key: 'k3y-{{ .CommonLabels.job }}'}]";
    let trial = Trial::new(yaml).answering([Answer::status(400).with_body("what is k3y-node?")]);
    let error = trial.fire().await.unwrap_err();
    assert_eq!(trial.body()["routing_key"], "k3y-node");
    assert!(error.detail.ends_with("what is <secret>?"), "{error}");

    for (key, complaint) in [
        ("{{ .CommonLabels.nope }}", "routing_key is empty"),
        (
            "t0ken{{ .Nope }}",
            "routing_key: its template fails at line 1, column ",
        ),
    ] {
        let trial = Trial::new(&format!("pagerduty_configs: [{{routing_key: '{key}'}}]"));
        let error = trial.fire().await.unwrap_err();
        assert!(error.detail.starts_with(complaint), "{error}");
        assert!(error.retry.is_none() && trial.requests().is_empty());
    }
}

#[tokio::test]
async fn a_key_file_is_read_for_every_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let yaml = format!(
        "pagerduty_configs: [{{routing_key_file: '{}'}}]",
        path.display()
    );
    let trial = Trial::new(&yaml);
    let error = trial.fire().await.unwrap_err();
    assert!(error.detail.starts_with("routing_key_file `"), "{error}");
    for key in ["one", "two"] {
        std::fs::write(&path, format!(" {key}\n")).unwrap();
        trial.fire().await.unwrap();
        assert_eq!(trial.body()["routing_key"], key);
    }
}

#[tokio::test]
async fn a_failing_template_costs_its_field_only() {
    let yaml = "pagerduty_configs: [{routing_key: k, description: '{{ .Nope }}', class: '{{ .Nope }}', \
                details: {good: 'x', bad: '{{ .Nope }}'}}]";
    let trial = Trial::new(yaml);
    let note = trial.fire().await.unwrap().fallback.expect("a note");
    assert!(
        note.contains("description") && note.contains("details.bad"),
        "{note}"
    );
    let body = trial.body();
    let payload = &body["payload"];
    assert!(
        payload["summary"]
            .as_str()
            .unwrap()
            .starts_with("[FIRING:1] HighLoad")
    );
    assert_eq!(payload["class"], serde_json::Value::Null);
    assert_eq!(payload["custom_details"]["good"], "x");
    assert_eq!(payload["custom_details"]["bad"], serde_json::Value::Null);
    assert_eq!(payload["custom_details"]["template_error"], note.as_str());
}

#[tokio::test]
async fn details_of_an_event_that_is_too_large_are_left_out() {
    for (yaml, pointer) in [(V2, "/payload/custom_details"), (V1, "/details")] {
        let names: Vec<String> = (0..3000).map(|n| format!("instance-{n}")).collect();
        let instances: Vec<_> = names.iter().map(|name| (name.as_str(), false)).collect();
        let trial = Trial::new(yaml);
        trial
            .deliver(&samples::notification(&instances))
            .await
            .unwrap();
        let details = trial.body().pointer(pointer).unwrap().to_string();
        let note = "Custom details have been removed because the original event exceeds the maximum size of 512KB";
        assert_eq!(details, format!("{{\"error\":\"{note}\"}}"));
    }
}

#[tokio::test]
async fn images_and_links_without_an_address_are_left_out() {
    let yaml = "pagerduty_configs: [{routing_key: k, images: [{alt: a}, {src: 'http://i.example.org'}], \
                links: [{text: t}, {href: '{{ .Nope }}'}]}]";
    let trial = Trial::new(yaml);
    trial.fire().await.unwrap();
    let body = trial.body();
    let images = serde_json::json!([{"src": "http://i.example.org", "alt": "", "href": ""}]);
    assert_eq!(
        (&body["images"], &body["links"]),
        (&images, &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn values_stay_values() {
    let trial = Trial::new(V2);
    trial.deliver(&hostile()).await.unwrap();
    let details = &trial.body()["payload"]["custom_details"]["firing"][0];
    assert_eq!(details["labels"]["instance"], HOSTILE);
    assert_eq!(details["annotations"]["summary"], HOSTILE);
}

#[tokio::test(start_paused = true)]
async fn its_timeout_bounds_an_attempt_whose_fate_is_unknown_then() {
    let yaml = "pagerduty_configs: [{routing_key: k, timeout: 5s}]";
    let trial = Trial::new(yaml).answering([
        Answer::status(202).after(Duration::from_secs(6)),
        Answer::error(SendError::NotSent {
            cause: "refused".into(),
        }),
    ]);
    let error = trial.fire().await.unwrap_err();
    assert!(error.is_ambiguous && error.retry.is_some());
    let error = trial.fire().await.unwrap_err();
    assert!(!error.is_ambiguous && error.retry.is_some());
}

/// Whom it is told in place of, and what goes on firing, is said where people look first, and no cut reaches it.
#[tokio::test]
async fn remarks_are_in_the_summary_and_in_the_details() {
    let long = format!(
        "pagerduty_configs: [{{routing_key: k, description: {}}}]",
        "x".repeat(2000)
    );
    let own = "pagerduty_configs: [{routing_key: k, details: {remarks: mine}}]";
    let mut notification = samples::notification(&[("n1", false)]);
    notification.instead_of = Some("ops".into());
    notification.still_firing = 7;
    for (yaml, summary, details) in [
        (V2, "/payload/summary", "/payload/custom_details/remarks"),
        (V1, "/description", "/details/remarks"),
        (&long, "/payload/summary", "/payload/custom_details/remarks"),
        (own, "/payload/summary", "/payload/custom_details/remarks"),
    ] {
        let trial = Trial::new(yaml);
        trial.deliver(&notification).await.unwrap();
        let body = trial.body();
        let said = body.pointer(summary).and_then(|said| said.as_str());
        let said = said.expect("a summary");
        assert!(said.chars().count() <= 1024, "{yaml}");
        let end = " — Receiver ops could not be told; this comes to you in its place. \
                   — 7 alerts that were told before are still firing.";
        assert!(said.ends_with(end), "{said}");
        let remarks = body.pointer(details).expect(details);
        match yaml == own {
            true => assert_eq!(remarks, "mine"),
            false => assert_eq!(remarks.as_array().map(Vec::len), Some(2), "{remarks}"),
        }
        trial.fire().await.unwrap();
        let remarks = trial.body().pointer(details).cloned();
        assert_eq!(remarks.is_some(), yaml == own, "{yaml}");
    }
}
