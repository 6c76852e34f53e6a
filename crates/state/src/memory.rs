//! The backend of one instance with nothing else installed: the state machine in memory.
//!
//! Alerts are spread over parts by fingerprint, groups by (tenant, group), each part behind its own short lock, so that
//! no lock is global. Lock order: alert part, then group shard; never the other way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::group::{Claim, Finished, Group, GroupIdentity, Joined, LeaseLost, key};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::limits;
use domain::silence::Silence;
use domain::time::Timestamp;
use hashbrown::HashMap;
use runtime::timing::Timing;

use crate::{
    GroupSnapshot, Held, Ingested, Placed, Placement, Polled, RestoredGroup, SilencePut, State,
    StateError,
};

mod alerts;
mod due;
mod moves;
mod reconfigure;
mod replica;

use alerts::AlertTable;
pub(crate) use alerts::{TakenIn, has_same_content};
use due::DueQueue;
use moves::{Leaving, Waiting};

/// Groups of one shard and the queue of when they are due.
#[derive(Default)]
struct Shard {
    groups: HashMap<(TenantId, GroupKey), Group>,
    due: DueQueue,
    /// Moves that wait for the end of a flush.
    waiting: HashMap<(TenantId, GroupKey), Waiting>,
}

/// The state machine in memory.
pub struct Memory {
    alerts: RwLock<HashMap<TenantId, Arc<AlertTable>>>,
    shards: Vec<Mutex<Shard>>,
    silences: Mutex<HashMap<TenantId, Silences>>,
    grace: RwLock<Grace>,
    leaving: Leaving,
    /// Groups that were left for others that were being flushed then, and are not any more.
    left: Mutex<HashMap<TenantId, BTreeSet<GroupKey>>>,
    timing: Timing,
}

#[derive(Default)]
struct Silences {
    version: u64,
    changed_at: HashMap<Arc<str>, Timestamp>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Timing::default())
    }
}

impl Memory {
    /// An empty one whose leases last as `timing` says.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self {
            alerts: RwLock::default(),
            shards: (0..limits::SHARDS).map(|_| Mutex::default()).collect(),
            silences: Mutex::default(),
            left: Mutex::default(),
            grace: RwLock::new(Grace::NONE),
            leaving: Leaving::default(),
            timing,
        }
    }

    fn table(&self, tenant: &TenantId) -> Arc<AlertTable> {
        let known = self.alerts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = known.get(tenant) {
            return Arc::clone(table);
        }
        drop(known);
        let mut tables = self.alerts.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(tenant.clone()).or_default())
    }

    fn shard(&self, tenant: &TenantId, key: GroupKey) -> MutexGuard<'_, Shard> {
        let index = key::shard(tenant, key) % self.shards.len();
        lock(&self.shards[index])
    }

    fn with_group<T>(
        &self,
        identity: &GroupIdentity,
        change: impl FnOnce(&mut Group) -> T,
    ) -> Option<T> {
        let mut shard = self.shard(&identity.tenant, identity.key);
        let name = (identity.tenant.clone(), identity.key);
        shard.groups.get_mut(&name).map(change)
    }
}

impl Shard {
    /// Offers an alert to its group; answers the first tick if that made the group.
    fn offer(
        &mut self,
        identity: &Arc<GroupIdentity>,
        alert: &Arc<Alert>,
        is_owed: bool,
        now: Timestamp,
        grace: Grace,
    ) -> Option<Timestamp> {
        let name = (identity.tenant.clone(), identity.key);
        if let Some(group) = self.groups.get_mut(&name) {
            if is_owed {
                group.restore_member(Arc::clone(alert));
            } else {
                let _: Joined = group.put(Arc::clone(alert), now, grace);
            }
            return None;
        }
        if alert.is_resolved(now, grace) && !is_owed {
            return None;
        }
        let group = Group::new(Arc::clone(identity), Arc::clone(alert), now);
        let first = group.grid().first();
        self.due.put(name.clone(), group.grid().next());
        self.groups.insert(name, group);
        Some(first)
    }

    /// Whether an alert is a member of a group here.
    fn holds(&self, name: &(TenantId, GroupKey), fingerprint: Fingerprint) -> bool {
        self.groups
            .get(name)
            .is_some_and(|group| group.contains(fingerprint))
    }

    /// Queues a group again after whatever changed when it is due.
    fn requeue(&mut self, name: &(TenantId, GroupKey)) {
        if let Some(at) = self.groups.get(name).map(Group::wakes_at) {
            self.due.put(name.clone(), at);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while a lock was held leaves data that every later transition checks anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl State for Memory {
    async fn ingest(
        &self,
        tenant: &TenantId,
        batch: Vec<Placed>,
        now: Timestamp,
    ) -> Result<Vec<Ingested>, StateError> {
        let (table, grace) = (self.table(tenant), self.grace());
        let ingested = batch.into_iter().map(|placed| {
            let (groups, is_owed) = (placed.groups, placed.is_owed);
            table.merge(placed.alert, |alert| {
                let mut created = Vec::new();
                let waits_in = self.leaving.groups_of(tenant, alert.fingerprint);
                for key in &waits_in {
                    let mut shard = self.shard(tenant, *key);
                    if let Some(group) = shard.groups.get_mut(&(tenant.clone(), *key)) {
                        group.update_member(alert);
                    }
                }
                for identity in &groups {
                    let mut shard = self.shard(tenant, identity.key);
                    let name = || (tenant.clone(), identity.key);
                    if !waits_in.is_empty() && !shard.holds(&name(), alert.fingerprint) {
                        continue;
                    }
                    if let Some(first) = shard.offer(identity, alert, is_owed, now, grace) {
                        created.push((Arc::clone(identity), first));
                    }
                }
                created
            })
        });
        Ok(ingested.collect())
    }

    fn mark_recorded(&self, tenant: &TenantId, alerts: &[Arc<Alert>]) {
        let table = self.table(tenant);
        alerts.iter().for_each(|alert| table.mark_recorded(alert));
    }

    fn has_own_record(&self, tenant: &TenantId, fingerprint: Fingerprint) -> bool {
        self.table(tenant).has_own_record(fingerprint)
    }

    async fn poll(&self, limit: usize, now: Timestamp) -> Result<Polled, StateError> {
        Ok(self.poll_shards(|_| true, limit, now))
    }

    async fn begin(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        message: Pending,
        now: Timestamp,
    ) -> Result<Held<Pending>, StateError> {
        let begun = self.with_group(&claim.identity, |g| {
            g.begin(integration, claim.fence, message, now)
        });
        Ok(begun.unwrap_or(Err(LeaseLost)))
    }

    async fn commit(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, StateError> {
        let told = self.with_group(group, |g| g.commit(integration, message, sent_at).clone());
        Ok(told.unwrap_or_default())
    }

    async fn refuse(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, StateError> {
        Ok(self
            .with_group(group, |g| g.refuse(integration, seq).clone())
            .unwrap_or_default())
    }

    async fn settle(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
    ) -> Result<Held<Told>, StateError> {
        let told = self.with_group(&claim.identity, |g| {
            let told = g.settle(integration, claim.fence, seen, message, now);
            told.cloned()
        });
        Ok(told.unwrap_or(Err(LeaseLost)))
    }

    async fn renew(&self, claim: &Claim, now: Timestamp) -> Result<Held<Timestamp>, StateError> {
        let renewed = self.with_group(&claim.identity, |g| {
            g.renew(claim.fence, now, self.timing.lease)
        });
        Ok(renewed.unwrap_or(Err(LeaseLost)))
    }

    async fn claim_again(&self, claim: &Claim, now: Timestamp) -> Result<Held<Claim>, StateError> {
        let again = self.with_group(&claim.identity, |g| {
            g.claim_again(claim, now, self.timing.lease)
        });
        Ok(again.unwrap_or(Err(LeaseLost)))
    }

    async fn unclaim(
        &self,
        claim: &Claim,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), StateError> {
        let name = (claim.identity.tenant.clone(), claim.identity.key);
        let mut shard = self.shard(&name.0, name.1);
        if let Some(group) = shard.groups.get_mut(&name) {
            let _ = group.unclaim(claim.fence, now, delay);
        }
        shard.requeue(&name);
        Ok(())
    }

    async fn finish(
        &self,
        claim: &Claim,
        is_complete: bool,
        now: Timestamp,
    ) -> Result<Held<Finished>, StateError> {
        let name = (claim.identity.tenant.clone(), claim.identity.key);
        let mut shard = self.shard(&name.0, name.1);
        let Some(group) = shard.groups.get_mut(&name) else {
            return Ok(Err(LeaseLost));
        };
        let Ok(finished) = group.finish(claim, is_complete, now) else {
            shard.requeue(&name);
            return Ok(Err(LeaseLost));
        };
        let waiting = shard.waiting.remove(&name);
        let Some(group) = shard.groups.get_mut(&name) else {
            return Ok(Err(LeaseLost));
        };
        let moves = waiting.map_or_else(Vec::new, |waiting| waiting.carry_out(group, now));
        if moves.is_empty() {
            if finished == Finished::Gone {
                shard.groups.remove(&name);
            }
            shard.requeue(&name);
            return Ok(Ok(finished));
        }
        // Members that come in join this very group, so that its numbers go on; then it is seen whether it is empty.
        drop(shard);
        for moved in &moves {
            moves::arrive(self, &name.0, moved, now);
        }
        self.note_left(&name.0, &moves);
        let mut shard = self.shard(&name.0, name.1);
        let is_empty = |group: &Group| group.members().len() == 0;
        if shard.groups.get(&name).is_some_and(is_empty) {
            shard.groups.remove(&name);
        }
        shard.requeue(&name);
        let given_up = match finished {
            Finished::Again { given_up, .. } => given_up,
            Finished::Gone => Vec::new(),
        };
        let next = shard.groups.get(&name).map(|group| group.grid().next());
        Ok(Ok(next.map_or(Finished::Gone, |at| Finished::Again {
            at,
            given_up,
        })))
    }

    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, StateError> {
        let mut silences = lock(&self.silences);
        let known = silences.entry(tenant.clone()).or_default();
        if known.changed_at.get(&silence.id).copied() != seen {
            return Ok(SilencePut::Conflict);
        }
        known
            .changed_at
            .insert(Arc::clone(&silence.id), silence.updated_at);
        known.version += 1;
        Ok(SilencePut::Stored {
            version: known.version,
        })
    }

    async fn silence_forget(&self, tenant: &TenantId, ids: &[Arc<str>]) -> Result<(), StateError> {
        if let Some(known) = lock(&self.silences).get_mut(tenant) {
            known.changed_at.retain(|id, _| !ids.contains(id));
        }
        Ok(())
    }

    async fn reconfigure(
        &self,
        tenant: &TenantId,
        _config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        reconfigure::apply(self, tenant, placement, now);
        Ok(())
    }

    async fn restore_alert(
        &self,
        tenant: &TenantId,
        alert: Arc<Alert>,
        is_own: bool,
    ) -> Result<(), StateError> {
        self.table(tenant).restore(alert, is_own);
        Ok(())
    }

    async fn restore_group(&self, group: RestoredGroup, now: Timestamp) -> Result<(), StateError> {
        let identity = group.identity;
        let name = (identity.tenant.clone(), identity.key);
        let interval = identity.group_interval;
        let grid =
            domain::group::grid::Grid::resumed(group.first_tick, interval, group.known_until);
        let mut restored = Group::restored(identity, grid);
        group
            .members
            .into_iter()
            .for_each(|alert| restored.restore_member(alert));
        for (integration, told) in group.told {
            restored.restore_told(&integration, told, now);
        }
        restored.take_up_missed_tick(now);
        let mut shard = self.shard(&name.0, name.1);
        shard.groups.insert(name.clone(), restored);
        shard.requeue(&name);
        Ok(())
    }

    fn set_grace(&self, grace: Grace) {
        *self.grace.write().unwrap_or_else(PoisonError::into_inner) = grace;
    }

    fn grace(&self) -> Grace {
        *self.grace.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self, tenant: &TenantId, key: GroupKey) -> Option<GroupSnapshot> {
        self.shard(tenant, key)
            .groups
            .get(&(tenant.clone(), key))
            .map(snapshot)
    }

    fn told(&self, tenant: &TenantId, key: GroupKey, integration: &IntegrationId) -> Option<Told> {
        let shard = self.shard(tenant, key);
        let group = shard.groups.get(&(tenant.clone(), key))?;
        group.told_to(integration).cloned()
    }

    fn visit_groups(&self, visit: &mut dyn FnMut(GroupSnapshot)) {
        for shard in &self.shards {
            let snapshots: Vec<_> = lock(shard).groups.values().map(snapshot).collect();
            snapshots.into_iter().for_each(&mut *visit);
        }
    }

    fn groups_left_for_later(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        let mut left = BTreeSet::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let waiting = shard
                .waiting
                .iter()
                .filter(|((owner, _), _)| owner == tenant);
            left.extend(waiting.flat_map(|(_, waiting)| waiting.left()));
        }
        left
    }

    fn take_left(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        lock(&self.left).remove(tenant).unwrap_or_default()
    }

    fn group_count(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).groups.len())
            .sum()
    }

    async fn collect(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<Fingerprint>, StateError> {
        let grace = self.grace();
        let mut grouped = std::collections::HashSet::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let ours = shard
                .groups
                .iter()
                .filter(|((owner, _), _)| owner == tenant);
            for (_, group) in ours {
                grouped.extend(
                    group
                        .members()
                        .filter(|a| a.ends_at <= before)
                        .map(|a| a.fingerprint),
                );
            }
        }
        Ok(self.table(tenant).collect(before, grace, &grouped))
    }
}

fn snapshot(group: &Group) -> GroupSnapshot {
    GroupSnapshot {
        identity: Arc::clone(group.identity()),
        first_tick: group.grid().first(),
        due: group.due(),
        members: group.members().map(|a| a.fingerprint).collect(),
        told: group.told().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    crate::conformance!(|| std::sync::Arc::new(crate::memory::Memory::default()));
}
