//! A real Prometheus with a rule file and a flapping metric, Belfry as its alertmanager, and what the webhook gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use harness::http::Message;
use harness::listener::{Handler, Listener, Reply};
use harness::peer::PROMETHEUS;
use harness::prometheus::Prometheus;
use harness::server::Place;
use harness::sink::{Sink, Told};
use harness::wait_for;
use serde_json::Value;

/// Longest wait for a message: a few evaluations and a tick.
const SOON: Duration = Duration::from_secs(30);

const RULES: &str = r#"groups:
- name: parts
  rules:
  - alert: Broken
    expr: broken == 1
    for: 2s
    labels: {severity: page}
    annotations: {summary: 'part {{ $labels.part }} says "{{ $value }}"'}
"#;

/// A source of metrics with two parts that break when told so.
#[derive(Default)]
struct Parts([AtomicU8; 2]);

impl Parts {
    fn set(&self, part: usize, is_broken: bool) {
        self.0[part].store(u8::from(is_broken), Ordering::Relaxed);
    }
}

impl Handler for Parts {
    fn answer(&self, _: &Message) -> (Reply, Option<u64>) {
        let [left, right] = &self.0;
        let (left, right) = (left.load(Ordering::Relaxed), right.load(Ordering::Relaxed));
        let text = format!(
            "# TYPE broken gauge\nbroken{{part=\"left\"}} {left}\nbroken{{part=\"right\"}} {right}\n"
        );
        (Reply::with(200, &text), None)
    }

    fn written(&self, _: u64, _: bool) {}
}

/// `part status`, sorted.
fn parts(told: &Told) -> Vec<String> {
    let one = |alert: &Value| {
        format!(
            "{} {}",
            alert["labels"]["part"].as_str().unwrap_or("?"),
            alert["status"].as_str().unwrap_or("?")
        )
    };
    let mut all: Vec<_> = told.alerts().iter().map(one).collect();
    all.sort();
    all
}

#[test]
fn from_pending_to_firing_to_resolved() {
    let Some(path) = PROMETHEUS.find("from_pending_to_firing_to_resolved") else {
        return;
    };
    let sink = Sink::start();
    let place = Place::new(&format!(
        "route: {{receiver: team.a, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}\n\
         receivers: [{{name: team.a, webhook_configs: [{{url: '{}'}}]}}]\n",
        sink.url("/hook")
    ));
    let server = place.start(&["--web.external-url=http://bell.example.org/"]);
    let source = Arc::new(Parts::default());
    let metrics = Listener::start(source.clone());
    let prometheus = Prometheus::start(&path, RULES, metrics.address(), server.address());
    let states = |wanted: &[&str]| {
        let found = wait_for(SOON, || (prometheus.states() == wanted).then_some(()));
        assert!(
            found.is_some(),
            "not {wanted:?}: {:?}\n{}",
            prometheus.states(),
            prometheus.program.stderr.text()
        );
    };
    let message = |number: usize| {
        let found = sink.wait(SOON, |told| {
            told.number as usize == number && told.is_accepted()
        });
        found.unwrap_or_else(|| panic!("no message {number}: {:?}", sink.told()))
    };

    // Pending is not told; then both fire in one message.
    source.set(0, true);
    source.set(1, true);
    states(&["pending", "pending"]);
    assert!(sink.told().is_empty(), "pending alerts were told");
    states(&["firing", "firing"]);
    let first = message(0);
    assert_eq!(parts(&first), ["left firing", "right firing"]);
    check_firing(&first.body, server.json("/api/v2/alerts"));

    // Several re-sends are no news.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(sink.told().len(), 1, "{:?}", sink.told());

    // One part is mended: its end is told beside the one that still fires.
    source.set(0, false);
    let second = message(1);
    assert_eq!(parts(&second), ["left resolved", "right firing"]);
    assert_eq!(second.body["status"], "firing");

    // The other too; then the first flaps for less than `for`, which nobody hears of.
    source.set(1, false);
    let third = message(2);
    assert_eq!(parts(&third), ["right resolved"]);
    check_resolved(&third.body, &first.body);
    source.set(0, true);
    states(&["pending"]);
    source.set(0, false);
    states(&[]);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(sink.told().len(), 3, "{:?}", sink.told());

    // It breaks again: a new group, a new story.
    source.set(0, true);
    let fourth = message(3);
    assert_eq!(parts(&fourth), ["left firing"]);
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("alertmanager_alerts_invalid_total{version=\"v2\"} 0\n"),
        "Belfry refused alerts"
    );
}

/// The whole first message.
fn check_firing(body: &Value, listed: Value) {
    assert_eq!(body["status"], "firing");
    assert_eq!(body["version"], "4");
    assert_eq!(
        body["receiver"], "team\\.a",
        "the receiver is quoted as upstream does"
    );
    assert_eq!(body["groupKey"], "{}:{alertname=\"Broken\"}");
    assert_eq!(
        body["groupLabels"],
        serde_json::json!({"alertname": "Broken"})
    );
    assert_eq!(body["externalURL"], "http://bell.example.org");
    assert_eq!(body["truncatedAlerts"], 0);
    assert_eq!(body["notification_reason"], "first notification");
    let common = &body["commonLabels"];
    assert_eq!(common["site"], "here", "{common}");
    assert_eq!(common["severity"], "page");
    assert_eq!(common["job"], "parts");
    assert!(common["part"].is_null(), "the parts differ: {common}");
    let listed = listed.as_array().cloned().unwrap_or_default();
    for alert in body["alerts"].as_array().into_iter().flatten() {
        let part = alert["labels"]["part"].as_str().expect("a part");
        assert_eq!(
            alert["annotations"]["summary"],
            format!("part {part} says \"1\"")
        );
        assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
        let link = alert["generatorURL"].as_str().unwrap_or_default();
        assert!(
            link.starts_with("http://") && link.contains("/graph?g0.expr=broken"),
            "{link}"
        );
        let known = listed
            .iter()
            .find(|known| known["fingerprint"] == alert["fingerprint"]);
        let known = known.unwrap_or_else(|| panic!("{alert} is not listed"));
        assert_eq!(known["labels"], alert["labels"]);
        assert_eq!(known["status"]["state"], "active");
        let started = harness::alert::moment(alert["startsAt"].as_str().unwrap_or_default());
        assert!(started.elapsed().is_ok_and(|age| age < SOON), "{alert}");
    }
}

/// The last message of a story, beside the first.
fn check_resolved(body: &Value, first: &Value) {
    assert_eq!(body["status"], "resolved");
    assert_eq!(body["groupKey"], first["groupKey"]);
    let alert = &body["alerts"][0];
    let before = first["alerts"].as_array().into_iter().flatten();
    let before = before
        .clone()
        .find(|other| other["fingerprint"] == alert["fingerprint"])
        .expect("it was told");
    assert_eq!(
        alert["startsAt"], before["startsAt"],
        "the start does not move"
    );
    assert_eq!(alert["labels"], before["labels"]);
    let moment = |field: &str| harness::alert::moment(alert[field].as_str().unwrap_or_default());
    assert!(moment("endsAt") > moment("startsAt"), "{alert}");
}
