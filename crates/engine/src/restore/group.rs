//! One group as recorded: its members, its grid, and what its integrations were told, here or where its members were before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::farewell::Leave;
use domain::group::heir::Lineage;
use domain::group::numbers::Numbers;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId};
use domain::time::Timestamp;
use state::{CarriedOver, EndedGroup, RestoredGroup};

use super::RecordedGroup;
use crate::reload::ToldTo;

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

/// The groups each alert belongs to under this configuration.
pub(super) type Placed = HashMap<Fingerprint, Vec<Arc<GroupIdentity>>>;

/// What was told about alerts in groups they do not belong to under this configuration.
pub(super) struct ToldElsewhere<'a> {
    placed: &'a Placed,
    /// As of when it is numbered where it is carried over to.
    as_of: Timestamp,
    by_alert: HashMap<Fingerprint, Vec<Elsewhere>>,
}

/// What an integration was told in a group that was left.
struct Elsewhere {
    group: GroupKey,
    left: Option<Lineage>,
    integration: IntegrationId,
    told: Arc<Told>,
}

impl<'a> ToldElsewhere<'a> {
    /// Collects it from the groups as recorded.
    pub(super) fn new(
        groups: &HashMap<GroupKey, RecordedGroup>,
        placed: &'a Placed,
        as_of: Timestamp,
    ) -> Self {
        let mut by_alert: HashMap<_, Vec<_>> = HashMap::new();
        for (key, group) in groups {
            for (integration, told) in &group.told {
                for fingerprint in named(told).filter(|f| has_left(placed, *f, *key)) {
                    let here: &mut Vec<Elsewhere> = by_alert.entry(fingerprint).or_default();
                    here.push(Elsewhere {
                        group: *key,
                        left: group.lineage.clone(),
                        integration: integration.clone(),
                        told: Arc::clone(told),
                    });
                }
            }
        }
        Self {
            placed,
            as_of,
            by_alert,
        }
    }

    /// Whether nothing was told of any alert in a group it does not belong to.
    pub(super) fn is_empty(&self) -> bool {
        self.by_alert.is_empty()
    }

    /// What was told of an alert elsewhere.
    fn about(&self, alert: &Alert) -> &[Elsewhere] {
        let about = self.by_alert.get(&alert.fingerprint);
        about.map_or(&[], Vec::as_slice)
    }

    /// What a group goes on with of what was told of an alert.
    fn for_heir(&self, heir: &GroupIdentity, alert: &Alert) -> impl Iterator<Item = &Elsewhere> {
        let groups = self.placed.get(&alert.fingerprint).map_or(&[][..], |g| g);
        self.about(alert).iter().filter(move |there| {
            let left = there.left.as_ref();
            heir.is_heir(&there.integration, left, groups)
        })
    }
}

/// Whether an alert belongs to other groups than this one.
fn has_left(placed: &Placed, alert: Fingerprint, key: GroupKey) -> bool {
    let groups = placed.get(&alert);
    groups.is_some_and(|groups| groups.iter().all(|group| group.key != key))
}

/// A group as recorded. Ended alerts come back only where somebody is owed their end or a message in flight names them; what
/// was told about members elsewhere is carried over to the same integrations. It is restored when the grace begins.
pub(super) fn restored_group(
    identity: Arc<GroupIdentity>,
    members: Vec<Arc<Alert>>,
    recorded: Option<&RecordedGroup>,
    elsewhere: &ToldElsewhere<'_>,
    known_until: Timestamp,
    grace: Grace,
) -> RestoredGroup {
    let now = grace.since;
    let (told, carried_over) = told_of(&identity, &members, recorded, elsewhere);
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
        carried_over,
    }
}

impl RecordedGroup {
    /// What was told in place of this group's receiver to integrations that are none of its fallback any more.
    pub(super) fn told_to_former_fallbacks(&self, identity: &Arc<GroupIdentity>) -> Vec<ToldTo> {
        let receiver = &identity.receiver;
        let is_former = |id: &IntegrationId| {
            let is_own = id.receiver() == &*receiver.name;
            !is_own && receiver.integrations.iter().all(|spec| spec.id != *id)
        };
        let told = self.told.iter().filter(|(id, told)| {
            let says_something = told.last.is_some() || told.pending.is_some();
            says_something && is_former(id)
        });
        told.map(|(id, told)| ToldTo {
            group: Arc::clone(identity),
            integration: id.clone(),
            seq: told.seq,
        })
        .collect()
    }

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
    /// of the group as it is now did not leave, but who began since that was told fires anew: as it was before, it left.
    pub(super) fn ended_alone(
        &self,
        now: &RestoredGroup,
        mut over: Vec<Leave>,
    ) -> Option<EndedGroup> {
        let is_member = |f| now.members.iter().any(|member| member.fingerprint == f);
        over.retain(|leave| !is_member(leave.fingerprint));
        let last = self
            .gone_alone
            .values()
            .filter_map(|told| told.last.as_ref());
        if let Some(ended_at) = last.map(|last| last.sent_at).max() {
            let anew = now.members.iter().filter(|m| ended_at < m.starts_at);
            over.extend(anew.map(|member| Leave {
                fingerprint: member.fingerprint,
                updated_at: ended_at,
            }));
        }
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

/// What this group's integrations were told, as recorded under its key of alerts that belong to it, and of members that were
/// elsewhere.
fn told_of(
    identity: &GroupIdentity,
    members: &[Arc<Alert>],
    recorded: Option<&RecordedGroup>,
    elsewhere: &ToldElsewhere<'_>,
) -> (BTreeMap<IntegrationId, Told>, CarriedOver) {
    let is_ours = |id: &IntegrationId| identity.receiver.integrations.iter().any(|s| s.id == *id);
    let known = recorded.iter().flat_map(|group| &group.told);
    let known = known.filter(|(integration, _)| is_ours(integration));
    let mut told: BTreeMap<IntegrationId, Told> = known
        .map(|(integration, known)| {
            let mut known = Told::clone(known);
            known.leave_behind(|alert| has_left(elsewhere.placed, alert, identity.key));
            (integration.clone(), known)
        })
        .collect();
    let mut carried_over = CarriedOver::default();
    for alert in members {
        let about = elsewhere.about(alert).iter();
        // Whoever was told alone that it fires is owed its end, whatever others told.
        let is_alone = about.clone().any(|there| Numbers::is_alone(there.told.seq));
        let were_in = about.filter(|_| !is_alone).map(|there| there.group);
        let were_in = were_in.map(|group| (alert.fingerprint, group));
        carried_over.members.extend(were_in);
        for there in elsewhere.for_heir(identity, alert) {
            carried_over.told_to.insert(there.integration.clone());
            let here = told.entry(there.integration.clone()).or_default();
            here.take_over(&there.told, alert, elsewhere.as_of);
        }
    }
    (told, carried_over)
}
