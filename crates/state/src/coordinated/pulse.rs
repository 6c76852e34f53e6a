//! Whether this process itself was stopped: then what timed out meanwhile says nothing about shared state.
//!
//! A suspended machine, a SIGSTOP, a starved processor: on waking all requests in flight have timed out at once. Whoever took
//! that for an outage would go on alone while the others share, and tell again what they told.

use std::time::Duration;

use runtime::tasks::Stop;
use tokio::time::Instant;

use super::{Coordinated, lock};

/// Beats in the silence after which shared state counts as unreachable.
const BEATS: u32 = 6;

/// When this process ran last, and when it woke from not running.
#[derive(Debug)]
pub(super) struct Pulse {
    /// `None` while nobody feels it.
    beat_at: Option<Instant>,
    woke_at: Option<Instant>,
    /// Not running for this long is sleep; for as long after it, failures are its fault.
    sleep_min: Duration,
}

impl Pulse {
    /// `silence`: how long shared state may be silent.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            beat_at: None,
            woke_at: None,
            sleep_min: silence / 2,
        }
    }

    fn beat(&mut self, now: Instant) {
        let before = self.beat_at.replace(now);
        if before.is_some_and(|before| now.duration_since(before) >= self.sleep_min) {
            self.woke_at = Some(now);
        }
    }

    /// Whether what fails now may fail because this process did not run.
    pub(super) fn has_slept(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.duration_since(at) < self.sleep_min;
        self.beat_at.is_some_and(|at| !is_recent(at)) || self.woke_at.is_some_and(is_recent)
    }
}

impl Coordinated {
    /// Beats until told to stop.
    pub(super) async fn run_pulse(&self, stop: &Stop) {
        let pause = self.timing.breaker_silence / BEATS;
        loop {
            lock(&self.pulse).beat(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.stopped() => break,
            }
        }
        lock(&self.pulse).beat_at = None;
    }

    /// Whether a failure now says nothing about shared state.
    pub(super) fn has_slept(&self) -> bool {
        lock(&self.pulse).has_slept(Instant::now())
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
}
