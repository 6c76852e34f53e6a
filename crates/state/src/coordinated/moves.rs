//! A configuration change with several instances: members whose route is gone move to their new groups, with what was told
//! about them, once all instances have the configuration, or after a while (protocol.md §5, move).
//!
//! Until then such a group is *stranded*: its members stay in it, posts of them go to it, and only an instance whose
//! configuration still knows it may flush it. Who moves a group holds its lease, so nobody else flushes or moves it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::{Farewell, Leave};
use domain::group::told::Told;
use domain::id::{IntegrationId, TenantId};
use domain::time::Timestamp;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{Epoch, GroupName};
use crate::host::Host;
use crate::{Placement, StateError};

/// How often members of a group that changed while they moved follow at once, and how often it is held for the rest of them.
const ROUNDS_MAX: usize = 4;

impl Coordinated {
    pub(super) async fn reconfigure_shared(
        &self,
        tenant: &TenantId,
        config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        {
            // Nobody completes the way back meanwhile.
            let _alone = self.stay_alone().await;
            // What is heard of is placed by the configuration before, and then stranded, or by this one.
            let _nothing_is_heard = self.following.lock().await;
            if self.current_mode() == crate::Mode::Degraded {
                self.reconfigure_alone(tenant, config_hash, placement, now)
                    .await?;
                // On the way back shards may have been compared already.
                for domain in &self.domains {
                    domain.has_moved.store(true, Ordering::Release);
                }
                return Ok(());
            }
            self.strand(tenant, placement);
        }
        let restarted = self
            .attempt(0, || self.shared.restart_grids(tenant, config_hash))
            .await;
        tracing::debug!(%tenant, config_hash, ?restarted, "A configuration is in force on this instance");
        Ok(())
    }

    /// Gives groups their identity under a new configuration, and notes those it has no route for.
    fn strand(&self, tenant: &TenantId, placement: &Placement<'_>) {
        // What was told of groups nothing here routed to was not heard: their shards are read anew before anything is claimed.
        for shard in lock(&self.stranded).shards(tenant) {
            self.view(shard).epoch = None;
        }
        lock(&self.stranded).forget(tenant);
        for shard in 0..domain::limits::SHARDS {
            for group in self.memory.groups_in(shard) {
                let name = GroupName::of(group.identity());
                if name.tenant != *tenant {
                    continue;
                }
                let (mut identity, mut leaving) = (None, Vec::new());
                for alert in group.members() {
                    let groups = placement(alert);
                    match groups.into_iter().find(|g| g.key == name.key) {
                        Some(here) => identity = Some(here),
                        None => leaving.push(alert.fingerprint),
                    }
                }
                if let Some(identity) = identity {
                    self.memory
                        .with(&name, |group| group.set_identity(identity));
                }
                if !leaving.is_empty() {
                    lock(&self.stranded).see_foreign(&name, leaving);
                }
            }
        }
    }

    /// Moves members out of stranded groups, of tenants whose turn it is.
    pub(super) async fn move_stranded(&self) {
        let since = lock(&self.stranded).since();
        if since.is_empty() || self.current_mode() == crate::Mode::Degraded {
            return;
        }
        let Some(host) = self.host() else { return };
        let Ok(instances) = self.shared.instances().await else {
            return;
        };
        for (tenant, since) in since {
            let ours = host.config_hash(&tenant);
            let mut hashes = instances
                .iter()
                .flat_map(|instance| &instance.configs)
                .filter(|(owner, _)| *owner == tenant);
            let do_agree = hashes.all(|(_, hash)| *hash == ours);
            let is_overdue = since.elapsed() >= self.timing.foreign_move_after;
            if !do_agree && !is_overdue {
                continue;
            }
            if !do_agree {
                tracing::debug!(%tenant, "Instances have different configurations for this tenant; members are moved by this one's");
            }
            let names = lock(&self.stranded).next(&tenant);
            for name in names {
                if self.move_members(&*host, &name).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Moves the members of one group that belong elsewhere. Who changes in the last moment stays, and moves in the next round.
    async fn move_members(&self, host: &dyn Host, name: &GroupName) -> Result<(), Alone> {
        for _ in 0..ROUNDS_MAX {
            let epoch = self.view(name.shard()).epoch.clone();
            let Some(held) = self.directly(self.shared.seize(name).await)? else {
                return self.forget_moved(name, epoch.as_ref()).await;
            };
            // Somebody is flushing it: what becomes of that moves along, later.
            let Ok(claimed) = held else { return Ok(()) };
            let taken = self.take_along(host, name).await;
            let Ok(Taken::Some(farewell)) = taken else {
                self.give_back(&claimed, self.timing.behind_delay).await;
                if let Taken::NoneLeaves = taken? {
                    lock(&self.stranded).gone(name);
                }
                return Ok(());
            };
            let finished = self.shared.finish(name, claimed.fence, &farewell).await;
            // The feed says who left.
            let Ok(Some(_)) = self.directly(finished)? else {
                return Ok(());
            };
            tracing::debug!(tenant = %name.tenant, group = %name.key, "Moved members to the groups of the new configuration");
        }
        Ok(())
    }

    /// Takes the members of a held group that belong elsewhere there, with what was told of them, until none of them changed
    /// meanwhile, or somebody is flushing a group they belong to.
    async fn take_along(&self, host: &dyn Host, name: &GroupName) -> Result<Taken, Alone> {
        let mut taken: HashMap<Fingerprint, Timestamp> = HashMap::new();
        for round in 0..=ROUNDS_MAX {
            let Some(mut source) = self.directly(self.shared.group(name).await)? else {
                break;
            };
            // What was told of who was taken already is there.
            let mut retold = Vec::new();
            for (integration, told) in &mut source.told {
                if told.leave_behind(|alert| taken.contains_key(&alert)) {
                    retold.push((integration.clone(), told.clone()));
                }
            }
            let belongs_elsewhere = |alert: &&Arc<Alert>| {
                let groups = host.placement(&name.tenant, alert);
                groups.iter().all(|group| group.key != name.key)
            };
            let leaving = source.members.iter().filter(belongs_elsewhere);
            let leaving: Vec<_> = leaving
                .filter(|alert| taken.get(&alert.fingerprint) != Some(&alert.updated_at))
                .cloned()
                .collect();
            if leaving.is_empty() && taken.is_empty() {
                return Ok(match source.members.is_empty() {
                    true => Taken::Some(Farewell::default()),
                    false => Taken::NoneLeaves,
                });
            }
            let joined = match round == ROUNDS_MAX {
                true => Vec::new(),
                false => self.join_theirs(host, &leaving, &source).await?,
            };
            if joined.is_empty() {
                if taken.is_empty() {
                    break;
                }
                return Ok(Taken::Some(farewell_to(taken, retold)));
            }
            taken.extend(joined.iter().map(|a| (a.fingerprint, a.updated_at)));
        }
        Ok(Taken::Nothing)
    }

    /// A stranded group that is not there any more is forgotten, unless its shard lost its data: then what is known here may be all
    /// there is, and is put back. `epoch`: whose data was asked for, as far as was known before.
    async fn forget_moved(&self, name: &GroupName, epoch: Option<&Epoch>) -> Result<(), Alone> {
        // A loss shows in the feed.
        self.follow_from_now().await?;
        let is_same = epoch.is_some() && self.view(name.shard()).epoch.as_ref() == epoch;
        if is_same {
            self.forget(name);
        }
        Ok(())
    }
}

/// What became of the members of a group that is held to move them.
enum Taken {
    /// Some are where they belong, and may leave: all, if none is named.
    Some(Farewell),
    /// None is: somebody is flushing their groups, or this one is not there any more.
    Nothing,
    /// All belong where they are.
    NoneLeaves,
}

/// Who was taken along may leave, each unless it changed since.
fn farewell_to(
    taken: HashMap<Fingerprint, Timestamp>,
    retold: Vec<(IntegrationId, Told)>,
) -> Farewell {
    let leaves = taken.into_iter().map(|(fingerprint, updated_at)| Leave {
        fingerprint,
        updated_at,
    });
    Farewell {
        leaves: leaves.collect(),
        retold,
        is_move: true,
        ..Farewell::default()
    }
}
