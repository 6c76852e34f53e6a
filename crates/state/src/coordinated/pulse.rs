//! Whether this process itself was stopped: then what timed out meanwhile says nothing about shared state.
//!
//! A suspended machine, a SIGSTOP, a starved processor: on waking all requests in flight have timed out at once. Whoever took
//! that for an outage would go on alone while the others share, and tell again what they told. And posts that waited in
//! the meantime are read as if they were said now, though their senders may have said something else to others since.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::time::Timestamp;
use runtime::tasks::Stop;
use tokio::time::Instant;

use super::{Coordinated, Domain, lock};
use crate::coordinator::{CoordinatorError, Outage};

/// Beats in the silence after which shared state counts as unreachable.
const BEATS: u32 = 6;

/// What was sent to a process that did not run is read within this after it woke. It does not scale: it is as long as reading takes.
const READING: Duration = Duration::from_secs(1);

/// Whoever woke alone connects to the server, and has it answer some times, within this if it is there. It does not scale: probes do not.
const ASKING: Duration = Duration::from_secs(2);

/// Pause between two looks whether the server was asked since this process woke.
const DOUBT_PAUSE: Duration = Duration::from_millis(20);

/// When this process ran last, and when it woke from not running.
#[derive(Debug)]
pub(super) struct Pulse {
    /// `None` while nobody feels it.
    beat_at: Option<Instant>,
    woke: Option<Woke>,
    /// Not running for this long is sleep; for as long after it, failures are its fault.
    sleep_min: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Woke {
    /// When it was last seen running before.
    asleep_since: Instant,
    at: Instant,
}

impl Pulse {
    /// `silence`: how long shared state may be silent.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            beat_at: None,
            woke: None,
            sleep_min: silence / 2,
        }
    }

    /// Answers whether this process did not run before.
    pub(super) fn beat(&mut self, now: Instant) -> bool {
        let before = self.beat_at.replace(now);
        let asleep_since = before.filter(|at| now.duration_since(*at) >= self.sleep_min);
        if let Some(asleep_since) = asleep_since {
            self.woke = Some(Woke {
                asleep_since,
                at: now,
            });
        }
        asleep_since.is_some()
    }

    /// Whether this process did not run until now.
    fn is_waking(&self, now: Instant) -> bool {
        let is_asleep = |at: Instant| now.duration_since(at) >= self.sleep_min;
        self.beat_at.is_some_and(is_asleep)
    }

    /// Whether what fails now may fail because this process did not run.
    pub(super) fn has_slept(&self, now: Instant) -> bool {
        let is_recent = |woke: Woke| now.duration_since(woke.at) < self.sleep_min;
        self.is_waking(now) || self.woke.is_some_and(is_recent)
    }

    /// Since when what is read now may have waited, if this process did not run meanwhile.
    fn waiting_since(&self, now: Instant) -> Option<Instant> {
        let woke = self.woke.filter(|w| now.duration_since(w.at) < READING);
        let woke = woke.map(|woke| woke.asleep_since);
        woke.or(self.beat_at.filter(|_| self.is_waking(now)))
    }
}

impl Domain {
    /// This process stood still: whether it is right to go on alone is not known until the server was asked, which is done at once.
    pub(super) fn doubt_being_alone(&self, now: Instant) {
        if lock(&self.breaker).is_open() {
            *lock(&self.doubted_at) = Some(now);
            *lock(&self.refused_until) = None;
        }
    }

    /// The server was asked at an instant: state is not shared for now, or it is again.
    pub(super) fn settle_doubt(&self, asked_at: Instant) {
        lock(&self.doubted_at).take_if(|doubted_at| *doubted_at <= asked_at);
    }
}

impl Coordinated {
    /// Beats until told to stop.
    pub(super) async fn run_pulse(&self, stop: &Stop) {
        let pause = self.timing.breaker_silence / BEATS;
        loop {
            let now = Instant::now();
            if lock(&self.pulse).beat(now) {
                let domains = self.domains.iter();
                domains.for_each(|domain| domain.doubt_being_alone(now));
            }
            self.leave_silence_behind(pause);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.stopped() => break,
            }
        }
        lock(&self.pulse).beat_at = None;
    }

    /// Goes on alone where nothing was answered for too long by the next beat, whether or not what was asked has failed by then.
    fn leave_silence_behind(&self, pause: Duration) {
        if self.has_slept() {
            return;
        }
        for (index, domain) in self.domains.iter().enumerate() {
            if lock(&domain.breaker).opens_by(Instant::now() + pause) {
                let error = CoordinatorError {
                    outage: Outage::Transient,
                    text: "it has not answered for seconds".to_owned(),
                };
                self.go_alone(index, &error);
            }
        }
    }

    /// Whether a failure now says nothing about shared state.
    pub(super) fn has_slept(&self) -> bool {
        lock(&self.pulse).has_slept(Instant::now())
    }

    /// Whether what this instance claimed alone is its own to tell still; yes where state is shared, as whoever went back to that gave
    /// up what it had claimed. If it stood still the others may share again since, and have told what it was about to: it waits until
    /// the server was asked, or for as long after waking as that may take and the server may be silent.
    pub(super) async fn is_still_alone(&self, shard: usize) -> bool {
        let domain = self.domain(shard);
        let came_at = Instant::now();
        let doubt_max = ASKING + self.timing.breaker_silence;
        while self.is_alone(shard) {
            let now = Instant::now();
            let is_waking = now < came_at + doubt_max && lock(&self.pulse).is_waking(now);
            let doubted_at = *lock(&domain.doubted_at);
            if !is_waking && doubted_at.is_none_or(|at| at + doubt_max <= now) {
                return true;
            }
            if domain.is_returning.load(Ordering::Acquire) {
                return false;
            }
            tokio::time::sleep(DOUBT_PAUSE).await;
        }
        true
    }

    /// When a post that is taken in now may have been said, if that is not now.
    pub(super) fn said_at(&self) -> Option<Timestamp> {
        let now = Instant::now();
        let since = lock(&self.pulse).waiting_since(now)?;
        Some(self.clock.now().utc() - now.duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_did_not_run_blames_nobody_for_a_while() {
        let silence = Duration::from_secs(3);
        let mut pulse = Pulse::new(silence);
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        assert!(!pulse.has_slept(at(9_000)), "nobody feels it");
        pulse.beat(at(500));
        assert!(!pulse.has_slept(at(1_000)));
        assert!(pulse.has_slept(at(8_000)), "not woken up yet");
        pulse.beat(at(8_000));
        assert!(pulse.has_slept(at(8_500)));
        pulse.beat(at(8_500));
        pulse.beat(at(9_000));
        assert!(pulse.has_slept(at(9_400)));
        assert!(!pulse.has_slept(at(9_500)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_on_waking_may_be_as_old_as_the_sleep() {
        let mut pulse = Pulse::new(Duration::from_secs(3));
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        pulse.beat(at(500));
        assert_eq!(pulse.waiting_since(at(1_000)), None);
        assert_eq!(pulse.waiting_since(at(8_000)), Some(at(500)));
        pulse.beat(at(8_000));
        pulse.beat(at(8_500));
        assert_eq!(pulse.waiting_since(at(8_999)), Some(at(500)));
        assert_eq!(pulse.waiting_since(at(9_000)), None);
    }
}
