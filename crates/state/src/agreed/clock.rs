//! What time it is, of several clocks none of which is right by itself.
//!
//! Every instance sees by how much the shared clock is ahead of its own, and says so. The agreed time is the shared clock less
//! the median of these numbers and of 0, which is the shared clock's own vote: one wrong clock among three is outvoted,
//! whosever it is. An instance without company takes its own clock for right.
//!
//! What an instance knows of the others is some seconds old, and the shared clock may have stepped since. So their numbers
//! are compared with what this instance saw at the same moment of the shared clock: how two instances' own clocks
//! differ does not change when the shared one steps.

use std::collections::VecDeque;
use std::time::Duration;

use domain::limits;
use domain::time::Timestamp;
use tokio::time::Instant;

use crate::coordinator::ClockReading;
use crate::sharing::Clocks;

/// Differences up to this are the way of an answer, not a wrong clock.
const SLACK_MS: i64 = 100;

/// What two looks at the same clocks may differ by.
const JITTER_MS: i64 = 10;

/// Changes of the shared clock that are remembered: those of some seconds at least, however often it is looked at.
const CHANGES_MAX: usize = 256;

/// How long it may take until an instance sees a change of the shared clock, and that one stands still when it is to go back.
const AROUND_MS: i64 = 2_000;

/// What one instance knows of the clocks.
pub(super) struct Agreement {
    /// By how much the clock of each shard is ahead of this instance's own, as far as it was seen.
    seen_ms: Vec<Option<i64>>,
    /// By how much it counts as ahead of the agreed time.
    ahead_ms: Vec<i64>,
    /// What the shared clock showed when it began to be ahead of this instance's own by so much.
    changes: VecDeque<(i64, i64)>,
    looked: Option<Look>,
    /// By how much the agreed time is ahead of this instance's own clock.
    correction_ms: i64,
    /// For how long the company of others still counts once it is gone: one that restarts is back soon.
    patience: Duration,
    company_at: Option<Instant>,
}

/// The last look at the clocks.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    own_ms: i64,
    /// By how much the shared clock was ahead of it.
    ahead_ms: i64,
}

impl Agreement {
    /// Nothing is known yet.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            seen_ms: vec![None; limits::SHARDS],
            ahead_ms: vec![0; limits::SHARDS],
            changes: VecDeque::new(),
            looked: None,
            correction_ms: 0,
            patience,
            company_at: None,
        }
    }

    /// By how much the clock of a shard is ahead of the agreed time.
    pub(super) fn ahead_ms(&self, shard: usize) -> i64 {
        self.ahead_ms[shard % limits::SHARDS]
    }

    /// By how much the clocks in play are ahead of the agreed time.
    pub(super) fn clocks(&self) -> Clocks {
        let ahead_ms = self.looked.map_or(0, |look| look.ahead_ms);
        Clocks {
            shared_ms: ahead_ms - self.correction_ms,
            instance_ms: -self.correction_ms,
        }
    }

    /// What this instance says of its clock.
    pub(super) fn reading(&self) -> Option<ClockReading> {
        self.looked.map(|look| ClockReading {
            shared: Timestamp::from_unix_ms(look.own_ms + look.ahead_ms),
            ahead_ms: look.ahead_ms,
        })
    }

    /// Compares: within this time of its own clock, this instance found shards' clocks to show these. What it knew of a shard
    /// stays unless that cannot be: an answer that took long says little.
    pub(super) fn compare(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        shards: &[(usize, Timestamp)],
        at: Instant,
    ) {
        if to < from || shards.is_empty() {
            return;
        }
        for (shard, shown) in shards {
            // Each is rounded down to a millisecond.
            let least = shown.unix_ms() - to.unix_ms() - 1;
            let most = shown.unix_ms() - from.unix_ms() + 1;
            let seen = &mut self.seen_ms[shard % limits::SHARDS];
            *seen = Some(seen.unwrap_or_default().clamp(least, most));
        }
        let seen: Vec<i64> = self.seen_ms.iter().copied().flatten().collect();
        let look = Look {
            at,
            own_ms: to.unix_ms(),
            ahead_ms: median(seen),
        };
        self.note(look);
    }

    fn note(&mut self, look: Look) {
        let shared_ms = look.own_ms + look.ahead_ms;
        if let Some(before) = self.looked.replace(look) {
            let passed = look.at.duration_since(before.at).as_millis();
            let passed_ms = i64::try_from(passed).unwrap_or(i64::MAX);
            let own_step_ms = look.own_ms - before.own_ms - passed_ms;
            let change_ms = look.ahead_ms - before.ahead_ms;
            if change_ms == 0 {
                return;
            }
            if change_ms.abs() > SLACK_MS && (own_step_ms + change_ms).abs() <= SLACK_MS {
                // It is this instance's own clock that stepped: what was seen before has to be read by the new one.
                self.changes.iter_mut().for_each(|c| c.1 += change_ms);
                self.correction_ms += change_ms;
            }
        }
        // Where the shared clock went back, by a loss, what it showed before is of no use.
        self.changes.retain(|(since, _)| *since < shared_ms);
        self.changes.push_back((shared_ms, look.ahead_ms));
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
    }

    /// What another's number would be by now, of those the changes at about that time allow: the one that changes least.
    fn brought_up_to_date(&self, other: &ClockReading, look: Look) -> i64 {
        let (from, to) = (
            other.shared.unix_ms() - AROUND_MS,
            other.shared.unix_ms() + AROUND_MS,
        );
        let before = self.changes.iter().rposition(|(since, _)| *since <= from);
        let possible = self.changes.iter().skip(before.unwrap_or_default());
        let possible = possible.take_while(|(since, _)| *since <= to);
        let votes = possible.map(|(_, then_ms)| other.ahead_ms + look.ahead_ms - then_ms);
        let agreed_ms = look.ahead_ms - self.correction_ms;
        let likely = votes.min_by_key(|vote| (vote - agreed_ms).abs());
        likely.unwrap_or(other.ahead_ms)
    }

    /// Takes this instance's own clock for right.
    pub(super) fn stand_alone(&mut self) {
        self.settle(0);
    }

    /// Agrees with others, of whom this was heard last; answers by how much the agreed time is ahead of this instance's own
    /// clock.
    pub(super) fn agree(&mut self, others: &[ClockReading], now: Instant) -> i64 {
        let Some(look) = self.looked else {
            return self.correction_ms;
        };
        let shared_ms = look.own_ms + look.ahead_ms;
        let votes: Vec<i64> = others
            .iter()
            // What was said of a time to come is of another life of what is shared.
            .filter(|other| other.shared.unix_ms() <= shared_ms + SLACK_MS)
            .map(|other| self.brought_up_to_date(other, look))
            .collect();
        if !votes.is_empty() {
            self.company_at = Some(now);
            let correction_ms = look.ahead_ms - agreed(look.ahead_ms, &votes);
            self.settle(correction_ms);
        } else if self
            .company_at
            .is_none_or(|at| now.duration_since(at) >= self.patience)
        {
            self.company_at = None;
            self.settle(0);
        } else {
            self.settle(self.correction_ms);
        }
        self.correction_ms
    }

    fn settle(&mut self, correction_ms: i64) {
        follow(&mut self.correction_ms, correction_ms);
        let Some(look) = self.looked else { return };
        for (ahead, seen) in self.ahead_ms.iter_mut().zip(&self.seen_ms) {
            follow(ahead, seen.unwrap_or(look.ahead_ms) - self.correction_ms);
        }
    }
}

/// Takes over what is another number. Of no difference a clear one has to be made; one that is there is followed closely.
fn follow(known: &mut i64, seen: i64) {
    let none_up_to = if *known == 0 { SLACK_MS } else { SLACK_MS / 2 };
    let wanted = if seen.abs() <= none_up_to { 0 } else { seen };
    if (wanted - *known).abs() > JITTER_MS {
        *known = wanted;
    }
}

/// By how much the shared clock is ahead of the agreed time, where it is ahead of an instance's own clock and of those of
/// others by so much: the median of these and of 0, and of two in the middle the one nearer to 0.
fn agreed(own_ms: i64, others_ms: &[i64]) -> i64 {
    let mut votes = vec![0, own_ms];
    votes.extend_from_slice(others_ms);
    votes.sort_unstable();
    let (low, high) = (votes[(votes.len() - 1) / 2], votes[votes.len() / 2]);
    if high.abs() < low.abs() { high } else { low }
}

/// The middle one, the later of two; 0 of none.
fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
