//! (T1) Clocks: the only place that knows what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::Timestamp;
use tokio::time::Instant;

/// Answers the current time; read once at the start of a unit of work and passed down from there.
pub trait Clock: Send + Sync {
    /// The current time, in UTC.
    fn now(&self) -> Timestamp;
}

/// A clock as it is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The system clock, ready to hand around.
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => from_unix(since.as_secs(), since.subsec_nanos()),
            // A machine whose clock stands before 1970 has not set it yet; the epoch is as good a guess.
            Err(_) => from_unix(0, 0),
        }
    }
}

fn from_unix(seconds: u64, nanos: u32) -> Timestamp {
    Timestamp::new(i64::try_from(seconds).unwrap_or(i64::MAX), nanos, 0)
}

/// A clock that shows another one's time, moved by what it was last told: instances whose own clocks differ agree on one time
/// (protocol.md §4).
pub struct FollowingClock {
    inner: SharedClock,
    correction_ms: AtomicI64,
}

impl FollowingClock {
    /// A clock that shows `inner`'s time until told otherwise.
    pub fn new(inner: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            inner,
            correction_ms: AtomicI64::new(0),
        })
    }

    /// What the clock it is made of shows.
    pub fn local(&self) -> Timestamp {
        self.inner.now()
    }

    /// From now on it shows the time of the clock it is made of, and so many milliseconds more.
    pub fn correct(&self, by_ms: i64) {
        self.correction_ms.store(by_ms, Ordering::Relaxed);
    }
}

impl Clock for FollowingClock {
    fn now(&self) -> Timestamp {
        let correction_ms = self.correction_ms.load(Ordering::Relaxed);
        self.inner.now().moved_by_ms(correction_ms)
    }
}

/// A clock that moves with tokio's timers, so that under paused time both jump together.
#[derive(Clone, Copy, Debug)]
pub struct SimClock {
    start: Timestamp,
    base: Instant,
}

impl SimClock {
    /// A clock that shows `start` at this moment of tokio's time.
    pub fn new(start: Timestamp) -> Self {
        Self {
            start,
            base: Instant::now(),
        }
    }

    /// The same, ready to hand around.
    pub fn shared(start: Timestamp) -> SharedClock {
        Arc::new(Self::new(start))
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.start + self.base.elapsed()
    }
}

#[cfg(test)]
mod tests;
