//! Maps with string keys.

use std::sync::Arc;

use super::{ElementType, GoString, Value};

/// A map, kept in the order of its keys' bytes; copies share the entries.
#[derive(Debug, Clone)]
pub struct Map {
    entries: Arc<[(GoString, Value)]>,
    element_type: ElementType,
    depth: u16,
}

impl Map {
    /// Makes a map; of entries with the same key the last one counts.
    #[must_use]
    pub fn new(mut entries: Vec<(GoString, Value)>, element_type: ElementType) -> Self {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.reverse();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|later, kept| later.0 == kept.0);
        }
        let inner = entries.iter().map(|(_, value)| value.depth()).max();
        Self {
            entries: entries.into(),
            element_type,
            depth: inner.unwrap_or(0).saturating_add(1),
        }
    }

    /// Makes a `map[string]string`.
    #[must_use]
    pub fn of_strings<K: Into<GoString>, V: Into<Value>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        let entries = pairs.map(|(key, value)| (key.into(), value.into()));
        Self::new(entries.collect(), ElementType::String)
    }

    /// The entries in the order of their keys.
    #[must_use]
    pub fn entries(&self) -> &[(GoString, Value)] {
        &self.entries
    }

    /// Finds the value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        let found = self
            .entries
            .binary_search_by(|(own, _)| own.as_bytes().cmp(key));
        found
            .ok()
            .and_then(|index| self.entries.get(index))
            .map(|(_, value)| value)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The type of the values.
    #[must_use]
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// How many levels of lists and maps there are, this one included.
    #[must_use]
    pub fn depth(&self) -> u16 {
        self.depth
    }
}
