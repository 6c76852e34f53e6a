//! The inverted index: which alerts carry a label.

use std::collections::HashSet;

use domain::label::{Label, Labels};
use hashbrown::{Equivalent, HashMap};
use std::hash::{Hash, Hasher};

use super::Slot;

/// Alerts by label, each list sorted.
#[derive(Default)]
pub(super) struct Postings {
    by_label: HashMap<Label, Slots>,
}

/// Most labels that identify an instance occur once; those that classify occur everywhere.
enum Slots {
    One(Slot),
    Many(Vec<Slot>),
}

impl Slots {
    fn as_slice(&self) -> &[Slot] {
        match self {
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Many(slots) => slots,
        }
    }

    fn insert(&mut self, slot: Slot) {
        if let Self::One(first) = self {
            *self = Self::Many(vec![*first]);
        }
        if let Self::Many(slots) = self
            && let Err(at) = slots.binary_search(&slot)
        {
            slots.insert(at, slot);
        }
    }
}

/// A label to look up without making one.
struct Pair<'a>(&'a str, &'a str);

impl Hash for Pair<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl Equivalent<Label> for Pair<'_> {
    fn equivalent(&self, label: &Label) -> bool {
        label.name() == self.0 && label.value() == self.1
    }
}

impl Postings {
    /// Enters an alert under each of its labels.
    pub(super) fn insert(&mut self, labels: &Labels, slot: Slot) {
        for label in labels {
            match self.by_label.get_mut(label) {
                Some(slots) => slots.insert(slot),
                None => {
                    self.by_label.insert(label.clone(), Slots::One(slot));
                }
            }
        }
    }

    /// Takes alerts out, going through each label's list once.
    pub(super) fn remove<'a>(&mut self, alerts: impl Iterator<Item = (&'a Labels, Slot)>) {
        let mut affected: HashSet<&Label> = HashSet::new();
        let mut gone: HashSet<Slot> = HashSet::new();
        for (labels, slot) in alerts {
            gone.insert(slot);
            affected.extend(labels.iter());
        }
        for label in affected {
            let is_empty = match self.by_label.get_mut(label) {
                None => continue,
                Some(Slots::One(slot)) => gone.contains(slot),
                Some(Slots::Many(slots)) => {
                    slots.retain(|slot| !gone.contains(slot));
                    slots.is_empty()
                }
            };
            if is_empty {
                self.by_label.remove(label);
            }
        }
    }

    /// The alerts that carry this label, sorted by slot.
    pub(super) fn with(&self, name: &str, value: &str) -> &[Slot] {
        self.by_label
            .get(&Pair(name, value))
            .map_or(&[], Slots::as_slice)
    }
}
