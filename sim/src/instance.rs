//! One life of an instance: a real engine, the layer that shares its state, and everything it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use config::{Integration as Configured, LoadOptions};
use domain::id::{IntegrationId, TenantId};
use domain::inhibit::InhibitRule;
use domain::label::Interner;
use domain::matcher::MatcherMode;
use engine::settings::{ReceiverParts, Settings, SettingsParts};
use engine::{Engine, EngineOptions, Parts};
use runtime::clock::{Clock, FollowingClock, SharedClock};
use runtime::ids::SeededIds;
use runtime::metrics::Metrics;
use runtime::tasks::{Shutdown, Stop};
use runtime::timing::Timing;
use state::coordinated::Coordinated;
use state::coordinator::model::Model;
use state::coordinator::{InstanceReport, RecordVersions};
use store::journal::{Commit, CompactionMark, Journal, Record, Replayed};
use store::{Store, StoreError};
use tokio::task::JoinHandle;

use crate::receiver::{Receiver, Setup};
use crate::sky::{Gate, Overhead, Sky};

/// What every life of every instance shares.
pub struct Surroundings {
    /// The time.
    pub clock: SharedClock,
    /// What the clock of each instance's machine shows.
    pub machines: Vec<Arc<FollowingClock>>,
    /// The versions of records that the build on each machine knows.
    pub builds: Vec<RecordVersions>,
    /// The server.
    pub model: Model,
    /// What is over it.
    pub sky: Arc<Sky>,
    /// Who is told.
    pub receivers: Vec<Receiver>,
}

impl Surroundings {
    /// Machines whose clocks are right.
    pub fn machines(clock: &SharedClock, count: usize) -> Vec<Arc<FollowingClock>> {
        let machine = || FollowingClock::new(Arc::clone(clock));
        (0..count).map(|_| machine()).collect()
    }
}

/// One life of an instance.
pub struct Instance {
    /// The engine.
    pub engine: Arc<Engine>,
    /// How it shares its state.
    pub shared: Arc<Coordinated>,
    /// Whether it lives.
    pub gate: Gate,
    /// Which instance, and which of its lives.
    pub from: (usize, usize),
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
    sharing_shutdown: Shutdown,
    sharing_tasks: Vec<JoinHandle<()>>,
}

/// What counts of a life, for the oracle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Groups without a place in a queue that were repaired.
    pub repaired: u64,
    /// Times it went on alone, or came back.
    pub mode_changes: u64,
}

impl Instance {
    /// Begins a life on what the journal holds.
    pub async fn start(
        around: &Surroundings,
        from: (usize, usize),
        store: &Store,
        yaml: &str,
    ) -> Self {
        let gate = Gate::default();
        let (slot, life) = from;
        let id = format!("i{slot}-{life}");
        let overhead = Overhead {
            sky: Arc::clone(&around.sky),
            slot,
            gate: gate.clone(),
        };
        let client = around.model.connect_through(&id, Arc::new(overhead));
        let client = client.knowing(around.builds[slot]);
        let report = InstanceReport {
            id,
            started_at: Some(around.machines[slot].now()),
            ..InstanceReport::default()
        };
        let timing = Timing::default();
        let machine: SharedClock = Arc::<FollowingClock>::clone(&around.machines[slot]);
        let agreed = FollowingClock::new(machine);
        let clock: SharedClock = Arc::<FollowingClock>::clone(&agreed);
        let shared = Coordinated::new(Arc::new(client), report, Arc::clone(&clock), timing);
        shared.lead(agreed);
        let seed = u64::try_from(slot * 1_000 + life).unwrap_or(0);
        let engine = Engine::new(Parts {
            state: Arc::<Coordinated>::clone(&shared),
            journal: Arc::new(LivingJournal {
                inner: Arc::clone(&store.journal),
                gate: gate.clone(),
            }),
            inbox: Arc::clone(&store.inbox),
            deliveries: Arc::clone(&store.deliveries),
            rates: Arc::new(state::rate::memory::MemoryBuckets::default()),
            clock,
            ids: SeededIds::shared(seed),
            metrics: Arc::new(Metrics::new(&runtime::metrics::Options::default())),
            options: EngineOptions::default(),
            interner: Arc::default(),
        });
        let mut instance = Self {
            engine,
            shared,
            gate,
            from,
            shutdown: Shutdown::new(),
            tasks: Vec::new(),
            sharing_shutdown: Shutdown::new(),
            sharing_tasks: Vec::new(),
        };
        instance.configure(around, yaml).await;
        let restored = instance.engine.restore().await;
        restored.expect("the journal can be read");
        instance.shared.start().await;
        instance.run();
        instance
    }

    fn run(&mut self) {
        let stop = || self.shutdown.listener();
        self.tasks = vec![
            tokio::spawn(Arc::clone(&self.engine).dispatch(stop())),
            tokio::spawn(Arc::clone(&self.engine).maintain(stop())),
        ];
        let stop = || self.sharing_shutdown.listener();
        self.sharing_tasks = vec![
            tokio::spawn(follow(Arc::clone(&self.shared), stop())),
            tokio::spawn(keep_up(Arc::clone(&self.shared), stop())),
        ];
    }

    /// Puts a configuration in force.
    pub async fn configure(&self, around: &Surroundings, yaml: &str) {
        let settings = self.settings(yaml, &around.receivers);
        let wanted = BTreeMap::from([(TenantId::default_tenant(), settings)]);
        let configured = self.engine.configure(wanted).await;
        configured.expect("the configuration is put in force");
    }

    /// Ends as `kill -9` does: what is out hangs for ever from its next step on.
    pub fn kill(&self) {
        self.gate.kill();
        let tasks = self.tasks.iter().chain(&self.sharing_tasks);
        tasks.for_each(JoinHandle::abort);
    }

    /// Ends as SIGTERM does; one that takes too long is killed. As in the program it goes on sharing until the messages that
    /// are out have ended: what is given back is flushed by others at once.
    pub async fn stop(&mut self) {
        self.shutdown.stop();
        ended(&mut self.tasks).await;
        self.sharing_shutdown.stop();
        ended(&mut self.sharing_tasks).await;
        self.kill();
    }

    /// What counts of this life.
    pub fn counted(&self) -> Counted {
        let counters = self.shared.counters();
        Counted {
            repaired: counters.audit_repaired.load(Ordering::Relaxed),
            mode_changes: counters.mode_changes.load(Ordering::Relaxed),
        }
    }

    fn settings(&self, yaml: &str, receivers: &[Receiver]) -> Arc<Settings> {
        let config = config::load(yaml, &LoadOptions::default());
        let config = config.expect("the configuration of the simulation is valid");
        let inhibit_rules = config.inhibit_rules.into_iter().map(|rule| InhibitRule {
            name: None,
            source_matchers: rule.source_matchers,
            target_matchers: rule.target_matchers,
            equal: rule
                .equal
                .iter()
                .map(|label| Arc::from(label.as_str()))
                .collect(),
        });
        let parts = SettingsParts {
            receivers: config
                .receivers
                .iter()
                .map(|r| self.parts(r, receivers))
                .collect(),
            inhibit_rules: inhibit_rules.collect(),
            time_intervals: config.time_intervals.into_iter().collect(),
            resolve_timeout: config.global.resolve_timeout,
            original: config.original,
            own: String::new(),
            file_hash: 0,
            route: config.route,
            matcher_mode: MatcherMode::Fallback,
            external_url: Arc::from("http://belfry.example.org"),
            anonymous_api: false,
            templates: Arc::default(),
        };
        Settings::new(parts, self.engine.metrics())
    }

    fn parts(&self, configured: &config::Receiver, receivers: &[Receiver]) -> ReceiverParts {
        let webhooks = configured.integrations.iter().filter_map(|one| {
            let Configured::Webhook(webhook) = &one.integration else {
                return None;
            };
            let url = webhook.url.as_ref()?.expose().to_owned();
            let named = |r: &&Receiver| url == format!("http://{}", r.name());
            let receiver = receivers.iter().find(named)?;
            Some(receiver.integration(Setup {
                id: IntegrationId::new(&configured.name, "webhook", one.index),
                send_resolved: webhook.send_resolved,
                from: self.from,
                gate: self.gate.clone(),
            }))
        });
        ReceiverParts {
            name: configured.name.clone(),
            labels: Vec::new(),
            integrations: webhooks.collect(),
            delivery: engine::settings::DeliveryParts::default(),
        }
    }
}

/// Waits for tasks that were told to stop, as long as anybody would.
async fn ended(tasks: &mut [JoinHandle<()>]) {
    for task in tasks {
        let _ = tokio::time::timeout(Duration::from_secs(30), task).await;
    }
}

async fn follow(shared: Arc<Coordinated>, stop: Stop) {
    shared.run_follower(stop).await;
}

async fn keep_up(shared: Arc<Coordinated>, stop: Stop) {
    shared.run_keeper(stop).await;
}

/// A journal, as long as its instance lives.
struct LivingJournal {
    inner: Arc<dyn Journal>,
    gate: Gate,
}

#[async_trait]
impl Journal for LivingJournal {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.gate.pass().await;
        self.inner.append(records).await?;
        self.gate.pass().await;
        Ok(())
    }

    fn submit(&self, records: Vec<Record>) -> Commit {
        self.inner.submit(records)
    }

    async fn replay(
        &self,
        interner: &Interner,
        visit: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Replayed, StoreError> {
        self.inner.replay(interner, visit).await
    }

    fn wants_compaction(&self) -> bool {
        self.inner.wants_compaction()
    }

    async fn begin_compaction(&self) -> Result<CompactionMark, StoreError> {
        self.gate.pass().await;
        self.inner.begin_compaction().await
    }

    async fn finish_compaction(&self, mark: CompactionMark) -> Result<(), StoreError> {
        self.gate.pass().await;
        self.inner.finish_compaction(mark).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
