//! Receivers that misbehave (D4): they are told in the end, and nobody else waits for them.

use std::time::Duration;

use harness::PATIENCE;
use harness::alert::Alert;
use harness::sink::{Manner, Outcome};

use crate::story::{Story, Window, firing};

#[test]
fn retry_after_is_respected() {
    let story = Story::start(
        "route: {receiver: hook, group_wait: 100ms, group_interval: 1m, repeat_interval: 1h}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n",
        &[],
    );
    story.sink.set("/hook", Manner::TooMany(3));
    story.post(0.0, &[Alert::named("a")]);
    let first = story
        .sink
        .wait(PATIENCE, |told| told.path == "/hook")
        .expect("an attempt");
    story.sink.set("/hook", Manner::Accept);
    let second = story
        .sink
        .wait(PATIENCE, |told| told.is_accepted())
        .expect("another attempt");
    let between = second.at - first.at;
    assert!(
        between >= Duration::from_millis(2_990),
        "came back after {between:?}"
    );
    assert!(
        between < Duration::from_secs(6),
        "came back after {between:?}"
    );
    assert_eq!(story.sink.told().len(), 2);
    assert_eq!(first.key, second.key);
}

#[test]
fn a_hanging_receiver_delays_nobody_else() {
    let story = Story::start(
        "route:\n  receiver: nobody\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  routes:\n  \
         - {matchers: [a=b], receiver: slow, continue: true}\n  - {matchers: [a=b], receiver: quick}\n\
         receivers:\n- name: nobody\n- name: slow\n  webhook_configs: [{url: '{sink}/hang'}, {url: '{sink}/beside'}]\n\
         - name: quick\n  webhook_configs: [{url: '{sink}/quick'}]\n",
        &[],
    );
    story.sink.set("/hang", Manner::Hang);
    // More groups than a receiver may have requests out at once.
    let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let alerts: Vec<Alert> = names
        .iter()
        .map(|name| Alert::named(name).label("a", "b"))
        .collect();
    story.post(0.5, &alerts);
    story.post(2.0, &[Alert::named("one").label("a", "b")]);
    story.until(3.5);
    for path in ["/quick", "/beside"] {
        let told = story.sink.told_on(path);
        let late: Vec<_> = told
            .iter()
            .filter(|t| t.at - story.sink.told()[0].at > Duration::from_secs(1))
            .collect();
        assert_eq!(told.len(), 41, "{path} was told of every group");
        assert_eq!(late.len(), 1, "{path} was told at once of all but the last");
    }
    assert!(
        story
            .sink
            .told_on("/hang")
            .iter()
            .all(|told| told.outcome == Outcome::Open)
    );
}

#[test]
fn a_failing_receiver_is_told_later_and_the_other_is_not_told_twice() {
    let story = Story::start(
        "route: {receiver: both, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}\n\
         receivers: [{name: both, webhook_configs: [{url: '{sink}/a'}, {url: '{sink}/b'}]}]\n",
        &[],
    );
    story.sink.set("/b", Manner::Refuse(500));
    story.post(0.5, &[Alert::named("a")]);
    story.until(3.0);
    story.sink.set("/b", Manner::Accept);
    story
        .sink
        .wait(PATIENCE, |told| told.path == "/b" && told.is_accepted())
        .expect("told in the end");
    std::thread::sleep(Duration::from_millis(1_500));
    story.told("/a", &[Window(0.6, 0.7, &[firing("a")])]);
    assert_eq!(
        story
            .sink
            .told_on("/b")
            .iter()
            .filter(|told| told.is_accepted())
            .count(),
        1
    );
    assert!(
        story.sink.told_on("/b").len() >= 3,
        "it was retried with backoff"
    );
}

#[test]
fn a_lost_reply_is_repeated_as_it_was() {
    let story = Story::start(
        "route: {receiver: hook, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n",
        &[],
    );
    story.sink.set("/hook", Manner::DropReply);
    story.post(0.5, &[Alert::named("a")]);
    story
        .sink
        .wait(PATIENCE, |told| told.outcome == Outcome::Dropped)
        .expect("an attempt");
    story.sink.set("/hook", Manner::Accept);
    story
        .sink
        .wait(PATIENCE, |told| told.is_accepted())
        .expect("a repeat");
    std::thread::sleep(Duration::from_millis(1_500));
    let told = story.sink.told();
    assert!(
        told.len() >= 2
            && told
                .iter()
                .all(|t| t.key == told[0].key && t.body == told[0].body),
        "{told:?}"
    );
    assert_eq!(told.iter().filter(|t| t.is_accepted()).count(), 1);
}
