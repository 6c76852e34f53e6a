//! The index against trying every entry.

use proptest::prelude::*;

use super::super::all_match;
use super::*;
use crate::matcher::MatchOp;

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = prop::sample::select(vec![
        MatchOp::Equal,
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ]);
    (op, "[abc]", "[xy]?").prop_map(|(op, name, value)| {
        Matcher::new(op, &name, &value).expect("plain texts are expressions")
    })
}

fn label_set() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[abcd]", "[xy]?"), 0..4).prop_map(|pairs| {
        Labels::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    })
}

/// The ids of the candidates that match in full, sorted.
fn found(index: &MatcherIndex<usize>, entries: &[Vec<Matcher>], labels: &Labels) -> Vec<usize> {
    let mut ids: Vec<_> = index
        .candidates(labels)
        .filter(|id| all_match(&entries[*id], labels))
        .collect();
    ids.sort_unstable();
    ids
}

proptest! {
    #[test]
    fn finds_what_trying_every_entry_finds(
        entries in prop::collection::vec(prop::collection::vec(matcher(), 0..3), 0..30),
        removed in prop::collection::vec(any::<bool>(), 30),
        sets in prop::collection::vec(label_set(), 1..10),
    ) {
        let mut index = MatcherIndex::default();
        for (id, matchers) in entries.iter().enumerate() {
            index.insert(id, matchers);
        }
        let mut present: Vec<bool> = vec![true; entries.len()];
        for round in 0..2 {
            for labels in &sets {
                let all = (0..entries.len()).filter(|id| present[*id] && all_match(&entries[*id], labels));
                prop_assert_eq!(found(&index, &entries, labels), all.collect::<Vec<_>>(), "round {}", round);
            }
            for (id, present) in present.iter_mut().enumerate() {
                if removed[id] && *present {
                    prop_assert!(index.remove(id, &entries[id]));
                    prop_assert!(!index.remove(id, &entries[id]));
                    *present = false;
                }
            }
        }
    }
}

#[test]
fn a_lookup_yields_few_of_many() {
    let mut index = MatcherIndex::default();
    for id in 0..10_000_u32 {
        let matchers = [
            Matcher::equal("alertname", "same"),
            Matcher::equal("instance", &format!("host-{id}")),
        ];
        index.insert(id, &matchers);
    }
    // The first entry cannot know better and sits under the pair all entries share.
    let labels = Labels::from_pairs([("alertname", "same"), ("instance", "host-77")]);
    assert_eq!(index.candidates(&labels).count(), 2);
    let labels = Labels::from_pairs([("alertname", "other"), ("job", "x")]);
    assert_eq!(index.candidates(&labels).count(), 0);
}

#[test]
fn nothing_is_left_of_what_was_removed() {
    let mut index = MatcherIndex::default();
    let matchers = [Matcher::equal("a", "x"), Matcher::equal("b", "y")];
    index.insert(1, &matchers);
    index.insert(2, &[]);
    assert!(index.remove(1, &matchers) && index.remove(2, &[]));
    assert!(index.by_pair.is_empty() && index.scan.is_empty());
}
