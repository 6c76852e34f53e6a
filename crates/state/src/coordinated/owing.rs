//! Ends that are still owed after instances were alone: each told what it had heard of, so an integration may have been told
//! by one that an alert fires whose end another one had told it before.
//!
//! Whoever told something alone looks, once its knowledge is merged, whether what its integrations believe to be firing is
//! still a member. What is not has ended by another instance's knowledge: it is put back as ended, so that the group's next tick
//! says so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::group::told::Told;
use domain::limits;

use super::{Alone, Coordinated, follow};
use crate::State;
use crate::coordinator::{GroupName, InstanceReport, Merge, SharedGroup};

/// By how much a state that is put back as ended is later than what is known.
const LATER: Duration = Duration::from_millis(1);

impl Coordinated {
    /// Puts back as ended what was told alone and is no member any more; answers whether there was any.
    pub(super) async fn own_up(
        &self,
        here: &[Group],
        there: &HashMap<GroupName, SharedGroup>,
    ) -> Result<bool, Alone> {
        let owed = here.iter().filter_map(|group| {
            let name = GroupName::of(group.identity());
            self.still_owed(group, there.get(&name))
        });
        let owed = self.without_moved(owed.collect()).await?;
        let has_any = !owed.is_empty();
        self.merge_in(owed).await?;
        Ok(has_any)
    }

    /// Leaves out alerts that are put back as ended although they fire on in another group: a configuration moved them there.
    /// Answers what is left to merge.
    pub(super) async fn without_moved(&self, mut owed: Vec<Merge>) -> Result<Vec<Merge>, Alone> {
        if owed.is_empty() {
            return Ok(owed);
        }
        let instances = self.insist(None, || self.shared.instances()).await?;
        let may_have_moved = |merge: &Merge| self.is_configured_otherwise(merge, &instances);
        if !owed.iter().any(may_have_moved) {
            return Ok(owed);
        }
        let (now, grace) = (self.clock.now(), State::grace(&self.memory));
        for shard in 0..limits::SHARDS {
            let (_, groups) = self.read_shard(shard).await?;
            for group in groups.values() {
                let firing = group.members.iter().filter(|a| !a.is_resolved(now, grace));
                let firing: HashSet<Fingerprint> = firing.map(|alert| alert.fingerprint).collect();
                let tenant = &group.name.tenant;
                for merge in owed.iter_mut().filter(|m| m.group.tenant == *tenant) {
                    merge.alerts.retain(|a| !firing.contains(&a.fingerprint));
                }
            }
        }
        owed.retain(|merge| !merge.alerts.is_empty());
        Ok(owed)
    }

    /// Whether some instance's configuration may place alerts elsewhere than in this group, which held them.
    fn is_configured_otherwise(&self, merge: &Merge, instances: &[InstanceReport]) -> bool {
        let Some(host) = self.host() else {
            return false;
        };
        let GroupName { tenant, key } = GroupName::of(&merge.group);
        let is_ours = |alert: &Arc<Alert>| {
            let groups = host.placement(&tenant, alert);
            groups.iter().any(|placed| placed.key == key)
        };
        let hash = host.config_hash(&tenant);
        let mut configs = instances.iter().flat_map(|instance| &instance.configs);
        let do_differ = configs.any(|(owner, theirs)| *owner == tenant && *theirs != hash);
        do_differ || !merge.alerts.iter().all(is_ours)
    }

    /// Adds what this instance knows better of groups that are not here: ends it heard of, or told, before others made the group.
    pub(super) fn add_ends(
        &self,
        there: &HashMap<GroupName, SharedGroup>,
        merges: &mut HashMap<GroupName, Merge>,
    ) {
        let unknown = there.values().filter(|group| !self.is_here(group));
        let better = unknown.filter_map(|group| self.known_better(group));
        merges.extend(better.map(|merge| (GroupName::of(&merge.group), merge)));
    }

    fn is_here(&self, group: &SharedGroup) -> bool {
        self.memory.with(&group.name, |_| ()).is_some()
    }

    /// Ends this instance knows of members that fire as they are shared, and that it told of alerts of groups that are not here;
    /// `None` if there are none.
    pub(super) fn known_better(&self, group: &SharedGroup) -> Option<Merge> {
        let tenant = &group.name.tenant;
        let members = group.members.iter();
        let ends = members.filter_map(|alert| self.end_known_here(tenant, alert));
        let ends: Vec<_> = ends.collect();
        let joined = match self.is_here(group) {
            true => Vec::new(),
            false => self.joins_of_unknown(group),
        };
        if ends.is_empty() && joined.is_empty() {
            return None;
        }
        let member = ends.first().or(group.members.first())?;
        let groups = self.host()?.placement(tenant, member);
        let identity = follow::of_key(&groups, &group.name)?;
        Some(Merge {
            joined,
            ..self.correction(&identity, ends)
        })
    }

    /// What an integration believes to be firing and is no member any more, as over.
    pub(super) fn missing(
        &self,
        name: &GroupName,
        told: &Told,
        there: Option<&SharedGroup>,
    ) -> Vec<Arc<Alert>> {
        let is_member = |fingerprint: &Fingerprint| {
            let mut members = there.iter().flat_map(|group| &group.members);
            members.any(|alert| alert.fingerprint == *fingerprint)
        };
        let missing = believed(told).filter(|fingerprint| !is_member(fingerprint));
        let known = missing.filter_map(|fingerprint| self.memory.alert(&name.tenant, fingerprint));
        known.map(|alert| ended(&alert)).collect()
    }

    fn still_owed(&self, here: &Group, there: Option<&SharedGroup>) -> Option<Merge> {
        let name = GroupName::of(here.identity());
        let told_alone = here.told().iter();
        let told_alone = told_alone.filter(|(id, told)| self.is_told_alone(&name, id, told));
        let told_alone: Vec<_> = told_alone.cloned().collect();
        let mut alerts: Vec<Arc<Alert>> = Vec::new();
        for (integration, told) in &told_alone {
            let shared = there.and_then(|group| group.told_to(integration));
            let told = shared.unwrap_or(told);
            for alert in self.missing(&name, told, there) {
                let is_noted = |noted: &Arc<Alert>| noted.fingerprint == alert.fingerprint;
                if !alerts.iter().any(is_noted) {
                    alerts.push(alert);
                }
            }
        }
        (!alerts.is_empty()).then(|| Merge {
            alerts,
            told: match there {
                Some(_) => Vec::new(),
                None => told_alone,
            },
            is_move: true,
            ..Merge::of(Arc::clone(here.identity()), here.grid())
        })
    }
}

/// Every alert an integration believes to be firing, or may: nobody knows what became of a message in flight.
fn believed(told: &Told) -> impl Iterator<Item = Fingerprint> + '_ {
    let last = told.last.iter();
    let last = last.flat_map(|last| last.firing.iter().chain(&last.hidden));
    let in_flight = told.pending.iter();
    last.chain(in_flight.flat_map(|pending| pending.firing.iter().chain(&pending.hidden)))
        .copied()
}

/// The alert as over, in a state just later than the one known here: whoever heard of it later than that knows better, also
/// that it fires anew.
pub(super) fn ended(alert: &Alert) -> Arc<Alert> {
    let updated_at = alert.updated_at + LATER;
    Arc::new(Alert {
        ends_at: alert.ends_at.min(updated_at),
        updated_at,
        ..alert.clone()
    })
}
