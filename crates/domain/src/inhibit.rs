//! Inhibition: alerts that hide others while they fire.
//!
//! Upstream keeps one source per set of equal labels, so one source can hide another (its issue 5162). Here every source
//! is kept.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::fingerprint::{Fingerprint, Fingerprinter};
use crate::label::Labels;
use crate::matcher::{Matcher, MatcherIndex, all_match};
use crate::time::Timestamp;

/// A rule: while a source fires, targets with the same `equal` labels are hidden.
#[derive(Clone, Debug, Default)]
pub struct InhibitRule {
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// What a source must match; empty matches everything.
    pub source_matchers: Vec<Matcher>,
    /// What a target must match; empty matches everything.
    pub target_matchers: Vec<Matcher>,
    /// Labels source and target must share; absent counts as empty on both sides.
    pub equal: Vec<Arc<str>>,
}

/// The rules of a tenant and the alerts that may be their sources.
///
/// Holds label sets only; whether a source fires is asked at each question, so refreshes cost nothing here.
pub struct Inhibitor {
    rules: Vec<IndexedRule>,
    by_source: MatcherIndex<u32>,
    by_target: MatcherIndex<u32>,
}

struct IndexedRule {
    rule: InhibitRule,
    /// Fingerprint of the values of `equal` → sources.
    sources: HashMap<u64, Vec<Source>>,
}

struct Source {
    fingerprint: Fingerprint,
    labels: Labels,
    is_target_too: bool,
}

impl Inhibitor {
    /// Compiles the rules; no sources yet.
    pub fn new(rules: Vec<InhibitRule>) -> Self {
        let mut by_source = MatcherIndex::default();
        let mut by_target = MatcherIndex::default();
        for (index, rule) in rules.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            by_source.insert(index, &rule.source_matchers);
            by_target.insert(index, &rule.target_matchers);
        }
        let rules = rules
            .into_iter()
            .map(|rule| IndexedRule {
                rule,
                sources: HashMap::new(),
            })
            .collect();
        Self {
            rules,
            by_source,
            by_target,
        }
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Takes note of an alert that may hide others; call once per alert, not per refresh.
    pub fn insert(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        let candidates: Vec<u32> = self.by_source.candidates(labels).collect();
        for index in candidates {
            let Some(indexed) = self.rules.get_mut(index as usize) else {
                continue;
            };
            if !all_match(&indexed.rule.source_matchers, labels) {
                continue;
            }
            let is_target_too = all_match(&indexed.rule.target_matchers, labels);
            let sources = indexed
                .sources
                .entry(equal_key(&indexed.rule.equal, labels))
                .or_default();
            if sources.iter().all(|s| s.fingerprint != fingerprint) {
                sources.push(Source {
                    fingerprint,
                    labels: labels.clone(),
                    is_target_too,
                });
            }
        }
    }

    /// Forgets an alert.
    pub fn remove(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        let candidates: Vec<u32> = self.by_source.candidates(labels).collect();
        for index in candidates {
            let Some(indexed) = self.rules.get_mut(index as usize) else {
                continue;
            };
            let key = equal_key(&indexed.rule.equal, labels);
            if let Some(sources) = indexed.sources.get_mut(&key) {
                sources.retain(|s| s.fingerprint != fingerprint);
                if sources.is_empty() {
                    indexed.sources.remove(&key);
                }
            }
        }
    }

    /// The alert that hides one with these labels, by the first rule that does; `None` when nothing hides it.
    ///
    /// `firing_until` answers the end of an alert that fires, `None` for others. Of several sources of one rule the one
    /// that fires longest is named, as upstream does.
    pub fn inhibited_by(
        &self,
        labels: &Labels,
        firing_until: impl Fn(Fingerprint) -> Option<Timestamp>,
    ) -> Option<Fingerprint> {
        let mut candidates: Vec<u32> = self.by_target.candidates(labels).collect();
        candidates.sort_unstable();
        candidates
            .iter()
            .filter_map(|index| self.rules.get(*index as usize))
            .find_map(|indexed| {
                let rule = &indexed.rule;
                // Sources first: most rules have none for this key, and that is one lookup.
                let sources = indexed.sources.get(&equal_key(&rule.equal, labels))?;
                if !all_match(&rule.target_matchers, labels) {
                    return None;
                }
                let is_source_too = all_match(&rule.source_matchers, labels);
                sources
                    .iter()
                    .filter(|s| {
                        !(is_source_too && s.is_target_too) && same(&rule.equal, &s.labels, labels)
                    })
                    .filter_map(|s| Some((firing_until(s.fingerprint)?, s.fingerprint)))
                    .max_by_key(|(until, _)| *until)
                    .map(|(_, fingerprint)| fingerprint)
            })
    }
}

fn equal_key(equal: &[Arc<str>], labels: &Labels) -> u64 {
    let mut hasher = Fingerprinter::default();
    for name in equal {
        hasher.text(labels.get(name).unwrap_or(""));
    }
    hasher.finish().0
}

fn same(equal: &[Arc<str>], a: &Labels, b: &Labels) -> bool {
    equal
        .iter()
        .all(|name| a.get(name).unwrap_or("") == b.get(name).unwrap_or(""))
}
