//! Annotations: text for people, packed into one allocation.
//!
//! Unlike label pairs they hardly ever repeat, so nothing is shared: what counts is that a hundred thousand alerts carry
//! them, and an allocation per text would cost as much as the text.

use std::fmt;
use std::sync::Arc;

/// A set of annotations: sorted by name (bytewise), names unique; cloning copies a pointer.
///
/// Stored as `<name length>:<value length>:<name><value>` one after the other, lengths in bytes and decimal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Annotations(Arc<str>);

impl Annotations {
    /// The empty set.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Builds a set from pairs in any order; of equal names the last given wins.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            // Stable sort, so among equal names the last given comes last; keep that one.
            pairs.reverse();
            pairs.dedup_by(|a, b| a.0 == b.0);
            pairs.reverse();
        }
        let mut packed =
            String::with_capacity(pairs.iter().map(|(n, v)| n.len() + v.len() + 8).sum());
        for (name, value) in pairs {
            packed.push_str(&format!("{}:{}:", name.len(), value.len()));
            packed.push_str(name);
            packed.push_str(value);
        }
        Self(packed.into())
    }

    /// The pairs in name order.
    #[inline]
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs { rest: &self.0 }
    }

    /// The text of an annotation; `None` when it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The pairs of a set in name order.
#[derive(Clone)]
pub struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // Lengths were written by `from_pairs`, so they are numbers and end on character boundaries.
        let (name_len, rest) = take_length(self.rest)?;
        let (value_len, rest) = take_length(rest)?;
        let (name, rest) = rest.split_at_checked(name_len)?;
        let (value, rest) = rest.split_at_checked(value_len)?;
        self.rest = rest;
        Some((name, value))
    }
}

/// Reads `<digits>:`; a few bytes, so no search is set up for them.
fn take_length(text: &str) -> Option<(usize, &str)> {
    let mut length: usize = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b':' {
            return Some((length, text.get(at + 1..)?));
        }
        length = length
            .checked_mul(10)?
            .checked_add(usize::from(byte.checked_sub(b'0')?))?;
    }
    None
}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pairs()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Annotations;

    #[test]
    fn sets_are_sorted_and_texts_come_back_as_they_were() {
        let texts = [("b", "1:2:é"), ("a", ""), ("", "🔥"), ("b", "last wins")];
        let set = Annotations::from_pairs(texts);
        let pairs: Vec<_> = set.pairs().collect();
        assert_eq!(pairs, [("", "🔥"), ("a", ""), ("b", "last wins")]);
        assert_eq!(set.get("b"), Some("last wins"));
        assert_eq!(set.get("c"), None);
        assert!(Annotations::empty().pairs().next().is_none() && Annotations::empty().is_empty());
    }
}
