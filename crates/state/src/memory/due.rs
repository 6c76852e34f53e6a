//! When groups are due: a wheel of ticks, and the order among those that are due together.

use std::collections::{BTreeMap, VecDeque};

use domain::group::severity::Severity;
use domain::id::{GroupKey, TenantId};
use domain::time::Timestamp;
use hashbrown::HashMap;

/// A group's name.
pub(super) type Name = (TenantId, GroupKey);

/// Groups by the millisecond they are due at, each at most once.
#[derive(Default)]
pub(super) struct DueQueue {
    ticks: BTreeMap<i64, Vec<Name>>,
    queued: HashMap<Name, i64>,
}

impl DueQueue {
    /// Queues a group, moving it if it is queued already.
    pub(super) fn put(&mut self, name: Name, at: Timestamp) {
        // Rounded up: a group is never due before its tick.
        let tick_ms = at.unix_ms() + i64::from(!at.subsec_nanos().is_multiple_of(1_000_000));
        if let Some(before_ms) = self.queued.insert(name.clone(), tick_ms) {
            if before_ms == tick_ms {
                return;
            }
            self.drop_from(before_ms, &name);
        }
        self.ticks.entry(tick_ms).or_default().push(name);
    }

    /// Takes out everything that is due at `now`.
    pub(super) fn take_until(&mut self, now: Timestamp) -> Vec<Name> {
        let mut due = Vec::new();
        while let Some(entry) = self
            .ticks
            .first_entry()
            .filter(|e| *e.key() <= now.unix_ms())
        {
            due.extend(entry.remove());
        }
        for name in &due {
            self.queued.remove(name);
        }
        due
    }

    /// When the next group is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.ticks
            .first_key_value()
            .map(|(tick_ms, _)| Timestamp::from_unix_ms(*tick_ms))
    }

    /// Takes a group out of the queue.
    pub(super) fn remove(&mut self, name: &Name) {
        if let Some(tick_ms) = self.queued.remove(name) {
            self.drop_from(tick_ms, name);
        }
    }

    /// How many groups are queued.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    fn drop_from(&mut self, tick_ms: i64, name: &Name) {
        if let Some(names) = self.ticks.get_mut(&tick_ms) {
            names.retain(|other| other != name);
            if names.is_empty() {
                self.ticks.remove(&tick_ms);
            }
        }
    }
}

/// Orders groups that are due together: the more severe first, then the longer due, tenants taking turns.
pub(super) fn in_turn(mut due: Vec<(Severity, Timestamp, Name)>) -> Vec<Name> {
    due.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then(a.1.cmp(&b.1))
            .then_with(|| a.2.cmp(&b.2))
    });
    let mut ordered = Vec::with_capacity(due.len());
    for class in due.chunk_by(|a, b| a.0 == b.0) {
        let mut queues: BTreeMap<&TenantId, VecDeque<&Name>> = BTreeMap::new();
        for (_, _, name) in class {
            queues.entry(&name.0).or_default().push_back(name);
        }
        while !queues.is_empty() {
            queues.retain(|_, queue| {
                ordered.extend(queue.pop_front().cloned());
                !queue.is_empty()
            });
        }
    }
    ordered
}
