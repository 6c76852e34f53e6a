//! Counts what came of every event. It knows only what was stated and what the receiver got, and treats both alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use harness::sink::Told;

use crate::feeder::Event;

/// What was true so short ago may still be said: a message is on its way for a while, and a sender states a change a moment
/// after it.
const SLACK: Duration = Duration::from_secs(10);

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Changes that had to be told.
    pub(crate) events: usize,
    /// Messages the receiver accepted.
    pub(crate) messages: usize,
    /// Changes that no message said before the alert changed again, or the run ended.
    pub(crate) lost: usize,
    /// Messages that said nothing that the last accepted one of the group had not said.
    pub(crate) duplicated: usize,
    /// Messages that said of an alert what was not true then nor shortly before.
    pub(crate) wrong: usize,
    /// Longest time from a change to the message that said it.
    pub(crate) longest: Duration,
    /// What was counted, in words.
    pub(crate) details: Vec<String>,
}

/// What a group's receiver believes: the alerts that fire.
#[derive(Default)]
struct Belief {
    firing: BTreeSet<String>,
    /// The last message, in words.
    last: String,
}

/// Judges.
pub(crate) fn judge(events: &[Event], told: &[Told]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut by_alert: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_alert.entry(&event.alert).or_default().push(event);
    }
    let mut said: BTreeMap<(&str, bool), Vec<Instant>> = BTreeMap::new();
    let mut beliefs: BTreeMap<String, Belief> = BTreeMap::new();
    for message in told.iter().filter(|told| told.is_accepted()) {
        verdict.messages += 1;
        let group = message.body["groupLabels"]["cluster"]
            .as_str()
            .unwrap_or_default();
        let belief = beliefs.entry(group.to_owned()).or_default();
        let (firing, resolved) = names(message);
        let is_news = !firing.is_subset(&belief.firing) || !resolved.is_disjoint(&belief.firing);
        let shown = format!("{group} firing {firing:?} resolved {resolved:?}");
        if !is_news {
            verdict.duplicated += 1;
            verdict
                .details
                .push(format!("again: {shown} after {}", belief.last));
        }
        let lies = |name: &String, fires: bool| {
            let history = by_alert.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            !was(history, fires, message.at)
        };
        if firing.iter().any(|name| lies(name, true))
            || resolved.iter().any(|name| lies(name, false))
        {
            verdict.wrong += 1;
            verdict.details.push(format!("not true: {shown}"));
        }
        for (names, fires) in [(&firing, true), (&resolved, false)] {
            for name in names {
                if let Some((name, _)) = by_alert.get_key_value(name.as_str()) {
                    said.entry((*name, fires)).or_default().push(message.at);
                }
            }
        }
        belief.firing = firing;
        belief.last = shown;
    }
    for history in by_alert.values() {
        count_lost(history, &said, &mut verdict);
    }
    verdict
}

/// Names a message calls firing and resolved.
fn names(message: &Told) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut all = (BTreeSet::new(), BTreeSet::new());
    for alert in message.alerts() {
        let name = alert["labels"]["alertname"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match alert["status"] == "firing" {
            true => all.0.insert(name),
            false => all.1.insert(name),
        };
    }
    all
}

/// Whether an alert fired (or had ended) at some time in the slack before this moment.
fn was(history: &[&Event], fires: bool, at: Instant) -> bool {
    history.iter().enumerate().any(|(index, event)| {
        let until = history.get(index + 1).map(|next| next.at + SLACK);
        event.fires == fires && event.at <= at && until.is_none_or(|until| at <= until)
    })
}

fn count_lost(
    history: &[&Event],
    said: &BTreeMap<(&str, bool), Vec<Instant>>,
    verdict: &mut Verdict,
) {
    for (index, event) in history.iter().enumerate() {
        verdict.events += 1;
        let until = history.get(index + 1).map(|next| next.at);
        let all = said.get(&(event.alert.as_str(), event.fires));
        let first = all.into_iter().flatten().find(|at| event.at <= **at);
        match first.filter(|at| until.is_none_or(|until| **at <= until)) {
            Some(at) => verdict.longest = verdict.longest.max(at.duration_since(event.at)),
            None => {
                verdict.lost += 1;
                let word = if event.fires { "fires" } else { "ended" };
                verdict
                    .details
                    .push(format!("never said: {} {word}", event.alert));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use harness::sink::Outcome;
    use serde_json::json;

    use super::*;

    static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);

    fn at(second: u64) -> Instant {
        *ZERO + Duration::from_secs(second)
    }

    fn event(fires: bool, second: u64) -> Event {
        Event {
            alert: "a".to_owned(),
            group: "g".to_owned(),
            fires,
            at: at(second),
        }
    }

    fn told(status: &str, second: u64) -> Told {
        Told {
            number: 0,
            at: at(second),
            path: "/hook".to_owned(),
            key: None,
            headers: Vec::new(),
            body: json!({
                "groupLabels": {"cluster": "g"},
                "alerts": [{"labels": {"alertname": "a"}, "status": status}],
            }),
            outcome: Outcome::Answered(200, at(second)),
        }
    }

    /// Lost, duplicated, wrong.
    #[track_caller]
    fn check(events: &[Event], messages: &[Told], expected: (usize, usize, usize)) {
        let verdict = judge(events, messages);
        let counts = (verdict.lost, verdict.duplicated, verdict.wrong);
        assert_eq!(counts, expected, "{verdict:?}");
    }

    #[test]
    fn each_change_is_told_once() {
        let events = [event(true, 0), event(false, 20)];
        check(
            &events,
            &[told("firing", 1), told("resolved", 23)],
            (0, 0, 0),
        );
        check(&events, &[told("firing", 1)], (1, 0, 0));
        check(&events, &[], (2, 0, 0));
    }

    #[test]
    fn a_message_without_news_is_a_duplicate() {
        let messages = [
            told("firing", 1),
            told("firing", 6),
            told("resolved", 23),
            told("resolved", 24),
        ];
        check(&[event(true, 0), event(false, 20)], &messages, (0, 2, 0));
    }

    #[test]
    fn what_is_said_too_late_is_wrong_and_does_not_count_as_said() {
        let events = [event(true, 0), event(false, 20), event(true, 40)];
        let messages = [told("firing", 1), told("resolved", 55)];
        check(&events, &messages, (2, 0, 1));
    }
}
