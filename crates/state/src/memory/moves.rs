//! Members that move to other groups: at once, or when the flush that is telling them, or their new group, has ended.
//!
//! A flush is not cut and its outcome is not known before its end; only then is it known what moves along as "told".

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::heir::Lineage;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;

use super::{Memory, lock};
use crate::State;
use crate::coordinator::GroupName;

/// A member on its way.
#[derive(Clone)]
pub(super) struct Move {
    /// As it was known when it left.
    pub(super) alert: Arc<Alert>,
    /// The group it left.
    pub(super) left: GroupKey,
    /// What stays of that group.
    pub(super) lineage: Option<Lineage>,
    /// The groups it belongs to now.
    pub(super) groups: Arc<[Arc<GroupIdentity>]>,
    /// Those of them it has not come to yet.
    pub(super) to: Vec<Arc<GroupIdentity>>,
    /// What was told in the group it left.
    pub(super) told: Arc<Vec<(IntegrationId, Told)>>,
    /// When that group would have ticked.
    pub(super) first_tick: Timestamp,
}

impl Move {
    /// A member that left a group for others, which ticks when that one would have.
    pub(super) fn new(
        alert: Arc<Alert>,
        left: &GroupIdentity,
        groups: Vec<Arc<GroupIdentity>>,
        told: Arc<Vec<(IntegrationId, Told)>>,
        first_tick: Timestamp,
    ) -> Self {
        Self {
            alert,
            left: left.key,
            lineage: left.lineage(),
            groups: Arc::from(groups.clone()),
            to: groups,
            told,
            first_tick,
        }
    }

    /// The same member, on its way to these groups.
    pub(super) fn sent_to(self, groups: Vec<Arc<GroupIdentity>>) -> Self {
        Self {
            groups: Arc::from(groups.clone()),
            to: groups,
            ..self
        }
    }

    fn join(&self, group: &mut Group, alert: &Arc<Alert>, now: Timestamp) {
        let left = self.lineage.as_ref();
        group.adopt(Arc::clone(alert), left, &self.groups, &self.told, now);
    }
}

/// What waits for the end of a group's flush.
#[derive(Default)]
pub(super) struct Waiting {
    /// Members that leave it.
    pub(super) out: Vec<(Arc<Alert>, Vec<Arc<GroupIdentity>>)>,
    /// Members that come to it.
    pub(super) into: Vec<Move>,
}

impl Waiting {
    /// The groups that those who come in have left.
    pub(super) fn left(&self) -> impl Iterator<Item = GroupKey> + '_ {
        self.into.iter().map(|moved| moved.left)
    }

    /// Takes the leaving members out of their group.
    pub(super) fn carry_out(self, group: &mut Group, now: Timestamp) -> Vec<Move> {
        let mut moves = self.into;
        if self.out.is_empty() {
            return moves;
        }
        let told = Arc::new(group.told().to_vec());
        let left = Arc::clone(group.identity());
        let _ = group.release(|member| {
            self.out
                .iter()
                .all(|(alert, _)| alert.fingerprint != member)
        });
        // Also those the flush dropped as told and over: they may fire again by now.
        moves.extend(
            self.out
                .into_iter()
                .map(|(alert, groups)| Move::new(alert, &left, groups, Arc::clone(&told), now)),
        );
        moves
    }
}

/// Alerts that wait in groups they no longer belong to; posts of them go there, and start no new group meanwhile.
#[derive(Default)]
pub(super) struct Leaving {
    count: AtomicUsize,
    alerts: Mutex<HashMap<(TenantId, Fingerprint), Vec<GroupKey>>>,
}

impl Leaving {
    /// The groups an alert waits in.
    pub(super) fn groups_of(&self, tenant: &TenantId, fingerprint: Fingerprint) -> Vec<GroupKey> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let alerts = lock(&self.alerts);
        let groups = alerts.get(&(tenant.clone(), fingerprint));
        groups.cloned().unwrap_or_default()
    }

    pub(super) fn insert(&self, tenant: &TenantId, fingerprint: Fingerprint, group: GroupKey) {
        let mut alerts = lock(&self.alerts);
        let groups = alerts.entry((tenant.clone(), fingerprint)).or_default();
        if !groups.contains(&group) {
            groups.push(group);
        }
        self.count.store(alerts.len(), Ordering::Release);
    }

    fn remove(&self, tenant: &TenantId, fingerprint: Fingerprint, group: GroupKey) {
        let mut alerts = lock(&self.alerts);
        let name = (tenant.clone(), fingerprint);
        if let Some(groups) = alerts.get_mut(&name) {
            groups.retain(|known| *known != group);
            if groups.is_empty() {
                alerts.remove(&name);
            }
        }
        self.count.store(alerts.len(), Ordering::Release);
    }

    /// Forgets all of a tenant's, before they are found anew.
    pub(super) fn forget(&self, tenant: &TenantId) {
        let mut alerts = lock(&self.alerts);
        alerts.retain(|(owner, _), _| owner != tenant);
        self.count.store(alerts.len(), Ordering::Release);
    }
}

/// Moves that wait no longer, because who holds their groups says what becomes of them.
#[derive(Default)]
pub(crate) struct TakenBack {
    /// Members that stay in a group they do not belong to, for whoever holds it to move.
    pub(crate) left_in: Vec<(GroupName, Vec<Fingerprint>)>,
    /// Groups that members were put into.
    pub(crate) joined: Vec<GroupName>,
}

impl Memory {
    /// Notes that members arrived late.
    pub(super) fn note_left(&self, tenant: &TenantId, moves: &[Move]) {
        if !moves.is_empty() {
            let left = moves.iter().map(|moved| moved.left);
            let mut all = lock(&self.left);
            all.entry(tenant.clone()).or_default().extend(left);
        }
    }

    /// Takes back what waits for the end of flushes in a shard, before that is shared: such an end may never be heard of here,
    /// and what came in since is known to nobody else. Members on their way into a group join it.
    pub(crate) fn take_back_moves(&self, shard: usize, now: Timestamp) -> TakenBack {
        let mut taken_back = TakenBack::default();
        let Some(shard) = self.shards.get(shard) else {
            return taken_back;
        };
        let waiting: Vec<_> = lock(shard).waiting.drain().collect();
        for ((tenant, key), waiting) in waiting {
            let name = GroupName { tenant, key };
            let left_in = waiting.out.iter().map(|(alert, _)| alert.fingerprint);
            let left_in: Vec<_> = left_in.collect();
            for fingerprint in &left_in {
                self.leaving.remove(&name.tenant, *fingerprint, key);
            }
            for moved in &waiting.into {
                bring(self, &name.tenant, moved, now, false);
            }
            self.note_left(&name.tenant, &waiting.into);
            if !waiting.into.is_empty() {
                taken_back.joined.push(name.clone());
            }
            if !left_in.is_empty() {
                taken_back.left_in.push((name, left_in));
            }
        }
        taken_back
    }
}

/// Puts a member into its new groups, as it is known now.
pub(super) fn arrive(memory: &Memory, tenant: &TenantId, moved: &Move, now: Timestamp) {
    bring(memory, tenant, moved, now, true);
}

/// `waits`: for the end of a flush of the group it comes to.
fn bring(memory: &Memory, tenant: &TenantId, moved: &Move, now: Timestamp, waits: bool) {
    let fingerprint = moved.alert.fingerprint;
    memory.table(tenant).with(fingerprint, |current| {
        memory.leaving.remove(tenant, fingerprint, moved.left);
        let alert = current.unwrap_or(&moved.alert);
        for identity in &moved.to {
            join(memory, identity, alert, moved, now, waits);
        }
    });
}

fn join(
    memory: &Memory,
    identity: &Arc<GroupIdentity>,
    alert: &Arc<Alert>,
    moved: &Move,
    now: Timestamp,
    waits: bool,
) {
    let grace = memory.grace();
    let name = (identity.tenant.clone(), identity.key);
    let mut shard = memory.shard(&name.0, name.1);
    let mut told = moved.told.iter().map(|(_, told)| told);
    let is_believed = told.any(|told| told.believes_firing(alert.fingerprint));
    match shard.groups.get_mut(&name) {
        Some(group) if waits && group.is_held(now) => {
            // What it is telling now replaces what it was told; this has to come after.
            let later = Move {
                to: vec![Arc::clone(identity)],
                ..moved.clone()
            };
            shard
                .waiting
                .entry(name.clone())
                .or_default()
                .into
                .push(later);
        }
        Some(group) => moved.join(group, alert, now),
        None if alert.is_resolved(now, grace) && !is_believed => return,
        None => {
            // Made by a move: its members have waited already, so it ticks when they would have, or now.
            let grid = Grid::starting(moved.first_tick.max(now), identity.group_interval);
            let mut group = Group::restored(Arc::clone(identity), grid);
            moved.join(&mut group, alert, now);
            shard.groups.insert(name.clone(), group);
        }
    }
    shard.requeue(&name);
}
