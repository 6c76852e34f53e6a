//! Which of many alerts are silenced, found from the silences' side.
//!
//! Asking every alert costs a look at its labels, which lie scattered in memory; a silence that names a pair knows its
//! alerts through the inverted index. For a listing that is the shorter way, for a single alert the other one is.

use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::{Fingerprint, FingerprintState};
use domain::silence::{Silence, SilenceState};
use domain::time::Timestamp;
use hashbrown::HashMap;

use super::Mirror;

/// Answers which silences hide an alert, for one reading at one instant.
pub(super) enum Hushed<'a> {
    /// Each alert is asked.
    Asking(&'a Mirror, Timestamp),
    /// Found beforehand; what names no pair is still asked of each alert.
    Found {
        by_alert: HashMap<Fingerprint, Vec<Arc<str>>, FingerprintState>,
        unpaired: Vec<&'a Arc<Silence>>,
    },
}

impl<'a> Hushed<'a> {
    /// Prepares for reading about `alerts` alerts.
    pub(super) fn new(mirror: &'a Mirror, alerts: usize, now: Timestamp) -> Self {
        let silences = mirror.silences();
        if silences.len() > alerts {
            return Self::Asking(mirror, now);
        }
        // Silences on pairs that many alerts carry would make this the longer way.
        let mut budget = alerts.saturating_mul(2);
        let mut by_alert: HashMap<_, Vec<_>, _> = HashMap::default();
        let mut unpaired = Vec::new();
        for silence in silences
            .iter()
            .filter(|s| s.state(now) == SilenceState::Active)
        {
            let Some((_, slots)) = mirror.most_selective(&silence.matchers) else {
                unpaired.push(silence);
                continue;
            };
            if slots.len() > budget {
                return Self::Asking(mirror, now);
            }
            budget -= slots.len();
            for entry in slots.iter().filter_map(|slot| mirror.at(*slot)) {
                if silence.matches(&entry.alert.labels) {
                    let ids = by_alert.entry(entry.alert.fingerprint).or_default();
                    ids.push(Arc::clone(&silence.id));
                }
            }
        }
        Self::Found { by_alert, unpaired }
    }

    /// The ids of the active silences that match the alert, sorted.
    pub(super) fn by(&self, alert: &Alert) -> Vec<Arc<str>> {
        match self {
            Self::Asking(mirror, now) => mirror.silences().silenced_by(&alert.labels, *now),
            Self::Found { by_alert, unpaired } => {
                let mut ids = by_alert
                    .get(&alert.fingerprint)
                    .cloned()
                    .unwrap_or_default();
                let matching = unpaired
                    .iter()
                    .filter(|silence| silence.matches(&alert.labels));
                ids.extend(matching.map(|silence| Arc::clone(&silence.id)));
                ids.sort();
                ids
            }
        }
    }
}
