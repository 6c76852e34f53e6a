//! Members that move to other groups: at once, or when the flush that is telling them, or their new group, has ended.
//!
//! A flush is not cut and its outcome is not known before its end; only then is it known what moves along as "told".

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::{IntegrationId, TenantId};
use domain::time::Timestamp;

use super::{Memory, lock};
use crate::State;

/// A member on its way.
#[derive(Clone)]
pub(super) struct Move {
    /// As it was known when it left.
    pub(super) alert: Arc<Alert>,
    /// The groups it belongs to now.
    pub(super) to: Vec<Arc<GroupIdentity>>,
    /// What was told in the group it left.
    pub(super) told: Arc<Vec<(IntegrationId, Told)>>,
    /// When that group would have ticked.
    pub(super) first_tick: Timestamp,
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
    /// Takes the leaving members out of their group.
    pub(super) fn carry_out(self, group: &mut Group, now: Timestamp) -> Vec<Move> {
        let mut moves = self.into;
        if self.out.is_empty() {
            return moves;
        }
        let told = Arc::new(group.told().to_vec());
        let _ = group.release(|member| {
            self.out
                .iter()
                .all(|(alert, _)| alert.fingerprint != member)
        });
        // Also those the flush dropped as told and over: they may fire again by now.
        moves.extend(self.out.into_iter().map(|(alert, to)| Move {
            alert,
            to,
            told: Arc::clone(&told),
            first_tick: now,
        }));
        moves
    }
}

/// Alerts that wait in a group they no longer belong to; posts of them start no new group meanwhile.
#[derive(Default)]
pub(super) struct Leaving {
    count: AtomicUsize,
    alerts: Mutex<HashMap<(TenantId, Fingerprint), usize>>,
}

impl Leaving {
    pub(super) fn contains(&self, tenant: &TenantId, fingerprint: Fingerprint) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && lock(&self.alerts).contains_key(&(tenant.clone(), fingerprint))
    }

    pub(super) fn insert(&self, tenant: &TenantId, fingerprint: Fingerprint) {
        let mut alerts = lock(&self.alerts);
        *alerts.entry((tenant.clone(), fingerprint)).or_default() += 1;
        self.count.store(alerts.len(), Ordering::Release);
    }

    fn remove(&self, tenant: &TenantId, fingerprint: Fingerprint) {
        let mut alerts = lock(&self.alerts);
        let name = (tenant.clone(), fingerprint);
        if let Some(times) = alerts.get_mut(&name) {
            *times -= 1;
            if *times == 0 {
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

/// Puts a member into its new groups, as it is known now.
pub(super) fn arrive(memory: &Memory, tenant: &TenantId, moved: &Move, now: Timestamp) {
    let fingerprint = moved.alert.fingerprint;
    memory.table(tenant).with(fingerprint, |current| {
        memory.leaving.remove(tenant, fingerprint);
        let alert = current.unwrap_or(&moved.alert);
        for identity in &moved.to {
            join(memory, identity, alert, moved, now);
        }
    });
}

fn join(
    memory: &Memory,
    identity: &Arc<GroupIdentity>,
    alert: &Arc<Alert>,
    moved: &Move,
    now: Timestamp,
) {
    let grace = memory.grace();
    let name = (identity.tenant.clone(), identity.key);
    let mut shard = memory.shard(&name.0, name.1);
    let mut told = moved.told.iter().map(|(_, told)| told);
    let is_believed = told.any(|told| told.believes_firing(alert.fingerprint));
    match shard.groups.get_mut(&name) {
        Some(group) if group.is_held(now) => {
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
        Some(group) => group.adopt(Arc::clone(alert), &moved.told, now),
        None if alert.is_resolved(now, grace) && !is_believed => return,
        None => {
            // Made by a move: its members have waited already, so it ticks when they would have, or now.
            let grid = Grid::starting(moved.first_tick.max(now), identity.group_interval);
            let mut group = Group::restored(Arc::clone(identity), grid);
            group.adopt(Arc::clone(alert), &moved.told, now);
            shard.groups.insert(name.clone(), group);
        }
    }
    shard.requeue(&name);
}
