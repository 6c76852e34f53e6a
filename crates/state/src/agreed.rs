//! (T4) One time for all: what lies in a coordinator in its own clock is, for everything inside an instance, in the time instances
//! agree on (protocol.md §4).
//!
//! Senders, silences and time intervals speak of wall time. No single clock decides what that is: neither the server's nor
//! an instance's own, but what most of them show ([`clock`]). This is the one place where the two meet: instants that come
//! from the coordinator are moved by how far the clock of their shard is ahead of the agreed time, and back on their way
//! there. What is content (stated times, the ticks of messages) is in agreed time everywhere.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::group::grid::Grid;
use domain::time::Timestamp;
use runtime::clock::{FollowingClock, SharedClock};
use runtime::timing::Timing;
use tokio::time::Instant;

use crate::coordinator::{
    ClockReading, Coordinator, Epoch, Event, InstanceReport, PollAnswer, ShardClaims, ShardPoll,
};
use crate::sharing::Clocks;

mod clock;
mod port;

use clock::Agreement;

/// From here on differences are worth a warning.
const WARNED_MS: i64 = 1_000;

/// How often they are.
const WARNING_PAUSE: Duration = Duration::from_secs(600);

/// A coordinator whose instants are in agreed time.
pub(crate) struct Agreed {
    inner: Arc<dyn Coordinator>,
    /// This instance's id.
    id: String,
    /// This instance's own clock, where none was led.
    own: SharedClock,
    /// The engine's clock, which shows the agreed time.
    led: OnceLock<Arc<FollowingClock>>,
    known: Mutex<Known>,
}

struct Known {
    agreement: Agreement,
    /// How the clocks of others compare, as they said last.
    others: Vec<ClockReading>,
    warned_at: Option<Instant>,
}

impl Agreed {
    /// A coordinator as it is, for an instance with this id and this clock.
    pub(crate) fn over(
        inner: Arc<dyn Coordinator>,
        id: String,
        own: SharedClock,
        timing: &Timing,
    ) -> Self {
        let known = Known {
            agreement: Agreement::new(timing.instance_expiry * 6),
            others: Vec::new(),
            warned_at: None,
        };
        Self {
            inner,
            id,
            own,
            led: OnceLock::new(),
            known: Mutex::new(known),
        }
    }

    /// Has a clock show the agreed time from now on. Without one this instance takes its own clock for right.
    pub(crate) fn lead(&self, clock: Arc<FollowingClock>) {
        let _ = self.led.set(clock);
    }

    /// By how much the clocks in play are ahead of the agreed time.
    pub(crate) fn clocks(&self) -> Clocks {
        self.known().agreement.clocks()
    }

    /// When an epoch of a shard began.
    pub(crate) fn began_at(&self, shard: usize, epoch: &Epoch) -> Option<Timestamp> {
        epoch.began_at().map(|at| self.agreed_at(shard, at))
    }

    /// What the clock of a shard shows at an agreed time.
    pub(crate) fn shard_at(&self, shard: usize, at: Timestamp) -> Timestamp {
        at.moved_by_ms(self.ahead_ms(shard))
    }

    /// The agreed time at which the clock of a shard shows this.
    fn agreed_at(&self, shard: usize, at: Timestamp) -> Timestamp {
        at.moved_by_ms(-self.ahead_ms(shard))
    }

    fn ahead_ms(&self, shard: usize) -> i64 {
        self.known().agreement.ahead_ms(shard)
    }

    fn grid_from(&self, shard: usize, grid: Grid) -> Grid {
        moved(grid, -self.ahead_ms(shard))
    }

    fn grid_to(&self, shard: usize, grid: Grid) -> Grid {
        moved(grid, self.ahead_ms(shard))
    }

    fn local(&self) -> Timestamp {
        self.led.get().map_or_else(|| self.own.now(), |c| c.local())
    }

    /// Compares clocks: a request that was sent at `sent_at`, by this instance's own, found these shards' clocks.
    fn compare(&self, sent_at: Timestamp, shards: &[(usize, Timestamp)]) {
        let window = (sent_at, self.local());
        let mut known = self.known();
        known.agreement.compare(window, shards, Instant::now());
        self.agree(&mut known);
    }

    /// Notes what other instances say of their clocks.
    fn hear(&self, instances: &[InstanceReport]) {
        let others = instances.iter().filter(|instance| instance.id != self.id);
        let mut known = self.known();
        known.others = others.filter_map(|instance| instance.clock).collect();
        self.agree(&mut known);
    }

    fn agree(&self, known: &mut Known) {
        let Some(led) = self.led.get() else {
            known.agreement.stand_alone();
            return;
        };
        let now = Instant::now();
        let correction_ms = known.agreement.agree(&known.others, now);
        led.correct(correction_ms);
        let clocks = known.agreement.clocks();
        let is_off = |ms: i64| ms.abs() > WARNED_MS;
        let is_quiet = known
            .warned_at
            .is_some_and(|at| now.duration_since(at) < WARNING_PAUSE);
        if is_quiet || !(is_off(clocks.shared_ms) || is_off(clocks.instance_ms)) {
            return;
        }
        known.warned_at = Some(now);
        tracing::warn!(
            redis_ahead_ms = clocks.shared_ms,
            instance_ahead_ms = clocks.instance_ms,
            "Clocks differ: this is by how much {} and this instance are ahead of the time most agree on, which is the one \
             in force. Set the clock of that host right, and keep it so with NTP",
            self.inner.name()
        );
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn translate(&self, shard: usize, event: &mut Event) {
        if let Event::Grid { grid, .. } = event {
            *grid = self.grid_from(shard, *grid);
        }
    }

    fn translate_poll(&self, answer: &mut PollAnswer) {
        for (shard, poll) in answer.shards.iter_mut().enumerate() {
            if let Ok(ShardPoll::Well(well)) = poll {
                self.translate_claims(shard, well);
            }
        }
    }

    fn translate_claims(&self, shard: usize, well: &mut ShardClaims) {
        let back_ms = -self.ahead_ms(shard);
        let move_back = |at: &mut Timestamp| *at = at.moved_by_ms(back_ms);
        move_back(&mut well.now);
        well.next_due.iter_mut().for_each(move_back);
        move_back(&mut well.grace.since);
        move_back(&mut well.grace.until);
        well.claims.iter_mut().for_each(|c| move_back(&mut c.tick));
    }
}

fn moved(grid: Grid, by_ms: i64) -> Grid {
    if by_ms == 0 {
        return grid;
    }
    let (first, next) = (grid.first(), grid.next());
    let (first, next) = (first.moved_by_ms(by_ms), next.moved_by_ms(by_ms));
    Grid::known(first, next, grid.interval(), grid.has_ticked())
}
