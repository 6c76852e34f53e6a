//! A configuration change: groups keep what was told, and members whose routes changed move with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::id::{GroupKey, TenantId};
use domain::time::Timestamp;

use super::moves::{self, Move};
use super::{Memory, Shard, lock};
use crate::{Placement, State};

/// The groups of the new configuration, each with the alerts that belong to it.
type Wanted = HashMap<GroupKey, WantedGroup>;
type WantedGroup = (Arc<GroupIdentity>, BTreeMap<Fingerprint, Arc<Alert>>);

/// See [`crate::State::reconfigure`].
pub(super) fn apply(memory: &Memory, tenant: &TenantId, placement: &Placement<'_>, now: Timestamp) {
    let grace = memory.grace();
    let mut wanted = Wanted::new();
    for alert in memory.table(tenant).all() {
        for identity in placement(&alert) {
            let (_, alerts) = wanted
                .entry(identity.key)
                .or_insert_with(|| (identity, BTreeMap::new()));
            alerts.insert(alert.fingerprint, Arc::clone(&alert));
        }
    }
    // Of several that make a group, the one that would have ticked first says when it ticks.
    let mut movers = settle_existing(memory, tenant, placement, &wanted, now);
    movers.sort_by_key(|mover| mover.first_tick);
    for mover in &movers {
        moves::arrive(memory, tenant, mover, now);
    }
    for (key, (identity, alerts)) in wanted {
        let name = (tenant.clone(), key);
        let mut shard = memory.shard(tenant, key);
        for alert in alerts.into_values() {
            let waits_in = memory.leaving.groups_of(tenant, alert.fingerprint);
            if waits_in.is_empty() || shard.holds(&name, alert.fingerprint) {
                let _ = shard.offer(&identity, &alert, false, now, grace);
            }
        }
        shard.requeue(&name);
    }
}

/// Gives surviving groups their new identity, and dissolves the others; members that no longer belong move out, those of
/// a group that is being flushed when that is done.
fn settle_existing(
    memory: &Memory,
    tenant: &TenantId,
    placement: &Placement<'_>,
    wanted: &Wanted,
    now: Timestamp,
) -> Vec<Move> {
    memory.leaving.forget(tenant);
    let mut movers = Vec::new();
    for shard in &memory.shards {
        let mut shard = lock(shard);
        let waiting = shard.waiting.extract_if(|(owner, _), _| owner == tenant);
        let waiting: Vec<Move> = waiting.flat_map(|(_, waiting)| waiting.into).collect();
        // On their way by the previous configuration: sent on by this one.
        movers.extend(waiting.into_iter().map(|mover| {
            let groups = placement(&mover.alert);
            mover.sent_to(groups)
        }));
        let names: Vec<_> = shard
            .groups
            .keys()
            .filter(|(owner, _)| owner == tenant)
            .cloned()
            .collect();
        for name in names {
            let belonging = wanted.get(&name.1);
            settle(
                memory,
                &mut shard,
                &name,
                placement,
                belonging,
                now,
                &mut movers,
            );
            shard.requeue(&name);
        }
    }
    movers
}

fn settle(
    memory: &Memory,
    shard: &mut Shard,
    name: &(TenantId, GroupKey),
    placement: &Placement<'_>,
    belonging: Option<&WantedGroup>,
    now: Timestamp,
    movers: &mut Vec<Move>,
) {
    let Some(group) = shard.groups.get_mut(name) else {
        return;
    };
    let belongs = |f: Fingerprint| belonging.is_some_and(|(_, alerts)| alerts.contains_key(&f));
    if group.is_held(now) {
        let leaving = group.members().filter(|alert| !belongs(alert.fingerprint));
        let out: Vec<_> = leaving
            .map(|alert| (Arc::clone(alert), placement(alert)))
            .collect();
        if let Some((identity, _)) = belonging {
            group.reconfigure(Arc::clone(identity), now);
        }
        out.iter()
            .for_each(|(alert, _)| memory.leaving.insert(&name.0, alert.fingerprint, name.1));
        if !out.is_empty() {
            shard.waiting.entry(name.clone()).or_default().out = out;
        }
        return;
    }
    let told = Arc::new(group.told().to_vec());
    // A group that has ticked ticks at once, and so do those its members move to; one in its group_wait keeps it.
    let first_tick = if group.grid().has_ticked() {
        now
    } else {
        group.grid().next()
    };
    let left = Arc::clone(group.identity());
    let gone = group.release(belongs);
    movers.extend(gone.into_iter().map(|alert| {
        let groups = placement(&alert);
        Move::new(alert, &left, groups, Arc::clone(&told), first_tick)
    }));
    match belonging {
        Some((identity, _)) if group.members().len() > 0 => {
            group.reconfigure(Arc::clone(identity), now)
        }
        _ => drop(shard.groups.remove(name)),
    }
}
