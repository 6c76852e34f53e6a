//! When a failed send is tried again: Alertmanager's schedule.

use std::time::Duration;

/// First delay after the immediate attempt.
const INITIAL: Duration = Duration::from_millis(500);
/// Each delay is this many times the one before.
const MULTIPLIER: f64 = 1.5;
/// No delay before jitter grows past this.
const CAP: Duration = Duration::from_secs(60);
/// A delay is drawn from its nominal value plus or minus this share.
const JITTER: f64 = 0.5;

/// The delays before each attempt: none, then 0.5 s growing by half up to 60 s, each ± 50 %.
///
/// Never ends by itself: the flush's deadline does that. The jitter follows from the seed alone, so that a
/// simulation repeats and instances that hash their own name spread out.
#[derive(Clone, Debug)]
pub struct Backoff {
    seed: u64,
    attempt: u64,
    nominal: Duration,
}

impl Backoff {
    /// A fresh schedule; `seed` is a hash of what is being sent.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            attempt: 0,
            nominal: INITIAL,
        }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let attempt = self.attempt;
        self.attempt = attempt.wrapping_add(1);
        if attempt == 0 {
            return Some(Duration::ZERO);
        }
        let factor = 1.0 - JITTER + 2.0 * JITTER * unit_interval(mix(self.seed ^ mix(attempt)));
        let delay = self.nominal.mul_f64(factor);
        self.nominal = self.nominal.mul_f64(MULTIPLIER).min(CAP);
        Some(delay)
    }
}

/// Spreads a number over all 64 bits (the finaliser of SplitMix64).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Maps a number to `0.0..1.0` by its top 32 bits, which a float holds exactly.
fn unit_interval(value: u64) -> f64 {
    let top = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests;
