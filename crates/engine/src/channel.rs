//! An integration with what the process keeps beside it: its pace, its health, and who waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::GroupKey;
use domain::time::Timestamp;
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

#[derive(Clone, Default)]
struct Live {
    /// Nothing is sent before this: the provider asked for patience (429).
    hold: Option<Instant>,
    /// Since when attempts fail without one that succeeded, and when the last one did.
    failing: Option<Failing>,
    /// The same for each group whose message fails.
    groups: HashMap<GroupKey, Failing>,
    /// Who waits for the rate, and before them those with something critical.
    line: Line,
    urgent_line: Line,
}

#[derive(Clone, Copy)]
struct Failing {
    since: Instant,
    last: Instant,
    /// The tick at which the message was refused for good.
    refused_at: Option<Timestamp>,
}

impl Failing {
    /// One more failure; those that were longer ago than `fresh` say nothing about what lies between.
    fn note(failing: Option<Self>, now: Instant, fresh: Duration, held: Option<Instant>) -> Self {
        let lasting = failing.filter(|failing| failing.is_recent(now, fresh, held));
        let since = lasting.map_or(now, |failing| failing.since);
        Self {
            since,
            last: now,
            refused_at: None,
        }
    }

    /// Whether the last attempt was no longer ago than `fresh`; none is made while the provider wants none, until `held`.
    fn is_recent(&self, now: Instant, fresh: Duration, held: Option<Instant>) -> bool {
        let last = held.map_or(self.last, |held| held.max(self.last));
        now.saturating_duration_since(last) <= fresh
    }
}

/// Groups that wait until the rate lets their message out, each with its time.
#[derive(Clone, Default)]
struct Line {
    places: HashMap<GroupKey, Instant>,
    /// When the one behind the last is let out.
    end: Option<Instant>,
}

impl Line {
    /// When the one behind the last is let out, if somebody waits.
    fn end(&mut self, now: Instant) -> Option<Instant> {
        let end = self.end.filter(|end| now < *end);
        if end.is_none() {
            // Everybody's time has come; who did not take it has nothing to tell any more.
            self.places.clear();
            self.end = None;
        }
        end
    }

    fn leave(&mut self, group: GroupKey) {
        self.places.remove(&group);
        if self.places.is_empty() {
            self.end = None;
        }
    }
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

    /// Notes that the provider asked for patience for so long, or another instance.
    pub(crate) fn hold_for(&self, span: Duration) {
        let until = Some(Instant::now() + span);
        let mut live = self.live();
        live.hold = live.hold.max(until);
    }

    /// Goes on from what is known of an integration of an earlier configuration.
    pub(crate) fn go_on_from(&self, before: &Self) {
        let known = before.live().clone();
        *self.live() = known;
    }

    /// Notes that a group's message was accepted: whatever was wrong is over.
    pub(crate) fn worked(&self, group: GroupKey) {
        let mut live = self.live();
        live.failing = None;
        live.groups.remove(&group);
    }

    /// Notes that an attempt at a group's message failed; what was not tried for longer than `fresh` counts from now.
    pub(crate) fn failed(&self, group: GroupKey, fresh: Duration) {
        let now = Instant::now();
        let mut live = self.live();
        live.failing = Some(Failing::note(live.failing, now, fresh, live.hold));
        if live.groups.len() >= PLACES_MAX {
            live.groups
                .retain(|_, failing| now < failing.last + PLACE_KEPT);
        }
        let (known, held) = (live.groups.get(&group).copied(), live.hold);
        live.groups
            .insert(group, Failing::note(known, now, fresh, held));
    }

    /// Notes that a group's message was refused for good at this tick, after the attempt that failed was noted.
    pub(crate) fn refused(&self, group: GroupKey, tick: Timestamp) {
        if let Some(failing) = self.live().groups.get_mut(&group) {
            failing.refused_at = Some(tick);
        }
    }

    /// Whether it was, so that it is not tried again before the next.
    pub(crate) fn was_refused(&self, group: GroupKey, tick: Timestamp) -> bool {
        let live = self.live();
        let failing = live.groups.get(&group);
        failing.is_some_and(|failing| failing.refused_at == Some(tick))
    }

    /// Notes that there is nothing to tell about a group.
    pub(crate) fn is_quiet(&self, group: GroupKey) {
        let mut live = self.live();
        live.groups.remove(&group);
        live.line.leave(group);
        live.urgent_line.leave(group);
    }

    /// Whether this group's messages, or all, have failed for so long; what was not tried for longer than `fresh` says
    /// nothing about now.
    pub(crate) fn is_failing(&self, group: GroupKey, after: Duration, fresh: Duration) -> bool {
        let live = self.live();
        let (now, held) = (Instant::now(), live.hold);
        let is_long = |failing: &Failing| {
            after <= failing.since.elapsed() && failing.is_recent(now, fresh, held)
        };
        live.failing.as_ref().is_some_and(is_long) || live.groups.get(&group).is_some_and(is_long)
    }

    /// What holds back a group's message now, as far as this instance knows; nothing is asked.
    pub fn held(&self, group: GroupKey) -> Option<Held> {
        let live = self.live();
        let urgent = live.urgent_line.places.get(&group);
        Self::held_by(&live, urgent.or_else(|| live.line.places.get(&group)))
    }

    fn held_by(live: &Live, place: Option<&Instant>) -> Option<Held> {
        let now = Instant::now();
        let until = |at: Option<&Instant>| at?.checked_duration_since(now).filter(|w| !w.is_zero());
        let held = |by| move |wait| Held { wait, by };
        let by_provider = until(live.hold.as_ref()).map(held(HeldBy::Provider));
        by_provider.or_else(|| until(place).map(held(HeldBy::RateLimit)))
    }

    /// What holds back a group that has something to tell, urgent or not, before the rate is asked: the provider, its place
    /// in line, or, for one that is new, the line itself.
    pub(crate) fn waits(&self, group: GroupKey, is_urgent: bool) -> Option<Held> {
        let now = Instant::now();
        let mut live = self.live();
        if is_urgent {
            // What is critical does not wait behind the rest.
            live.line.leave(group);
        }
        let urgent_end = live.urgent_line.end(now);
        let end = live.line.end(now);
        let line = if is_urgent {
            &live.urgent_line
        } else {
            &live.line
        };
        let place = line.places.get(&group).copied();
        let held = Self::held_by(&live, place.as_ref());
        let end = if is_urgent {
            urgent_end
        } else {
            end.max(urgent_end)
        };
        let is_new = place.is_none() && end.is_some();
        drop(live);
        held.or_else(|| {
            is_new.then(|| Held {
                wait: self.line_up(group, is_urgent, Duration::ZERO),
                by: HeldBy::RateLimit,
            })
        })
    }

    /// Gives a group a place in line, where the next message is let out in `wait`; answers how long it takes until its own
    /// is. One whose time had come stays at the head.
    pub(crate) fn line_up(&self, group: GroupKey, is_urgent: bool, wait: Duration) -> Duration {
        let Some(rate) = self.rate else {
            return wait;
        };
        let us = u64::try_from(rate.cost_us(1)).unwrap_or(u64::MAX);
        let now = Instant::now();
        let mut live = self.live();
        let before = live.urgent_line.end(now).filter(|_| !is_urgent);
        let line = if is_urgent {
            &mut live.urgent_line
        } else {
            &mut live.line
        };
        let was_head = line.places.get(&group).is_some_and(|at| *at <= now);
        let end = line.end(now).filter(|_| !was_head).max(before);
        let at = end.map_or(now + wait, |end| end.max(now + wait));
        if line.places.len() < PLACES_MAX {
            line.places.insert(group, at);
            line.end = line.end.max(Some(at + Duration::from_micros(us)));
        }
        at - now
    }

    /// Takes a group out of the line: its message goes out.
    pub(crate) fn leave_line(&self, group: GroupKey) {
        let mut live = self.live();
        live.line.leave(group);
        live.urgent_line.leave(group);
    }

    /// How many groups wait in line.
    pub fn line_len(&self) -> usize {
        let live = self.live();
        live.line.places.len() + live.urgent_line.places.len()
    }
}

#[cfg(test)]
mod tests;
