//! Webhook requests as the real Alertmanager sent them, compared on the wire.

use std::sync::Arc;
use std::time::Duration;

use crate::sink::{Mode, Received, Sink};
use async_trait::async_trait;
use domain::alert::Alert;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::{Timestamp, days_from_civil};
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use notify::{Notification, NotifiedAlert};
use serde_json::Value;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/payloads/webhook.json"
);
const USER_AGENT: &str = "Belfry/1.2.3";

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn webhook_requests_are_alertmanagers() {
    let vectors: Value = serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap();
    let sink = Sink::start(Mode::Answer("200 OK")).await;
    let mut compared = Vec::new();
    for variant in vectors["variants"].as_array().unwrap() {
        for phase in ["firing", "added", "resolved"] {
            let expected = variant["requests"][phase].as_array();
            let expected = expected.map_or(&[] as &[Value], Vec::as_slice);
            let before = sink.received().len();
            send(&vectors, variant, phase, &sink).await;
            let received = sink.received().split_off(before);
            let name = format!("{} {phase}", variant["name"]);
            assert_eq!(received.len(), expected.len(), "{name}");
            for (received, expected) in received.iter().zip(expected) {
                compare(received, expected, &name, &sink);
                compared.push(name.clone());
            }
        }
    }
    assert_eq!(compared.len(), 11, "{compared:?}");
}

async fn send(vectors: &Value, variant: &Value, phase: &str, sink: &Sink) {
    let name = variant["name"].as_str().unwrap();
    let yaml = variant["receiver_yaml"].as_str().unwrap();
    let yaml = yaml
        .replace("127.0.0.1:28080", &sink.address.to_string())
        .replace('\n', "\n  ");
    let text = format!("route: {{receiver: {name}}}\nreceivers:\n- name: {name}\n  {yaml}");
    let loaded = config::load(&text, &config::LoadOptions::default()).unwrap();
    let built = build_receiver(
        &loaded.receivers[0],
        &Deps::new(USER_AGENT, Arc::new(NoInbox)),
    );
    let [integration] = built.unwrap().try_into().ok().unwrap();
    let notification = notification(vectors, name, phase, integration.send_resolved());
    // The engine sends nothing when nothing is left to say.
    if !notification.alerts.is_empty() {
        integration
            .deliver(&notification, Duration::from_secs(5))
            .await
            .unwrap();
    }
}

fn notification(vectors: &Value, name: &str, phase: &str, send_resolved: bool) -> Notification {
    let posted = vectors["posted"][phase].as_array().unwrap();
    let mut alerts: Vec<NotifiedAlert> = posted.iter().map(|a| alert(a, phase)).collect();
    alerts.retain(|alert| send_resolved || !alert.is_resolved);
    let group_labels = Labels::from_pairs([("alertname", "HighLoad"), ("job", "node")]);
    Notification {
        receiver: Arc::from(name),
        group_key: format!("{{}}/{{kind!=\"long\"}}:{group_labels}"),
        group_labels,
        route_labels: Labels::empty(),
        alerts,
        reason: match phase {
            "firing" => Reason::FirstNotification,
            "added" => Reason::NewAlerts,
            _ => Reason::AllResolved,
        },
        external_url: Arc::from(vectors["external_url"].as_str().unwrap()),
        instead_of: None,
        still_firing: 0,
        receiver_data: domain::group::told::ReceiverData::default(),
        idempotency_key: "0123abcd".to_owned(),
        at: Timestamp::from_unix_ms(0),
    }
}

fn alert(posted: &Value, phase: &str) -> NotifiedAlert {
    let labels = labels(&posted["labels"]);
    let alert = Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: domain::annotations::Annotations::from_pairs(
            self::labels(&posted["annotations"]).pairs(),
        ),
        generator_url: Arc::from(posted["generatorURL"].as_str().unwrap_or("")),
        starts_at: time(posted["startsAt"].as_str().unwrap()),
        ends_at: time(posted["endsAt"].as_str().unwrap()),
        updated_at: Timestamp::from_unix_ms(0),
        is_timeout: false,
    };
    NotifiedAlert {
        alert: Arc::new(alert),
        is_resolved: phase == "resolved",
    }
}

fn labels(object: &Value) -> Labels {
    let pairs = object.as_object().unwrap().iter();
    Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

/// Reads the two forms of RFC 3339 the vectors use.
fn time(text: &str) -> Timestamp {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (clock, offset_minutes) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, offset) = text.split_at(text.len() - 6);
            let minutes =
                offset[1..3].parse::<i64>().unwrap() * 60 + offset[4..].parse::<i64>().unwrap();
            (
                clock,
                if offset.starts_with('-') {
                    -minutes
                } else {
                    minutes
                },
            )
        }
    };
    let (month, day) = (
        u32::try_from(number(5, 7)).unwrap(),
        u32::try_from(number(8, 10)).unwrap(),
    );
    let days = days_from_civil(number(0, 4), month, day);
    let seconds = ((days * 24 + number(11, 13)) * 60 + number(14, 16)) * 60 + number(17, 19);
    let nanos = format!("{:0<9}", clock[19..].trim_start_matches('.'))
        .parse()
        .unwrap();
    let offset = i16::try_from(offset_minutes).unwrap();
    Timestamp::new(seconds - offset_minutes * 60, nanos, offset)
}

fn compare(received: &Received, expected: &Value, name: &str, sink: &Sink) {
    assert_eq!(received.method, expected["method"], "{name}");
    let (path, query) = received
        .target
        .split_once('?')
        .unwrap_or((&received.target, ""));
    assert_eq!(
        (path, query),
        (
            expected["path"].as_str().unwrap(),
            expected["query"].as_str().unwrap()
        )
    );
    assert_eq!(received.body, expected["body"].as_str().unwrap(), "{name}");
    assert_eq!(
        headers(received),
        expected_headers(expected, sink),
        "{name}"
    );
}

fn headers(received: &Received) -> Vec<(String, String)> {
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    let mut headers: Vec<_> = received.headers.iter().map(lower).collect();
    headers.retain(|(name, _)| name != "content-length");
    headers.sort();
    headers
}

/// The recorded headers, with those that differ by design: our name, the key of the message, and what our client
/// library says of itself.
fn expected_headers(expected: &Value, sink: &Sink) -> Vec<(String, String)> {
    let ours = [("accept", "*/*"), ("idempotency-key", "0123abcd")];
    let mut headers: Vec<_> = ours.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    for pair in expected["headers"].as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        let value = match name {
            "User-Agent" => USER_AGENT.to_owned(),
            "Host" => sink.address.to_string(),
            _ => value.to_owned(),
        };
        headers.push((name.to_ascii_lowercase(), value));
    }
    headers.sort();
    headers
}
