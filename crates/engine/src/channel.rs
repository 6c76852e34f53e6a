//! An integration with what the process keeps beside it: its pace, its health, and who waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::GroupKey;
use notify::Integration;
use runtime::metrics::IntegrationMetrics;
use state::rate::Rate;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Requests one integration may have out at a time: enough for a storm of groups, few enough that a receiver which hangs
/// does not take every socket of the process.
const SENDS_MAX: usize = 128;

/// Places in a line that were not taken are forgotten this long after their time.
const PLACE_KEPT: Duration = Duration::from_secs(3600);

/// Most places of a line; who finds none tries again at its next tick.
const PLACES_MAX: usize = 100_000;

/// An integration with what the process keeps beside it.
pub struct Channel {
    /// How to deliver.
    pub integration: Arc<dyn Integration>,
    /// What is counted for it.
    pub metrics: Arc<IntegrationMetrics>,
    /// Bounds the requests that are out at a time.
    pub permits: Semaphore,
    /// The receiver it belongs to.
    pub(crate) receiver: Arc<str>,
    /// How often it may be used.
    pub(crate) rate: Option<Rate>,
    /// Whether its messages list only what changed.
    pub(crate) is_delta: bool,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    /// Nothing is sent before this: the provider asked for patience (429).
    hold: Option<Instant>,
    /// Since when attempts fail without one that succeeded.
    failing_since: Option<Instant>,
    /// Whether the last message was refused for good.
    is_refused: bool,
    line: Line,
}

/// Groups that wait until the rate lets their message out, each with its time.
#[derive(Default)]
struct Line {
    places: HashMap<GroupKey, Instant>,
    /// When the one behind the last is let out.
    end: Option<Instant>,
}

/// Why a message has to wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// From now.
    pub wait: Duration,
    /// What holds it.
    pub by: HeldBy,
}

/// What holds a message back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// The integration's rate limit.
    RateLimit,
    /// The provider, which asked for patience.
    Provider,
}

impl HeldBy {
    /// In words, for Explain.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "the rate limit of the integration",
            Self::Provider => "the provider asked for patience (429)",
        }
    }
}

impl Channel {
    /// A channel nothing was sent over yet.
    pub(crate) fn new(
        integration: Arc<dyn Integration>,
        metrics: Arc<IntegrationMetrics>,
        receiver: Arc<str>,
        rate: Option<Rate>,
        is_delta: bool,
    ) -> Self {
        Self {
            integration,
            metrics,
            permits: Semaphore::new(SENDS_MAX),
            receiver,
            rate,
            is_delta,
            live: Mutex::default(),
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the provider wants to hear from us again, if it named a time that has not come.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.live().hold
    }

    /// Notes that the provider asked for patience.
    pub(crate) fn hold(&self, until: Option<Instant>) {
        if until.is_some() {
            self.live().hold = until;
        }
    }

    /// Notes that a message was accepted: whatever was wrong is over.
    pub(crate) fn worked(&self) {
        let mut live = self.live();
        live.failing_since = None;
        live.is_refused = false;
    }

    /// Notes that an attempt failed.
    pub(crate) fn failed(&self) {
        self.live().failing_since.get_or_insert_with(Instant::now);
    }

    /// Notes that a message was refused for good.
    pub(crate) fn refused(&self) {
        self.live().is_refused = true;
    }

    /// Whether it fails for good, or has failed for so long.
    pub(crate) fn is_failing(&self, after: Duration) -> bool {
        let live = self.live();
        let is_long = |since: Instant| after <= since.elapsed();
        live.failing_since.is_some_and(is_long) || live.is_refused
    }

    /// What holds back a group's message now, as far as this instance knows; nothing is asked.
    pub fn held(&self, group: GroupKey) -> Option<Held> {
        let live = self.live();
        let now = Instant::now();
        let until = |at: Option<&Instant>| at?.checked_duration_since(now).filter(|w| !w.is_zero());
        let held = |by| move |wait| Held { wait, by };
        let by_provider = until(live.hold.as_ref()).map(held(HeldBy::Provider));
        by_provider.or_else(|| until(live.line.places.get(&group)).map(held(HeldBy::RateLimit)))
    }

    /// Whether a group that was not held so far has to go to the end of the line.
    pub(crate) fn has_line(&self, group: GroupKey) -> bool {
        let live = self.live();
        let is_long = live.line.end.is_some_and(|end| Instant::now() < end);
        is_long && !live.line.places.contains_key(&group)
    }

    /// Puts a group at the end of the line, where the next message is let out in `wait`; answers how long it takes until
    /// its own is.
    pub(crate) fn line_up(&self, group: GroupKey, wait: Duration) -> Duration {
        let Some(rate) = self.rate else {
            return wait;
        };
        let us = u64::try_from(rate.cost_us(1)).unwrap_or(u64::MAX);
        let now = Instant::now();
        let mut live = self.live();
        let line = &mut live.line;
        let at = line.end.map_or(now + wait, |end| end.max(now + wait));
        if line.places.len() >= PLACES_MAX {
            line.places.retain(|_, at| now < *at + PLACE_KEPT);
        }
        if line.places.len() < PLACES_MAX {
            line.places.insert(group, at);
            line.end = Some(at + Duration::from_micros(us));
        }
        at - now
    }

    /// Takes a group out of the line: its message goes out, or there is none any more.
    pub(crate) fn leave_line(&self, group: GroupKey) {
        let mut live = self.live();
        live.line.places.remove(&group);
        if live.line.places.is_empty() {
            live.line.end = None;
        }
    }

    /// How many groups wait in line.
    pub fn line_len(&self) -> usize {
        self.live().line.places.len()
    }
}

#[cfg(test)]
mod tests;
