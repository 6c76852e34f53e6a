//! What the clocks of the shards show, as far as this instance has heard: by it the server tells requests that come too late, after
//! whoever sent them gave up.

use std::sync::{Mutex, PoisonError};

use domain::limits;
use tokio::time::Instant;

/// The latest reading of each shard's clock, in milliseconds, and when it was heard.
pub(super) struct ShardClocks(Vec<Mutex<Option<(i64, Instant)>>>);

impl Default for ShardClocks {
    fn default() -> Self {
        Self((0..limits::SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl ShardClocks {
    /// Notes what a shard's clock shows.
    pub(super) fn note(&self, shard: usize, now_ms: i64) {
        if let Some(clock) = self.0.get(shard) {
            *clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, Instant::now()));
        }
    }

    /// What it shows now, or showed the way of an answer ago; `None` before the first reading.
    pub(super) fn now_ms(&self, shard: usize) -> Option<i64> {
        let clock = self.0.get(shard)?;
        let (noted_ms, since) = (*clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        let elapsed_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        Some(noted_ms.saturating_add(elapsed_ms))
    }
}
