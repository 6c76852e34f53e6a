//! One group as recorded: its members, its grid, and what its integrations were told, here or where its members were before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::farewell::Leave;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId};
use domain::time::Timestamp;
use state::{EndedGroup, RestoredGroup};

use super::RecordedGroup;

/// Every alert some integration may believe to be firing, or a message in flight names.
pub(super) fn believed_firing(groups: &HashMap<GroupKey, RecordedGroup>) -> HashSet<Fingerprint> {
    let all = groups.values().flat_map(|group| group.told.values());
    all.flat_map(|told| named(told)).collect()
}

fn named(told: &Told) -> impl Iterator<Item = Fingerprint> + '_ {
    let in_flight = told.pending.iter();
    let in_flight = in_flight.flat_map(|p| p.firing.iter().chain(&p.resolved));
    let hidden = told.last.iter().flat_map(|last| &last.hidden);
    let hidden = hidden.chain(told.pending.iter().flat_map(|p| &p.hidden));
    told.firing().iter().chain(in_flight).chain(hidden).copied()
}

/// What was told about alerts in groups that no longer exist under this configuration.
pub(super) struct ToldElsewhere {
    /// As of when it is numbered where it is carried over to.
    as_of: Timestamp,
    by_alert: HashMap<Fingerprint, Vec<(IntegrationId, Arc<Told>)>>,
}

impl ToldElsewhere {
    /// Collects it from the groups that are not among `keys`.
    pub(super) fn new(
        groups: &HashMap<GroupKey, RecordedGroup>,
        keys: &HashSet<GroupKey>,
        as_of: Timestamp,
    ) -> Self {
        let mut by_alert: HashMap<_, Vec<_>> = HashMap::new();
        for (_, group) in groups.iter().filter(|(key, _)| !keys.contains(key)) {
            for (integration, told) in &group.told {
                for fingerprint in named(told) {
                    let here = by_alert.entry(fingerprint).or_default();
                    here.push((integration.clone(), Arc::clone(told)));
                }
            }
        }
        Self { as_of, by_alert }
    }

    fn about(&self, alert: &Alert) -> &[(IntegrationId, Arc<Told>)] {
        self.by_alert
            .get(&alert.fingerprint)
            .map_or(&[], Vec::as_slice)
    }
}

/// A group as recorded. Ended alerts come back only where somebody is owed their end or a message in flight names them; what
/// was told about members elsewhere is carried over to the same integrations. It is restored when the grace begins.
pub(super) fn restored_group(
    identity: Arc<GroupIdentity>,
    members: Vec<Arc<Alert>>,
    recorded: Option<&RecordedGroup>,
    elsewhere: &ToldElsewhere,
    known_until: Timestamp,
    grace: Grace,
) -> RestoredGroup {
    let now = grace.since;
    let told = told_of(&identity, &members, recorded, elsewhere);
    let is_owed = |alert: &Alert| {
        let mut wanting = identity
            .receiver
            .integrations
            .iter()
            .filter(|spec| spec.send_resolved);
        wanting.any(|spec| {
            told.get(&spec.id)
                .is_some_and(|t| t.believes_firing(alert.fingerprint))
        })
    };
    // A message in flight is repeated as it was, so whoever it names comes back, owed or not.
    let is_in_flight = |alert: &Alert| told.values().any(|t| t.has_in_flight(alert.fingerprint));
    let is_kept =
        |alert: &Alert| !alert.is_resolved(now, grace) || is_owed(alert) || is_in_flight(alert);
    let members: Vec<_> = members.into_iter().filter(|alert| is_kept(alert)).collect();
    let first_tick = recorded
        .and_then(|group| group.first_tick)
        .unwrap_or_else(|| {
            let created = members
                .iter()
                .map(|alert| alert.updated_at)
                .min()
                .unwrap_or(now);
            created + identity.group_wait
        });
    let told = told.into_iter().collect();
    RestoredGroup {
        identity,
        first_tick,
        known_until,
        members,
        told,
    }
}

impl RecordedGroup {
    /// Members that are over, if the group ended while this instance was alone.
    pub(super) fn over_alone(&self, members: &[Arc<Alert>], grace: Grace) -> Vec<Leave> {
        let is_over = |alert: &&Arc<Alert>| {
            !self.gone_alone.is_empty() && alert.is_resolved(grace.since, grace)
        };
        let over = members.iter().filter(is_over).map(|alert| Leave {
            fingerprint: alert.fingerprint,
            updated_at: alert.updated_at,
        });
        over.collect()
    }

    /// What is remembered of the group that ended while this instance was alone: others may have told something else. Who is a member
    /// of the group as it is now did not leave.
    pub(super) fn ended_alone(
        &self,
        now: &RestoredGroup,
        mut over: Vec<Leave>,
    ) -> Option<EndedGroup> {
        let is_member = |f| now.members.iter().any(|member| member.fingerprint == f);
        over.retain(|leave| !is_member(leave.fingerprint));
        let told = self.gone_alone.iter();
        (!over.is_empty()).then(|| EndedGroup {
            identity: Arc::clone(&now.identity),
            leaves: over,
            told: told
                .map(|(id, told)| (id.clone(), Told::clone(told)))
                .collect(),
        })
    }
}

/// What this group's integrations were told: as recorded under its key, and about members that were elsewhere.
fn told_of(
    identity: &GroupIdentity,
    members: &[Arc<Alert>],
    recorded: Option<&RecordedGroup>,
    elsewhere: &ToldElsewhere,
) -> BTreeMap<IntegrationId, Told> {
    let is_ours = |id: &IntegrationId| identity.receiver.integrations.iter().any(|s| s.id == *id);
    let known = recorded.iter().flat_map(|group| &group.told);
    let mut told: BTreeMap<IntegrationId, Told> = known
        .filter(|(integration, _)| is_ours(integration))
        .map(|(integration, known)| (integration.clone(), Told::clone(known)))
        .collect();
    for alert in members {
        for (integration, there) in elsewhere.about(alert).iter().filter(|(id, _)| is_ours(id)) {
            let here = told.entry(integration.clone()).or_default();
            here.take_over(there, alert, elsewhere.as_of);
        }
    }
    told
}
