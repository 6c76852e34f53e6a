//! **T**: when each change was due, and how long after that an integration accepted it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::feeder::truth::Statement;
use crate::sink::Message;

use super::Evidence;

/// Waits per path, shortest first.
///
/// A change is due at the first tick of its group that is not before its acknowledgement: the group's first tick is
/// `group_wait` after the acknowledgement of the alert that made it, and further ones follow each `group_interval`. A
/// group is made anew by an alert that fires when all others ended and every integration had been told so. A
/// change that was superseded before anyone was told has no due time, nor has the end of an alert nobody was told of.
pub(crate) fn waits(evidence: &Evidence<'_>) -> BTreeMap<String, Vec<Duration>> {
    let mut by_group: BTreeMap<&Arc<str>, Vec<&Statement>> = BTreeMap::new();
    for statement in evidence.statements {
        by_group
            .entry(&statement.group)
            .or_default()
            .push(statement);
    }
    let mut heard: BTreeMap<(&str, &str), Vec<&Message>> = BTreeMap::new();
    for message in evidence.messages.iter().filter(|m| m.outcome.is_accepted()) {
        let place = (&*message.stream.path, &*message.stream.group);
        heard.entry(place).or_default().push(message);
    }
    let mut waits: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for (group, statements) in by_group {
        let paths: Vec<&str> = evidence.paths_of(group).collect();
        let streams = paths.iter().map(|path| heard.get(&(*path, &**group)));
        let streams: Vec<&[&Message]> = streams
            .map(|found| found.map_or(&[][..], Vec::as_slice))
            .collect();
        for (due, statement) in dues(evidence, &statements, &streams) {
            for (path, stream) in paths.iter().zip(&streams) {
                if let Some(at) = accepted(statement, &statements, stream) {
                    let wait = at.saturating_duration_since(due);
                    waits.entry((*path).to_owned()).or_default().push(wait);
                }
            }
        }
    }
    for all in waits.values_mut() {
        all.sort_unstable();
    }
    waits
}

/// When each acknowledged statement of a group was due.
fn dues<'a>(
    evidence: &Evidence<'_>,
    statements: &[&'a Statement],
    streams: &[&[&Message]],
) -> Vec<(Instant, &'a Statement)> {
    let mut in_order: Vec<(Instant, &Statement)> = statements
        .iter()
        .filter_map(|statement| Some((statement.acked?, *statement)))
        .collect();
    in_order.sort_by_key(|(acked, _)| *acked);
    let interval = evidence.timing.group_interval;
    let mut first_tick: Option<Instant> = None;
    let mut firing: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for (acked, statement) in in_order {
        if statement.fires {
            let is_gone = firing.is_empty() && streams.iter().all(|s| knows_none(s, acked));
            if first_tick.is_none() || is_gone {
                first_tick = Some(acked + evidence.timing.group_wait);
            }
            firing.insert(&statement.name);
        } else {
            firing.remove(&*statement.name);
        }
        let Some(first) = first_tick else {
            continue;
        };
        let since = acked.saturating_duration_since(first);
        let ticks = since.as_nanos().div_ceil(interval.as_nanos().max(1));
        let due = first + interval * u32::try_from(ticks).unwrap_or(u32::MAX);
        found.push((due, statement));
    }
    found
}

/// Whether the last message before this moment called nothing firing.
fn knows_none(stream: &[&Message], at: Instant) -> bool {
    let last = stream.iter().take_while(|message| message.at <= at).last();
    last.is_none_or(|last| last.firing.is_empty())
}

/// When the stream first said what was stated, unless something else was stated before that.
fn accepted(statement: &Statement, all: &[&Statement], stream: &[&Message]) -> Option<Instant> {
    let says = |message: &&&Message| match statement.fires {
        true => message.firing.contains(&statement.name),
        false => message.resolved.contains(&statement.name),
    };
    let from = stream.partition_point(|message| message.at < statement.posted);
    let found = stream[from..].iter().find(says)?;
    let superseding = |other: &&&Statement| {
        other.name == statement.name && statement.posted < other.posted && other.posted <= found.at
    };
    if all.iter().any(|other| superseding(&other)) {
        return None;
    }
    let was_firing = |message: &&&Message| message.firing.contains(&statement.name);
    let before = &stream[..from];
    // An end is owed to those who were told the beginning, a beginning to those who were not.
    let last = before
        .iter()
        .rev()
        .find(|message| was_firing(message) || message.resolved.contains(&statement.name));
    let is_owed = last.is_some_and(|last| was_firing(&last)) != statement.fires;
    is_owed.then_some(found.at)
}
