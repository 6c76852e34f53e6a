//! The dispatcher: asks which groups are due, and flushes them side by side.
//!
//! It sleeps until the next tick, at most a second, and is woken when a group may be due sooner. No task per group.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::alert::Grace;
use domain::group::Claim;
use domain::time::Timestamp;
use futures::future::join_all;
use runtime::failpoint::reach;
use runtime::tasks::Stop;
use tokio::time::Instant;

use crate::{Engine, Tenant};

/// Most claims of one poll where tenants share the flushes: some may have to be given back.
const CLAIMS_MAX: usize = 500;

/// How long a group is left alone whose tenant has too many flushes under way.
const FULL_PAUSE: Duration = Duration::from_secs(5);

/// A flush of a tenant, while it is under way.
struct UnderWay(Arc<Tenant>);

impl UnderWay {
    fn new(tenant: &Arc<Tenant>) -> Self {
        tenant.flushing.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(tenant))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.flushing.fetch_sub(1, Ordering::Relaxed);
    }
}

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
        let mut room = self.options.flushes_max.saturating_sub(self.flushes.len());
        if room == 0 {
            return Duration::from_millis(10);
        }
        let is_shared = self.tenants().len() > 1;
        let limit = if is_shared {
            room.min(CLAIMS_MAX)
        } else {
            room
        };
        let began = Instant::now();
        let polled = match self.state.poll(limit, now).await {
            Ok(polled) => polled,
            Err(error) => {
                tracing::warn!(%error, "Due groups could not be claimed");
                return timing.poll_retry;
            }
        };
        let mut returned = Vec::new();
        for claim in polled.claims {
            let Some(tenant) = self.tenant(&claim.identity.tenant) else {
                // A tenant a reload took away: its groups wait until it comes back.
                returned.push((claim, timing.retired_pause));
                continue;
            };
            // None has more than it leaves to the others: a receiver that hangs holds up its own tenant only.
            if is_shared && tenant.flushing.load(Ordering::Relaxed) >= room {
                returned.push((claim, FULL_PAUSE));
                continue;
            }
            room = room.saturating_sub(1);
            let engine = Arc::clone(self);
            let under_way = UnderWay::new(&tenant);
            self.flushes.spawn("flush", move |_stop| async move {
                engine.flush(&tenant, claim, began).await;
                drop(under_way);
            });
        }
        let returned = returned.iter();
        join_all(returned.map(|(claim, pause)| self.give_back(claim, *pause))).await;
        let next = polled
            .next_due
            .map_or(timing.poll_max, |due| due.since(now));
        // Rounded up to the timer's millisecond: a tick is never early.
        (next.min(timing.poll_max))
            .saturating_sub(began.elapsed())
            .max(Duration::from_millis(1))
    }

    /// Gives a claim back whose group cannot be flushed now, or has to be judged anew, for so long.
    pub(crate) async fn give_back(&self, claim: &Claim, pause: Duration) {
        if let Err(error) = self.state.unclaim(claim, self.clock.now(), pause).await {
            tracing::debug!(%error, group = %claim.identity.key, "A claim could not be given back; it lapses");
        }
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
