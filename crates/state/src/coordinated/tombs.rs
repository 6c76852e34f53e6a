//! Who left which group lately: what shared state remembers in tombstones, remembered here for when it forgets.
//!
//! After a loss every instance puts back what it knows. One that had not heard yet that an alert ended and left would put it
//! back as a member, and its end would be told again; whoever knows better says so.

use std::collections::HashMap;
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::farewell::Leave;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;
use domain::group::told::Told;
use domain::id::IntegrationId;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::{Coordinated, lock};
use crate::EndedGroup;
use crate::coordinator::{GroupName, Joined, Merge, SharedGroup};

/// Most members that are remembered; past it the older half of the time is forgotten.
const TOMBS_MAX: usize = 200_000;

/// See the module's text.
#[derive(Default)]
pub(super) struct Tombs {
    groups: HashMap<GroupName, Grave>,
    count: usize,
    /// When the first one left.
    first_at: Option<Instant>,
    has_trimmed: bool,
}

struct Grave {
    identity: Arc<GroupIdentity>,
    members: HashMap<Fingerprint, (Timestamp, Instant)>,
    /// What was told of the group when it ended, that nothing fires any more, or when it was dissolved.
    told: Vec<(IntegrationId, Told)>,
}

impl Grave {
    fn ended(&self) -> EndedGroup {
        let leaves = self.members.iter();
        let leaves = leaves.map(|(fingerprint, (updated_at, _))| Leave {
            fingerprint: *fingerprint,
            updated_at: *updated_at,
        });
        EndedGroup {
            identity: Arc::clone(&self.identity),
            leaves: leaves.collect(),
            told: self.told.clone(),
        }
    }
}

impl Tombs {
    /// Remembers that members left; `kept` is how long that matters.
    pub(super) fn bury(
        &mut self,
        identity: &Arc<GroupIdentity>,
        leaves: &[Leave],
        kept: std::time::Duration,
    ) {
        if leaves.is_empty() {
            return;
        }
        let now = Instant::now();
        self.first_at.get_or_insert(now);
        let grave = self
            .groups
            .entry(GroupName::of(identity))
            .or_insert_with(|| Grave {
                identity: Arc::clone(identity),
                members: HashMap::new(),
                told: Vec::new(),
            });
        for leave in leaves {
            let known = grave
                .members
                .insert(leave.fingerprint, (leave.updated_at, now));
            match known {
                Some((updated_at, at)) if updated_at > leave.updated_at => {
                    grave.members.insert(leave.fingerprint, (updated_at, at));
                }
                Some(_) => {}
                None => self.count += 1,
            }
        }
        let mut kept = kept;
        while self.count > TOMBS_MAX && !kept.is_zero() {
            kept /= 2;
            self.has_trimmed = true;
            self.forget_older_than(kept, now);
        }
    }

    /// Which of these alerts may have left a group: all of them if some who left are forgotten.
    pub(super) fn departed(
        &self,
        name: &GroupName,
        alerts: &[Fingerprint],
        kept: std::time::Duration,
    ) -> Vec<Fingerprint> {
        let is_whole = !self.has_trimmed && self.first_at.is_none_or(|at| at.elapsed() < kept);
        let has_left =
            |alert: &&Fingerprint| !is_whole || self.has_seen_off(name, **alert, Timestamp::ZERO);
        alerts.iter().filter(has_left).copied().collect()
    }

    /// Whether an alert is known to have left a group in this state or a later one, to the millisecond.
    pub(super) fn has_seen_off(
        &self,
        name: &GroupName,
        alert: Fingerprint,
        state: Timestamp,
    ) -> bool {
        let grave = self.groups.get(name);
        let left_at = grave.and_then(|grave| grave.members.get(&alert));
        left_at.is_some_and(|(left_at, _)| state.unix_ms() <= left_at.unix_ms())
    }

    /// An alert became a member in a state that counts as left: it left in an earlier one.
    pub(super) fn lift(&mut self, name: &GroupName, alert: &Alert) {
        let Some(grave) = self.groups.get_mut(name) else {
            return;
        };
        let left_at = grave.members.get(&alert.fingerprint);
        if left_at.is_none_or(|(left_at, _)| *left_at < alert.updated_at) {
            return;
        }
        grave.members.remove(&alert.fingerprint);
        self.count -= 1;
        if grave.members.is_empty() {
            self.groups.remove(name);
        }
    }

    /// Remembers with whom left last what was told of a group that ended.
    pub(super) fn end(&mut self, name: &GroupName, told: Vec<(IntegrationId, Told)>) {
        let Some(grave) = self.groups.get_mut(name) else {
            return;
        };
        grave.told = told
            .into_iter()
            .map(|(integration, mut told)| {
                told.pending = None;
                if let Some(last) = &mut told.last {
                    last.firing.clear();
                    last.hidden.clear();
                }
                (integration, told)
            })
            .collect();
    }

    /// Remembers with whom left what was told alone of a group that a configuration dissolved: the others go on elsewhere.
    pub(super) fn dissolve(&mut self, name: &GroupName, told: Vec<(IntegrationId, Told)>) {
        if let Some(grave) = self.groups.get_mut(name) {
            grave.told = told;
            grave
                .told
                .iter_mut()
                .for_each(|(_, told)| told.pending = None);
        }
    }

    /// What an integration was told of a group when it ended.
    pub(super) fn told_last(&self, name: &GroupName, integration: &IntegrationId) -> Option<Told> {
        let told = &self.groups.get(name)?.told;
        let last = told.iter().find(|(id, _)| id == integration);
        last.map(|(_, told)| told.clone())
    }

    /// Those of one shard that still matter.
    pub(super) fn of_shard(&mut self, shard: usize, kept: std::time::Duration) -> Vec<EndedGroup> {
        self.forget_older_than(kept, Instant::now());
        let graves = self.groups.iter();
        let graves = graves.filter(|(name, _)| name.shard() == shard);
        graves.map(|(_, grave)| grave.ended()).collect()
    }

    /// Those that still matter of which something was told alone when they ended.
    pub(super) fn told_alone(&mut self, kept: std::time::Duration) -> Vec<EndedGroup> {
        self.forget_older_than(kept, Instant::now());
        let is_alone = |grave: &&Grave| {
            let mut told = grave.told.iter();
            told.any(|(_, told)| Numbers::is_alone(told.seq))
        };
        let graves = self.groups.values().filter(is_alone);
        graves.map(Grave::ended).collect()
    }

    fn forget_older_than(&mut self, kept: std::time::Duration, now: Instant) {
        for grave in self.groups.values_mut() {
            grave
                .members
                .retain(|_, (_, at)| now.duration_since(*at) < kept);
        }
        self.groups.retain(|_, grave| !grave.members.is_empty());
        self.count = self.groups.values().map(|grave| grave.members.len()).sum();
    }
}

impl Coordinated {
    /// Adds who left lately to what is merged: they do not come back because somebody has not heard of it.
    pub(super) fn add_leaves(
        &self,
        shard: usize,
        there: &HashMap<GroupName, SharedGroup>,
        merges: &mut HashMap<GroupName, Merge>,
    ) {
        let now = self.clock.now();
        let graves = lock(&self.tombs).of_shard(shard, self.timing.tombstone);
        for ended in graves {
            let identity = ended.identity;
            let merge = merges.entry(GroupName::of(&identity)).or_insert_with(|| {
                let grid = Grid::starting(now, identity.group_interval);
                Merge::of(identity, grid)
            });
            merge.leaves = ended.leaves;
            if let Some(there) = there.get(&GroupName::of(&merge.group)) {
                self.owe_ends(merge, there, &ended.told);
                continue;
            }
            for (integration, told) in ended.told {
                let known = merge.told.iter_mut().find(|(id, _)| *id == integration);
                match known {
                    Some((_, known)) if known.supersedes(&told) => {}
                    Some((_, known)) => *known = told,
                    None => merge.told.push((integration, told)),
                }
            }
        }
    }

    /// Somebody else may have told that an alert fires which this instance saw off: its end is owed, so it stays, as over.
    /// `told_here`: what was told here when the group ended.
    fn owe_ends(
        &self,
        merge: &mut Merge,
        there: &SharedGroup,
        told_here: &[(IntegrationId, Told)],
    ) {
        let name = &there.name;
        let told = there.told.iter().map(|(integration, theirs)| {
            // What was told of the group since it was made anew here is later than what was told when it ended.
            let joined = merge.joined.iter().find(|j| j.integration == *integration);
            if let Some(joined) = joined {
                return joined.told.clone();
            }
            if let Some((_, ours)) = merge.told.iter().find(|(id, _)| id == integration) {
                return ours.clone();
            }
            let mut here = told_here.iter().filter(|(id, _)| id == integration);
            let Some((_, ours)) = here.next() else {
                return theirs.clone();
            };
            if !self.is_told_alone(name, integration, ours) {
                let is_later = ours.supersedes(theirs) && ours != theirs;
                if is_later {
                    merge.told.push((integration.clone(), ours.clone()));
                }
                return if is_later { ours } else { theirs }.clone();
            }
            let told = self.joined(name, integration, ours, theirs);
            if told != *theirs {
                merge.joined.push(Joined {
                    integration: integration.clone(),
                    told: told.clone(),
                    over: theirs.seq,
                });
            }
            told
        });
        let told: Vec<Told> = told.collect();
        let tenant = &there.name.tenant;
        let mut owed = Vec::new();
        merge.leaves.retain(|leave| {
            let is_believed = told
                .iter()
                .any(|told| told.believes_firing(leave.fingerprint));
            let known = self.memory.alert(tenant, leave.fingerprint);
            let end = known.filter(|known| is_believed && known.is_explicit_end());
            let is_left = end.is_none();
            owed.extend(end);
            is_left
        });
        for end in owed {
            merge
                .alerts
                .retain(|alert| alert.fingerprint != end.fingerprint);
            merge.alerts.push(end);
        }
    }
}
