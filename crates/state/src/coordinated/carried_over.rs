//! What an instance carries over from groups of before: it started with another configuration, or one came into force while it was
//! alone.
//!
//! It knows of some alerts only: a journal holds those its instance took in, and whoever is on its way back has let go of those that
//! others moved. What it was told of them is a part, whose number says when it was carried over; it is added to what others know. And of
//! its alerts shared state remembers who left the groups of before: whoever did has ended, or is where others put it.

use std::collections::{HashMap, HashSet};

use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::limits;
use domain::time::Timestamp;
use futures::future::try_join_all;

use super::apart::{ASKED_AT_ONCE, said_over};
use super::missed::Seen;
use super::{Alone, Coordinated, lock};
use crate::coordinator::{GroupName, Joined, SharedGroup};
use crate::{Placement, RestoredGroup};

/// What groups have from others, until all of a fault domain is shared.
#[derive(Default)]
pub(super) struct Carried(HashMap<GroupName, Part>);

#[derive(Clone, Default)]
struct Part {
    /// Integrations, with the number of what they were told: later ones are not carried over.
    told_to: HashMap<IntegrationId, u64>,
    /// Members, and the groups they were in.
    members: Vec<(Fingerprint, GroupKey)>,
}

/// Who left groups, and in which state.
type LeftBefore = HashMap<GroupName, HashMap<Fingerprint, Timestamp>>;

/// The groups of a tenant before another configuration comes into force.
pub(super) struct Before(Vec<Group>);

impl Before {
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.0.iter()
    }
}

impl Coordinated {
    /// Notes what a restored group has from others.
    pub(super) fn note_restored(&self, restored: &RestoredGroup) {
        let carried_over = &restored.carried_over;
        if carried_over.members.is_empty() {
            return;
        }
        let told = restored.told.iter();
        let told = told.filter(|(id, _)| carried_over.told_to.contains(id));
        let part = Part {
            told_to: told.map(|(id, told)| (id.clone(), told.seq)).collect(),
            members: carried_over.members.clone(),
        };
        let name = GroupName::of(&restored.identity);
        lock(&self.carried).0.insert(name, part);
    }

    /// What is to be compared once another configuration is in force.
    pub(super) fn before_reconfigured(&self, tenant: &TenantId) -> Before {
        let groups = (0..limits::SHARDS).flat_map(|shard| self.memory.groups_in(shard));
        Before(groups.filter(|g| g.identity().tenant == *tenant).collect())
    }

    /// Notes what groups have from others since a configuration came into force while this instance was alone.
    pub(super) fn note_reconfigured(&self, before: &Before, placement: &Placement<'_>) {
        let mut carried = lock(&self.carried);
        for group in &before.0 {
            let left = GroupName::of(group.identity());
            for alert in group.members() {
                // Whoever was told alone that it fires is owed its end, whatever others told.
                if self.is_believed_alone(group, alert.fingerprint) {
                    continue;
                }
                let groups = placement(alert);
                let others = groups.iter().map(|group| GroupName::of(group));
                for name in others.filter(|name| *name != left) {
                    let part = carried.0.entry(name).or_default();
                    part.members.push((alert.fingerprint, left.key));
                }
            }
        }
        let before: HashMap<GroupName, &Group> = before.0.iter().map(named).collect();
        for (name, part) in &mut carried.0 {
            let told = self.memory.with(name, |group| group.told().to_vec());
            for (integration, told) in told.into_iter().flatten() {
                let was = before.get(name).and_then(|was| was.told_to(&integration));
                if was.is_none_or(|was| was.seq != told.seq) {
                    part.told_to.insert(integration, told.seq);
                }
            }
        }
    }

    fn is_believed_alone(&self, group: &Group, fingerprint: Fingerprint) -> bool {
        let name = GroupName::of(group.identity());
        let mut told = group.told().iter();
        told.any(|(integration, told)| {
            told.believes_firing(fingerprint) && self.is_told_alone(&name, integration, told)
        })
    }

    /// All of a fault domain is shared: from now on everybody knows the same of its groups.
    pub(super) fn forget_carried_over(&self, is_back: impl Fn(&GroupName) -> bool) {
        lock(&self.carried).0.retain(|name, _| !is_back(name));
    }

    /// Whether what an integration was told is a part that this instance carried over, and it told nothing since.
    pub(super) fn is_part(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        told: &Told,
    ) -> bool {
        let carried = lock(&self.carried);
        let part = carried.0.get(name);
        part.is_some_and(|part| part.told_to.get(integration) == Some(&told.seq))
            && !self.is_told_alone(name, integration, told)
    }

    /// Lets members go that left the groups they were in before; answers them. If they fire they are shared where others put them.
    pub(super) async fn see_off_carried_over(&self, here: &mut [Group]) -> Result<Seen, Alone> {
        let mut seen = Seen::new();
        let mut parts = Vec::new();
        for group in here {
            let part = lock(&self.carried)
                .0
                .get(&GroupName::of(group.identity()))
                .cloned();
            parts.extend(part.map(|part| (group, part.members)));
        }
        let left = self.left_before(&parts).await?;
        for (group, members) in parts {
            let name = GroupName::of(group.identity());
            let gone = who_left(group, &members, &left);
            if gone.is_empty() {
                continue;
            }
            let belongs = |fingerprint| !gone.contains(&fingerprint);
            let released = group.release(belongs);
            self.memory.with(&name, |known| known.release(belongs));
            seen.entry(name.tenant).or_default().extend(released);
        }
        Ok(seen)
    }

    /// Who left the groups that members were in before, and in which state.
    async fn left_before(
        &self,
        parts: &[(&mut Group, Vec<(Fingerprint, GroupKey)>)],
    ) -> Result<LeftBefore, Alone> {
        let mut first: HashMap<GroupName, Timestamp> = HashMap::new();
        for (group, members) in parts {
            for (fingerprint, key) in members {
                let Some(member) = group.member(*fingerprint) else {
                    continue;
                };
                let tenant = group.identity().tenant.clone();
                let at = first
                    .entry(GroupName { tenant, key: *key })
                    .or_insert(member.updated_at);
                *at = member.updated_at.min(*at);
            }
        }
        let first: Vec<_> = first.into_iter().collect();
        let mut left = HashMap::new();
        for chunk in first.chunks(ASKED_AT_ONCE) {
            let asked = chunk.iter().map(async |(name, first)| {
                let left = self.insist(None, || self.shared.left_since(name, *first));
                Ok((name.clone(), left.await?.into_iter().collect()))
            });
            left.extend(try_join_all(asked).await?);
        }
        Ok(left)
    }

    /// What is to be added to what others know. `lost_at`: shared state lost its data then, and nothing but parts was put there until
    /// something is told.
    pub(super) fn joins_of_parts(
        &self,
        here: &Group,
        there: Option<&SharedGroup>,
        lost_at: Option<Timestamp>,
    ) -> Vec<Joined> {
        let name = GroupName::of(here.identity());
        let parts = here.told().iter();
        let parts = parts.filter(|(id, told)| self.is_part(&name, id, told));
        let joined = parts.filter_map(|(integration, ours)| {
            let theirs = there.and_then(|group| group.told_to(integration));
            let theirs = theirs.cloned().unwrap_or_default();
            let last = theirs.last.as_ref();
            let is_before = |lost_at| last.is_none_or(|last| last.sent_at < lost_at);
            let told = ours.added_to(&theirs, lost_at.is_some_and(is_before));
            said_over(integration, told, &theirs)
        });
        joined.collect()
    }
}

/// Which of these members left the groups they were in before, in the state in which they are known here or in a later one.
fn who_left(
    group: &Group,
    members: &[(Fingerprint, GroupKey)],
    left: &LeftBefore,
) -> HashSet<Fingerprint> {
    let tenant = &group.identity().tenant;
    let has_left = |(alert, key): &(Fingerprint, GroupKey)| {
        let name = GroupName {
            tenant: tenant.clone(),
            key: *key,
        };
        let state = left.get(&name).and_then(|left| left.get(alert));
        let known = group.member(*alert).map(|known| known.updated_at.unix_ms());
        known
            .zip(state)
            .is_some_and(|(known, state)| known <= state.unix_ms())
    };
    let gone = members.iter().filter(|member| has_left(member));
    gone.map(|(alert, _)| *alert).collect()
}

fn named(group: &Group) -> (GroupName, &Group) {
    (GroupName::of(group.identity()), group)
}
