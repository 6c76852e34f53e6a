//! Labels: sorted, unique, shared.
//!
//! A million alerts repeat the same few thousand pairs, so a pair is one shared allocation ([`Label`]), a
//! label set is a sorted slice of pointers to them ([`Labels`]), and an [`Interner`] makes equal pairs the same
//! pointer.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{HashSet, HashTable};

use crate::fingerprint::Fingerprint;
use crate::quote::quote;

/// One `name="value"` pair in a single shared allocation; cloning copies a pointer.
#[derive(Clone)]
pub struct Label(Arc<Pair>);

struct Pair {
    name_len: u32,
    /// The name directly followed by the value.
    text: Box<str>,
}

impl Label {
    /// Builds a pair of its own; [`Interner::label`] shares equal ones.
    pub fn new(name: &str, value: &str) -> Self {
        let mut text = String::with_capacity(name.len() + value.len());
        text.push_str(name);
        text.push_str(value);
        // A name longer than 4 GiB cannot arrive: every door bounds bodies far below that.
        let name_len = u32::try_from(name.len()).unwrap_or(u32::MAX);
        Self(Arc::new(Pair {
            name_len,
            text: text.into_boxed_str(),
        }))
    }

    /// The label's name.
    #[inline]
    pub fn name(&self) -> &str {
        self.0.text.get(..self.0.name_len as usize).unwrap_or("")
    }

    /// The label's value.
    #[inline]
    pub fn value(&self) -> &str {
        self.0.text.get(self.0.name_len as usize..).unwrap_or("")
    }

    /// Whether both are the very same allocation, which interned equal pairs are.
    #[inline]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.0.name_len == other.0.name_len && self.0.text == other.0.text)
    }
}

impl Eq for Label {}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.name(), self.value()).cmp(&(other.name(), other.value()))
    }
}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
        self.value().hash(state);
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name(), self.value())
    }
}

/// A set of labels: sorted by name (bytewise), names unique; cloning copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// The empty set.
    pub fn empty() -> Self {
        Self(Arc::new([]))
    }

    /// Builds a set from pairs in any order; of equal names the last given wins.
    pub fn new(mut labels: Vec<Label>) -> Self {
        labels.sort_by(|a, b| a.name().cmp(b.name()));
        // Stable sort, so among equal names the last given comes last; keep that one.
        labels.reverse();
        labels.dedup_by(|a, b| a.name() == b.name());
        labels.reverse();
        Self(labels.into())
    }

    /// Builds a set of pairs that are not shared with anyone.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::new(
            pairs
                .into_iter()
                .map(|(name, value)| Label::new(name, value))
                .collect(),
        )
    }

    /// The value of a label; `None` when it is absent.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.label(name).map(Label::value)
    }

    /// The pair with this name.
    #[inline]
    pub fn label(&self, name: &str) -> Option<&Label> {
        // Sets are small: a linear scan of a sorted slice beats bisection below about 20 pairs.
        self.0.iter().find(|label| label.name() == name)
    }

    /// The pairs in name order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.0.iter()
    }

    /// The pairs in name order, as texts.
    #[inline]
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|label| (label.name(), label.value()))
    }

    /// How many labels there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fingerprint of this set.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_sorted(self.pairs())
    }

    /// Alertmanager's order of label sets: fewer labels first, then the first differing pair.
    pub fn cmp_as_set(&self, other: &Self) -> std::cmp::Ordering {
        self.len()
            .cmp(&other.len())
            .then_with(|| self.0.iter().cmp(other.0.iter()))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = &'a Label;
    type IntoIter = std::slice::Iter<'a, Label>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Labels {
    /// Writes `{a="v", b="w"}`, values quoted as Go's `strconv.Quote` does: the form group keys are made of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.pairs().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", quote(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many independently locked parts an [`Interner`] has.
const INTERNER_SHARDS: usize = 16;

/// A pool that makes equal pairs, and equal texts that repeat from alert to alert, the same allocation.
///
/// Bounded by what is in use: [`Interner::sweep`] drops what nobody else holds.
pub struct Interner {
    hasher: foldhash::fast::FixedState,
    shards: [Mutex<HashTable<Label>>; INTERNER_SHARDS],
    texts: Mutex<HashSet<Arc<str>, foldhash::fast::FixedState>>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            hasher: foldhash::fast::FixedState::default(),
            shards: std::array::from_fn(|_| Mutex::new(HashTable::new())),
            texts: Mutex::default(),
        }
    }
}

impl Interner {
    /// The shared pair for this name and value.
    pub fn label(&self, name: &str, value: &str) -> Label {
        let hash = self.hash(name, value);
        let mut shard = self.shard(hash);
        let same = |label: &Label| label.name() == name && label.value() == value;
        if let Some(found) = shard.find(hash, same) {
            return found.clone();
        }
        let label = Label::new(name, value);
        shard.insert_unique(hash, label.clone(), |l| self.hash(l.name(), l.value()));
        label
    }

    /// Builds a set of shared pairs.
    pub fn labels<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
        Labels::new(
            pairs
                .into_iter()
                .map(|(name, value)| self.label(name, value))
                .collect(),
        )
    }

    /// The shared text; links to what raised an alert repeat for every alert of a rule.
    pub fn text(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = texts.get(text) {
            return Arc::clone(found);
        }
        let shared: Arc<str> = Arc::from(text);
        texts.insert(Arc::clone(&shared));
        shared
    }

    /// Drops the pairs and texts nobody else holds and answers how many pairs.
    pub fn sweep(&self) -> usize {
        let mut dropped = 0;
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|label| Arc::strong_count(&label.0) > 1);
            dropped += before - shard.len();
            shard.shrink_to_fit(|l| self.hash(l.name(), l.value()));
        }
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.retain(|text| Arc::strong_count(text) > 1);
        dropped
    }

    /// How many pairs the pool holds.
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whether the pool is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn hash(&self, name: &str, value: &str) -> u64 {
        self.hasher.hash_one((name, value))
    }

    fn shard(&self, hash: u64) -> std::sync::MutexGuard<'_, HashTable<Label>> {
        // The table uses the low bits, so the shard takes the high ones.
        let index = usize::try_from(hash >> 60).unwrap_or(0) % INTERNER_SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
