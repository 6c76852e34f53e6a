//! What an integration hears of an alert through another of its groups.
//!
//! A receiver may be routed to and be a fallback too, or be the fallback of several: then an alert reaches it through more than one
//! group, and nobody hears the same news twice. Each group leaves out what another one told; of groups that would tell at the same
//! moment the later in order gives way for a moment, and looks again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::told::{Told, ToldMessage};
use domain::group::{GroupIdentity, IntegrationSpec};
use domain::id::GroupKey;
use domain::time::Timestamp;

use super::{Flush, Scope};
use crate::channel::Channel;

/// How long a fallback gives way to each group before it in order: long enough that what that one began is known everywhere.
const GIVE_WAY: Duration = Duration::from_secs(1);

/// Most groups that are given way to, so that nobody waits long.
const BEFORE_MAX: u32 = 5;

/// A group that reminds does so within so many ticks after its repeat_interval, and a message in flight is waited for as long.
const PATIENCE_TICKS: u32 = 2;

/// Alerts an integration hears of through other groups, as far as one of them is told in place of another receiver.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Those it was told there that they fire, or is being told.
    heard: BTreeSet<Fingerprint>,
    /// Those of them it was told by a group before this one in order.
    reminded: BTreeSet<Fingerprint>,
    /// Those it may hear of there, told or not.
    shared: BTreeSet<Fingerprint>,
    /// Groups that would tell it before this one.
    before: BTreeSet<GroupKey>,
}

impl Elsewhere {
    /// Whether an alert's beginning is left out here.
    pub(super) fn has_heard(&self, fingerprint: Fingerprint) -> bool {
        self.heard.contains(&fingerprint)
    }

    /// Whether another group reminds of everything a message would.
    pub(super) fn reminds_of(&self, firing: &[Fingerprint]) -> bool {
        !firing.is_empty() && firing.iter().all(|f| self.reminded.contains(f))
    }

    /// Whether an alert's end is told here only if its beginning was.
    pub(super) fn may_hear(&self, fingerprint: Fingerprint) -> bool {
        self.shared.contains(&fingerprint)
    }

    /// How long this group gives way to others.
    pub(super) fn pause(&self) -> Duration {
        let before = u32::try_from(self.before.len()).unwrap_or(BEFORE_MAX);
        GIVE_WAY * before.min(BEFORE_MAX)
    }
}

/// A group's place in the order: those whose receiver has the integration as its own are first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_fallback: bool,
    group: GroupKey,
}

impl Place {
    fn of(group: &GroupIdentity, spec: &IntegrationSpec) -> Self {
        Self {
            is_fallback: spec.is_fallback,
            group: group.key,
        }
    }
}

/// Another group through which an integration may hear of an alert.
struct Way {
    alert: Arc<Alert>,
    group: Arc<GroupIdentity>,
    place: Place,
    /// What the integration was told there.
    told: Arc<Told>,
}

impl Way {
    /// Whether a message decided at a tick says that the alert fires, as it does now and not at an earlier time.
    fn is_named_in(&self, firing: &[Fingerprint], tick: Timestamp) -> bool {
        firing.binary_search(&self.alert.fingerprint).is_ok() && self.alert.starts_at <= tick
    }
}

impl Flush<'_> {
    /// What an integration hears through other groups of this one's alerts.
    pub(super) fn elsewhere(&self, spec: &IntegrationSpec, told: &Told, scope: Scope) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        if scope == Scope::Ends || !self.settings.is_fallback(&spec.id) {
            return elsewhere;
        }
        for way in self.other_ways(spec) {
            let fingerprint = way.alert.fingerprint;
            elsewhere.shared.insert(fingerprint);
            let is_before = way.place < Place::of(&self.claim.identity, spec);
            let is_unheard = self.judged.firing.binary_search(&fingerprint).is_ok()
                && told.firing().binary_search(&fingerprint).is_err();
            if self.has_heard(&way) {
                elsewhere.heard.insert(fingerprint);
                if is_before {
                    elsewhere.reminded.insert(fingerprint);
                }
            } else if is_unheard && is_before {
                elsewhere.before.insert(way.group.key);
            }
        }
        elsewhere
    }

    /// What an integration was told here without the alerts it heard of through another group later: that one keeps them up, and tells
    /// their end. `None` if there are none, or if what this group opened stays open until it closes it.
    pub(super) fn told_without_later(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        told: &Told,
    ) -> Option<ToldMessage> {
        let last = told.last.as_ref()?;
        let is_kept = channel.integration.opens_incidents() || !last.receiver_data.is_empty();
        if is_kept || !self.settings.is_fallback(&spec.id) {
            return None;
        }
        let here = Place::of(&self.claim.identity, spec);
        let is_later = |way: &Way| {
            way.told.last.as_ref().is_some_and(|there| {
                let is_after = (last.tick, way.place) < (there.tick, here);
                is_after && way.is_named_in(&there.firing, there.tick)
            })
        };
        let ways = self.other_ways(spec).into_iter();
        let believed = ways.filter(|way| last.believes(way.alert.fingerprint));
        let later: BTreeSet<Fingerprint> = believed
            .filter(is_later)
            .map(|way| way.alert.fingerprint)
            .collect();
        if later.is_empty() {
            return None;
        }
        let mut rest = last.clone();
        rest.firing.retain(|f| !later.contains(f));
        rest.hidden.retain(|f| !later.contains(f));
        Some(rest)
    }

    /// Other groups through which an integration may hear of an alert of this one.
    fn other_ways(&self, spec: &IntegrationSpec) -> Vec<Way> {
        let mirror = self.tenant.mirror();
        let judged = self.judged.firing.iter().chain(&self.judged.resolved);
        let mut told: BTreeMap<GroupKey, Arc<Told>> = BTreeMap::new();
        let mut ways = Vec::new();
        for known in judged.filter_map(|fingerprint| mirror.known(*fingerprint)) {
            for group in known.groups {
                let mut integrations = group.receiver.integrations.iter();
                let there = integrations.find(|other| other.id == spec.id);
                let is_other = group.key != self.claim.identity.key;
                let there = there.filter(|t| is_other && (spec.is_fallback || t.is_fallback));
                if let Some(there) = there {
                    ways.push(Way {
                        alert: Arc::clone(&known.alert),
                        place: Place::of(&group, there),
                        told: Arc::clone(
                            told.entry(group.key)
                                .or_insert_with(|| self.told_in(&group, spec)),
                        ),
                        group,
                    });
                }
            }
        }
        ways
    }

    /// Whether an integration was told through another group that an alert fires, since it does, and is still reminded there; or
    /// is being told. What it may believe only is not enough: telling it again is news.
    fn has_heard(&self, way: &Way) -> bool {
        let tick = self.claim.tick;
        let patience = way.group.group_interval * PATIENCE_TICKS;
        let mine = self.claim.identity.repeat_interval;
        let reminded = way.group.repeat_interval.min(mine) + patience;
        let told = &way.told;
        let was_told = told
            .last
            .as_ref()
            .is_some_and(|m| way.is_named_in(&m.firing, m.tick) && tick < m.tick + reminded);
        let is_being_told = told
            .pending
            .as_ref()
            .is_some_and(|m| way.is_named_in(&m.firing, m.tick) && tick < m.tick + patience);
        was_told || is_being_told
    }

    /// What an integration was told through another group.
    fn told_in(&self, group: &GroupIdentity, spec: &IntegrationSpec) -> Arc<Told> {
        let state = &self.engine.state;
        let told = state.told(&group.tenant, group.key, &spec.id);
        Arc::new(told.unwrap_or_default())
    }
}
