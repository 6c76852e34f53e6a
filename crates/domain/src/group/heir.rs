//! Which group goes on with what a receiver was told of an alert that a configuration moved.

use std::sync::Arc;

use super::{GroupIdentity, IntegrationSpec};
use crate::id::IntegrationId;

impl GroupIdentity {
    /// Whether, of the groups a member belongs to now, this one goes on with what an integration was told in the one it left.
    ///
    /// Of groups that tell it, those are heirs that are most like the one the member left: that tell it as their own or as a
    /// fallback, as that one did; of the same receiver; of a route with the same matchers. Were others to believe the same, each would tell
    /// the end. Where nothing but the key is known of the group that was left, all are.
    pub fn is_heir(
        &self,
        integration: &IntegrationId,
        left: &GroupIdentity,
        groups: &[Arc<GroupIdentity>],
    ) -> bool {
        let Some(ours) = self.likeness(integration, left) else {
            return false;
        };
        let others = groups
            .iter()
            .filter_map(|group| group.likeness(integration, left));
        left.is_stand_in() || others.max().is_none_or(|most| most <= ours)
    }

    /// How much a group is like another one to an integration; `None` if it does not tell it.
    fn likeness(&self, integration: &IntegrationId, other: &GroupIdentity) -> Option<[bool; 3]> {
        let is_fallback = self.spec(integration)?.is_fallback;
        Some([
            other.spec(integration).map(|spec| spec.is_fallback) == Some(is_fallback),
            other.receiver.name == self.receiver.name,
            other.route_key() == self.route_key(),
        ])
    }

    /// How the group tells an integration; `None` if it does not.
    pub(super) fn spec(&self, integration: &IntegrationId) -> Option<&IntegrationSpec> {
        let mut specs = self.receiver.integrations.iter();
        specs.find(|spec| spec.id == *integration)
    }

    /// The matchers of the route and those above it, in Alertmanager's words: the key's text without the labels.
    pub(super) fn route_key(&self) -> &str {
        let labels = format!(":{}", self.labels);
        self.text.strip_suffix(&labels).unwrap_or(&self.text)
    }
}
