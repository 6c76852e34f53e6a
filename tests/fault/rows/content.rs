//! What is said changes at the wrong moment: F60 to F64, F68.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::alert;

use crate::feeder::Load;
use crate::oracle::MADE_UP;
use crate::redis::{must, number, writes};
use crate::row::{Row, alone, shared};
use crate::scene::{QUICK, Scene, TIMING, config};
use crate::sink::{Message, Stream};

/// Alerts that all change each second: the churn is their number each second.
const FLAPPING: Load = Load {
    alerts: 50,
    groups: 10,
    changes_per_10s: 500,
    ..QUICK
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        alone("F54", "templates that fail, and that never end", poison),
        shared("F60", "the configuration changes each few seconds", reloads),
        shared(
            "F61",
            "silenced on one instance just before another sends",
            silences,
        ),
        Row {
            quick: FLAPPING,
            full: Load {
                alerts: 500,
                groups: 100,
                changes_per_10s: 5_000,
                ..FLAPPING
            },
            ..alone("F62", "alerts begin and end each second", flaps)
        },
        alone("F63", "of two senders one says resolved", rivals),
        shared("F63R", "of two senders one says resolved", rivals),
        alone("F64", "every POST again and again", storm),
        shared(
            "F64R",
            "every POST again and again, writes counted",
            counted_storm,
        ),
        shared("F68", "all alerts end: nothing stays in Redis", drain),
    ]
}

/// Payloads that fail, call themselves for ever, and say too much.
const POISONS: [&str; 3] = [
    "{{ .Nope }}",
    "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}",
    "{{ range 1000000000 }}{{ printf \"%01000d\" 1 }}{{ end }}",
];

/// Who is told by a template that fails is told in another way, and all others as always.
fn poison(scene: &mut Scene) -> Result<(), String> {
    let good = config(&scene.sink, "cluster", "");
    let url = scene.sink.url("/a");
    for poison in POISONS {
        let bad = format!("[{{url: '{url}', payload: {{text: '{poison}'}}}}]");
        let text = good.replace(&format!("[{{url: '{url}'}}]"), &bad);
        scene.cluster.configure(&text);
        scene.pass(scene.either(8, 60));
    }
    let name = "belfry_notification_template_fallbacks_total";
    let fallbacks = scene.cluster.metric_of_all(name);
    scene.note(format!("{fallbacks} messages fell back"));
    scene.claim(0.0 < fallbacks, "no message fell back");
    scene.cluster.configure(&good);
    Ok(())
}

/// Routes that did not change say nothing, and those that regroup take along what was told.
fn reloads(scene: &mut Scene) -> Result<(), String> {
    let other = "  - {matchers: ['load=\"other\"'], receiver: a}\n";
    let all = [("cluster", other), ("cluster, load", ""), ("cluster", "")];
    for n in 0..scene.times(3, 60) {
        let (group_by, more) = all[n % all.len()];
        let text = config(&scene.sink, group_by, more);
        scene.cluster.configure(&text);
        scene.pass(Duration::from_secs(5));
    }
    Ok(())
}

/// Once a silence is acknowledged nobody sends what it silences, whoever acknowledged it.
fn silences(scene: &mut Scene) -> Result<(), String> {
    let mut acknowledged: BTreeMap<String, Instant> = BTreeMap::new();
    for n in 0..scene.times(12, 300) {
        let name = format!("mute{n}");
        scene.exempt.insert(name.clone());
        scene.feeder.one_shot(&name, &format!("mute-g{n}"));
        let stated = scene.acknowledged(&name);
        let Some(acked) = stated else {
            return Err(format!("{name} is not acknowledged"));
        };
        // Ten milliseconds before it is due.
        let moment = acked + TIMING.group_wait - Duration::from_millis(10);
        scene.pass(moment.saturating_duration_since(Instant::now()));
        let instance = scene.anybody();
        let body = alert::silence("alertname", &name, Duration::from_secs(600));
        let answer = scene
            .cluster
            .ask(instance, "POST", "/api/v2/silences", &body);
        match answer.map(|answer| answer.status()) {
            Some(200) => acknowledged.insert(name, Instant::now()),
            other => return Err(format!("a silence is answered with {other:?}")),
        };
    }
    scene.pass(Duration::from_secs(2));
    let messages = scene.sink.messages();
    let late = messages.iter().filter(|message| {
        let silenced = message.firing.iter();
        let mut silenced = silenced.filter_map(|name| acknowledged.get(&**name));
        silenced.any(|at| *at + MADE_UP < message.at)
    });
    let late = late.count();
    scene.note(format!("{} races", acknowledged.len()));
    scene.claim(late == 0, format!("{late} messages after their silence"));
    Ok(())
}

fn arrivals(messages: &[Message]) -> BTreeMap<&Stream, Vec<Instant>> {
    let mut by_stream: BTreeMap<&Stream, Vec<Instant>> = BTreeMap::new();
    for message in messages {
        by_stream
            .entry(&message.stream)
            .or_default()
            .push(message.at);
    }
    by_stream
}

/// However fast alerts change, a stream is told once in group_interval.
fn flaps(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    scene.pass(scene.either(16, 120));
    let messages = scene.messages_since(began);
    let spent = began.elapsed();
    // One more for the edge; and a group that was empty for a moment begins a new grid.
    let intervals = spent.as_secs_f64() / TIMING.group_interval.as_secs_f64();
    let most = arrivals(&messages)
        .values()
        .map(Vec::len)
        .max()
        .unwrap_or(0);
    scene.note(format!(
        "at most {most} messages a stream in {intervals:.1} intervals"
    ));
    scene.claim(
        most as f64 <= intervals + 2.0,
        format!("{most} messages of one stream in {intervals:.1} intervals"),
    );
    Ok(())
}

/// As with Alertmanager the last post wins; once the rival is silent the truth is what the other says.
fn rivals(scene: &mut Scene) -> Result<(), String> {
    scene.feeder.churn(false);
    for _ in 0..scene.times(8, 60) {
        for n in 0..5 {
            scene
                .feeder
                .contradict(&format!("a{n}"), &format!("g{n}"), false);
        }
        scene.pass_up_to(Duration::from_secs(3));
    }
    scene.pass(scene.either(3, 6));
    Ok(())
}

fn storm(scene: &mut Scene) -> Result<(), String> {
    scene.feeder.copies(if scene.is_full { 50 } else { 20 });
    scene.pass(scene.either(12, 120));
    scene.feeder.copies(1);
    Ok(())
}

/// Unchanged refreshes are not written again: Redis writes at most twice as much.
fn counted_storm(scene: &mut Scene) -> Result<(), String> {
    let long = scene.either(10, 60);
    let before = writes(scene.cluster.redis()?)?;
    scene.pass(long);
    let single = writes(scene.cluster.redis()?)? - before;
    scene.feeder.copies(if scene.is_full { 50 } else { 20 });
    let before = writes(scene.cluster.redis()?)?;
    scene.pass(long);
    let many = writes(scene.cluster.redis()?)? - before;
    scene.feeder.copies(1);
    scene.note(format!("{single} writes, then {many}"));
    scene.claim(
        many <= 2 * single,
        format!("{many} writes in Redis, {single} without the storm"),
    );
    Ok(())
}

fn drain(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 20));
    scene.feeder.churn(false);
    scene.feeder.end_all();
    let left = |scene: &mut Scene| -> Result<Vec<String>, String> {
        let redis = scene.cluster.redis()?;
        let keys = must(redis, &["KEYS", "*"])?;
        let of_groups = |key: &&str| key.contains("alert:group:") || key.contains("lock:group:");
        let left = keys.lines().filter(of_groups);
        let mut left: Vec<String> = left.map(str::to_owned).collect();
        for key in keys.lines().filter(|key| key.contains("queue:")) {
            let many = number(redis, &["ZCARD", key])?;
            if many > 0 {
                left.push(format!("{key} ({many})"));
            }
        }
        Ok(left)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut found = left(scene)?;
    while !found.is_empty() && Instant::now() < deadline {
        scene.pass(Duration::from_millis(500));
        found = left(scene)?;
    }
    let all = number(scene.cluster.redis()?, &["DBSIZE"])?;
    scene.note(format!("{all} keys stay"));
    found.truncate(10);
    scene.claim(found.is_empty(), format!("left in Redis: {found:?}"));
    Ok(())
}
