//! What was stated and what the sink got, in the order of time, for those who look into a failure.

use std::time::Instant;

use crate::feeder::truth::Statement;
use crate::oracle::Breach;
use crate::sink::{Cut, Message};

/// Most lines told about one breach.
const LINES_MAX: usize = 24;

/// Lines in the order of time.
pub(crate) struct Chronicle {
    entries: Vec<Entry>,
}

struct Entry {
    at: Instant,
    /// The integration; statements have none.
    path: Option<String>,
    /// The group; requests that were reset have none.
    group: Option<String>,
    /// Statements are about one alert.
    name: Option<String>,
    text: String,
}

impl Chronicle {
    /// Of everything that was stated and sent.
    pub(crate) fn of(statements: &[Statement], messages: &[Message], cuts: &[Cut]) -> Self {
        let stated = statements.iter().map(statement);
        let came = messages.iter().map(message);
        let reset = cuts.iter().map(cut);
        let mut entries: Vec<Entry> = stated.chain(came).chain(reset).collect();
        entries.sort_by_key(|entry| entry.at);
        Self { entries }
    }

    /// Everything, a line each; times are seconds since `began`.
    pub(crate) fn whole(&self, began: Instant) -> String {
        let lines = self.entries.iter().map(|entry| entry.line(began));
        lines.collect()
    }

    /// The last of what concerns a breach until it happened.
    pub(crate) fn about(&self, breach: &Breach, began: Instant) -> String {
        let stream = &breach.stream;
        let is_near = |entry: &&Entry| {
            let is_other = |part: &Option<String>, of: &str| part.as_ref().is_some_and(|p| p != of);
            let words = breach.what.split_whitespace();
            let mut words = words.map(|word| word.trim_matches(['[', ']', ',']));
            let mut is_named = |name: &String| words.any(|word| word == name);
            entry.at <= breach.at
                && !is_other(&entry.path, &stream.path)
                && !is_other(&entry.group, &stream.group)
                && entry.name.as_ref().is_none_or(&mut is_named)
        };
        let near: Vec<&Entry> = self.entries.iter().filter(is_near).collect();
        let from = near.len().saturating_sub(LINES_MAX);
        let lines = near.iter().skip(from);
        lines
            .map(|entry| format!("    {}", entry.line(began)))
            .collect()
    }
}

impl Entry {
    fn line(&self, began: Instant) -> String {
        let at = self.at.saturating_duration_since(began).as_secs_f64();
        format!("{at:.3} {}\n", self.text)
    }
}

/// Enough of a key to tell it from others.
fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

fn statement(stated: &Statement) -> Entry {
    let word = if stated.fires { "fires" } else { "ended" };
    let acked = match stated.acked {
        Some(acked) => {
            let after = acked.saturating_duration_since(stated.posted);
            format!("acknowledged {} ms after", after.as_millis())
        }
        None => "not acknowledged".to_owned(),
    };
    Entry {
        at: stated.posted,
        path: None,
        group: Some(stated.group.to_string()),
        name: Some(stated.name.to_string()),
        text: format!("stated {} {word}, {acked}", stated.name),
    }
}

fn message(came: &Message) -> Entry {
    let stream = &came.stream;
    let text = format!(
        "#{} {} {} {} firing {:?} resolved {:?} {:?}",
        came.number,
        stream.path,
        stream.group,
        short(&came.key),
        came.firing,
        came.resolved,
        came.outcome
    );
    Entry {
        at: came.at,
        path: Some(stream.path.to_string()),
        group: Some(stream.group.to_string()),
        name: None,
        text,
    }
}

fn cut(cut: &Cut) -> Entry {
    Entry {
        at: cut.at,
        path: Some(cut.path.to_string()),
        group: None,
        name: None,
        text: format!("reset {} {}", cut.path, short(&cut.key)),
    }
}
