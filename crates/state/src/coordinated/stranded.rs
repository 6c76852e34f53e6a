//! Stranded groups: their members have to move, as this instance's configuration places them elsewhere, and wait there meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::{GroupIdentity, ReceiverSpec};
use domain::id::TenantId;
use domain::label::Labels;
use domain::route::RouteIndex;
use tokio::time::Instant;

use super::{Coordinated, lock};
use crate::coordinator::GroupName;

/// Most stranded groups that are remembered; further ones are found again when they are claimed.
const STRANDED_MAX: usize = 100_000;

/// Groups moved in one go.
const MOVES_MAX: usize = 200;

/// Groups that this instance's configuration has no route for, with their members.
#[derive(Default)]
pub(super) struct Stranded {
    groups: BTreeMap<GroupName, HashSet<Fingerprint>>,
    members: HashMap<(TenantId, Fingerprint), Vec<GroupName>>,
    /// When each tenant's first one was seen.
    since: BTreeMap<TenantId, Instant>,
    /// The last one of each tenant whose turn it was.
    served: BTreeMap<TenantId, GroupName>,
}

impl Stranded {
    /// Notes members of a group nothing here routes to.
    pub(super) fn see_foreign(
        &mut self,
        name: &GroupName,
        members: impl IntoIterator<Item = Fingerprint>,
    ) {
        if self.groups.len() >= STRANDED_MAX && !self.groups.contains_key(name) {
            return;
        }
        self.since
            .entry(name.tenant.clone())
            .or_insert_with(Instant::now);
        let known = self.groups.entry(name.clone()).or_default();
        for member in members {
            if known.insert(member) {
                let of = (name.tenant.clone(), member);
                self.members.entry(of).or_default().push(name.clone());
            }
        }
    }

    /// A member belongs to a group: the group is none of them if nobody in it belongs elsewhere. One that was seen without any
    /// member is taken for one until then.
    pub(super) fn see_own(&mut self, name: &GroupName) {
        if self.groups.get(name).is_some_and(HashSet::is_empty) {
            self.gone(name);
        }
    }

    /// Whether a group is one of them.
    pub(super) fn holds(&self, name: &GroupName) -> bool {
        self.groups.contains_key(name)
    }

    /// Whether an alert is in one of them.
    pub(super) fn has(&self, tenant: &TenantId, alert: Fingerprint) -> bool {
        !self.of(tenant, alert).is_empty()
    }

    /// The stranded groups an alert is in.
    fn of(&self, tenant: &TenantId, alert: Fingerprint) -> &[GroupName] {
        if self.members.is_empty() {
            return &[];
        }
        self.members
            .get(&(tenant.clone(), alert))
            .map_or(&[], Vec::as_slice)
    }

    /// Members left a group.
    pub(super) fn left(&mut self, name: &GroupName, members: &[Fingerprint]) {
        let Some(known) = self.groups.get_mut(name) else {
            return;
        };
        for member in members {
            known.remove(member);
            let of = (name.tenant.clone(), *member);
            if let Some(groups) = self.members.get_mut(&of) {
                groups.retain(|group| group != name);
                if groups.is_empty() {
                    self.members.remove(&of);
                }
            }
        }
    }

    /// A group is no more.
    pub(super) fn gone(&mut self, name: &GroupName) {
        let Some(members) = self.groups.get(name) else {
            return;
        };
        let members: Vec<_> = members.iter().copied().collect();
        self.left(name, &members);
        self.groups.remove(name);
        let is_last = !self.groups.keys().any(|group| group.tenant == name.tenant);
        if is_last {
            self.since.remove(&name.tenant);
            self.served.remove(&name.tenant);
        }
    }

    /// Forgets a tenant's, before they are found anew.
    pub(super) fn forget(&mut self, tenant: &TenantId) {
        self.groups.retain(|name, _| name.tenant != *tenant);
        self.members.retain(|(owner, _), _| owner != tenant);
        self.since.remove(tenant);
        self.served.remove(tenant);
    }

    /// The tenants that have any, each with when its first one was seen.
    pub(super) fn since(&self) -> Vec<(TenantId, Instant)> {
        let since = self.since.iter();
        since
            .map(|(tenant, since)| (tenant.clone(), *since))
            .collect()
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The shards a tenant's lie in.
    pub(super) fn shards(&self, tenant: &TenantId) -> HashSet<usize> {
        let names = self.groups.keys().filter(|name| name.tenant == *tenant);
        names.map(GroupName::shard).collect()
    }

    /// Some of a tenant's, so that the caller looks at the world in between; those come next whose turn it was not for longest.
    pub(super) fn next(&mut self, tenant: &TenantId) -> Vec<GroupName> {
        let served = self.served.get(tenant);
        let is_waiting = |name: &&GroupName| served.is_none_or(|served| served < *name);
        let ours = self.groups.keys().filter(|name| name.tenant == *tenant);
        let (waiting, before): (Vec<_>, Vec<_>) = ours.partition(is_waiting);
        let next = waiting.into_iter().chain(before).take(MOVES_MAX);
        let next: Vec<_> = next.cloned().collect();
        if let Some(last) = next.last() {
            self.served.insert(tenant.clone(), last.clone());
        }
        next
    }
}

/// The groups a post is offered to.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) groups: Vec<Arc<GroupIdentity>>,
    /// Which of them are stranded: its alert waits there to be moved, if it has not been moved already.
    pub(super) waits_in: Range<usize>,
    /// Where it belongs by this instance's configuration, if it waits elsewhere to be moved there.
    pub(super) placed: Vec<Arc<GroupIdentity>>,
}

impl Coordinated {
    /// The groups a post is offered to: an alert that waits in a stranded group starts no other one meanwhile.
    pub(super) fn not_leaving(
        &self,
        tenant: &TenantId,
        alert: &Alert,
        groups: Vec<Arc<GroupIdentity>>,
    ) -> Wanted {
        let stranded = lock(&self.stranded).of(tenant, alert.fingerprint).to_vec();
        if stranded.is_empty() {
            return Wanted {
                groups,
                ..Wanted::default()
            };
        }
        let is_member = |group: &Arc<GroupIdentity>| {
            self.memory
                .has_member(&GroupName::of(group), alert.fingerprint)
        };
        let mut kept: Vec<_> = groups.iter().filter(|g| is_member(g)).cloned().collect();
        let stays = kept.len();
        kept.extend(stranded.iter().map(|name| self.identity_of(name)));
        Wanted {
            waits_in: stays..kept.len(),
            groups: kept,
            placed: groups,
        }
    }

    /// What a stranded group is: as it was configured, or a stand-in where this instance never knew.
    fn identity_of(&self, name: &GroupName) -> Arc<GroupIdentity> {
        let known = self.memory.with(name, |group| Arc::clone(group.identity()));
        known.unwrap_or_else(|| self.stand_in(name))
    }

    /// As what a group is offered an alert that it holds to be moved (`waits`): others may have moved it meanwhile, and then neither
    /// the alert comes back nor the group.
    pub(super) fn offered_as(&self, group: &Arc<GroupIdentity>, waits: bool) -> Arc<GroupIdentity> {
        if waits {
            return self.stand_in(&GroupName::of(group));
        }
        Arc::clone(group)
    }

    /// A group of which nothing but the key is known.
    fn stand_in(&self, name: &GroupName) -> Arc<GroupIdentity> {
        Arc::new(GroupIdentity {
            tenant: name.tenant.clone(),
            key: name.key,
            text: String::new(),
            route: RouteIndex(0),
            labels: Labels::empty(),
            receiver: Arc::new(ReceiverSpec {
                name: Arc::from(""),
                integrations: Vec::new(),
            }),
            group_wait: self.timing.lease,
            group_interval: self.timing.lease,
            repeat_interval: self.timing.grace,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
        })
    }
}
