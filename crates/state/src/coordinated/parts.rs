//! What instances carry over that start with another configuration after shared state was lost.
//!
//! A journal holds the alerts its instance took in, so each knows of some only that they belong to a group now, and what was told of
//! them where they were before. The first that starts makes the group; what it puts there is a part, and the others add theirs.

use std::collections::HashSet;

use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::IntegrationId;
use domain::time::Timestamp;

use super::apart::said_over;
use super::{Coordinated, lock};
use crate::coordinator::{GroupName, Joined, SharedGroup};

/// Integrations of groups that were restored with a part, until their shard is shared.
#[derive(Default)]
pub(super) struct Parts(HashSet<(GroupName, IntegrationId)>);

impl Coordinated {
    /// Notes that of what was told of a group this instance carried over what it knew.
    pub(super) fn note_parts(&self, identity: &GroupIdentity, carried_over: Vec<IntegrationId>) {
        let name = GroupName::of(identity);
        let parts = carried_over.into_iter().map(|id| (name.clone(), id));
        lock(&self.parts).0.extend(parts);
    }

    /// A shard is shared: from now on all know the same of its groups.
    pub(super) fn forget_parts(&self, shard: usize) {
        lock(&self.parts)
            .0
            .retain(|(name, _)| name.shard() != shard);
    }

    /// Whether this instance knows a part of what an integration was told, which it has not added to since.
    pub(super) fn is_part(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        told: &Told,
    ) -> bool {
        let key = (name.clone(), integration.clone());
        lock(&self.parts).0.contains(&key) && !self.is_told_alone(name, integration, told)
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
