//! The dispatcher: asks which groups are due, and flushes them side by side.
//!
//! It sleeps until the next tick, at most a second, and is woken when a group may be due sooner. No task per group.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Grace;
use domain::time::Timestamp;
use runtime::failpoint::reach;
use runtime::tasks::Stop;
use tokio::time::Instant;

use crate::Engine;

/// Flushes that may be under way at a time: each holds a snapshot of its group, and most wait for receivers.
const FLUSHES_MAX: usize = 10_000;

impl Engine {
    /// Runs the dispatcher until told to stop; then waits for flushes under way, at most
    /// [`Timing::drain`](runtime::timing::Timing::drain).
    pub async fn dispatch(self: Arc<Self>, stop: Stop) {
        tokio::select! {
            () = tokio::time::sleep(self.options.start_delay) => {}
            () = stop.stopped() => return,
        }
        let mut polled_at: Option<Timestamp> = None;
        while !stop.is_stopped() {
            let now = self.clock.now();
            self.notice_stall(polled_at, now);
            polled_at = Some(now);
            let pause = self.poll(now).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
                () = stop.stopped() => break,
            }
        }
        reach("C15").await;
        let report = self.flushes.shutdown(self.options.timing.drain).await;
        if !report.is_clean() {
            tracing::warn!(
                flushes = report.cut_off.len(),
                "Stopped while messages were still out; they are repeated under the same key"
            );
        }
    }

    /// Flushes what is due; answers how long to sleep.
    async fn poll(self: &Arc<Self>, now: Timestamp) -> Duration {
        let timing = self.options.timing;
        let room = FLUSHES_MAX.saturating_sub(self.flushes.len());
        if room == 0 {
            return Duration::from_millis(10);
        }
        let began = Instant::now();
        let polled = match self.state.poll(room, now).await {
            Ok(polled) => polled,
            Err(error) => {
                tracing::warn!(%error, "Due groups could not be claimed");
                return timing.poll_retry;
            }
        };
        for claim in polled.claims {
            let Some(tenant) = self.tenant(&claim.identity.tenant) else {
                // A tenant a reload took away: its groups wait until it comes back.
                if let Err(error) = self.state.unclaim(&claim, now, timing.retired_pause).await {
                    tracing::debug!(%error, "A group of a retired tenant could not be given back");
                }
                continue;
            };
            let engine = Arc::clone(self);
            self.flushes.spawn("flush", move |_stop| async move {
                engine.flush(&tenant, claim, began).await
            });
        }
        let next = polled
            .next_due
            .map_or(timing.poll_max, |due| due.since(now));
        // Rounded up to the timer's millisecond: a tick is never early.
        (next.min(timing.poll_max))
            .saturating_sub(began.elapsed())
            .max(Duration::from_millis(1))
    }

    /// After a stall nobody could refresh anything: ends by time-out wait until senders had their chance (G5).
    fn notice_stall(&self, polled_at: Option<Timestamp>, now: Timestamp) {
        let Some(polled_at) = polled_at else { return };
        if now.since(polled_at) < self.options.timing.stall {
            return;
        }
        if self.state.mode() == state::Mode::Coordinated {
            // The others went on; whether all were stopped is seen where the state is shared.
            return;
        }
        tracing::warn!(
            stalled_seconds = now.since(polled_at).as_secs(),
            "This instance was stopped for a while; for five minutes no alert is ended by time-out"
        );
        self.set_grace(Grace {
            since: now,
            until: now + self.options.timing.grace,
        });
    }

    /// Whether a tick may come before the dispatcher looks by itself, which it does at least every
    /// [`Timing::poll_max`](runtime::timing::Timing::poll_max): then it has to be woken.
    pub(crate) fn is_before_next_poll(&self, tick: Timestamp) -> bool {
        // Twice that, because a poll takes its time.
        tick <= self.clock.now() + self.options.timing.poll_max * 2
    }

    /// Suspends ends by time-out everywhere they are judged.
    pub(crate) fn set_grace(&self, grace: Grace) {
        self.state.set_grace(grace);
        for tenant in self.tenants() {
            tenant.mirror_mut().set_grace(grace);
        }
    }
}
