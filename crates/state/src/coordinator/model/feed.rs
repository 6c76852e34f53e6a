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
    is_trimmed: bool,
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
        while self.changes.len() > changes_max {
            self.changes.pop_front();
            self.is_trimmed = true;
        }
    }

    /// The last change.
    pub(super) fn last(&self) -> EventId {
        self.last
    }

    /// Whether whoever saw this change last saw something that never happened here: it was lost since.
    pub(super) fn has_lost(&self, seen: EventId) -> bool {
        let first = self.changes.front().map(|(id, _, _)| *id);
        seen > self.last || (first.is_some_and(|first| first < seen) && !self.has(seen))
    }

    /// What came after a change.
    pub(super) fn after(&self, seen: EventId, reader: &str) -> Feed {
        let is_known = if seen == EventId::default() {
            !self.is_trimmed
        } else {
            self.has(seen)
        };
        let start = self.changes.partition_point(|(id, _, _)| *id <= seen);
        let later = self.changes.iter().skip(start).take(CHANGES_MAX);
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

    fn has(&self, wanted: EventId) -> bool {
        let found = self.changes.binary_search_by_key(&wanted, |(id, _, _)| *id);
        found.is_ok()
    }
}
