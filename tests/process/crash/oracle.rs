//! What must hold of everything the sink got, given what was acknowledged and when the server was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use harness::sink::{Outcome, Told};

use crate::load::{Hold, Silenced};
use crate::subject::{Subject, Truth};

/// A message whose answer came this shortly before a kill may not have been recorded yet (it takes a few milliseconds).
const RECORDING: Duration = Duration::from_millis(250);

/// The sink may look at a request a little after its sender was killed.
const NOTICING: Duration = Duration::from_millis(300);

/// Names of alerts, per webhook and group.
type Books = BTreeMap<(String, String), BTreeSet<String>>;

/// What is known besides the sink's records.
pub(crate) struct Known<'a> {
    pub(crate) subjects: Vec<&'a Subject>,
    pub(crate) silences: &'a [Silenced],
    pub(crate) kills: &'a [Instant],
}

/// The message in a few words.
pub(crate) fn shown(told: &Told) -> String {
    let key = told.key.as_deref().unwrap_or("no key");
    let key = key.get(..12).unwrap_or(key);
    format!(
        "#{} {} {key} {:?} {:?}",
        told.number,
        told.path,
        statuses(told),
        told.outcome
    )
}

fn place(told: &Told) -> (String, String) {
    let cluster = told.body["groupLabels"]["cluster"]
        .as_str()
        .unwrap_or_default();
    (told.path.clone(), cluster.to_owned())
}

/// Names with whether they fire.
fn statuses(told: &Told) -> BTreeMap<String, bool> {
    let one = |alert: &serde_json::Value| {
        let name = alert["labels"]["alertname"].as_str().unwrap_or_default();
        (name.to_owned(), alert["status"] == "firing")
    };
    told.alerts().iter().map(one).collect()
}

fn with_status(told: &Told, is_firing: bool) -> BTreeSet<String> {
    let all = statuses(told).into_iter();
    all.filter(|(_, firing)| *firing == is_firing)
        .map(|(name, _)| name)
        .collect()
}

impl Known<'_> {
    /// Names of the alerts that must be known as firing to every receiver when all is quiet.
    fn owed(&self) -> BTreeSet<String> {
        let free = self.subjects.iter().copied();
        let freed = self
            .silences
            .iter()
            .filter(|s| s.hold == Hold::Deleted)
            .map(|s| &s.subject);
        let firing = free
            .chain(freed)
            .filter(|subject| subject.truth == Truth::Firing);
        firing.map(|subject| subject.name.clone()).collect()
    }

    /// What separates what each webhook was told from the truth; empty when nothing does.
    pub(crate) fn distance(&self, all: &[Told], paths: &[&str]) -> Vec<String> {
        let owed = self.owed();
        let mut books = Books::new();
        for told in all.iter().filter(|told| told.is_accepted()) {
            books.insert(place(told), with_status(told, true));
        }
        let mut wrong = Vec::new();
        for path in paths {
            let of_path = books.iter().filter(|((own, _), _)| own == path);
            let believed: BTreeSet<String> = of_path.flat_map(|(_, names)| names.clone()).collect();
            let missing: Vec<_> = owed.difference(&believed).collect();
            let stale: Vec<_> = believed.difference(&owed).collect();
            if !missing.is_empty() || !stale.is_empty() {
                wrong.push(format!(
                    "{path}: not told firing {missing:?}, not told resolved {stale:?}"
                ));
            }
        }
        wrong
    }

    /// Of messages that were accepted and, after a kill, came again: how long before the kill the answer went out.
    pub(crate) fn recording_took(&self, all: &[Told]) -> Vec<Duration> {
        let mut last: BTreeMap<&str, &Told> = BTreeMap::new();
        let mut took = Vec::new();
        for told in all {
            let Some(key) = told.key.as_deref() else {
                continue;
            };
            let earlier = last
                .insert(key, told)
                .map(|earlier| (earlier.at, earlier.outcome));
            if let Some((at, Outcome::Answered(200, answered))) = earlier {
                let kill = self
                    .kills
                    .iter()
                    .find(|kill| at < **kill + NOTICING && **kill < told.at);
                took.extend(kill.map(|kill| kill.saturating_duration_since(answered)));
            }
        }
        took
    }

    /// Breaches of the promises in what the sink got.
    pub(crate) fn breaches(&self, all: &[Told]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut books = Books::new();
        let mut seen: BTreeMap<(String, String), &Told> = BTreeMap::new();
        for told in all {
            self.judge_content(told, &mut wrong);
            let Some(key) = told.key.clone() else {
                wrong.push(format!("no Idempotency-Key: {}", shown(told)));
                continue;
            };
            let known = seen.insert((told.path.clone(), key), told);
            let is_refused = matches!(told.outcome, Outcome::Answered(status, _) if status != 200);
            match known {
                Some(earlier) => self.judge_repeat(earlier, told, &mut wrong),
                None => judge_news(told, books.get(&place(told)), &mut wrong),
            }
            if !is_refused {
                books.insert(place(told), with_status(told, true));
            }
        }
        wrong
    }

    /// A message under a key that was used before.
    fn judge_repeat(&self, earlier: &Told, told: &Told, wrong: &mut Vec<String>) {
        let answered = match earlier.outcome {
            Outcome::Open | Outcome::Dropped => None,
            Outcome::Answered(200, at) => Some(at),
            Outcome::Answered(..) => return,
        };
        if statuses(earlier) != statuses(told) {
            wrong.push(format!(
                "same key, other content: {} then {}",
                shown(earlier),
                shown(told)
            ));
        }
        let Some(answered) = answered else {
            return;
        };
        let is_excused = self.kills.iter().any(|kill| {
            earlier.at < *kill + NOTICING && *kill < told.at && answered + RECORDING > *kill
        });
        if !is_excused {
            wrong.push(format!(
                "told again though accepted: {} then {}",
                shown(earlier),
                shown(told)
            ));
        }
    }

    /// Ends nobody posted, and alerts that are silenced.
    fn judge_content(&self, told: &Told, wrong: &mut Vec<String>) {
        let all = self
            .subjects
            .iter()
            .copied()
            .chain(self.silences.iter().map(|s| &s.subject));
        let by_name: BTreeMap<&str, &Subject> = all.map(|s| (s.name.as_str(), s)).collect();
        for name in with_status(told, false) {
            let ends = by_name
                .get(name.as_str())
                .map(|subject| &subject.ends_posted);
            if !ends.is_some_and(|ends| ends.iter().any(|end| *end <= told.at)) {
                wrong.push(format!(
                    "resolved, but nobody ended {name}: {}",
                    shown(told)
                ));
            }
        }
        let names = statuses(told);
        for silenced in self
            .silences
            .iter()
            .filter(|silenced| silenced.hold == Hold::Holds)
        {
            if names.contains_key(&silenced.subject.name) {
                wrong.push(format!(
                    "silenced {} was told: {}",
                    silenced.subject.name,
                    shown(told)
                ));
            }
        }
    }
}

/// A message under a new key must say something new, and may not drop an alert without a word.
fn judge_news(told: &Told, before: Option<&BTreeSet<String>>, wrong: &mut Vec<String>) {
    let none = BTreeSet::new();
    let before = before.unwrap_or(&none);
    let (firing, ended) = (with_status(told, true), with_status(told, false));
    let is_news = !firing.is_subset(before) || !ended.is_disjoint(before);
    if !is_news {
        wrong.push(format!(
            "no news, known as firing was {before:?}: {}",
            shown(told)
        ));
    }
    let dropped: Vec<_> = before
        .iter()
        .filter(|n| !firing.contains(*n) && !ended.contains(*n))
        .collect();
    if !dropped.is_empty() {
        wrong.push(format!("{dropped:?} vanished: {}", shown(told)));
    }
}
