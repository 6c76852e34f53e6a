//! Use cases: taking alerts in, deciding who is told, telling them, and showing it all.
//!
//! The engine joins the pure domain with the ports (`state`, `store`, `notify`) and names no adapter (L5). It reads the clock
//! once per unit of work and passes `now` down. What it promises: nothing acknowledged is lost (a record is durable
//! before the caller hears "yes"), and nothing recorded as told is told again.
//!
//! Start reading at [`flush`], the walk of one group from its tick to its receivers; then [`ingest`] and [`mirror`].

pub mod channel;
mod deliver;
pub mod dispatch;
pub mod events;
pub mod explain;
mod fallback;
pub mod flush;
mod holds;
mod host;
pub mod import;
pub mod ingest;
mod inheritance;
pub mod judge;
pub mod maintenance;
pub mod mirror;
pub mod preview;
pub mod read;
pub mod rehearse;
pub mod reload;
pub mod restore;
mod route_labels;
pub mod settings;
pub mod silences;
pub mod tenant;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::group::GroupIdentity;
use domain::id::{GroupKey, TenantId};
use domain::label::Interner;
use domain::time::Timestamp;
use runtime::clock::SharedClock;
use runtime::ids::SharedIds;
use runtime::metrics::Metrics;
use runtime::tasks::TaskGroup;
use runtime::timing::Timing;
use state::State;
use state::rate::RateBuckets;
use store::Deliveries;
use store::inbox::Inbox;
use store::journal::Journal;
use tokio::sync::Notify;

pub use ingest::{IngestReport, PostedAlert};
pub use silences::PutSilenceError;
pub use state::Mode;
pub use state::coordinator::InstanceReport;
pub use state::sharing::{NotReached, ShardStanding, SharingCounts, Standing, Version};
pub use tenant::Tenant;

/// Why a request could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Nothing was acknowledged; the same request may be repeated (503).
    #[error("{0}")]
    Unavailable(String),
    /// A limit was reached; the text says which.
    #[error("{0}")]
    Limit(String),
}

/// Bounds and periods of a process; flags set them.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How long ended silences are kept (`--data.retention`).
    pub retention: Duration,
    /// How often ended alerts are collected (`--alerts.gc-interval`).
    pub alerts_gc_interval: Duration,
    /// How often silences and the journal are looked after (`--data.maintenance-interval`).
    pub maintenance_interval: Duration,
    /// Nothing is flushed before start plus this (`--dispatch.start-delay`).
    pub start_delay: Duration,
    /// Most silences of a tenant, expired ones included; 0 is no limit (`--silences.max-silences`).
    pub silences_max: usize,
    /// Largest silence in bytes; 0 is no limit (`--silences.max-silence-size-bytes`).
    pub silence_bytes_max: usize,
    /// Most alerts with one alertname; 0 is no limit (`--alerts.per-alertname-limit`).
    pub per_alertname_limit: usize,
    /// Whether changes of silences are logged (`--log.silences`).
    pub log_silences: bool,
    /// Flushes that may be under way at a time: each holds a snapshot of its group, and most wait for receivers.
    pub flushes_max: usize,
    /// The times of the protocol; not for operators, tests shrink them.
    pub timing: Timing,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(120 * 3600),
            alerts_gc_interval: Duration::from_secs(30 * 60),
            maintenance_interval: Duration::from_secs(15 * 60),
            start_delay: Duration::ZERO,
            silences_max: 0,
            silence_bytes_max: 0,
            per_alertname_limit: 0,
            log_silences: false,
            flushes_max: 10_000,
            timing: Timing::default(),
        }
    }
}

/// What the engine is made of: the world as parameters.
pub struct Parts {
    /// Hot shared state.
    pub state: Arc<dyn State>,
    /// The durable record.
    pub journal: Arc<dyn Journal>,
    /// The built-in inbox.
    pub inbox: Arc<dyn Inbox>,
    /// The log of every attempt at a message.
    pub deliveries: Arc<dyn Deliveries>,
    /// How often integrations may be used.
    pub rates: Arc<dyn RateBuckets>,
    /// The time.
    pub clock: SharedClock,
    /// Where ids come from.
    pub ids: SharedIds,
    /// Labels held once, whoever heard of them.
    pub interner: Arc<Interner>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Bounds and periods.
    pub options: EngineOptions,
}

/// The server without its doors.
pub struct Engine {
    tenants: ArcSwap<BTreeMap<TenantId, Arc<Tenant>>>,
    /// Tenants a reload took away: not served, but as they were should a later reload bring them back.
    retired: Mutex<BTreeMap<TenantId, Arc<Tenant>>>,
    state: Arc<dyn State>,
    journal: Arc<dyn Journal>,
    inbox: Arc<dyn Inbox>,
    deliveries: Arc<dyn Deliveries>,
    rates: Arc<dyn RateBuckets>,
    clock: SharedClock,
    ids: SharedIds,
    metrics: Arc<Metrics>,
    options: EngineOptions,
    interner: Arc<Interner>,
    content_hasher: foldhash::fast::RandomState,
    started_at: Timestamp,
    /// What changed, for those who follow.
    events: events::Events,
    /// Rung when a group may be due sooner than the dispatcher thinks.
    wake: Notify,
    /// Flushes under way, so that a stop can wait for them.
    flushes: TaskGroup,
    /// What others did is taken over here when somebody asks for it.
    reads: TaskGroup,
    /// Whether a record could not be written, so that the journal must be restated once it works again.
    has_unrecorded: AtomicBool,
    /// Since when this instance is alone, as the journal has to know; outer `None`: it never shared anything.
    alone_since: Mutex<Option<Option<Timestamp>>>,
    /// Held for reading from "told is recorded" to "told is committed", for writing while a compaction begins.
    recording: tokio::sync::RwLock<()>,
}

impl Engine {
    /// Puts an engine together; it has no tenants and runs nothing yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let started_at = parts.clock.now();
        let limit = i64::try_from(parts.options.per_alertname_limit).unwrap_or(i64::MAX);
        parts.metrics.alerts.per_alert_limit.set(limit);
        let engine = Arc::new(Self {
            tenants: ArcSwap::default(),
            retired: Mutex::default(),
            state: parts.state,
            journal: parts.journal,
            inbox: parts.inbox,
            deliveries: parts.deliveries,
            rates: parts.rates,
            clock: parts.clock,
            ids: parts.ids,
            metrics: parts.metrics,
            options: parts.options,
            interner: parts.interner,
            content_hasher: foldhash::fast::RandomState::default(),
            started_at,
            events: events::Events::default(),
            wake: Notify::new(),
            flushes: TaskGroup::new(),
            reads: TaskGroup::new(),
            has_unrecorded: AtomicBool::new(false),
            alone_since: Mutex::default(),
            recording: tokio::sync::RwLock::default(),
        });
        let host: std::sync::Weak<Self> = Arc::downgrade(&engine);
        engine.state.attach(host);
        engine
    }

    /// How this instance works together with others.
    pub fn mode(&self) -> state::Mode {
        self.state.mode()
    }

    /// How this instance stands among those it shares with; `None` where nothing is shared. Asks nobody.
    pub fn standing(&self) -> Option<Standing> {
        self.state.standing()
    }

    /// How deep the queues of each shard are.
    ///
    /// # Errors
    /// The shared home did not answer.
    pub async fn shards(&self) -> Result<Vec<ShardStanding>, EngineError> {
        let shards = self.state.shards().await;
        shards.map_err(|error| EngineError::Unavailable(error.to_string()))
    }

    /// What a later read, anywhere, must have seen to see what was done for this tenant here.
    pub fn version(&self, tenant: &Tenant) -> Version {
        self.state.version(tenant.id())
    }

    /// Waits until reads of this tenant see at least that; the caller bounds the wait. What others did is taken over as a whole
    /// once that has begun, although whoever asked for it goes away.
    ///
    /// # Errors
    /// Why it cannot be seen here now.
    pub async fn reach(&self, tenant: &Tenant, version: &Version) -> Result<(), NotReached> {
        let (state, tenant, version) = (
            Arc::clone(&self.state),
            tenant.id().clone(),
            version.clone(),
        );
        let (tell, told) = tokio::sync::oneshot::channel();
        self.reads.spawn("reach", move |_stop| async move {
            // Nobody may be there to hear it any more.
            let _ = tell.send(state.reach(&tenant, &version).await);
        });
        told.await.unwrap_or(Err(NotReached::Alone))
    }

    /// A tenant by its id; unknown tenants are refused, never created (G6).
    pub fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.tenants.load().get(id).cloned()
    }

    /// All tenants in id order.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.tenants.load().values().cloned().collect()
    }

    /// The clock every unit of work reads once.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The built-in inbox.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::clone(&self.inbox)
    }

    /// The log of every attempt at a message.
    pub fn deliveries(&self) -> Arc<dyn Deliveries> {
        Arc::clone(&self.deliveries)
    }

    /// When the engine was put together.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Bounds and periods.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// What a group is; `None` when it is not here.
    pub fn group_identity(&self, tenant: &TenantId, key: GroupKey) -> Option<Arc<GroupIdentity>> {
        self.state.group(tenant, key).map(|group| group.identity)
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.state.group_count()
    }

    /// How many distinct label pairs are held.
    pub fn interned_count(&self) -> usize {
        self.interner.len()
    }
}
