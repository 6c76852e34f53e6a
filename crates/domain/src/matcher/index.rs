//! Finding the entries whose matchers can hold for a label set without trying every entry.

use hashbrown::{HashMap, HashSet};
use std::hash::Hash;

use super::{MatchOp, Matcher};
use crate::label::Labels;

/// Entries known by an id, indexed by one equality matcher each.
///
/// An entry with `name="value"` can only hold for label sets with that pair, so it is kept under the pair; of several
/// such matchers the one whose pair has the fewest entries so far is taken. A lookup costs one hash per label (two
/// when the label's name occurs in the index), plus the entries found and the entries that require no pair.
/// What it yields still has to be matched in full.
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
    /// Adds an entry; its id must not be in the index already.
    pub fn insert(&mut self, id: T, matchers: &[Matcher]) {
        let place = matchers
            .iter()
            .filter(|matcher| is_pair(matcher))
            .min_by_key(|matcher| self.entries_under(matcher));
        match place {
            Some(matcher) => {
                let values = self.by_pair.entry_ref(matcher.name()).or_default();
                values.entry_ref(matcher.value()).or_default().push(id);
            }
            None => {
                self.scan.insert(id);
            }
        }
    }

    /// Removes an entry and answers whether it was there; `matchers` must be what it was inserted with.
    pub fn remove(&mut self, id: T, matchers: &[Matcher]) -> bool {
        // Which of its pairs it is under depended on what was there before, so each is looked at.
        self.scan.remove(&id)
            || matchers
                .iter()
                .filter(|matcher| is_pair(matcher))
                .any(|matcher| self.remove_under(id, matcher))
    }

    fn remove_under(&mut self, id: T, matcher: &Matcher) -> bool {
        let Some(values) = self.by_pair.get_mut(matcher.name()) else {
            return false;
        };
        let Some(ids) = values.get_mut(matcher.value()) else {
            return false;
        };
        let Some(at) = ids.iter().position(|other| *other == id) else {
            return false;
        };
        ids.swap_remove(at);
        if ids.is_empty() {
            values.remove(matcher.value());
        }
        if values.is_empty() {
            self.by_pair.remove(matcher.name());
        }
        true
    }

    fn entries_under(&self, matcher: &Matcher) -> usize {
        let values = self.by_pair.get(matcher.name());
        values
            .and_then(|values| values.get(matcher.value()))
            .map_or(0, Vec::len)
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

/// Whether the matcher holds only for label sets with one particular pair.
fn is_pair(matcher: &Matcher) -> bool {
    // Names and values that are not UTF-8 occur in no label set, and their lossy reading must not find others.
    matcher.op() == MatchOp::Equal
        && !matcher.matches_empty()
        && matcher.has_utf8_name()
        && matcher.has_utf8_value()
}

#[cfg(test)]
mod tests;
