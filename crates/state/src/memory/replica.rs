//! The state machine in memory as the replica of one that instances share: it is told what became of each transition
//! instead of deciding it, and takes over when nobody can be asked any more.

use std::collections::HashSet;
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::{Claim, Group, GroupIdentity};
use domain::id::TenantId;
use domain::time::Timestamp;

use super::{Memory, Shard, TakenIn, due, lock};
use crate::coordinator::{GroupName, KnownAlerts};
use crate::{OwedRecord, Polled};

impl Memory {
    /// What a post would come to, without taking it in, and what the record lacks of that.
    pub(crate) fn peek(&self, tenant: &TenantId, posted: Alert) -> (Arc<Alert>, OwedRecord) {
        self.table(tenant).peek(posted)
    }

    /// Takes note of an alert as it is known elsewhere; answers whether the journal has to hear that it was taken in there.
    pub(crate) fn learn_alert(
        &self,
        tenant: &TenantId,
        alert: &Arc<Alert>,
        taken_in: TakenIn,
    ) -> bool {
        self.table(tenant).learn(alert, taken_in)
    }

    /// Whether an alert is a member of a group.
    pub(crate) fn has_member(&self, name: &GroupName, fingerprint: Fingerprint) -> bool {
        self.see(name, |group| group.contains(fingerprint)) == Some(true)
    }

    /// Alerts of which only a refresh kept here says that they fire beyond `until`.
    pub(crate) fn kept_back(
        &self,
        tenant: &TenantId,
        until: Timestamp,
        count_max: usize,
    ) -> Vec<Arc<Alert>> {
        self.table(tenant).kept_back(until, count_max)
    }

    /// Notes that others hold this state of an alert.
    pub(crate) fn mark_shared(&self, tenant: &TenantId, alert: &Alert) {
        self.table(tenant).mark_shared(alert);
    }

    /// Takes note of a member of a group; `grid` is for a group that is not here yet.
    pub(crate) fn learn_member(
        &self,
        identity: &Arc<GroupIdentity>,
        alert: &Arc<Alert>,
        grid: impl FnOnce() -> Grid,
    ) {
        let name = (identity.tenant.clone(), identity.key);
        let mut shard = self.shard(&name.0, name.1);
        if let Some(group) = shard.groups.get_mut(&name) {
            let known = group.member(alert.fingerprint);
            if known.is_none_or(|known| known.updated_at <= alert.updated_at) {
                group.restore_member(Arc::clone(alert));
            }
            return;
        }
        let mut group = Group::restored(Arc::clone(identity), grid());
        group.restore_member(Arc::clone(alert));
        shard.groups.insert(name.clone(), group);
        shard.requeue(&name);
    }

    /// Replaces a group, or puts it there.
    pub(crate) fn put_group(&self, group: Group) {
        let name = (group.identity().tenant.clone(), group.identity().key);
        let mut shard = self.shard(&name.0, name.1);
        shard.groups.insert(name.clone(), group);
        shard.requeue(&name);
    }

    /// Forgets a group.
    pub(crate) fn forget_group(&self, name: &GroupName) {
        let mut shard = self.shard(&name.tenant, name.key);
        let name = (name.tenant.clone(), name.key);
        shard.groups.remove(&name);
        shard.due.remove(&name);
    }

    /// How many groups are queued for a tick.
    #[cfg(test)]
    pub(crate) fn queued_count(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).due.len()).sum()
    }

    /// Looks at a group, if it is here.
    pub(crate) fn see<T>(&self, name: &GroupName, look: impl FnOnce(&Group) -> T) -> Option<T> {
        let shard = self.shard(&name.tenant, name.key);
        let key = (name.tenant.clone(), name.key);
        shard.groups.get(&key).map(look)
    }

    /// Does something with a group, if it is here.
    pub(crate) fn with<T>(
        &self,
        name: &GroupName,
        change: impl FnOnce(&mut Group) -> T,
    ) -> Option<T> {
        let mut shard = self.shard(&name.tenant, name.key);
        let key = (name.tenant.clone(), name.key);
        let result = shard.groups.get_mut(&key).map(change);
        shard.requeue(&key);
        result
    }

    /// The groups of a shard.
    pub(crate) fn groups_in(&self, shard: usize) -> Vec<Group> {
        self.shards
            .get(shard)
            .map(|shard| lock(shard).groups.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The names of the groups of a shard.
    pub(crate) fn names_in(&self, shard: usize) -> Vec<GroupName> {
        let shard = self.shards.get(shard);
        let groups = shard.map(|shard| lock(shard));
        let groups = groups.iter().flat_map(|shard| shard.groups.values());
        groups.map(|g| GroupName::of(g.identity())).collect()
    }

    /// An alert as it is known.
    pub(crate) fn alert(&self, tenant: &TenantId, fingerprint: Fingerprint) -> Option<Arc<Alert>> {
        self.table(tenant)
            .with(fingerprint, |known| known.map(Arc::clone))
    }

    /// Forgets those of some alerts that are in no group; answers which.
    pub(crate) fn forget_ungrouped(
        &self,
        tenant: &TenantId,
        mut alerts: Vec<Arc<Alert>>,
    ) -> Vec<Arc<Alert>> {
        let mut ungrouped: HashSet<Fingerprint> = alerts.iter().map(|a| a.fingerprint).collect();
        for shard in &self.shards {
            if ungrouped.is_empty() {
                break;
            }
            let shard = lock(shard);
            let groups = shard.groups.iter();
            let groups = groups.filter(|((owner, _), _)| owner == tenant);
            for (_, group) in groups {
                for member in group.members() {
                    ungrouped.remove(&member.fingerprint);
                }
            }
        }
        alerts.retain(|alert| ungrouped.contains(&alert.fingerprint));
        let table = self.table(tenant);
        alerts
            .iter()
            .for_each(|alert| table.forget(alert.fingerprint));
        alerts
    }

    /// Whether this instance took in the last post of an alert.
    pub(crate) fn is_own(&self, tenant: &TenantId, fingerprint: Fingerprint) -> bool {
        self.table(tenant).is_own(fingerprint)
    }

    /// From now on only this instance's own journal counts as a record.
    pub(crate) fn distrust_others(&self) {
        let tables = self.alerts.read();
        let tables = tables.unwrap_or_else(std::sync::PoisonError::into_inner);
        tables.values().for_each(|table| table.distrust_others());
    }

    /// Goes on with a group's grid by itself: a tick that fell into the time since `known_until` is due at once. If shared
    /// state was never reached, the ticks are those of the journal, and stay.
    ///
    /// `hold`: somebody else may be flushing it until then.
    pub(crate) fn take_over(&self, shard: usize, known_until: Option<Timestamp>, hold: Timestamp) {
        let Some(shard) = self.shards.get(shard) else {
            return;
        };
        let shard = &mut *lock(shard);
        let names: Vec<_> = shard.groups.keys().cloned().collect();
        for name in names {
            if let Some(group) = shard.groups.get_mut(&name) {
                take_over(group, known_until, hold);
            }
            shard.requeue(&name);
        }
    }

    /// Claims groups of the shards asked for, as [`crate::State::poll`] does of all.
    pub(crate) fn poll_shards(
        &self,
        is_wanted: impl Fn(usize) -> bool,
        limit: usize,
        now: Timestamp,
    ) -> Polled {
        let wanted = self.shards.iter().enumerate();
        let wanted = wanted.filter(|(index, _)| is_wanted(*index));
        let (mut due, mut next_due) = (Vec::new(), None);
        for (_, shard) in wanted {
            lock(shard).take_due(now, &mut due, &mut next_due);
        }
        let mut claims: Vec<Claim> = Vec::new();
        let grace = *lock_read(&self.grace);
        for (index, name) in due::in_turn(due).into_iter().enumerate() {
            let mut shard = self.shard(&name.0, name.1);
            if index >= limit {
                shard.requeue(&name);
                next_due = Some(now);
                continue;
            }
            claims.extend(shard.claim(&name, now, self.timing.lease, grace));
        }
        Polled { claims, next_due }
    }
}

impl KnownAlerts for Memory {
    fn known(&self, tenant: &TenantId, fingerprint: Fingerprint) -> Option<Arc<Alert>> {
        self.alert(tenant, fingerprint)
    }
}

fn lock_read<T>(lock: &std::sync::RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn take_over(group: &mut Group, known_until: Option<Timestamp>, hold: Timestamp) {
    if let Some(known_until) = known_until {
        if group.is_held(known_until) {
            // Flushed by this very instance: that goes on.
            return;
        }
        if group.is_put_off(known_until) {
            // Given back by this very instance: it is due when it was to be.
            return;
        }
        let grid = group.grid();
        group.set_grid(Grid::resumed(grid.first(), grid.interval(), known_until));
    }
    if group.told().iter().any(|(_, told)| told.pending.is_some()) {
        group.hold(hold);
    }
}

impl Shard {
    /// Takes the groups that are due out of the queue.
    fn take_due(
        &mut self,
        now: Timestamp,
        due: &mut Vec<(domain::group::severity::Severity, Timestamp, due::Name)>,
        next_due: &mut Option<Timestamp>,
    ) {
        for name in self.due.take_until(now) {
            if let Some(group) = self.groups.get(&name) {
                due.push((group.severity(), group.grid().next(), name));
            }
        }
        *next_due = [*next_due, self.due.next()].into_iter().flatten().min();
    }

    /// Claims a group that is due.
    fn claim(
        &mut self,
        name: &due::Name,
        now: Timestamp,
        lease: std::time::Duration,
        grace: domain::alert::Grace,
    ) -> Option<Claim> {
        let claim = self
            .groups
            .get_mut(name)
            .and_then(|group| group.claim(now, lease, grace));
        match &claim {
            // Should its flusher die, the lapsed lease frees it.
            Some(claim) => self.due.put(name.clone(), claim.lease_until),
            // Configured anew meanwhile, or no longer due.
            None => self.requeue(name),
        }
        claim
    }
}
