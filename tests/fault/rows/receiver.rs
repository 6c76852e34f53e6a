//! A receiver misbehaves: F48 to F51, for one instance alone and, with an `R`, for three on a Redis.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::feeder::truth::percentile;
use crate::row::{Row, alone, shared};
use crate::scene::{PATHS, Scene};
use crate::sink::{Manner, Message, Outcome};

/// Most requests of one integration that are out at a time (COMPATIBILITY.md).
const OUT_MAX: usize = 128;

/// Requests that were under way when a Retry-After was written.
const UNDER_WAY: Duration = Duration::from_millis(300);

/// How late the other receiver may be while one misbehaves, with tenfold slack.
const OTHER_LATE_MAX: Duration = Duration::from_secs(10);

pub(super) fn rows() -> Vec<Row> {
    let refused = "a receiver answers 500 for a while";
    let hung = "a receiver hangs";
    let dropped = "a receiver drops some answers, then resets some requests";
    let later = "a receiver answers 429 with Retry-After";
    vec![
        alone("F48", refused, refuses),
        shared("F48R", refused, refuses),
        alone("F49", hung, hangs),
        shared("F49R", hung, hangs),
        alone("F50", dropped, drops_replies),
        shared("F50R", dropped, drops_replies),
        alone("F51", later, too_many),
        shared("F51R", later, too_many),
    ]
}

/// The other receiver is told in time.
fn other_is_told(scene: &mut Scene) {
    let judgement = scene.judgement();
    let waits = judgement.waits.get("/b").map_or(&[][..], Vec::as_slice);
    let p99 = percentile(waits, 99).unwrap_or_default();
    scene.note(format!(
        "T p99 of the other receiver {} ms",
        p99.as_millis()
    ));
    scene.claim(
        p99 < OTHER_LATE_MAX,
        format!("the other receiver waits {p99:?}"),
    );
}

/// Attempts under each key, in order.
fn attempts(messages: &[Message]) -> BTreeMap<&str, Vec<&Message>> {
    let mut by_key: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
    for message in messages.iter().filter(|m| &*m.stream.path == "/a") {
        by_key.entry(&message.key).or_default().push(message);
    }
    by_key
}

fn refuses(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    scene.sink.set("/a", Manner::Refuse(500));
    scene.pass(scene.either(12, 30));
    scene.sink.set("/a", Manner::Accept);
    other_is_told(scene);
    let messages = scene.messages_since(began);
    let by_key = attempts(&messages);
    let gaps = by_key.values().flat_map(|all| all.windows(2));
    let shortest = gaps.map(|pair| pair[1].at - pair[0].at).min();
    let most = by_key.values().map(Vec::len).max().unwrap_or(0);
    let shown = shortest.unwrap_or_default().as_millis();
    scene.note(format!(
        "at most {most} attempts, at least {shown} ms apart"
    ));
    // Backoff begins with half a second, give or take the half of it.
    let is_patient = shortest.is_none_or(|gap| Duration::from_millis(100) < gap);
    scene.claim(is_patient, format!("attempts are {shown} ms apart"));
    Ok(())
}

fn hangs(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    scene.sink.set("/a", Manner::Hang);
    scene.pass(scene.either(12, 60));
    scene.sink.set("/a", Manner::Accept);
    other_is_told(scene);
    let most = scene.sink.open_max("/a");
    scene.note(format!("at most {most} requests out"));
    let allowed = OUT_MAX * scene.cluster.size();
    scene.claim(most <= allowed, format!("{most} requests were out"));
    Ok(())
}

/// Every repeat has the same key and body; the oracle sees to that.
fn drops_replies(scene: &mut Scene) -> Result<(), String> {
    // A quick run has few messages.
    let percent = if scene.is_full { 10 } else { 40 };
    let faults = [Manner::DropReply(percent), Manner::ResetBody(percent)];
    for manner in faults.into_iter().chain([Manner::Accept]) {
        for path in PATHS {
            scene.sink.set(path, manner);
        }
        if manner != Manner::Accept {
            scene.pass(scene.either(8, 150));
        }
    }
    let dropped = scene.sink.messages();
    let dropped = dropped
        .iter()
        .filter(|m| m.outcome == Outcome::AcceptedUnheard);
    let dropped = dropped.count();
    scene.claim(0 < dropped, "no answer was dropped");
    Ok(())
}

/// Nothing is sent before the time the receiver named.
fn too_many(scene: &mut Scene) -> Result<(), String> {
    let after = Duration::from_secs(3);
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    scene.sink.set("/a", Manner::TooMany(after.as_secs()));
    scene.pass(scene.either(12, 60));
    scene.sink.set("/a", Manner::Accept);
    other_is_told(scene);
    let messages = scene.messages_since(began);
    let mut last: Option<Instant> = None;
    let mut early = 0;
    for message in messages.iter().filter(|m| &*m.stream.path == "/a") {
        let since = last.map(|last| message.at.saturating_duration_since(last));
        early += usize::from(since.is_some_and(|s| UNDER_WAY < s && s + UNDER_WAY < after));
        let is_refused = matches!(message.outcome, Outcome::Refused(429));
        // The first of a burst names the time; the rest were under way.
        if is_refused && since.is_none_or(|since| UNDER_WAY < since) {
            last = Some(message.at);
        }
    }
    let asked = attempts(&messages).len();
    scene.note(format!("{asked} messages asked to wait"));
    scene.claim(last.is_some(), "nothing was refused");
    scene.claim(early == 0, format!("{early} attempts before Retry-After"));
    Ok(())
}
