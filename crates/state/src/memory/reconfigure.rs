//! A configuration change: groups keep what was told, and members whose routes changed move with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;

use super::{Memory, lock};
use crate::{Placement, State};

/// A member of a dissolved group, with what its integrations were told.
struct Mover {
    alert: Arc<Alert>,
    told: Arc<Vec<(IntegrationId, Told)>>,
    first_tick: Timestamp,
}

/// The groups of the new configuration, each with the alerts that belong to it.
type Wanted = HashMap<GroupKey, (Arc<GroupIdentity>, BTreeMap<Fingerprint, Arc<Alert>>)>;

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
    let movers = settle_existing(memory, tenant, &wanted, now);
    let mut moved: HashMap<GroupKey, Vec<Mover>> = HashMap::new();
    for mover in movers {
        for identity in placement(&mover.alert) {
            let copy = Mover {
                alert: Arc::clone(&mover.alert),
                told: Arc::clone(&mover.told),
                ..mover
            };
            moved.entry(identity.key).or_default().push(copy);
        }
    }
    for (key, (identity, alerts)) in wanted {
        let movers = moved.remove(&key).unwrap_or_default();
        let name = (tenant.clone(), key);
        let mut shard = memory.shard(tenant, key);
        if !shard.groups.contains_key(&name)
            && let Some(earliest) = movers.iter().map(|m| m.first_tick).min()
        {
            // Made by a move: its members have waited already, so it ticks when they would have, or now.
            let mut group = Group::restored(
                Arc::clone(&identity),
                Grid::starting(earliest.max(now), identity.group_interval),
            );
            movers
                .iter()
                .for_each(|m| group.adopt(Arc::clone(&m.alert), &m.told));
            shard.groups.insert(name.clone(), group);
        } else if let Some(group) = shard.groups.get_mut(&name) {
            movers
                .iter()
                .for_each(|m| group.adopt(Arc::clone(&m.alert), &m.told));
        }
        for alert in alerts.into_values() {
            let _ = shard.offer(&identity, &alert, now, grace);
        }
        shard.requeue(&name);
    }
}

/// Gives surviving groups their new identity, and dissolves the others; members that no longer belong move out.
fn settle_existing(
    memory: &Memory,
    tenant: &TenantId,
    wanted: &Wanted,
    now: Timestamp,
) -> Vec<Mover> {
    let mut movers = Vec::new();
    for shard in &memory.shards {
        let mut shard = lock(shard);
        let names: Vec<_> = shard
            .groups
            .keys()
            .filter(|(owner, _)| owner == tenant)
            .cloned()
            .collect();
        for name in names {
            let Some(group) = shard.groups.get_mut(&name) else {
                continue;
            };
            let told = Arc::new(group.told().to_vec());
            let first_tick = group.grid().next();
            let belonging = wanted.get(&name.1);
            let gone = group
                .release(|fingerprint| belonging.is_some_and(|w| w.1.contains_key(&fingerprint)));
            movers.extend(gone.into_iter().map(|alert| Mover {
                alert,
                told: Arc::clone(&told),
                first_tick,
            }));
            match belonging {
                Some(wanted) if group.members().len() > 0 => {
                    group.reconfigure(Arc::clone(&wanted.0), now)
                }
                _ => drop(shard.groups.remove(&name)),
            }
            shard.requeue(&name);
        }
    }
    movers
}
