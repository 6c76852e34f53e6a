//! All silences of a tenant, found by the labels they hide.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Silence, SilenceState};
use crate::label::Labels;
use crate::matcher::MatcherIndex;
use crate::time::Timestamp;

/// Silences by id, indexed by an equality matcher each, so that thousands cost a lookup and not a scan.
#[derive(Default)]
pub struct SilenceIndex {
    by_id: HashMap<Arc<str>, (u32, Arc<Silence>)>,
    by_slot: HashMap<u32, Arc<Silence>>,
    matchers: MatcherIndex<u32>,
    next_slot: u32,
}

impl SilenceIndex {
    /// Adds or replaces a silence.
    pub fn put(&mut self, silence: Arc<Silence>) {
        self.remove(&silence.id);
        let slot = self.next_slot;
        // Four billion changes at a thousand a second are 49 days; wrapping then would meet only long-gone slots.
        self.next_slot = self.next_slot.wrapping_add(1);
        self.matchers.insert(slot, &silence.matchers);
        self.by_slot.insert(slot, Arc::clone(&silence));
        self.by_id.insert(Arc::clone(&silence.id), (slot, silence));
    }

    /// Forgets a silence.
    pub fn remove(&mut self, id: &str) -> Option<Arc<Silence>> {
        let (slot, silence) = self.by_id.remove(id)?;
        self.by_slot.remove(&slot);
        self.matchers.remove(slot, &silence.matchers);
        Some(silence)
    }

    /// A silence by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.by_id.get(id).map(|(_, silence)| silence)
    }

    /// All silences, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.by_slot.values()
    }

    /// How many there are, expired ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The ids of the active silences that match the labels, sorted.
    pub fn silenced_by(&self, labels: &Labels, now: Timestamp) -> Vec<Arc<str>> {
        if self.by_slot.is_empty() {
            return Vec::new();
        }
        let mut ids: Vec<_> = self
            .matchers
            .candidates(labels)
            .filter_map(|slot| self.by_slot.get(&slot))
            .filter(|s| s.state(now) == SilenceState::Active && s.matches(labels))
            .map(|s| Arc::clone(&s.id))
            .collect();
        ids.sort();
        ids
    }

    /// Forgets silences whose retention is over; answers their ids.
    pub fn collect(&mut self, now: Timestamp, retention: Duration) -> Vec<Arc<str>> {
        let over = |s: &&Arc<Silence>| s.is_forgotten(now, retention);
        let ids: Vec<_> = self
            .by_slot
            .values()
            .filter(over)
            .map(|s| Arc::clone(&s.id))
            .collect();
        for id in &ids {
            self.remove(id);
        }
        ids
    }
}
