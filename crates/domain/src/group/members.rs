//! A group's members: a sorted list, because a hundred thousand groups of a few alerts each must stay small.

use std::sync::Arc;

use crate::alert::Alert;
use crate::fingerprint::Fingerprint;

/// Alerts in fingerprint order, each once.
///
/// Fingerprints lie beside the pointers, so that finding one of a few dozen members touches a few lines of memory and none
/// of the others. Inserting moves what lies behind: 160 kB at worst in a group of 10,000, where a tree would spend three
/// pointers an alert.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Vec<(Fingerprint, Arc<Alert>)>);

impl Members {
    /// The members in fingerprint order.
    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &Arc<Alert>> {
        self.0.iter().map(|(_, alert)| alert)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member by its fingerprint.
    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<&Arc<Alert>> {
        let at = self.find(fingerprint).ok()?;
        self.0.get(at).map(|(_, alert)| alert)
    }

    /// A member by its fingerprint, to replace it.
    pub(super) fn get_mut(&mut self, fingerprint: Fingerprint) -> Option<&mut Arc<Alert>> {
        let at = self.find(fingerprint).ok()?;
        self.0.get_mut(at).map(|(_, alert)| alert)
    }

    /// Adds a member, or replaces the one with its fingerprint.
    pub(super) fn insert(&mut self, alert: Arc<Alert>) {
        let fingerprint = alert.fingerprint;
        match self.find(fingerprint) {
            Ok(at) => {
                if let Some((_, member)) = self.0.get_mut(at) {
                    *member = alert;
                }
            }
            Err(at) => self.0.insert(at, (fingerprint, alert)),
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, fingerprint: Fingerprint) -> Option<Arc<Alert>> {
        let at = self.find(fingerprint).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Takes out every member that is asked for.
    pub(super) fn take_out(&mut self, is_wanted: impl Fn(&Alert) -> bool) -> Vec<Arc<Alert>> {
        let taken = self.0.extract_if(.., |(_, alert)| is_wanted(alert));
        taken.map(|(_, alert)| alert).collect()
    }

    fn find(&self, fingerprint: Fingerprint) -> Result<usize, usize> {
        self.0
            .binary_search_by_key(&fingerprint, |(known, _)| *known)
    }
}
