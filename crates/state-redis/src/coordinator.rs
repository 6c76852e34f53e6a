//! What instances share, in Redis: the port [`Coordinator`] carried out by Lua scripts, one atomic transition each.
//!
//! The rules are `domain`'s: each script does what [`domain::group::Group`] does, and names the method it stands for. Keys
//! and times are protocol.md's (§3, §4). What lies in Redis as text is made and read in `wire`.
//!
//! Start reading at the scripts in `lua/`, `prelude.lua` and `flushing.lua` first.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::{IntegrationId, TenantId};
use domain::label::Interner;
use domain::limits;
use domain::silence::Silence;
use domain::time::Timestamp;
use redis::Value;
use runtime::timing::Timing;
use state::coordinator::{
    Claimed, Coordinator, CoordinatorError, Epoch, EventId, Evictions, Feed, GroupName, HoldFor,
    InstanceReport, KnownAlerts, Merge, Merged, Offer, Offered, Past, PollAnswer, PollAsk,
    RecordVersions, RecordsHeard, ShardDepth, SharedGroup, SharedSilences,
};
use state::{Held, SilencePut};

use crate::call::{Arg, Call};
use crate::link::Link;
use crate::preflight;
use crate::script::Script;

mod epochs;
mod evictions;
mod feed;
mod flush;
mod groups;
mod ingest;
mod merge;
mod names;
mod poll;
mod presence;
mod records;
mod reply;
mod scripts;
mod shard_clocks;
mod silences;
mod wake;
mod wire;

use reply::{Read, failed};
use shard_clocks::ShardClocks;
use wake::Wake;

/// Alertmanager's default for `--data.retention`.
const RETENTION: Duration = Duration::from_secs(5 * 86_400);

/// What several instances share through one Redis, as one of them sees it.
pub struct RedisCoordinator {
    link: Link,
    /// This instance's id, new at each start.
    instance: String,
    interner: Arc<Interner>,
    timing: Timing,
    /// How long silences stay after their end.
    retention: Duration,
    wake: Wake,
    clocks: ShardClocks,
    records: RecordsHeard,
}

impl RedisCoordinator {
    /// What is shared over this link, for the instance with this id (a word without spaces and colons).
    ///
    /// Alerts that are read share their labels through `interner`.
    pub fn new(link: Link, instance: String, interner: Arc<Interner>, timing: Timing) -> Self {
        let wake = Wake::on(link.subscribe(link.key("wake")));
        Self {
            link,
            instance,
            interner,
            timing,
            retention: RETENTION,
            wake,
            clocks: ShardClocks::default(),
            records: RecordsHeard::new(RecordVersions::default()),
        }
    }

    /// Keeps silences for so long after their end. Instances forget each by their own setting; this is about the hash they are in.
    #[must_use]
    pub fn keeping_silences(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    /// As a build that knows other versions of records.
    #[must_use]
    pub fn knowing(self, records: RecordVersions) -> Self {
        Self {
            records: RecordsHeard::new(records),
            ..self
        }
    }

    /// A call of a script on a shard; `args` go behind who asks.
    fn on_shard(&self, script: &'static Script, shard: usize, args: Vec<Arg>) -> Call {
        let key = self.link.key(&format!("shard:{}", names::tag(shard)));
        let mut all = Vec::with_capacity(args.len() + 1);
        let RecordVersions { oldest, newest } = self.records.known();
        all.push(Arg::from(format!("{} {oldest} {newest}", self.instance)));
        all.extend(args);
        Call::script(script, vec![key], all)
    }

    async fn run(&self, call: Call) -> Read<Value> {
        let answer = self.link.run(call).await;
        answer.map_err(|error| self.failed(error))
    }

    async fn run_all(&self, calls: Vec<Call>) -> Vec<Read<Value>> {
        let answers = self.link.run_all(calls).await;
        answers
            .into_iter()
            .map(|answer| answer.map_err(|error| self.failed(error)))
            .collect()
    }

    /// Runs a script that transits one group.
    async fn on_group(
        &self,
        script: &'static Script,
        group: &GroupName,
        args: impl IntoIterator<Item = Arg>,
    ) -> Read<Value> {
        let name = Arg::from(names::group_text(group));
        let args = std::iter::once(name).chain(args).collect();
        self.run(self.on_shard(script, group.shard(), args)).await
    }
}

#[async_trait]
impl Coordinator for RedisCoordinator {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn fault_domains(&self) -> usize {
        if self.link.is_cluster() {
            limits::SHARDS
        } else {
            1
        }
    }

    async fn ingest(
        &self,
        offers: Vec<Offer>,
        now: Timestamp,
    ) -> Vec<Result<Offered, CoordinatorError>> {
        self.offer_all(&offers, now).await
    }

    async fn poll(&self, ask: PollAsk) -> PollAnswer {
        self.poll_all(&ask).await
    }

    async fn seize(&self, group: &GroupName) -> Result<Option<Held<Claimed>>, CoordinatorError> {
        self.seize_group(group).await
    }

    async fn begin(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Result<Held<Told>, CoordinatorError> {
        self.begin_message(group, fence, integration, message, numbers)
            .await
    }

    async fn commit(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, CoordinatorError> {
        self.commit_message(group, integration, message, sent_at)
            .await
    }

    async fn refuse(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, CoordinatorError> {
        self.refuse_message(group, integration, seq).await
    }

    async fn settle(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Result<Held<Told>, CoordinatorError> {
        self.settle_told(group, fence, integration, seen, message)
            .await
    }

    async fn renew(
        &self,
        group: &GroupName,
        fence: u64,
    ) -> Result<Held<EventId>, CoordinatorError> {
        self.renew_lease(group, fence).await
    }

    async fn unclaim(
        &self,
        group: &GroupName,
        fence: u64,
        delay: Duration,
    ) -> Result<(), CoordinatorError> {
        self.give_back(group, fence, delay).await
    }

    async fn finish(
        &self,
        group: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Result<Held<Option<Timestamp>>, CoordinatorError> {
        self.finish_flush(group, fence, farewell).await
    }

    async fn merge(&self, merges: Vec<Merge>) -> Vec<Result<Merged, CoordinatorError>> {
        self.merge_all(&merges).await
    }

    async fn shard(&self, shard: usize) -> Result<(EventId, Vec<SharedGroup>), CoordinatorError> {
        self.read_shard(shard).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<SharedGroup>, CoordinatorError> {
        self.read_group(group).await
    }

    async fn departed(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, CoordinatorError> {
        self.departed_of(group, since, alerts).await
    }

    async fn left_since(
        &self,
        group: &GroupName,
        state: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<(Fingerprint, Timestamp)>, CoordinatorError> {
        self.left_since_of(group, state, at).await
    }

    async fn evictions(&self, domain: usize) -> Result<Evictions, CoordinatorError> {
        self.find_evictions(domain).await
    }

    async fn start_over(
        &self,
        shard: usize,
        known: &[GroupName],
    ) -> Result<bool, CoordinatorError> {
        self.begin_anew(shard, known).await
    }

    async fn open_epoch(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
        past: Past,
    ) -> Result<Epoch, CoordinatorError> {
        self.open(shard, seen, hold, past).await
    }

    async fn reseeded(&self, shard: usize, epoch: &Epoch) -> Result<(), CoordinatorError> {
        self.note_reseeded(shard, epoch).await
    }

    async fn restart_grids(
        &self,
        tenant: &TenantId,
        config_hash: &str,
    ) -> Result<bool, CoordinatorError> {
        self.restart_all(tenant, config_hash).await
    }

    async fn changes(
        &self,
        after: &[EventId],
        known: &dyn KnownAlerts,
    ) -> Vec<Result<Feed, CoordinatorError>> {
        self.read_feeds(after, known).await
    }

    async fn feed(
        &self,
        shard: usize,
        after: EventId,
        known: &dyn KnownAlerts,
    ) -> Result<Feed, CoordinatorError> {
        self.read_one_feed(shard, after, known).await
    }

    async fn changed(&self) {
        self.wake.wait().await;
    }

    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: &Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, CoordinatorError> {
        self.put_silence(tenant, silence, seen).await
    }

    async fn silence_merge(
        &self,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
    ) -> Result<u64, CoordinatorError> {
        self.merge_silences(tenant, silences).await
    }

    async fn silence_forget(
        &self,
        tenant: &TenantId,
        ids: &[Arc<str>],
    ) -> Result<(), CoordinatorError> {
        self.forget_silences(tenant, ids).await
    }

    async fn silence_versions(&self, tenants: &[TenantId]) -> Result<Vec<u64>, CoordinatorError> {
        self.versions_of(tenants).await
    }

    async fn silences(&self, tenant: &TenantId) -> Result<SharedSilences, CoordinatorError> {
        self.read_silences(tenant).await
    }

    async fn preflight(&self) -> Result<Vec<String>, CoordinatorError> {
        let facts = preflight::preflight(&self.link).await.map_err(failed)?;
        self.find_records().await?;
        Ok(facts.warnings)
    }

    async fn probe(&self, domain: usize) -> Result<Timestamp, CoordinatorError> {
        self.try_write(domain).await
    }

    async fn announce(&self, report: &InstanceReport) -> Result<(), CoordinatorError> {
        self.say_here(report).await
    }

    async fn retire(&self, id: &str) -> Result<(), CoordinatorError> {
        self.say_gone(id).await
    }

    async fn instances(&self) -> Result<Vec<InstanceReport>, CoordinatorError> {
        self.read_instances().await
    }

    async fn depths(&self) -> Result<Vec<ShardDepth>, CoordinatorError> {
        self.read_depths().await
    }

    async fn audit(&self, shard: usize, known: &[GroupName]) -> Result<usize, CoordinatorError> {
        self.repair_shard(shard, known).await
    }
}
