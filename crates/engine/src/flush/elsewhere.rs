//! What an integration hears of an alert through another of its groups.
//!
//! A receiver may be routed to and be a fallback too, or be the fallback of several: then an alert reaches it through more than one
//! group, and nobody hears the same news twice. Each group leaves out what another one told; of groups that would tell at the same
//! moment the later in order gives way for a moment, and looks again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::told::{Told, ToldMessage};
use domain::group::{GroupIdentity, IntegrationSpec};
use domain::id::GroupKey;

use super::Flush;

/// How long a fallback gives way to each group before it in order: long enough that what that one began is known everywhere.
pub(super) const GIVE_WAY: Duration = Duration::from_secs(1);

/// Most groups that are given way to, so that nobody waits long.
const BEFORE_MAX: u32 = 5;

/// A group that reminds does so within so many ticks after its repeat_interval.
const REMINDED_TICKS: u32 = 2;

/// Alerts an integration hears of through other groups, as far as one of them is told in place of another receiver.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Those it was told there that they fire, or is being told.
    heard: BTreeSet<Fingerprint>,
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

impl Flush<'_> {
    /// What an integration hears through other groups of alerts it does not know from this one.
    pub(super) fn elsewhere(&self, spec: &IntegrationSpec, told: &Told) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        if !self.settings.is_fallback(&spec.id) {
            return elsewhere;
        }
        let mut told_there: BTreeMap<GroupKey, Told> = BTreeMap::new();
        for (fingerprint, group, place) in self.other_ways(spec) {
            elsewhere.shared.insert(fingerprint);
            let there = told_there
                .entry(group.key)
                .or_insert_with(|| self.told_in(&group, spec));
            let is_unheard = self.judged.firing.binary_search(&fingerprint).is_ok()
                && !told.believes_firing(fingerprint);
            if there.believes_firing(fingerprint) && self.is_kept_up(&group, there) {
                elsewhere.heard.insert(fingerprint);
            } else if is_unheard && place < Place::of(&self.claim.identity, spec) {
                elsewhere.before.insert(group.key);
            }
        }
        elsewhere
    }

    /// Other groups through which an integration may hear of an alert of this one, with their place in the order.
    fn other_ways(&self, spec: &IntegrationSpec) -> Vec<(Fingerprint, Arc<GroupIdentity>, Place)> {
        let mirror = self.tenant.mirror();
        let judged = self.judged.firing.iter().chain(&self.judged.resolved);
        let known = judged.filter_map(|f| Some((*f, mirror.known(*f)?.groups)));
        let all = known.flat_map(|(f, groups)| groups.into_iter().map(move |group| (f, group)));
        let leading = all.filter_map(|(fingerprint, group)| {
            let mut integrations = group.receiver.integrations.iter();
            let there = integrations.find(|other| other.id == spec.id)?;
            let is_other = group.key != self.claim.identity.key;
            let place = Place::of(&group, there);
            (is_other && (spec.is_fallback || there.is_fallback)).then_some((
                fingerprint,
                group,
                place,
            ))
        });
        leading.collect()
    }

    /// Whether another group still reminds an integration of what it told: a fallback that is not needed any more is told ends
    /// only, and a route may be muted.
    fn is_kept_up(&self, group: &GroupIdentity, there: &Told) -> bool {
        let reminded = group.repeat_interval + group.group_interval * REMINDED_TICKS;
        let is_recent = |last: &ToldMessage| self.claim.tick < last.tick + reminded;
        there.pending.is_some() || there.last.as_ref().is_some_and(is_recent)
    }

    /// What an integration was told through another group.
    fn told_in(&self, group: &GroupIdentity, spec: &IntegrationSpec) -> Told {
        let there = self.engine.state.group(&group.tenant, group.key);
        let told = there.into_iter().flat_map(|group| group.told);
        let of_spec = told.filter(|(id, _)| *id == spec.id).map(|(_, told)| told);
        of_spec.last().unwrap_or_default()
    }
}
