//! Finding the entries whose matchers can hold for a label set without trying every entry.

use hashbrown::{HashMap, HashSet};
use std::hash::Hash;

use super::Matcher;
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
    /// A bit for every name in `by_pair`: most labels of an alert are ruled out without a look-up.
    name_bits: u64,
}

impl<T> Default for MatcherIndex<T> {
    fn default() -> Self {
        Self {
            by_pair: HashMap::new(),
            scan: HashSet::new(),
            name_bits: 0,
        }
    }
}

impl<T: Copy + Eq + Hash> MatcherIndex<T> {
    /// Adds an entry; its id must not be in the index already.
    pub fn insert(&mut self, id: T, matchers: &[Matcher]) {
        let place = matchers
            .iter()
            .filter(|matcher| matcher.as_pair().is_some())
            .min_by_key(|matcher| self.entries_under(matcher));
        match place {
            Some(matcher) => {
                self.name_bits |= name_bit(matcher.name());
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
                .filter(|matcher| matcher.as_pair().is_some())
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
            self.name_bits = self
                .by_pair
                .keys()
                .fold(0, |bits, name| bits | name_bit(name));
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
            .filter(|(name, _)| self.name_bits & name_bit(name) != 0)
            .filter_map(|(name, value)| self.by_pair.get(name)?.get(value))
            .flatten()
            .copied();
        indexed.chain(self.scan.iter().copied())
    }
}

/// A bit that differs for most names.
fn name_bit(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let [first, last] =
        [bytes.first(), bytes.last()].map(|byte| usize::from(byte.copied().unwrap_or(0)));
    1 << ((bytes.len() * 11 + first * 5 + last * 3) % 64)
}

#[cfg(test)]
mod tests;
