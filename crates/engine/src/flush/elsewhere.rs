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
use domain::group::told::Told;
use domain::group::{GroupIdentity, IntegrationSpec};
use domain::id::GroupKey;
use domain::time::Timestamp;

use super::{Flush, Scope};
use crate::judge::judge_time;

/// How long a fallback gives way to each group before it in order: long enough that what that one began is known everywhere.
const GIVE_WAY: Duration = Duration::from_secs(1);

/// By how much more for each but the first: ticks are whole seconds apart more often than not, and two that gave way to different
/// numbers of groups must not look again at the same moment.
const STAGGER: Duration = Duration::from_millis(200);

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
    /// Those of which it would be told without being needed: a route of its own leads to it.
    routed: BTreeSet<Fingerprint>,
    /// The shortest repeat_interval of such a route.
    repeat_interval: Option<Duration>,
    /// Those it believes to fire by what it was told here, and was told there since.
    told_since: BTreeSet<Fingerprint>,
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

    /// Whether it is reminded of an alert it was told of here also while it is not needed: a route of its own would, and who told the
    /// beginning tells the rest.
    pub(super) fn keeps_up(&self, fingerprint: Fingerprint) -> bool {
        self.routed.contains(&fingerprint)
    }

    /// How often it is reminded here: as often as each of its ways says.
    pub(super) fn repeat_interval(&self, own: Duration) -> Duration {
        self.repeat_interval.map_or(own, |other| other.min(own))
    }

    /// How long this group gives way to others.
    pub(super) fn pause(&self) -> Duration {
        let before = u32::try_from(self.before.len()).unwrap_or(BEFORE_MAX);
        let before = before.min(BEFORE_MAX);
        GIVE_WAY * before + STAGGER * before.saturating_sub(1)
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
}

impl Flush<'_> {
    /// What an integration hears through other groups of this one's alerts.
    pub(super) fn elsewhere(&self, spec: &IntegrationSpec, told: &Told, scope: Scope) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        let believed = told.last.as_ref();
        let is_silent = scope == Scope::Ends
            && believed.is_none_or(|last| last.firing.is_empty() && last.hidden.is_empty());
        if is_silent || !self.settings.is_fallback(&spec.id) {
            return elsewhere;
        }
        let here = Place::of(&self.claim.identity, spec);
        let mut told_there: BTreeMap<GroupKey, Told> = BTreeMap::new();
        let mut muted: BTreeMap<GroupKey, bool> = BTreeMap::new();
        for way in self.other_ways(spec) {
            let fingerprint = way.alert.fingerprint;
            elsewhere.shared.insert(fingerprint);
            if spec.is_fallback && !way.place.is_fallback && !self.is_muted(&way, &mut muted) {
                elsewhere.routed.insert(fingerprint);
                let repeat = elsewhere.repeat_interval(way.group.repeat_interval);
                elsewhere.repeat_interval = Some(repeat);
            }
            let there = told_there
                .entry(way.group.key)
                .or_insert_with(|| self.told_in(&way.group, spec));
            let is_before = way.place < here;
            let is_unheard = self.judged.firing.binary_search(&fingerprint).is_ok()
                && told.firing().binary_search(&fingerprint).is_err();
            let is_current = spec.send_resolved && !self.is_muted(&way, &mut muted);
            if self.has_heard(&way, here, there, is_current) {
                elsewhere.heard.insert(fingerprint);
                if self.was_told_since(&way, told, there) {
                    elsewhere.told_since.insert(fingerprint);
                }
                if is_before {
                    elsewhere.reminded.insert(fingerprint);
                }
            } else if is_unheard && is_before {
                elsewhere.before.insert(way.group.key);
            }
        }
        elsewhere
    }

    /// Other groups through which an integration may hear of an alert of this one.
    fn other_ways(&self, spec: &IntegrationSpec) -> Vec<Way> {
        let mirror = self.tenant.mirror();
        let judged = self.judged.firing.iter().chain(&self.judged.resolved);
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
                        group,
                    });
                }
            }
        }
        ways
    }

    /// Whether an integration was told through another group that an alert fires, since it does, and is still reminded there; or
    /// is being told. What it may believe only is not enough: telling it again is news.
    ///
    /// `is_current`: it is told of ends there within a tick, so one that fires again before that is no news.
    fn has_heard(&self, way: &Way, here: Place, there: &Told, is_current: bool) -> bool {
        let fingerprint = way.alert.fingerprint;
        let tick = self.claim.tick;
        // What began after a message was accepted it does not tell of; it may well tell of what began after the tick.
        let names = |set: &[Fingerprint], by: Timestamp| {
            set.binary_search(&fingerprint).is_ok() && (is_current || way.alert.starts_at <= by)
        };
        let patience = way.group.group_interval * PATIENCE_TICKS;
        let theirs = way.group.repeat_interval;
        // One told in place of another receiver keeps it up as often as a route of its own says.
        let keeps_up = way.place.is_fallback && !here.is_fallback;
        let reminded = match keeps_up {
            true => theirs.min(self.claim.identity.repeat_interval),
            false => theirs,
        } + patience;
        let was_told = there
            .last
            .as_ref()
            .is_some_and(|m| names(&m.firing, m.sent_at) && tick < m.tick + reminded);
        let is_being_told = there
            .pending
            .as_ref()
            .is_some_and(|m| names(&m.firing, self.claim.now) && tick < m.tick + patience);
        was_told || is_being_told
    }

    /// Whether an integration was told through another group, after this one told it last, that an alert fires which it believes
    /// to fire by what it was told here.
    fn was_told_since(&self, way: &Way, told: &Told, there: &Told) -> bool {
        let fingerprint = way.alert.fingerprint;
        let (Some(ours), Some(theirs)) = (&told.last, &there.last) else {
            return false;
        };
        ours.believes(fingerprint)
            && theirs.firing.binary_search(&fingerprint).is_ok()
            && (ours.sent_at, self.claim.identity.key) < (theirs.sent_at, way.group.key)
    }

    /// Forgets what an integration was told through another group since: that one tells the end, and one is enough. Answers what
    /// counts as told; `None` if that could not be settled, so that nothing may be told now.
    pub(super) async fn leave_to_others(
        &self,
        spec: &IntegrationSpec,
        told: Told,
        scope: Scope,
    ) -> Option<Told> {
        let told_since = self.elsewhere(spec, &told, scope).told_since;
        let Some(last) = told.last.as_ref().filter(|_| !told_since.is_empty()) else {
            return Some(told);
        };
        let mut kept = last.clone();
        kept.firing.retain(|f| !told_since.contains(f));
        kept.hidden.retain(|f| !told_since.contains(f));
        let engine = self.engine;
        let settled = engine
            .state
            .settle(self.claim, &spec.id, &told, kept, engine.clock.now());
        match settled.await {
            Ok(Ok(told)) => {
                engine
                    .record_told(vec![self.record(&spec.id, told.clone())])
                    .await;
                let is_left = !told_since.iter().any(|f| told.believes_firing(*f));
                is_left.then_some(told)
            }
            // Whoever holds the group now does it.
            Ok(Err(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "What another group told could not be left to it; it is tried again");
                None
            }
        }
    }

    /// Whether a group is not to be told of anything now, by its time intervals.
    fn is_muted(&self, way: &Way, known: &mut BTreeMap<GroupKey, bool>) -> bool {
        let judged = || {
            let time = judge_time(self.settings, &way.group, self.claim.now);
            !time.muted_by().is_empty()
        };
        *known.entry(way.group.key).or_insert_with(judged)
    }

    /// What an integration was told through another group.
    fn told_in(&self, group: &GroupIdentity, spec: &IntegrationSpec) -> Told {
        let state = &self.engine.state;
        let told = state.told(&group.tenant, group.key, &spec.id);
        told.unwrap_or_default()
    }
}
