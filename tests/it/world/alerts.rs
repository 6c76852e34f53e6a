//! Alerts as stories write them: to post, and to compare with what arrived.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use domain::fingerprint::Fingerprint;
use domain::label::Labels;
use domain::matcher::{MatcherMode, parse_matchers};
use domain::silence::edit::{PostMatcher, SilencePost};
use engine::PostedAlert;

use super::time;

/// An alert of a story. To post it, `start` and `end` are what is stated; compared with a message, what is left out may
/// be anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) start: Option<f64>,
    pub(crate) end: Option<f64>,
    pub(crate) is_resolved: bool,
}

/// An alert whose alertname this is.
pub(crate) fn alert(name: &str) -> Alert {
    let labels = BTreeMap::from([("alertname".to_owned(), name.to_owned())]);
    Alert {
        labels,
        annotations: None,
        start: None,
        end: None,
        is_resolved: false,
    }
}

impl Alert {
    /// Adds a label.
    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation.
    pub(crate) fn note(mut self, name: &str, value: &str) -> Self {
        let notes = self.annotations.get_or_insert_default();
        notes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// It began then.
    pub(crate) fn start(mut self, seconds: f64) -> Self {
        self.start = Some(seconds);
        self
    }

    /// It ended, or will end, then.
    pub(crate) fn end(mut self, seconds: f64) -> Self {
        self.end = Some(seconds);
        self
    }

    /// The message calls it firing, since then.
    pub(crate) fn active(self, start: f64) -> Self {
        self.start(start)
    }

    /// The message calls it resolved, with these times.
    pub(crate) fn resolved(self, start: f64, end: f64) -> Self {
        Self {
            is_resolved: true,
            ..self.start(start).end(end)
        }
    }

    /// The message calls it resolved, whenever that was.
    pub(crate) fn over(self) -> Self {
        Self {
            is_resolved: true,
            ..self
        }
    }

    /// Its fingerprint.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let pairs = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Labels::from_pairs(pairs).fingerprint()
    }

    /// As the API takes it in.
    pub(crate) fn posted(&self) -> PostedAlert<'static> {
        PostedAlert {
            labels: owned(&self.labels),
            annotations: self.annotations.as_ref().map(owned).unwrap_or_default(),
            generator_url: Cow::Borrowed(""),
            starts_at: self.start.map(time),
            ends_at: self.end.map(time),
        }
    }

    /// Whether `arrived` is this alert as far as the story says anything about it.
    pub(crate) fn is_met_by(&self, arrived: &Alert) -> bool {
        let same = |wanted: Option<f64>, got: Option<f64>| {
            wanted.is_none_or(|wanted| got.is_some_and(|got| (wanted - got).abs() < 0.005))
        };
        let notes = |alert: &Alert| alert.annotations.clone().unwrap_or_default();
        self.labels == arrived.labels
            && (self.annotations.is_none() || notes(self) == notes(arrived))
            && self.is_resolved == arrived.is_resolved
            && same(self.start, arrived.start)
            && (!self.is_resolved || same(self.end, arrived.end))
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_resolved {
            "resolved "
        } else {
            "firing "
        })?;
        let mut labels = self.labels.clone();
        f.write_str(&labels.remove("alertname").unwrap_or_default())?;
        if !labels.is_empty() {
            write!(f, "{labels:?}")?;
        }
        if let Some(notes) = self.annotations.as_ref().filter(|notes| !notes.is_empty()) {
            write!(f, " notes {notes:?}")?;
        }
        let at = |seconds: Option<f64>| seconds.map_or("any".to_owned(), |s| format!("{s:.3}"));
        write!(f, " [{} to {}]", at(self.start), at(self.end))
    }
}

fn owned(pairs: &BTreeMap<String, String>) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (Cow::Owned(name.clone()), Cow::Owned(value.clone())))
        .collect()
}

/// A silence as the API takes it in.
pub(crate) fn silence(id: Option<&str>, matchers: &str, from: f64, until: f64) -> SilencePost {
    let parsed = parse_matchers(matchers.as_bytes(), MatcherMode::Fallback);
    let parsed = parsed.expect("the story's matchers can be read").matchers;
    let matchers = parsed.iter().map(|m| PostMatcher {
        name: m.name().to_owned(),
        value: m.value().to_owned(),
        is_regex: m.op().is_regex(),
        is_equal: !m.op().is_negative(),
    });
    SilencePost {
        id: id.map(ToOwned::to_owned),
        matchers: matchers.collect(),
        starts_at: time(from),
        ends_at: time(until),
        created_by: "story".to_owned(),
        comment: "quiet please".to_owned(),
        annotations: Labels::empty(),
    }
}
