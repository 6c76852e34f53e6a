//! A real Prometheus posts through nginx while instances are killed in turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::http::{Message, request};
use harness::listener::{Handler, Listener, Reply};
use harness::peer::{NGINX, PROMETHEUS};
use harness::prometheus::Prometheus;
use harness::sink::Sink;
use harness::wait_for;

use crate::instance::Instance;
use crate::shared::Shared;
use harness::nginx::Nginx;

/// How many instances there are.
const INSTANCES: usize = 3;

/// How many things can break, each a group of its own.
const PARTS: usize = 8;

/// Longest wait for a message: evaluations, a retry by the next re-send, a lease taken over, a tick.
const SOON: Duration = Duration::from_secs(90);

/// Between an answer and the kill after which the message may come again.
const EXCUSED: Duration = Duration::from_secs(1);

const RULES: &str = "groups: [{name: parts, rules: [{alert: Broken, expr: 'broken == 1'}]}]\n";

/// A source of metrics with parts that break when told so.
#[derive(Default)]
struct Parts([AtomicBool; PARTS]);

impl Parts {
    fn set(&self, parts: std::ops::Range<usize>, is_broken: bool) {
        for part in parts {
            self.0[part].store(is_broken, Ordering::Relaxed);
        }
    }
}

impl Handler for Parts {
    fn answer(&self, _: &Message) -> (Reply, Option<u64>) {
        let mut text = String::from("# TYPE broken gauge\n");
        for (part, is_broken) in self.0.iter().enumerate() {
            let value = u8::from(is_broken.load(Ordering::Relaxed));
            text.push_str(&format!("broken{{part=\"{part}\"}} {value}\n"));
        }
        (Reply::with(200, &text), None)
    }

    fn written(&self, _: u64, _: bool) {}
}

/// What was accepted: per part and status, the key of every message and how often it came.
type Heard = BTreeMap<(String, String), BTreeMap<String, usize>>;

fn heard(sink: &Sink) -> Heard {
    let mut heard = Heard::new();
    for told in sink.told().iter().filter(|told| told.is_accepted()) {
        let key = told.key.clone().expect("every message has a key");
        for alert in told.alerts() {
            let word = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
            let event = (word(&alert["labels"]["part"]), word(&alert["status"]));
            *heard
                .entry(event)
                .or_default()
                .entry(key.clone())
                .or_default() += 1;
        }
    }
    heard
}

/// Goal: one notification per event, whichever instance is killed. Method: in each round all parts break and are mended
/// while one instance is killed in the middle of it and comes back; then every part was told once as firing and once as
/// resolved per round. A message that was accepted just before the kill may come twice, under the same key.
#[test]
fn one_notification_per_event_whichever_instance_is_killed() {
    let name = "one_notification_per_event_whichever_instance_is_killed";
    let (Some(nginx), Some(prometheus)) = (NGINX.find(name), PROMETHEUS.find(name)) else {
        return;
    };
    if redis_harness::is_missing(name) {
        return;
    }
    let shared = Shared::start();
    let sink = Sink::start();
    let config = format!(
        "route: {{receiver: hook, group_by: [part], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        sink.url("/hook")
    );
    let mut instances: Vec<_> = (0..INSTANCES)
        .map(|_| Instance::start(&config, &shared))
        .collect();
    instances.iter().for_each(Instance::wait_coordinated);
    let addresses: Vec<_> = instances.iter().map(Instance::address).collect();
    let nginx = Nginx::start(&nginx, &addresses);
    let parts = Arc::new(Parts::default());
    let metrics = Listener::start(parts.clone());
    let prometheus = Prometheus::start(&prometheus, RULES, metrics.address(), nginx.address());

    let until = |what: &str, range: std::ops::Range<usize>, status: &str, rounds: usize| {
        let all_told = || {
            let heard = heard(&sink);
            let count = |part: usize| {
                heard
                    .get(&(part.to_string(), status.to_owned()))
                    .map_or(0, BTreeMap::len)
            };
            range
                .clone()
                .all(|part| count(part) >= rounds)
                .then_some(())
        };
        let found = wait_for(SOON, all_told);
        assert!(
            found.is_some(),
            "{what}: {:#?}\nPrometheus: {:?} {}\nnginx: {}",
            heard(&sink),
            prometheus.states(),
            prometheus.program.stderr.text(),
            nginx.errors()
        );
    };
    let half = PARTS / 2;
    let mut kills = Vec::new();
    for (number, victim) in instances.iter_mut().enumerate() {
        let round = number + 1;
        parts.set(0..half, true);
        until("before the kill", 0..1, "firing", round);
        kills.push(Instant::now());
        victim.kill();
        // However seldom Prometheus posts on a busy machine, each instance is asked, the dead one too.
        for _ in 0..2 * INSTANCES {
            let posted = request(nginx.address(), ("POST", "/api/v2/alerts"), &[], "[]");
            assert_eq!(
                posted.expect("an answer").status(),
                200,
                "{}",
                nginx.errors()
            );
        }
        parts.set(half..PARTS, true);
        until("after the kill", 0..PARTS, "firing", round);
        parts.set(0..half, false);
        until("with one instance less", 0..half, "resolved", round);
        victim.restart();
        parts.set(half..PARTS, false);
        until("with all instances", 0..PARTS, "resolved", round);
    }
    // Whatever would come late or twice comes now.
    std::thread::sleep(Duration::from_secs(5));
    check(&sink, &kills);
    check_posts(&nginx);
    // Every right the instances needed they had.
    assert_eq!(shared.ask(&["ACL", "LOG"]), "");
}

/// What was accepted about a part, in order.
fn story(sink: &Sink, part: &str) -> String {
    let all = sink.told();
    let began = all.first().map(|told| told.at);
    let mut story = String::new();
    for told in all.iter().filter(|told| told.is_accepted()) {
        for alert in told.alerts().iter().filter(|a| a["labels"]["part"] == part) {
            let after = began.map_or(0.0, |began| (told.at - began).as_secs_f64());
            let key = told.key.as_deref().and_then(|key| key.get(..8));
            story.push_str(&format!(
                "{after:6.2} s {} {} to {}, key {key:?}, {}\n",
                alert["status"],
                alert["startsAt"],
                alert["endsAt"],
                told.body["notification_reason"]
            ));
        }
    }
    story
}

/// Each event has as many messages as there were rounds, and none came twice without an excuse.
fn check(sink: &Sink, kills: &[Instant]) {
    let heard = heard(sink);
    assert_eq!(heard.len(), 2 * PARTS, "{heard:#?}");
    for (event, keys) in &heard {
        let story = story(sink, &event.0);
        assert_eq!(keys.len(), INSTANCES, "{event:?}:\n{story}");
    }
    // What came twice had just been accepted from an instance when it was killed, which cannot have said so to the others.
    let all = sink.told();
    let repeated = |keys: &BTreeMap<String, usize>| {
        let all = keys.iter().filter(|(_, times)| **times > 1);
        all.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    for ((part, _), key) in heard
        .iter()
        .flat_map(|(event, keys)| repeated(keys).into_iter().map(move |key| (event, key)))
    {
        let first = all.iter().find(|told| told.key.as_ref() == Some(&key));
        let first = first.expect("it came");
        let is_excused = kills
            .iter()
            .any(|kill| first.at <= *kill + EXCUSED && *kill <= first.at + EXCUSED);
        assert!(is_excused, "{part}:\n{}", story(sink, part));
    }
}

/// Nobody who posted was refused, and some posts reached a second instance.
fn check_posts(nginx: &Nginx) {
    let passed = nginx.passed();
    let posts = || {
        passed
            .iter()
            .filter(|one| one.request == "POST /api/v2/alerts")
    };
    assert_ne!(posts().count(), 0);
    let refused: Vec<_> = posts().filter(|one| one.status != 200).collect();
    assert!(refused.is_empty(), "{refused:?}\n{}", nginx.errors());
    assert!(posts().any(|one| one.asked > 1), "no post was repeated");
}
