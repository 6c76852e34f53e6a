//! What an instance carries over from groups of before that starts with another configuration.
//!
//! A journal holds the alerts its instance took in. Where shared state was lost meanwhile each instance carries over what was told
//! of those: the first that starts makes the group, what it puts there is a part, and the others add theirs. Where it was not
//! lost, it remembers who left the groups of before: whoever did has ended, or is where others put it.

use std::collections::{HashMap, HashSet};

use domain::fingerprint::Fingerprint;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::{GroupKey, IntegrationId};
use domain::time::Timestamp;

use super::apart::said_over;
use super::missed::Seen;
use super::{Alone, Coordinated, lock};
use crate::CarriedOver;
use crate::coordinator::{GroupName, Joined, SharedGroup};

/// What restored groups have from others, until their shard is shared.
#[derive(Default)]
pub(super) struct Carried(HashMap<GroupName, CarriedOver>);

impl Coordinated {
    /// Notes what a restored group has from others.
    pub(super) fn note_carried_over(&self, identity: &GroupIdentity, carried_over: CarriedOver) {
        if !carried_over.members.is_empty() {
            let name = GroupName::of(identity);
            lock(&self.carried).0.insert(name, carried_over);
        }
    }

    /// A shard is shared: from now on all know the same of its groups.
    pub(super) fn forget_carried_over(&self, shard: usize) {
        let mut carried = lock(&self.carried);
        carried.0.retain(|name, _| name.shard() != shard);
    }

    /// Whether this instance knows a part of what an integration was told, which it has not added to since.
    pub(super) fn is_part(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        told: &Told,
    ) -> bool {
        let carried = lock(&self.carried);
        let carried = carried.0.get(name);
        carried.is_some_and(|carried| carried.told_to.contains(integration))
            && !self.is_told_alone(name, integration, told)
    }

    /// Lets members go that left the groups they were in before; answers them. If they fire they are shared where others put them.
    pub(super) async fn see_off_carried_over(&self, here: &mut [Group]) -> Result<Seen, Alone> {
        let mut seen = Seen::new();
        for group in here {
            let name = GroupName::of(group.identity());
            let carried = lock(&self.carried).0.get(&name).cloned();
            let Some(carried) = carried else { continue };
            let gone = self.gone_before(group, &carried.members).await?;
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

    /// Members that left the groups they were in before, in the state in which they are known here or in a later one.
    async fn gone_before(
        &self,
        group: &Group,
        members: &[(Fingerprint, GroupKey)],
    ) -> Result<HashSet<Fingerprint>, Alone> {
        let known = |fingerprint: &Fingerprint| group.member(*fingerprint).map(|a| a.updated_at);
        let mut before: HashMap<GroupKey, Timestamp> = HashMap::new();
        for (fingerprint, key) in members {
            if let Some(at) = known(fingerprint) {
                let first = before.entry(*key).or_insert(at);
                *first = at.min(*first);
            }
        }
        let mut gone = HashSet::new();
        for (key, first) in before {
            let tenant = group.identity().tenant.clone();
            let name = GroupName { tenant, key };
            let left = self.insist(None, || self.shared.left_since(&name, first));
            let left = left.await?.into_iter().filter(|(fingerprint, state)| {
                known(fingerprint).is_some_and(|at| at.unix_ms() <= state.unix_ms())
            });
            gone.extend(left.map(|(fingerprint, _)| fingerprint));
        }
        Ok(gone)
    }

    /// What is to be added to what others put there since shared state was lost.
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
            let is_untouched = theirs
                .last
                .as_ref()
                .is_none_or(|last| last.sent_at < lost_at);
            let told = ours.joined_parts(&theirs, is_untouched);
            said_over(integration, told, &theirs)
        });
        joined.collect()
    }
}
