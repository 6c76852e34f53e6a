//! Everything a tenant's readers and flushes look at, in memory: alerts with an inverted index on their labels, groups,
//! silences, and the sources of inhibition.
//!
//! Fed after each change of the state; every read and every verdict is served from here (DESIGN.md, decision 4).

use std::sync::Arc;

use domain::alert::{Alert, Grace};
use domain::fingerprint::{Fingerprint, FingerprintState};
use domain::group::GroupIdentity;
use domain::inhibit::{InhibitRule, Inhibitor};
use domain::label::Labels;
use domain::route::RouteIndex;
use domain::silence::index::SilenceIndex;
use domain::time::Timestamp;
use hashbrown::HashMap;

mod hushed;
mod postings;
mod query;

use postings::Postings;

/// An alert's place in the mirror.
type Slot = u32;
/// A group's place in the mirror.
type GroupSlot = u32;

/// See the module's text.
pub struct Mirror {
    entries: Vec<Option<Entry>>,
    free: Vec<Slot>,
    by_fingerprint: HashMap<Fingerprint, Slot, FingerprintState>,
    postings: Postings,
    groups: Vec<Option<GroupEntry>>,
    free_groups: Vec<GroupSlot>,
    by_labels: HashMap<(RouteIndex, Labels), GroupSlot>,
    silences: SilenceIndex,
    inhibitor: Inhibitor,
    grace: Grace,
}

struct Entry {
    alert: Arc<Alert>,
    groups: GroupSlots,
    /// Hash of everything a post says beside times, keyed per process: a refresh is recognised by comparing one number
    /// instead of following a pointer per label.
    content_hash: u64,
}

/// An alert's groups in route order; nearly all have one.
enum GroupSlots {
    One(GroupSlot),
    Many(Box<[GroupSlot]>),
}

impl GroupSlots {
    fn as_slice(&self) -> &[GroupSlot] {
        match self {
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Many(slots) => slots,
        }
    }
}

impl FromIterator<GroupSlot> for GroupSlots {
    fn from_iter<I: IntoIterator<Item = GroupSlot>>(slots: I) -> Self {
        let slots: Vec<_> = slots.into_iter().collect();
        match slots.as_slice() {
            [slot] => Self::One(*slot),
            _ => Self::Many(slots.into()),
        }
    }
}

struct GroupEntry {
    identity: Arc<GroupIdentity>,
    /// Sorted.
    members: Vec<Slot>,
}

/// What the mirror knows of an alert that is posted again.
pub(crate) struct Known {
    /// The alert as last seen.
    pub(crate) alert: Arc<Alert>,
    /// Its groups in route order.
    pub(crate) groups: Vec<Arc<GroupIdentity>>,
    /// The hash it was applied with.
    pub(crate) content_hash: u64,
}

impl Mirror {
    /// An empty mirror under these rules.
    pub(crate) fn new(rules: Vec<InhibitRule>) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            by_fingerprint: HashMap::default(),
            postings: Postings::default(),
            groups: Vec::new(),
            free_groups: Vec::new(),
            by_labels: HashMap::new(),
            silences: SilenceIndex::default(),
            inhibitor: Inhibitor::new(rules),
            grace: Grace::NONE,
        }
    }

    /// The silences.
    pub(crate) fn silences(&self) -> &SilenceIndex {
        &self.silences
    }

    /// The silences, to change them.
    pub(crate) fn silences_mut(&mut self) -> &mut SilenceIndex {
        &mut self.silences
    }

    /// How ends by time-out are judged.
    pub(crate) fn grace(&self) -> Grace {
        self.grace
    }

    /// Sets how ends by time-out are judged.
    pub(crate) fn set_grace(&mut self, grace: Grace) {
        self.grace = grace;
    }

    /// How many alerts are held, ended ones included.
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// Whether no alert is held.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// An alert by its fingerprint.
    pub(crate) fn alert(&self, fingerprint: Fingerprint) -> Option<&Arc<Alert>> {
        self.entry(fingerprint).map(|entry| &entry.alert)
    }

    /// An alert with its groups.
    pub(crate) fn known(&self, fingerprint: Fingerprint) -> Option<Known> {
        let entry = self.entry(fingerprint)?;
        let groups = entry
            .groups
            .as_slice()
            .iter()
            .filter_map(|slot| self.group(*slot));
        let groups = groups.map(|g| Arc::clone(&g.identity)).collect();
        Some(Known {
            alert: Arc::clone(&entry.alert),
            groups,
            content_hash: entry.content_hash,
        })
    }

    /// The identity of a group that is here already.
    pub(crate) fn group_identity(
        &self,
        route: RouteIndex,
        labels: &Labels,
    ) -> Option<Arc<GroupIdentity>> {
        // The key must be owned to be looked up; both parts are pointers.
        let slot = self.by_labels.get(&(route, labels.clone()))?;
        self.group(*slot).map(|g| Arc::clone(&g.identity))
    }

    /// How many alerts that fire carry this label.
    pub(crate) fn count_firing(&self, name: &str, value: &str, now: Timestamp) -> usize {
        let slots = self.postings.with(name, value).iter();
        slots
            .filter_map(|slot| self.at(*slot))
            .filter(|entry| !entry.alert.is_resolved(now, self.grace))
            .count()
    }

    /// Takes note of an alert as now known. An older state than the one held changes nothing: changes may arrive out of order.
    ///
    /// `groups` matters only for an alert that is not here yet.
    pub(crate) fn apply(
        &mut self,
        alert: Arc<Alert>,
        groups: &[Arc<GroupIdentity>],
        content_hash: u64,
    ) {
        if let Some(&slot) = self.by_fingerprint.get(&alert.fingerprint)
            && let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::as_mut)
        {
            if entry.alert.updated_at <= alert.updated_at {
                entry.alert = alert;
                entry.content_hash = content_hash;
            }
            return;
        }
        let slot = self.take_slot();
        self.postings.insert(&alert.labels, slot);
        self.inhibitor.insert(alert.fingerprint, &alert.labels);
        self.by_fingerprint.insert(alert.fingerprint, slot);
        let groups = groups
            .iter()
            .map(|identity| self.join(identity, slot))
            .collect();
        if let Some(place) = self.entries.get_mut(slot as usize) {
            *place = Some(Entry {
                alert,
                groups,
                content_hash,
            });
        }
    }

    /// Forgets alerts, all at once: what they share is gone through once.
    pub(crate) fn forget(&mut self, fingerprints: &[Fingerprint]) {
        let mut gone = Vec::with_capacity(fingerprints.len());
        for fingerprint in fingerprints {
            let Some(slot) = self.by_fingerprint.remove(fingerprint) else {
                continue;
            };
            if let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) {
                self.inhibitor.remove(*fingerprint, &entry.alert.labels);
                gone.push((slot, entry));
            }
        }
        self.postings.remove(
            gone.iter()
                .map(|(slot, entry)| (&entry.alert.labels, *slot)),
        );
        for (slot, entry) in gone {
            entry
                .groups
                .as_slice()
                .iter()
                .for_each(|group| self.leave(*group, slot));
            self.free.push(slot);
        }
    }

    /// Applies a configuration: new rules, and every alert in the groups it belongs to now.
    pub(crate) fn regroup(
        &mut self,
        rules: Vec<InhibitRule>,
        placement: impl Fn(&Alert) -> Vec<Arc<GroupIdentity>>,
    ) {
        self.groups.clear();
        self.free_groups.clear();
        self.by_labels.clear();
        self.inhibitor = Inhibitor::new(rules);
        let slots: Vec<Slot> = self.by_fingerprint.values().copied().collect();
        for slot in slots {
            let Some(alert) = self.at(slot).map(|entry| Arc::clone(&entry.alert)) else {
                continue;
            };
            self.inhibitor.insert(alert.fingerprint, &alert.labels);
            let groups = placement(&alert)
                .iter()
                .map(|identity| self.join(identity, slot))
                .collect();
            if let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::as_mut) {
                entry.groups = groups;
            }
        }
    }

    /// The alert that inhibits these labels at `now`.
    pub(crate) fn inhibited_by(&self, labels: &Labels, now: Timestamp) -> Option<Fingerprint> {
        if self.inhibitor.rule_count() == 0 {
            return None;
        }
        self.inhibitor.inhibited_by(labels, |source| {
            let alert = self.alert(source)?;
            (!alert.is_resolved(now, self.grace)).then_some(alert.ends_at)
        })
    }

    /// Every alert held.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.by_fingerprint
            .values()
            .filter_map(|slot| self.at(*slot))
            .map(|entry| &entry.alert)
    }

    fn entry(&self, fingerprint: Fingerprint) -> Option<&Entry> {
        self.by_fingerprint
            .get(&fingerprint)
            .and_then(|slot| self.at(*slot))
    }

    fn at(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize).and_then(Option::as_ref)
    }

    fn group(&self, slot: GroupSlot) -> Option<&GroupEntry> {
        self.groups.get(slot as usize).and_then(Option::as_ref)
    }

    fn take_slot(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            // Memory ends long before four billion alerts.
            Slot::try_from(self.entries.len() - 1).unwrap_or(Slot::MAX)
        })
    }

    fn join(&mut self, identity: &Arc<GroupIdentity>, member: Slot) -> GroupSlot {
        let name = (identity.route, identity.labels.clone());
        let slot = match self.by_labels.get(&name) {
            Some(slot) => *slot,
            None => self.add_group(name, identity),
        };
        if let Some(group) = self.groups.get_mut(slot as usize).and_then(Option::as_mut)
            && let Err(at) = group.members.binary_search(&member)
        {
            group.members.insert(at, member);
        }
        slot
    }

    fn add_group(
        &mut self,
        name: (RouteIndex, Labels),
        identity: &Arc<GroupIdentity>,
    ) -> GroupSlot {
        let entry = Some(GroupEntry {
            identity: Arc::clone(identity),
            members: Vec::new(),
        });
        let slot = match self.free_groups.pop() {
            Some(slot) => slot,
            None => {
                self.groups.push(None);
                GroupSlot::try_from(self.groups.len() - 1).unwrap_or(GroupSlot::MAX)
            }
        };
        if let Some(place) = self.groups.get_mut(slot as usize) {
            *place = entry;
        }
        self.by_labels.insert(name, slot);
        slot
    }

    fn leave(&mut self, slot: GroupSlot, member: Slot) {
        let Some(place) = self.groups.get_mut(slot as usize) else {
            return;
        };
        let Some(group) = place.as_mut() else { return };
        if let Ok(at) = group.members.binary_search(&member) {
            group.members.remove(at);
        }
        if group.members.is_empty() {
            let name = (group.identity.route, group.identity.labels.clone());
            self.by_labels.remove(&name);
            *place = None;
            self.free_groups.push(slot);
        }
    }
}
