//! The connection in use, and the making of the next.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::LinkError;

/// Pause after the first failed attempt; each further one doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause, so that a server that is back is found within about a second.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What ends some day.
pub(super) trait Connection {
    /// Whether commands can go out.
    fn is_open(&self) -> bool;
}

/// The connection every command goes over; made by the first that needs it, others wait for it.
pub(super) struct Current<C> {
    wire: ArcSwapOption<C>,
    attempts: Mutex<Attempts>,
}

impl<C> Default for Current<C> {
    fn default() -> Self {
        Self {
            wire: ArcSwapOption::empty(),
            attempts: Mutex::default(),
        }
    }
}

/// Attempts that failed since the last success.
#[derive(Default)]
struct Attempts {
    count: u32,
    /// Until when that error is everybody's answer.
    last: Option<(Instant, LinkError)>,
}

impl<C: Connection> Current<C> {
    /// The connection; one that is made now when there is none or it is closed.
    pub(super) async fn wire(
        &self,
        connect: impl AsyncFnOnce() -> Result<C, LinkError>,
    ) -> Result<Arc<C>, LinkError> {
        if let Some(wire) = self.open_wire() {
            return Ok(wire);
        }
        let mut attempts = self.attempts.lock().await;
        if let Some(wire) = self.open_wire() {
            return Ok(wire);
        }
        if let Some((until, error)) = &attempts.last
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        match connect().await {
            Ok(wire) => {
                let wire = Arc::new(wire);
                self.wire.store(Some(wire.clone()));
                *attempts = Attempts::default();
                Ok(wire)
            }
            Err(error) => {
                let pause = jittered_pause(attempts.count);
                attempts.count = attempts.count.saturating_add(1);
                attempts.last = Some((Instant::now() + pause, error.clone()));
                Err(error)
            }
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_open(&self) -> bool {
        self.open_wire().is_some()
    }

    fn open_wire(&self) -> Option<Arc<C>> {
        self.wire.load_full().filter(|wire| wire.is_open())
    }

    /// Lets go of this connection unless it was replaced already; commands under way on it end undisturbed.
    pub(super) fn drop_wire(&self, wire: &Arc<C>) {
        self.wire.compare_and_swap(wire, None);
    }

    /// Lets go of whatever connection there is.
    pub(super) fn drop_any(&self) {
        self.wire.store(None);
    }
}

/// How long nobody tries after the failure with this number: between half and all of a growing span, drawn, so that
/// instances that lost the server together do not come back together.
pub(super) fn jittered_pause(failures: u32) -> Duration {
    let grown = PAUSE_MIN.saturating_mul(1 << failures.min(16));
    let span = grown.min(PAUSE_MAX);
    let draw = u32::try_from(RandomState::new().hash_one(failures) >> 32).unwrap_or(0);
    span.div_f64(2.0)
        .mul_f64(1.0 + f64::from(draw) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, PAUSE_MIN, jittered_pause};

    #[test]
    fn pauses_grow_to_a_second_and_are_spread() {
        for failures in 0..100 {
            let pause = jittered_pause(failures);
            assert!(PAUSE_MIN / 2 <= pause && pause <= PAUSE_MAX, "{pause:?}");
        }
        assert!(PAUSE_MAX / 2 <= jittered_pause(10));
        let drawn: std::collections::BTreeSet<_> = (0..20).map(|_| jittered_pause(10)).collect();
        assert!(10 < drawn.len(), "the draws differ");
    }
}
