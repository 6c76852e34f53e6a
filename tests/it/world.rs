//! A `World`: one engine on paused time, its receivers scripted, its journal in memory and breakable.
//!
//! A story says what happens (`world.at(1.0).push([alert("test1").start(1.0)]).await`), what is to arrive
//! (`world.expect(&hook, between(2.0, 2.5), [alert("test1").active(1.0)])`), and at last `world.finish(10.0).await`:
//! every expected message must have come once, with exactly these alerts, and nothing else.
//!
//! Times are seconds of the timeline. An instance can be killed and started again on the same journal; what a killed
//! instance still had to do never happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::id::TenantId;
use domain::silence::edit::SilencePost;
use domain::time::Timestamp;
use engine::explain::Explanation;
use engine::read::{AlertQuery, AlertView, GroupView};
use engine::settings::Settings;
use engine::{Engine, EngineError, EngineOptions, IngestReport, Parts, Tenant};
use runtime::clock::{SharedClock, SimClock};
use runtime::ids::{SeededIds, SharedIds};
use runtime::metrics::Metrics;
use runtime::tasks::Shutdown;
use store::Store;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) mod alerts;
pub(crate) mod config;
pub(crate) mod expect;
pub(crate) mod hook;
pub(crate) mod journal;
pub(crate) mod wire;

pub(crate) use alerts::{Alert, alert};
pub(crate) use expect::{Window, between};
pub(crate) use hook::{Answer, Hook};

use expect::Expectation;
use journal::WorldJournal;

/// 2026-01-05 10:00:00 UTC.
fn start() -> Timestamp {
    Timestamp::new(1_767_607_200, 0, 0)
}

/// A point of the timeline as a timestamp.
pub(crate) fn time(seconds: f64) -> Timestamp {
    let nanos = (seconds * 1_000.0).round() as i128 * 1_000_000;
    Timestamp::from_unix_nanos(start().unix_nanos() + nanos)
}

/// A timestamp as a point of the timeline.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    (at.unix_nanos() - start().unix_nanos()) as f64 / 1e9
}

/// See the module's text.
pub(crate) struct World {
    clock: SharedClock,
    /// Second 0 on tokio's clock.
    zero: Instant,
    ids: SharedIds,
    store: Store,
    journal: Arc<WorldJournal>,
    options: EngineOptions,
    /// By tenant, as YAML.
    configs: BTreeMap<TenantId, String>,
    hooks: Vec<Hook>,
    expectations: Vec<Expectation>,
    instance: Option<Instance>,
}

/// One life of the process.
struct Instance {
    engine: Arc<Engine>,
    is_alive: Arc<AtomicBool>,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    /// A running instance with one tenant, started at second 0.
    pub(crate) async fn new(yaml: &str, hooks: &[&Hook]) -> Self {
        Self::with(EngineOptions::default(), 0.0, &[("default", yaml)], hooks).await
    }

    /// As [`World::new`] with options, started `lead` seconds before second 0, with these tenants.
    pub(crate) async fn with(
        options: EngineOptions,
        lead: f64,
        tenants: &[(&str, &str)],
        hooks: &[&Hook],
    ) -> Self {
        let clock = SimClock::shared(time(-lead));
        let zero = Instant::now() + Duration::from_secs_f64(lead);
        let store = Store::memory(Arc::clone(&clock));
        let configs = tenants
            .iter()
            .map(|(id, yaml)| (tenant_id(id), (*yaml).to_owned()));
        hooks.iter().for_each(|hook| hook.begin_at(zero));
        let mut world = Self {
            clock,
            zero,
            ids: SeededIds::shared(7),
            journal: Arc::new(WorldJournal::new(Arc::clone(&store.journal))),
            store,
            options,
            configs: configs.collect(),
            hooks: hooks.iter().map(|hook| (*hook).clone()).collect(),
            expectations: Vec::new(),
            instance: None,
        };
        world.start().await;
        world
    }

    /// The moment `seconds` after second 0; what is done there waits for it first.
    pub(crate) fn at(&mut self, seconds: f64) -> Moment<'_> {
        Moment {
            world: self,
            at: seconds,
        }
    }

    /// A message with exactly these alerts must arrive at `hook` within the window; alerts' order does not matter.
    pub(crate) fn expect<const N: usize>(
        &mut self,
        hook: &Hook,
        window: Window,
        alerts: [Alert; N],
    ) {
        let alerts = alerts.to_vec();
        self.expectations.push(Expectation {
            hook: hook.clone(),
            window,
            alerts,
            reason: None,
        });
    }

    /// As [`World::expect`], and the message must say why it is sent.
    pub(crate) fn expect_because<const N: usize>(
        &mut self,
        hook: &Hook,
        window: Window,
        reason: &'static str,
        alerts: [Alert; N],
    ) {
        let alerts = alerts.to_vec();
        let expectation = Expectation {
            hook: hook.clone(),
            window,
            alerts,
            reason: Some(reason),
        };
        self.expectations.push(expectation);
    }

    /// Runs until `seconds` and compares what arrived with what was expected.
    pub(crate) async fn finish(mut self, seconds: f64) {
        self.wait_until(seconds).await;
        self.hooks.iter().for_each(Hook::check_keys);
        expect::check(&self.hooks, &self.expectations);
        self.kill();
    }

    /// The engine of the instance that runs.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.instance.as_ref().expect("an instance runs").engine
    }

    /// The tenant `default`.
    pub(crate) fn tenant(&self) -> Arc<Tenant> {
        self.tenant_named("default")
    }

    /// A tenant by its id.
    pub(crate) fn tenant_named(&self, id: &str) -> Arc<Tenant> {
        self.engine()
            .tenant(&tenant_id(id))
            .expect("the tenant is configured")
    }

    /// What breaks the journal.
    pub(crate) fn journal(&self) -> &WorldJournal {
        &self.journal
    }

    /// The timeline's time.
    pub(crate) fn now(&self) -> f64 {
        seconds(self.clock.now())
    }

    /// What `GET /alerts` answers now.
    pub(crate) fn alerts(&self, query: &AlertQuery) -> Vec<AlertView> {
        self.tenant().alerts(query, self.clock.now()).alerts
    }

    /// What `GET /alerts/groups` answers now.
    pub(crate) fn groups(&self, query: &AlertQuery) -> Vec<GroupView> {
        self.tenant().groups(query, self.clock.now())
    }

    /// What Explain answers now.
    pub(crate) fn explain(&self, fingerprint: Fingerprint) -> Option<Explanation> {
        self.engine()
            .explain(&self.tenant(), fingerprint, self.clock.now())
    }

    /// Ends the instance as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(instance) = self.instance.take() {
            // Flushes that are out hang for ever from their next step on: the dead do nothing.
            instance.is_alive.store(false, Ordering::SeqCst);
            instance.tasks.iter().for_each(JoinHandle::abort);
        }
    }

    /// Ends the instance as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.shutdown.stop();
            for task in instance.tasks {
                task.await.expect("a task ends without a panic");
            }
            instance.is_alive.store(false, Ordering::SeqCst);
        }
    }

    /// Starts an instance on what the journal holds.
    pub(crate) async fn start(&mut self) {
        assert!(self.instance.is_none(), "an instance runs already");
        let is_alive = Arc::new(AtomicBool::new(true));
        let engine = Engine::new(Parts {
            state: Arc::new(state::memory::Memory::default()),
            journal: Arc::new(self.journal.of_instance(&is_alive)),
            inbox: Arc::clone(&self.store.inbox),
            deliveries: Arc::clone(&self.store.deliveries),
            rates: Arc::new(state::rate::memory::MemoryBuckets::default()),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            interner: Arc::default(),
            metrics: Arc::new(Metrics::new(&runtime::metrics::Options::default())),
            options: self.options.clone(),
        });
        let settings = self.settings(&engine, &is_alive);
        engine
            .configure(settings)
            .await
            .expect("a configuration is put in force");
        engine.restore().await.expect("the journal can be read");
        let shutdown = Shutdown::new();
        let tasks = vec![
            tokio::spawn(Arc::clone(&engine).dispatch(shutdown.listener())),
            tokio::spawn(Arc::clone(&engine).maintain(shutdown.listener())),
        ];
        self.instance = Some(Instance {
            engine,
            is_alive,
            shutdown,
            tasks,
        });
    }

    /// Changes the file of the tenant `default`; the next start or reload reads it.
    pub(crate) fn set_config(&mut self, yaml: &str) {
        self.configs.insert(tenant_id("default"), yaml.to_owned());
    }

    /// Sleeps until a moment; one that has passed must be now.
    async fn wait_until(&self, seconds: f64) {
        let now = self.now();
        assert!(
            now <= seconds + 0.002,
            "the story goes back in time: {seconds} after {now}"
        );
        let at = self.zero + Duration::from_secs_f64(seconds.max(0.0));
        tokio::time::sleep_until(at).await;
    }

    fn settings(
        &self,
        engine: &Engine,
        is_alive: &Arc<AtomicBool>,
    ) -> BTreeMap<TenantId, Arc<Settings>> {
        let read = |yaml: &String| config::settings(yaml, &self.hooks, engine.metrics(), is_alive);
        self.configs
            .iter()
            .map(|(id, yaml)| (id.clone(), read(yaml)))
            .collect()
    }
}

/// A moment of the timeline, at which something is done.
pub(crate) struct Moment<'a> {
    world: &'a mut World,
    at: f64,
}

impl Moment<'_> {
    /// Only waits for it.
    pub(crate) async fn reached(self) {
        self.world.wait_until(self.at).await;
    }

    /// Posts alerts, all of which must be stored.
    pub(crate) async fn push<const N: usize>(self, alerts: [Alert; N]) {
        self.push_to("default", &alerts).await;
    }

    /// Posts alerts to a tenant, all of which must be stored.
    pub(crate) async fn push_to(self, tenant: &str, alerts: &[Alert]) {
        let report = self
            .try_push(tenant, alerts)
            .await
            .expect("the alerts are stored");
        assert_eq!(report, IngestReport::default());
    }

    /// Posts alerts to a tenant.
    pub(crate) async fn try_push(
        self,
        tenant: &str,
        alerts: &[Alert],
    ) -> Result<IngestReport, EngineError> {
        self.world.wait_until(self.at).await;
        let tenant = self.world.tenant_named(tenant);
        let posted = alerts.iter().map(Alert::posted).collect();
        self.world.engine().ingest(&tenant, posted).await
    }

    /// Silences what matches, from and until these seconds; answers the silence's id.
    pub(crate) async fn silence(self, matchers: &str, from: f64, until: f64) -> Arc<str> {
        let post = alerts::silence(None, matchers, from, until);
        self.put_silence(post).await
    }

    /// Posts a silence that has an id already; answers the id it has then.
    pub(crate) async fn edit_silence(
        self,
        id: &str,
        matchers: &str,
        from: f64,
        until: f64,
    ) -> Arc<str> {
        self.put_silence(alerts::silence(Some(id), matchers, from, until))
            .await
    }

    async fn put_silence(self, post: SilencePost) -> Arc<str> {
        self.world.wait_until(self.at).await;
        let (engine, tenant) = (self.world.engine(), self.world.tenant());
        engine
            .put_silence(&tenant, post)
            .await
            .expect("the silence is stored")
    }

    /// Deletes a silence.
    pub(crate) async fn unsilence(self, id: &str) {
        self.world.wait_until(self.at).await;
        let (engine, tenant) = (self.world.engine(), self.world.tenant());
        assert!(
            engine
                .delete_silence(&tenant, id)
                .await
                .expect("it is deleted"),
            "it is known"
        );
    }

    /// Puts the configuration in force again.
    pub(crate) async fn reload(self) {
        self.world.wait_until(self.at).await;
        let instance = self.world.instance.as_ref().expect("an instance runs");
        let settings = self.world.settings(&instance.engine, &instance.is_alive);
        instance
            .engine
            .configure(settings)
            .await
            .expect("a configuration is put in force");
    }

    /// Puts another configuration of the tenant `default` in force.
    pub(crate) async fn reload_with(self, yaml: &str) {
        self.reload_tenants(&[("default", yaml)]).await;
    }

    /// Puts another set of tenants in force.
    pub(crate) async fn reload_tenants(self, tenants: &[(&str, &str)]) {
        let configs = tenants
            .iter()
            .map(|(id, yaml)| (tenant_id(id), (*yaml).to_owned()));
        self.world.configs = configs.collect();
        self.reload().await;
    }

    /// Kills the instance and starts another at once.
    pub(crate) async fn restart(self) {
        self.world.wait_until(self.at).await;
        self.world.kill();
        self.world.start().await;
    }

    /// Kills the instance and starts another at once, with another configuration of the tenant `default`.
    pub(crate) async fn restart_with(self, yaml: &str) {
        self.world.wait_until(self.at).await;
        self.world.kill();
        let configs = [(tenant_id("default"), yaml.to_owned())];
        self.world.configs = configs.into_iter().collect();
        self.world.start().await;
    }

    /// Kills the instance, and starts another when the second moment has come.
    pub(crate) async fn killed_until(self, back_at: f64) {
        self.world.wait_until(self.at).await;
        self.world.kill();
        self.world.wait_until(back_at).await;
        self.world.start().await;
    }

    /// Nothing of the process runs until `until`, as after SIGSTOP; then everything goes on.
    pub(crate) async fn stalled_until(self, until: f64) {
        self.world.wait_until(self.at).await;
        tokio::time::advance(Duration::from_secs_f64(until - self.world.now())).await;
    }
}

fn tenant_id(text: &str) -> TenantId {
    text.parse().expect("a valid tenant id")
}
