//! When shared state counts as unreachable, and when it is trusted again (protocol.md §9).

use std::time::Duration;

use tokio::time::Instant;

use crate::coordinator::Outage;

/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 3;

/// Failures closer together than this count once: a hundred requests that one broken connection takes along are one.
const FAILURE_SPACING: Duration = Duration::from_millis(100);

/// Write probes in a row that must succeed before shared state is trusted again.
const PROBES_NEEDED: u32 = 3;

/// Time between two probes.
pub(super) const PROBE_PAUSE: Duration = Duration::from_millis(200);

/// A breaker that opened again this soon needs more probes the next time.
const FLAP: Duration = Duration::from_secs(10);

/// Most probes that are ever needed.
const PROBES_MAX: u32 = 24;

/// Of one fault domain; open means: go on alone.
#[derive(Debug)]
pub(super) struct Breaker {
    is_open: bool,
    failures: u32,
    failing_since: Option<Instant>,
    answered_at: Option<Instant>,
    failed_at: Option<Instant>,
    probes: u32,
    probes_needed: u32,
    closed_at: Option<Instant>,
    silence_max: Duration,
}

impl Breaker {
    /// An open one: nothing is trusted before it was reached once. The first success will do.
    pub(super) fn new(silence_max: Duration) -> Self {
        Self {
            is_open: true,
            failures: 0,
            failing_since: None,
            answered_at: None,
            failed_at: None,
            probes: 0,
            probes_needed: 1,
            closed_at: None,
            silence_max,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// A request was answered.
    pub(super) fn succeed(&mut self, now: Instant) {
        self.failures = 0;
        self.failing_since = None;
        self.answered_at = Some(now);
    }

    /// A request failed that was made at `asked_at`; answers whether that opens the breaker.
    pub(super) fn fail(&mut self, outage: Outage, asked_at: Instant, now: Instant) -> bool {
        if self.is_open {
            return false;
        }
        let is_same = self
            .failed_at
            .is_some_and(|at| now.duration_since(at) < FAILURE_SPACING);
        if !is_same || self.failures == 0 {
            self.failures += 1;
            self.failed_at = Some(now);
        }
        let since = self.answered_at.map_or(asked_at, |at| at.max(asked_at));
        self.failing_since.get_or_insert(since);
        if outage == Outage::Transient && self.failures < FAILURES_MAX && !self.is_silent(now) {
            return false;
        }
        self.open(now);
        true
    }

    /// Opens the breaker if by then nothing was answered for too long, though the next failure is still to come; answers whether
    /// that opened it.
    pub(super) fn opens_by(&mut self, then: Instant) -> bool {
        let opens = !self.is_open && self.is_silent(then);
        if opens {
            self.open(then);
        }
        opens
    }

    fn is_silent(&self, now: Instant) -> bool {
        let since = self.failing_since;
        since.is_some_and(|since| now.saturating_duration_since(since) >= self.silence_max)
    }

    fn open(&mut self, now: Instant) {
        self.is_open = true;
        self.probes = 0;
        let is_flapping = self
            .closed_at
            .is_some_and(|at| now.duration_since(at) < FLAP);
        self.probes_needed = if is_flapping {
            (self.probes_needed * 2).min(PROBES_MAX)
        } else {
            PROBES_NEEDED
        };
    }

    /// A probe ended; answers whether enough of them succeeded in a row.
    pub(super) fn probed(&mut self, is_ok: bool) -> bool {
        self.probes = if is_ok { self.probes + 1 } else { 0 };
        self.probes >= self.probes_needed
    }

    /// It could not be trusted again although the probes succeeded: they begin anew, and more are needed.
    pub(super) fn turn_back(&mut self) {
        self.probes = 0;
        self.probes_needed = (self.probes_needed * 2).min(PROBES_MAX);
    }

    /// Trusts again.
    pub(super) fn close(&mut self, now: Instant) {
        self.is_open = false;
        self.closed_at = Some(now);
        self.succeed(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(Duration::from_secs(3));
        assert!(breaker.is_open(), "nothing is trusted at first");
        assert!(breaker.probed(true));
        breaker.close(now);
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_one_success_forgives() {
        let now = Instant::now();
        let step = Duration::from_millis(150);
        let mut breaker = closed(now);
        assert!(!breaker.fail(Outage::Transient, now, now));
        assert!(!breaker.fail(Outage::Transient, now + step, now + step));
        breaker.succeed(now + step);
        assert!(!breaker.fail(Outage::Transient, now + step * 2, now + step * 2));
        assert!(!breaker.fail(Outage::Transient, now + step * 3, now + step * 3));
        assert!(breaker.fail(Outage::Transient, now + step * 4, now + step * 4));
    }

    #[test]
    fn a_hundred_failures_at_once_count_as_one() {
        let now = Instant::now();
        let mut breaker = closed(now);
        assert!((0..100).all(|_| !breaker.fail(Outage::Transient, now, now)));
    }

    #[test]
    fn a_server_that_says_no_opens_it_at_once() {
        let now = Instant::now();
        assert!(closed(now).fail(Outage::Certain, now, now));
        assert!(closed(now).fail(Outage::Refused, now, now));
    }

    #[test]
    fn silence_counts_from_the_first_request_that_was_not_answered() {
        let now = Instant::now();
        let at = |ms: u64| now + Duration::from_millis(ms);
        let mut breaker = closed(now);
        assert!(!breaker.opens_by(at(60_000)), "nothing was asked");
        assert!(!breaker.fail(Outage::Transient, at(1_000), at(3_000)));
        assert!(!breaker.opens_by(at(3_900)));
        breaker.succeed(at(3_950));
        assert!(!breaker.opens_by(at(60_000)));
        // Others were answered since it was asked.
        assert!(!breaker.fail(Outage::Transient, at(500), at(5_000)));
        assert!(!breaker.opens_by(at(6_900)));
        assert!(breaker.opens_by(at(6_950)) && breaker.is_open());
        assert!(!breaker.opens_by(at(9_500)), "it is open");
    }

    #[test]
    fn a_way_back_that_failed_is_not_tried_again_at_once() {
        let mut breaker = Breaker::new(Duration::from_secs(3));
        assert!(breaker.probed(true));
        breaker.turn_back();
        assert!(!breaker.probed(true));
        assert!(breaker.probed(true));
    }

    #[test]
    fn one_that_flaps_needs_more_probes() {
        let now = Instant::now();
        let mut breaker = closed(now);
        assert!(breaker.fail(Outage::Certain, now + FLAP, now + FLAP));
        assert_eq!(breaker.probes_needed, PROBES_NEEDED);
        breaker.close(now + FLAP);
        assert!(breaker.fail(
            Outage::Certain,
            now + FLAP + PROBE_PAUSE,
            now + FLAP + PROBE_PAUSE
        ));
        assert_eq!(breaker.probes_needed, 2 * PROBES_NEEDED);
        assert!(!breaker.probed(true));
        assert!(!breaker.probed(false));
    }
}
