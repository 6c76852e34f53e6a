//! State that instances share, with a replica in memory that serves every read, takes over when the shared home is gone, and
//! brings it up to date when it is back (protocol.md §6, §8, §9).
//!
//! ```text
//! engine ──State──▶ Coordinated ──Coordinator──▶ Redis
//!                     │    ▲                        │
//!                     ▼    └──── feed of changes ◀──┘
//!                  replica (state::memory)
//! ```
//!
//! While a fault domain is reachable each transition is the coordinator's, and the replica is told the outcome, by the answer
//! and again by the feed. While it is not, the transitions are the replica's own, for the alerts this instance took in.
//! Start reading at `attempt` (one request and what its failure means), then `poll`, `follow`, `reconcile`.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use domain::alert::Grace;
use domain::group::GroupIdentity;
use domain::group::farewell::Leave;
use domain::id::{IntegrationId, TenantId};
use domain::limits;
use domain::time::Timestamp;
use futures::future::select_all;
use runtime::clock::{FollowingClock, SharedClock};
use runtime::timing::Timing;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Mode;
use crate::agreed::Agreed;
use crate::coordinator::{
    Coordinator, CoordinatorError, Epoch, EventId, GroupName, InstanceReport, Outage,
};
use crate::host::Host;
use crate::memory::Memory;

mod adopt;
mod apart;
mod breaker;
mod carried_over;
mod degraded;
mod differing;
mod evictions;
mod flush;
mod follow;
mod heard;
mod ingest;
mod joining;
mod kept_back;
mod late;
mod missed;
mod moves;
mod owing;
mod past;
mod poll;
mod pulse;
mod reconcile;
mod silences;
mod state;
mod status;
mod stranded;
mod tasks;
mod tombs;

#[cfg(test)]
mod tests;

pub use status::SharingCounters;

use apart::ToldAlone;
use breaker::Breaker;
use carried_over::Carried;
use late::Late;
use pulse::Pulse;
use status::Turn;
use stranded::Stranded;
use tombs::Tombs;

/// Pause before a request that failed is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Shared state is out of reach: what is to be done is this instance's own to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Alone;

/// A request on its way to the coordinator.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CoordinatorError>> + Send + 'a>>;

/// What this instance knows of a shard's data.
#[derive(Clone, Debug, Default)]
struct ShardView {
    epoch: Option<Epoch>,
    /// The last one it met; that stays while the shard is read anew.
    met: Option<Epoch>,
    /// The last change the replica includes.
    seen: EventId,
    /// The last change there is, as far as is known.
    last: EventId,
    /// Since when a change is known to be there that the replica does not include.
    behind_since: Option<Instant>,
    /// Since when it cannot be reconciled although it answers.
    strange_since: Option<Instant>,
}

impl ShardView {
    /// There is a change with this id.
    fn hear_of(&mut self, last: EventId) {
        self.last = self.last.max(last);
        if self.last > self.seen {
            self.behind_since.get_or_insert_with(Instant::now);
        }
    }

    /// The replica includes this change now.
    fn see(&mut self, id: EventId) {
        self.seen = id;
        if self.last <= id {
            self.behind_since = None;
        }
    }
}

/// A part of shared state that fails as a whole.
struct Domain {
    breaker: Mutex<Breaker>,
    /// Says that this instance goes on alone in it: nobody waits for answers any more.
    opened: Notify,
    /// Held for reading while something is changed by this instance alone, for writing while it goes back to sharing.
    alone: tokio::sync::RwLock<()>,
    /// Groups that this instance changed alone since the way back began, with the alerts it put into them.
    touched: Mutex<HashMap<GroupName, reconcile::Arrivals>>,
    /// Whether no group is claimed: this instance is on its way back.
    is_returning: AtomicBool,
    /// When this process woke from standing still while it was alone, if it has not asked since whether that is over.
    doubted_at: Mutex<Option<Instant>>,
    /// Whether a configuration moved members between groups while this instance was alone.
    has_moved: AtomicBool,
    /// When shared state answered last, by the wall clock.
    reached_at: Mutex<Option<Timestamp>>,
    evictions: Mutex<evictions::Watch>,
    /// It refuses this instance, which only people can change; not to be asked before.
    refused_until: Mutex<Option<Instant>>,
}

/// See the module's text.
pub struct Coordinated {
    memory: Memory,
    /// In the time the instances agree on, as everything here.
    shared: Arc<dyn Coordinator>,
    /// The same.
    agreed: Arc<Agreed>,
    host: OnceLock<Weak<dyn Host>>,
    clock: SharedClock,
    timing: Timing,
    domains: Vec<Domain>,
    views: Vec<Mutex<ShardView>>,
    /// One reader of the feed at a time.
    following: tokio::sync::Mutex<follow::Orphans>,
    silence_versions: Mutex<HashMap<TenantId, u64>>,
    /// The latest version of a tenant's silences that this instance made.
    silences_made: Mutex<HashMap<TenantId, u64>>,
    /// Claims this instance is flushing, with their fences.
    active: Mutex<HashMap<GroupName, u64>>,
    /// Claims on data that was lost since they were made: nothing more is sent under them (protocol.md §8).
    void: Mutex<HashMap<GroupName, u64>>,
    /// Integrations this instance was the last to tell.
    told_here: Mutex<HashMap<GroupName, HashSet<IntegrationId>>>,
    told_alone: ToldAlone,
    late: Mutex<Late>,
    carried: Mutex<Carried>,
    /// Members that were let go on the way back, until all is shared again.
    missed: Mutex<missed::Seen>,
    stranded: Mutex<Stranded>,
    /// Tenants for which instances have different configurations.
    differing: Mutex<differing::Differing>,
    /// Who left which group lately.
    tombs: Mutex<Tombs>,
    /// Number of the next poll, and whether the last one was answered in full.
    nonce: AtomicU64,
    report: Mutex<InstanceReport>,
    /// Whether the server was found able since it was last out of reach.
    is_looked_over: AtomicBool,
    /// Who lives, as last read.
    instances: Mutex<Vec<InstanceReport>>,
    /// Whether anybody else ever lived beside this instance.
    has_met_others: AtomicBool,
    /// How an earlier life of this instance left, as far as the journal tells.
    left: Mutex<Option<missed::Left>>,
    /// When the mode changed last, and why.
    turn: Mutex<Turn>,
    /// Reads of the feed that were begun so far.
    follows: AtomicU64,
    counters: Arc<SharingCounters>,
    /// The version of records that was written when it was asked last; zero before.
    records: AtomicU32,
    pulse: Mutex<Pulse>,
    /// When data was found to be lost last.
    lost_at: Mutex<Option<Instant>>,
}

impl Coordinated {
    /// Joins a coordinator with an empty replica; nothing is asked of it before [`Coordinated::start`].
    ///
    /// `report` is what this instance says of itself; its id must be new at each start.
    pub fn new(
        shared: Arc<dyn Coordinator>,
        report: InstanceReport,
        clock: SharedClock,
        timing: Timing,
    ) -> Arc<Self> {
        let domains = (0..shared.fault_domains().max(1)).map(|_| Domain {
            breaker: Mutex::new(Breaker::new(timing.breaker_silence)),
            opened: Notify::new(),
            alone: tokio::sync::RwLock::default(),
            touched: Mutex::default(),
            is_returning: AtomicBool::default(),
            doubted_at: Mutex::default(),
            has_moved: AtomicBool::default(),
            reached_at: Mutex::default(),
            evictions: Mutex::default(),
            refused_until: Mutex::default(),
        });
        let turn = Turn::at(clock.now());
        let agreed = Agreed::over(shared, report.id.clone(), Arc::clone(&clock), &timing);
        let agreed = Arc::new(agreed);
        Arc::new(Self {
            memory: Memory::new(timing),
            domains: domains.collect(),
            shared: Arc::<Agreed>::clone(&agreed),
            agreed,
            host: OnceLock::new(),
            clock,
            timing,
            views: (0..limits::SHARDS).map(|_| Mutex::default()).collect(),
            following: tokio::sync::Mutex::default(),
            silence_versions: Mutex::default(),
            silences_made: Mutex::default(),
            active: Mutex::default(),
            void: Mutex::default(),
            told_here: Mutex::default(),
            told_alone: ToldAlone::default(),
            late: Mutex::default(),
            carried: Mutex::default(),
            missed: Mutex::default(),
            stranded: Mutex::default(),
            differing: Mutex::default(),
            tombs: Mutex::default(),
            nonce: AtomicU64::new(1),
            report: Mutex::new(report),
            is_looked_over: AtomicBool::new(false),
            instances: Mutex::default(),
            has_met_others: AtomicBool::default(),
            left: Mutex::default(),
            turn: Mutex::new(turn),
            follows: AtomicU64::new(0),
            counters: Arc::default(),
            records: AtomicU32::new(0),
            pulse: Mutex::new(Pulse::new(timing.breaker_silence)),
            lost_at: Mutex::default(),
        })
    }

    /// Has a clock, which should be the engine's, show the time the instances agree on; said once, before the start.
    pub fn lead(&self, clock: Arc<FollowingClock>) {
        self.agreed.lead(clock);
    }

    /// What is counted.
    pub fn counters(&self) -> &Arc<SharingCounters> {
        &self.counters
    }

    fn host(&self) -> Option<Arc<dyn Host>> {
        self.host.get().and_then(Weak::upgrade)
    }

    fn domain(&self, shard: usize) -> &Domain {
        &self.domains[shard % self.domains.len()]
    }

    fn is_alone(&self, shard: usize) -> bool {
        lock(&self.domain(shard).breaker).is_open()
    }

    /// Waits until this instance goes on alone in some part.
    async fn goes_alone(&self) {
        let domains = self.domains.iter();
        let opened = domains.map(|domain| Box::pin(domain.opened.notified()));
        select_all(opened).await;
    }

    fn view(&self, shard: usize) -> MutexGuard<'_, ShardView> {
        lock(&self.views[shard % self.views.len()])
    }

    /// How the whole instance stands: alone in a part is degraded.
    fn current_mode(&self) -> Mode {
        let is_alone = |domain: &Domain| lock(&domain.breaker).is_open();
        if self.domains.iter().any(is_alone) {
            Mode::Degraded
        } else {
            Mode::Coordinated
        }
    }

    /// Asks the coordinator until it answers, or until it counts as unreachable.
    ///
    /// Every request may be repeated as it is: that is what the transitions promise (S1).
    async fn attempt<'a, T>(
        &self,
        shard: usize,
        ask: impl Fn() -> Answer<'a, T> + Send,
    ) -> Result<T, Alone> {
        let since = Instant::now();
        loop {
            let mut opened = std::pin::pin!(self.domain(shard).opened.notified());
            opened.as_mut().enable();
            if self.is_alone(shard) {
                return Err(Alone);
            }
            let asked_at = Instant::now();
            let answer = tokio::select! {
                answer = ask() => answer,
                () = opened => return Err(Alone),
            };
            match answer {
                Ok(answer) => {
                    self.succeed(shard);
                    return Ok(answer);
                }
                Err(error) => self.fail_since(since, shard, error, asked_at),
            }
            if !self.is_alone(shard) {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }

    /// As [`Coordinated::attempt`]; what has to be done alone is done while the way back is kept from completing.
    async fn attempt_or_stay<'a, T>(
        &self,
        shard: usize,
        ask: impl Fn() -> Answer<'a, T> + Send + Sync,
    ) -> Result<T, ingest::StaysAlone<'_>> {
        loop {
            if let Ok(answer) = self.attempt(shard, &ask).await {
                return Ok(answer);
            }
            let alone = self.stay_alone().await;
            if self.is_alone(shard) {
                return Err(alone);
            }
        }
    }

    /// The server of a shard answered, whatever it was asked.
    fn heard_from(&self, shard: usize) {
        lock(&self.domain(shard).breaker).succeed(Instant::now());
    }

    /// The coordinator answered.
    fn succeed(&self, shard: usize) {
        self.heard_from(shard);
        let domain = self.domain(shard);
        *lock(&domain.reached_at) = Some(self.clock.now());
    }

    /// The coordinator did not answer a request that is repeated since then. Other requests may be answered meanwhile, so
    /// that they alone would never make this instance go on without it.
    fn fail_since(
        &self,
        since: Instant,
        shard: usize,
        mut error: CoordinatorError,
        asked_at: Instant,
    ) {
        if since.elapsed() >= self.timing.breaker_silence * 2 && !self.has_slept() {
            error.outage = Outage::Certain;
        }
        self.fail(shard, &error, asked_at);
    }

    /// The coordinator did not answer; if that was once too often this instance goes on alone.
    fn fail(&self, shard: usize, error: &CoordinatorError, asked_at: Instant) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        if error.outage == Outage::Transient && self.has_slept() {
            tracing::debug!(%error, shard, "This process did not run for a while; it asks again");
            return;
        }
        let index = shard % self.domains.len();
        let was_known = lock(&self.domains[index].reached_at).is_some();
        let has_opened =
            lock(&self.domains[index].breaker).fail(error.outage, asked_at, Instant::now());
        if has_opened && was_known {
            self.go_alone(index, error);
        } else {
            tracing::debug!(%error, shard, "Shared state did not answer");
        }
    }

    /// Remembers that members left a group.
    fn bury(&self, group: &Arc<GroupIdentity>, leaves: &[Leave]) {
        lock(&self.tombs).bury(group, leaves, self.timing.tombstone);
    }

    /// How ends by time-out are judged, for the replica and for the engine.
    fn judge_by(&self, grace: Grace) {
        crate::State::set_grace(&self.memory, grace);
        if let Some(host) = self.host() {
            host.grace_changed(grace);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
