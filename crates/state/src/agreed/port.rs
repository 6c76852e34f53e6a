//! The port, request by request: most pass as they are.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::{IntegrationId, TenantId};
use domain::limits;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::Agreed;
use crate::coordinator::{
    Claimed, Coordinator, CoordinatorError, Epoch, EventId, Evictions, Feed, GroupName, HoldFor,
    InstanceReport, KnownAlerts, Merge, Merged, Offer, Offered, Past, PollAnswer, PollAsk,
    ShardDepth, ShardPoll, SharedGroup, SharedSilences,
};
use crate::{Held, SilencePut};

type Answered<T> = Result<T, CoordinatorError>;

#[async_trait]
impl Coordinator for Agreed {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn fault_domains(&self) -> usize {
        self.inner.fault_domains()
    }

    async fn ingest(&self, offers: Vec<Offer>, now: Timestamp) -> Vec<Answered<Offered>> {
        let shards = offers.iter().map(|o| GroupName::of(&o.group).shard());
        let shards: Vec<usize> = shards.collect();
        let mut answers = self.inner.ingest(offers, now).await;
        for (shard, answer) in shards.into_iter().zip(&mut answers) {
            if let Ok(offered) = answer {
                offered.created = offered.created.map(|first| self.agreed_at(shard, first));
            }
        }
        answers
    }

    async fn poll(&self, mut ask: PollAsk) -> PollAnswer {
        ask.ahead_ms = (0..limits::SHARDS).map(|s| self.ahead_ms(s)).collect();
        let sent_at = self.local();
        let mut answer = self.inner.poll(ask).await;
        let shards = answer.shards.iter().enumerate();
        let clocks = shards.filter_map(|(shard, poll)| match poll {
            Ok(ShardPoll::Well(well)) => Some((shard, well.now)),
            _ => None,
        });
        self.compare(sent_at, &clocks.collect::<Vec<_>>());
        self.translate_poll(&mut answer);
        answer
    }

    async fn seize(&self, group: &GroupName) -> Answered<Option<Held<Claimed>>> {
        let mut seized = self.inner.seize(group).await?;
        if let Some(Ok(claimed)) = &mut seized {
            claimed.tick = self.agreed_at(group.shard(), claimed.tick);
        }
        Ok(seized)
    }

    async fn begin(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Answered<Held<Told>> {
        self.inner
            .begin(group, fence, integration, message, numbers)
            .await
    }

    async fn commit(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Answered<Told> {
        self.inner
            .commit(group, integration, message, sent_at)
            .await
    }

    async fn refuse(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Answered<Told> {
        self.inner.refuse(group, integration, seq).await
    }

    async fn settle(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Answered<Held<Told>> {
        self.inner
            .settle(group, fence, integration, seen, message)
            .await
    }

    async fn renew(&self, group: &GroupName, fence: u64) -> Answered<Held<EventId>> {
        self.inner.renew(group, fence).await
    }

    async fn unclaim(&self, group: &GroupName, fence: u64, delay: Duration) -> Answered<()> {
        self.inner.unclaim(group, fence, delay).await
    }

    async fn finish(
        &self,
        group: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Answered<Held<Option<Timestamp>>> {
        let finished = self.inner.finish(group, fence, farewell).await?;
        Ok(finished.map(|next| next.map(|next| self.agreed_at(group.shard(), next))))
    }

    async fn merge(&self, mut merges: Vec<Merge>) -> Vec<Answered<Merged>> {
        for merge in &mut merges {
            let shard = GroupName::of(&merge.group).shard();
            merge.grid = self.grid_to(shard, merge.grid);
            merge.ahead_ms = self.ahead_ms(shard);
        }
        self.inner.merge(merges).await
    }

    async fn shard(&self, shard: usize) -> Answered<(EventId, Vec<SharedGroup>)> {
        let (last_event, mut groups) = self.inner.shard(shard).await?;
        for group in &mut groups {
            group.grid = self.grid_from(shard, group.grid);
        }
        Ok((last_event, groups))
    }

    async fn group(&self, group: &GroupName) -> Answered<Option<SharedGroup>> {
        let mut known = self.inner.group(group).await?;
        if let Some(known) = &mut known {
            known.grid = self.grid_from(group.shard(), known.grid);
        }
        Ok(known)
    }

    async fn departed(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Answered<Vec<Fingerprint>> {
        let since = self.shard_at(group.shard(), since);
        self.inner.departed(group, since, alerts).await
    }

    async fn left_since(
        &self,
        group: &GroupName,
        state: Timestamp,
        at: Timestamp,
    ) -> Answered<Vec<(Fingerprint, Timestamp)>> {
        let at = self.shard_at(group.shard(), at);
        self.inner.left_since(group, state, at).await
    }

    async fn evictions(&self, domain: usize) -> Answered<Evictions> {
        self.inner.evictions(domain).await
    }

    async fn start_over(&self, shard: usize, known: &[GroupName]) -> Answered<bool> {
        self.inner.start_over(shard, known).await
    }

    async fn open_epoch(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
        past: Past,
    ) -> Answered<Epoch> {
        self.inner.open_epoch(shard, seen, hold, past).await
    }

    async fn reseeded(&self, shard: usize, epoch: &Epoch) -> Answered<()> {
        self.inner.reseeded(shard, epoch).await
    }

    async fn restart_grids(&self, tenant: &TenantId, config_hash: &str) -> Answered<bool> {
        self.inner.restart_grids(tenant, config_hash).await
    }

    async fn changes(&self, after: &[EventId], known: &dyn KnownAlerts) -> Vec<Answered<Feed>> {
        let mut feeds = self.inner.changes(after, known).await;
        for (shard, feed) in feeds.iter_mut().enumerate() {
            let changes = feed.iter_mut().flat_map(|feed| &mut feed.changes);
            changes.for_each(|change| self.translate(shard, &mut change.event));
        }
        feeds
    }

    async fn feed(&self, shard: usize, after: EventId, known: &dyn KnownAlerts) -> Answered<Feed> {
        let mut feed = self.inner.feed(shard, after, known).await?;
        for change in &mut feed.changes {
            self.translate(shard, &mut change.event);
        }
        Ok(feed)
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: &Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Answered<SilencePut> {
        self.inner.silence_put(tenant, silence, seen).await
    }

    async fn silence_merge(&self, tenant: &TenantId, silences: &[Arc<Silence>]) -> Answered<u64> {
        self.inner.silence_merge(tenant, silences).await
    }

    async fn silence_forget(&self, tenant: &TenantId, ids: &[Arc<str>]) -> Answered<()> {
        self.inner.silence_forget(tenant, ids).await
    }

    async fn silence_versions(&self, tenants: &[TenantId]) -> Answered<Vec<u64>> {
        self.inner.silence_versions(tenants).await
    }

    async fn silences(&self, tenant: &TenantId) -> Answered<SharedSilences> {
        self.inner.silences(tenant).await
    }

    async fn preflight(&self) -> Answered<Vec<String>> {
        self.inner.preflight().await
    }

    async fn probe(&self, domain: usize) -> Answered<Timestamp> {
        let sent_at = self.local();
        let shown = self.inner.probe(domain).await?;
        let shards = (domain..limits::SHARDS).step_by(self.fault_domains().max(1));
        let clocks: Vec<_> = shards.map(|shard| (shard, shown)).collect();
        self.compare(sent_at, &clocks);
        Ok(self.agreed_at(domain, shown))
    }

    async fn announce(&self, report: &InstanceReport) -> Answered<()> {
        let clock = self.known().agreement.reading();
        let report = InstanceReport {
            clock,
            ..report.clone()
        };
        self.inner.announce(&report).await
    }

    async fn retire(&self, id: &str) -> Answered<()> {
        self.inner.retire(id).await
    }

    async fn instances(&self) -> Answered<Vec<InstanceReport>> {
        let instances = self.inner.instances().await?;
        self.hear(&instances);
        Ok(instances)
    }

    async fn depths(&self) -> Answered<Vec<ShardDepth>> {
        self.inner.depths().await
    }

    async fn audit(&self, shard: usize, known: &[GroupName]) -> Answered<usize> {
        self.inner.audit(shard, known).await
    }
}
