//! The port the engine sees: reads come from the replica, transitions go to their homes.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::group::{Claim, Finished, GroupIdentity};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::silence::Silence;
use domain::time::Timestamp;

use super::{Coordinated, lock};
use crate::coordinator::{EventId, Feed, GroupName};
use crate::host::Host;
use crate::sharing::{NotReached, ShardStanding, Standing, Version};
use crate::{
    EndedGroup, GroupSnapshot, Held, Ingested, Mode, Placed, Placement, Polled, RestoredGroup,
    SilencePut, State, StateError,
};

#[async_trait]
impl State for Coordinated {
    fn attach(&self, host: Weak<dyn Host>) {
        // The first one stays: an engine is introduced once.
        let _ = self.host.set(host);
    }

    fn mode(&self) -> Mode {
        self.current_mode()
    }

    fn standing(&self) -> Option<Standing> {
        Some(self.current_standing())
    }

    async fn shards(&self) -> Result<Vec<ShardStanding>, StateError> {
        self.current_shards().await
    }

    fn version(&self, tenant: &TenantId) -> Version {
        self.current_version(tenant)
    }

    fn silence_version(&self, tenant: &TenantId) -> u64 {
        self.known_silences(tenant)
    }

    async fn changes(&self, shard: usize, after: EventId) -> Result<Feed, StateError> {
        self.changes_shared(shard, after).await
    }

    async fn reach(&self, tenant: &TenantId, version: &Version) -> Result<(), NotReached> {
        self.reach_shared(tenant, version).await
    }

    async fn ingest(
        &self,
        tenant: &TenantId,
        batch: Vec<Placed>,
        now: Timestamp,
    ) -> Result<Vec<Ingested>, StateError> {
        self.ingest_batch(tenant, batch, now).await
    }

    fn mark_recorded(&self, tenant: &TenantId, alerts: &[Arc<Alert>]) {
        self.memory.mark_recorded(tenant, alerts);
    }

    fn has_own_record(&self, tenant: &TenantId, fingerprint: Fingerprint) -> bool {
        self.memory.has_own_record(tenant, fingerprint)
    }

    async fn poll(&self, limit: usize, now: Timestamp) -> Result<Polled, StateError> {
        Ok(self.poll_all(limit, now).await)
    }

    async fn begin(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        message: Pending,
        now: Timestamp,
    ) -> Result<Held<Pending>, StateError> {
        self.begin_shared(claim, integration, message, now).await
    }

    async fn commit(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, StateError> {
        self.commit_shared(group, integration, message, sent_at)
            .await
    }

    async fn in_doubt(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        now: Timestamp,
    ) {
        if !self.is_alone(GroupName::of(group).shard()) {
            self.own_up_late(group, integration, message, now).await;
        }
    }

    async fn refuse(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, StateError> {
        self.refuse_shared(group, integration, seq).await
    }

    async fn settle(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
    ) -> Result<Held<Told>, StateError> {
        self.settle_shared(claim, integration, seen, message, now)
            .await
    }

    async fn departed(
        &self,
        group: &GroupIdentity,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Vec<Fingerprint> {
        self.departed_shared(group, since, alerts).await
    }

    async fn stands(&self, claim: &Claim) -> bool {
        let name = GroupName::of(&claim.identity);
        self.is_still_alone(name.shard()).await && !self.is_void(&name, claim.fence)
    }

    async fn renew(&self, claim: &Claim, now: Timestamp) -> Result<Held<Timestamp>, StateError> {
        self.renew_shared(claim, now).await
    }

    async fn claim_again(&self, claim: &Claim, now: Timestamp) -> Result<Held<Claim>, StateError> {
        self.claim_again_shared(claim, now).await
    }

    async fn unclaim(
        &self,
        claim: &Claim,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), StateError> {
        self.unclaim_shared(claim, now, delay).await
    }

    async fn finish(
        &self,
        claim: &Claim,
        is_complete: bool,
        now: Timestamp,
    ) -> Result<Held<Finished>, StateError> {
        self.finish_shared(claim, is_complete, now).await
    }

    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, StateError> {
        self.silence_put_shared(tenant, silence, seen).await
    }

    async fn silence_forget(&self, tenant: &TenantId, ids: &[Arc<str>]) -> Result<(), StateError> {
        if self.current_mode() == Mode::Coordinated {
            let forgotten = self.shared.silence_forget(tenant, ids).await;
            forgotten.map_err(|error| StateError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    async fn reconfigure(
        &self,
        tenant: &TenantId,
        config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.reconfigure_shared(tenant, config_hash, placement, now)
            .await
    }

    async fn restore_alert(
        &self,
        tenant: &TenantId,
        alert: Arc<Alert>,
        is_own: bool,
    ) -> Result<(), StateError> {
        self.memory.restore_alert(tenant, alert, is_own).await
    }

    async fn restore_group(&self, group: RestoredGroup, now: Timestamp) -> Result<(), StateError> {
        self.note_restored(&group);
        self.memory.restore_group(group, now).await
    }

    fn restore_sharing(&self, reached_at: Timestamp, was_alone: bool) {
        self.note_leave(reached_at, was_alone);
    }

    fn restore_ended(&self, ended: EndedGroup) {
        self.bury(&ended.identity, &ended.leaves);
        lock(&self.tombs).end(&GroupName::of(&ended.identity), ended.told);
    }

    fn set_grace(&self, grace: Grace) {
        self.memory.set_grace(grace);
    }

    fn grace(&self) -> Grace {
        self.memory.grace()
    }

    fn group(&self, tenant: &TenantId, key: GroupKey) -> Option<GroupSnapshot> {
        self.memory.group(tenant, key)
    }

    fn told(&self, tenant: &TenantId, key: GroupKey, integration: &IntegrationId) -> Option<Told> {
        self.memory.told(tenant, key, integration)
    }

    fn visit_groups(&self, visit: &mut dyn FnMut(GroupSnapshot)) {
        self.memory.visit_groups(visit);
    }

    fn ended_alone(&self) -> Vec<EndedGroup> {
        lock(&self.tombs).told_alone(self.timing.tombstone)
    }

    fn groups_left_for_later(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        self.memory.groups_left_for_later(tenant)
    }

    fn take_left(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        self.memory.take_left(tenant)
    }

    fn group_count(&self) -> usize {
        self.memory.group_count()
    }

    async fn collect(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<Fingerprint>, StateError> {
        self.memory.collect(tenant, before).await
    }
}
