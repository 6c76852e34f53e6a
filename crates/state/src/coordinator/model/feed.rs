//! The feed of changes: bounded, ordered, and honest about what it has forgotten.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::time::Timestamp;

use super::millis;
use crate::coordinator::{CHANGES_MAX, Change, Event, EventId, Feed};

/// The latest changes of a shard.
#[derive(Clone, Default)]
pub(super) struct Ring {
    changes: VecDeque<(EventId, Arc<str>, Event)>,
    last: EventId,
    /// The last change that was trimmed.
    trimmed_to: EventId,
}

impl Ring {
    pub(super) fn push(&mut self, now: Timestamp, by: Arc<str>, event: Event) {
        let now_ms = millis(now);
        self.last = if now_ms > self.last.ms {
            EventId { ms: now_ms, seq: 0 }
        } else {
            EventId {
                ms: self.last.ms,
                seq: self.last.seq + 1,
            }
        };
        self.changes.push_back((self.last, by, event));
    }

    pub(super) fn trim(&mut self, changes_max: usize) {
        while self.changes.len() > changes_max
            && let Some((id, ..)) = self.changes.pop_front()
        {
            self.trimmed_to = id;
        }
    }

    /// The last change.
    pub(super) fn last(&self) -> EventId {
        self.last
    }

    /// Whether whoever saw this change last saw something that never happened here: it was lost since.
    pub(super) fn has_lost(&self, seen: EventId) -> bool {
        let next = self.place_after(seen);
        let before = next.checked_sub(1).and_then(|at| self.changes.get(at));
        let before = before.map_or(self.trimmed_to, |(id, ..)| *id);
        before < seen
    }

    /// What came after a change.
    pub(super) fn after(&self, seen: EventId, reader: &str) -> Feed {
        let is_known = if seen == EventId::default() {
            self.trimmed_to == EventId::default()
        } else {
            self.has(seen)
        };
        let later = self
            .changes
            .iter()
            .skip(self.place_after(seen))
            .take(CHANGES_MAX);
        let changes = later.map(|(id, by, event)| Change {
            id: *id,
            is_last: true,
            is_ours: **by == *reader,
            event: event.clone(),
        });
        Feed {
            changes: changes.collect(),
            is_broken: !is_known,
            is_lost: self.has_lost(seen),
        }
    }

    fn place_after(&self, seen: EventId) -> usize {
        self.changes.partition_point(|(id, _, _)| *id <= seen)
    }

    fn has(&self, wanted: EventId) -> bool {
        let found = self.changes.binary_search_by_key(&wanted, |(id, _, _)| *id);
        found.is_ok()
    }
}
