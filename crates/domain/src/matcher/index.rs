//! Finding the entries whose matchers can hold for a label set without trying every entry.

use hashbrown::{HashMap, HashSet};
use std::hash::Hash;

use super::{MatchOp, Matcher};
use crate::label::Labels;

/// Entries known by an id, indexed by one equality matcher each.
///
/// A lookup tries one hash per label whose name occurs in the index, then the entries that have no equality matcher
/// with a value; what it yields still has to be matched in full.
pub struct MatcherIndex<T> {
    /// Label name, then value, to the entries that require exactly that pair.
    by_pair: HashMap<Box<str>, HashMap<Box<str>, Vec<T>>>,
    /// Entries that require no particular pair.
    scan: HashSet<T>,
}

impl<T> Default for MatcherIndex<T> {
    fn default() -> Self {
        Self {
            by_pair: HashMap::new(),
            scan: HashSet::new(),
        }
    }
}

impl<T: Copy + Eq + Hash> MatcherIndex<T> {
    /// Adds an entry; the same id must not be in the index with other matchers.
    pub fn insert(&mut self, id: T, matchers: &[Matcher]) {
        let Some(matcher) = key_matcher(matchers) else {
            self.scan.insert(id);
            return;
        };
        let values = self.by_pair.entry_ref(matcher.name()).or_default();
        let ids = values.entry_ref(matcher.value()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    /// Removes an entry; `matchers` must be what it was inserted with.
    pub fn remove(&mut self, id: T, matchers: &[Matcher]) {
        let Some(matcher) = key_matcher(matchers) else {
            self.scan.remove(&id);
            return;
        };
        let Some(values) = self.by_pair.get_mut(matcher.name()) else {
            return;
        };
        if let Some(ids) = values.get_mut(matcher.value()) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                values.remove(matcher.value());
            }
        }
        if values.is_empty() {
            self.by_pair.remove(matcher.name());
        }
    }

    /// The entries whose matchers may all hold for this label set, each once.
    pub fn candidates<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = T> + 'a {
        let indexed = labels
            .pairs()
            .filter_map(|(name, value)| self.by_pair.get(name)?.get(value))
            .flatten()
            .copied();
        indexed.chain(self.scan.iter().copied())
    }
}

fn key_matcher(matchers: &[Matcher]) -> Option<&Matcher> {
    matchers
        .iter()
        .find(|m| m.op() == MatchOp::Equal && !m.matches_empty())
}
