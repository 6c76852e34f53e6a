//! What an instance carries over from groups of before: it starts with another configuration, or one comes into force alone.
//!
//! A journal holds the alerts its instance took in. Where shared state was lost meanwhile each instance carries over what was told of
//! those: the first that starts makes the group, what it puts there is a part, and the others add theirs. Where it was not lost it
//! remembers who left the groups of before: whoever did has ended, or is where others put it.

use std::collections::{HashMap, HashSet};

use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId};
use domain::time::Timestamp;
use futures::future::try_join_all;

use super::apart::{ASKED_AT_ONCE, said_over};
use super::missed::Seen;
use super::{Alone, Coordinated, lock};
use crate::RestoredGroup;
use crate::coordinator::{GroupName, Joined, SharedGroup};

/// What restored groups have from others, until all of a fault domain is shared.
#[derive(Default)]
pub(super) struct Carried(HashMap<GroupName, Part>);

#[derive(Clone, Default)]
struct Part {
    /// Integrations, with the number of what they were told: later ones are not carried over.
    told_to: HashMap<IntegrationId, u64>,
    /// Members, and the groups they were in.
    members: Vec<(Fingerprint, GroupKey)>,
}

/// Who left groups, or is in them still, and in which state.
struct Before(HashMap<GroupName, HashMap<Fingerprint, Timestamp>>);

impl Coordinated {
    /// Notes what a restored group has from others.
    pub(super) fn note_restored(&self, restored: &RestoredGroup) {
        let carried_over = &restored.carried_over;
        if carried_over.members.is_empty() && carried_over.told_to.is_empty() {
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

    /// All of a fault domain is shared: from now on everybody knows the same of its groups.
    pub(super) fn forget_carried_over(&self, is_back: impl Fn(&GroupName) -> bool) {
        lock(&self.carried).0.retain(|name, _| !is_back(name));
    }

    /// Whether what an integration was told is a part that this instance carried over, and it told nothing since; that matters where
    /// shared state was lost.
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

    /// Lets members go that left the groups they were in before, or that are in them still, as they are shared; answers them. If they
    /// fire they are where others put them, or move from there like all others, with what was told of them.
    pub(super) async fn see_off_carried_over(&self, here: &mut [Group]) -> Result<Seen, Alone> {
        let mut seen = Seen::new();
        let mut parts = Vec::new();
        for group in here {
            let name = GroupName::of(group.identity());
            let part = lock(&self.carried).0.get(&name).cloned();
            parts.extend(part.map(|part| (group, part.members)));
        }
        let before = self.before(&parts).await?;
        for (group, members) in parts {
            let name = GroupName::of(group.identity());
            let mut gone = before.who_is_elsewhere(group, &members);
            // Whoever was told alone that it fires is owed its end, whatever others told.
            gone.retain(|fingerprint| !self.is_believed_alone(group, *fingerprint));
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

    fn is_believed_alone(&self, group: &Group, fingerprint: Fingerprint) -> bool {
        let name = GroupName::of(group.identity());
        let mut told = group.told().iter();
        told.any(|(integration, told)| {
            told.believes_firing(fingerprint) && self.is_told_alone(&name, integration, told)
        })
    }

    /// What shared state knows of the groups that members were in before.
    async fn before(
        &self,
        parts: &[(&mut Group, Vec<(Fingerprint, GroupKey)>)],
    ) -> Result<Before, Alone> {
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
        let mut before = HashMap::new();
        for chunk in first.chunks(ASKED_AT_ONCE) {
            let asked = chunk.iter().map(async |(name, first)| {
                let shard = Some(name.shard());
                let never = Timestamp::MAX;
                let left = self.insist(shard, || self.shared.left_since(name, *first, never));
                let mut states: HashMap<_, _> = left.await?.into_iter().collect();
                let there = self.insist(shard, || self.shared.group(name)).await?;
                let there = there.iter().flat_map(|there| &there.members);
                states.extend(there.map(|alert| (alert.fingerprint, alert.updated_at)));
                Ok((name.clone(), states))
            });
            before.extend(try_join_all(asked).await?);
        }
        Ok(Before(before))
    }

    /// What is to be added to what others put there since shared state lost its data, at `lost_at`: parts as well, until something
    /// is told.
    pub(super) fn joins_of_parts(
        &self,
        here: &Group,
        there: Option<&SharedGroup>,
        lost_at: Timestamp,
    ) -> Vec<Joined> {
        let name = GroupName::of(here.identity());
        let parts = here.told().iter();
        let parts = parts.filter(|(id, told)| self.is_part(&name, id, told));
        let joined = parts.filter_map(|(integration, ours)| {
            let theirs = there.and_then(|group| group.told_to(integration));
            let theirs = theirs.cloned().unwrap_or_default();
            let last = theirs.last.as_ref();
            let is_untouched = last.is_none_or(|last| last.sent_at < lost_at);
            let told = ours.added_to(&theirs, is_untouched);
            said_over(integration, told, &theirs)
        });
        joined.collect()
    }

    /// Since when numbers in a shard are of this instance alone, if it is alone there. What it did not tell itself with a later one a
    /// configuration carried over that came into force since.
    pub(super) fn carried_over_since(&self, shard: usize) -> Option<Timestamp> {
        let reached_at = *lock(&self.domain(shard).reached_at);
        reached_at.map(|at| at + self.clocks_differ_by())
    }

    /// What a configuration that came into force alone carried over and others do not know. Whether it was told to be over meanwhile in
    /// the group it comes from is not known: its end is owed, and that it fires is news.
    pub(super) fn doubts_of_carried_over(
        &self,
        here: &Group,
        there: Option<&SharedGroup>,
        is_carried_over: impl Fn(&IntegrationId, &Told) -> bool,
    ) -> Vec<Joined> {
        let told = here.told().iter();
        let carried = told.filter(|(integration, told)| is_carried_over(integration, told));
        let joined = carried.filter_map(|(integration, ours)| {
            let theirs = there.and_then(|group| group.told_to(integration));
            let theirs = theirs.cloned().unwrap_or_default();
            said_over(integration, ours.doubted_beside(&theirs), &theirs)
        });
        joined.collect()
    }
}

impl Before {
    /// Which of these members left the groups they were in before, or are there, in the state in which they are known here or in a later
    /// one.
    fn who_is_elsewhere(
        &self,
        group: &Group,
        members: &[(Fingerprint, GroupKey)],
    ) -> HashSet<Fingerprint> {
        let tenant = &group.identity().tenant;
        let is_elsewhere = |(alert, key): &&(Fingerprint, GroupKey)| {
            let name = GroupName {
                tenant: tenant.clone(),
                key: *key,
            };
            let state = self.0.get(&name).and_then(|before| before.get(alert));
            let known = group.member(*alert).map(|known| known.updated_at.unix_ms());
            known
                .zip(state)
                .is_some_and(|(known, state)| known <= state.unix_ms())
        };
        let gone = members.iter().filter(is_elsewhere);
        gone.map(|(alert, _)| *alert).collect()
    }
}
