//! Which group goes on with what a receiver was told of an alert that a configuration moved.

use std::sync::Arc;

use super::{GroupIdentity, IntegrationSpec};
use crate::id::IntegrationId;
use crate::label::Labels;

/// What stays of a group however alerts are grouped: whom it told, by which route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// Its receiver's name.
    pub receiver: Arc<str>,
    /// The matchers of its route and those above it, in Alertmanager's words.
    pub route_key: Arc<str>,
}

impl Lineage {
    /// That of a group with this receiver, text and labels.
    pub fn of(receiver: &str, text: &str, labels: &Labels) -> Self {
        let route_key = text.strip_suffix(&format!(":{labels}"));
        Self {
            receiver: Arc::from(receiver),
            route_key: Arc::from(route_key.unwrap_or(text)),
        }
    }

    /// Whether the group told an integration in place of its receiver.
    fn told_as_fallback(&self, integration: &IntegrationId) -> bool {
        integration.receiver() != &*self.receiver
    }
}

impl GroupIdentity {
    /// What stays of it however alerts are grouped; `None` if nothing but the key is known.
    pub fn lineage(&self) -> Option<Lineage> {
        (!self.is_stand_in()).then(|| Lineage::of(&self.receiver.name, &self.text, &self.labels))
    }

    /// Whether, of the groups a member belongs to now, this one goes on with what an integration was told in the one it left.
    ///
    /// Of groups that tell it, those are heirs that are most like the one the member left: that tell it as their own or as a
    /// fallback, as that one did; of the same receiver; of a route with the same matchers. Were others to believe the same, each would tell
    /// the end. Where nothing is known of the group that was left, all are.
    pub fn is_heir(
        &self,
        integration: &IntegrationId,
        left: Option<&Lineage>,
        groups: &[Arc<GroupIdentity>],
    ) -> bool {
        let Some(left) = left.filter(|_| groups.len() > 1) else {
            return self.spec(integration).is_some();
        };
        let Some(ours) = self.likeness(integration, left) else {
            return false;
        };
        let others = groups
            .iter()
            .filter_map(|group| group.likeness(integration, left));
        others.max().is_none_or(|most| most <= ours)
    }

    /// How much a group is like one that was left to an integration; `None` if it does not tell it.
    fn likeness(&self, integration: &IntegrationId, left: &Lineage) -> Option<[bool; 3]> {
        let is_fallback = self.spec(integration)?.is_fallback;
        let lineage = self.lineage()?;
        Some([
            left.told_as_fallback(integration) == is_fallback,
            lineage.receiver == left.receiver,
            lineage.route_key == left.route_key,
        ])
    }

    /// How the group tells an integration; `None` if it does not.
    pub(super) fn spec(&self, integration: &IntegrationId) -> Option<&IntegrationSpec> {
        let mut specs = self.receiver.integrations.iter();
        specs.find(|spec| spec.id == *integration)
    }
}
