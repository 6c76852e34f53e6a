//! All alerts of a tenant by fingerprint, ended ones too until they are collected: what a fresh post merges with.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use domain::alert::{Alert, Grace};
use domain::fingerprint::{Fingerprint, FingerprintState};
use domain::id::GroupKey;
use domain::time::Timestamp;
use hashbrown::HashMap;

use super::lock;
use crate::Ingested;

/// Independently locked parts of a table.
const PARTS: usize = 16;

type Part = HashMap<Fingerprint, Entry, FingerprintState>;

struct Entry {
    alert: Arc<Alert>,
    /// The end and receipt time the journal holds, in Unix milliseconds: what a restart would find.
    recorded_ends_ms: i64,
    recorded_at_ms: i64,
}

/// All alerts of a tenant.
pub(super) struct AlertTable {
    parts: Vec<Mutex<Part>>,
}

impl Default for AlertTable {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl AlertTable {
    /// Merges a post with what is known and offers the result to its groups, under the lock of the alert's part: two
    /// posts of the same alert cannot reach a group in the wrong order.
    pub(super) fn merge(
        &self,
        posted: Alert,
        offer: impl FnOnce(&Arc<Alert>) -> Vec<(GroupKey, Timestamp)>,
    ) -> Ingested {
        let fingerprint = posted.fingerprint;
        let mut part = lock(self.part(fingerprint));
        let known = part
            .get(&fingerprint)
            .filter(|e| e.alert.labels == posted.labels);
        let alert = Arc::new(match known {
            Some(entry) => entry.alert.updated_by(posted),
            None => posted,
        });
        let is_covered = known.is_some_and(|entry| entry.covers(&alert));
        let created = offer(&alert);
        let must_record = !is_covered || !created.is_empty();
        let fresh = || Entry::unrecorded(Arc::clone(&alert));
        part.entry(fingerprint).or_insert_with(fresh).alert = Arc::clone(&alert);
        Ingested { alert, created, must_record }
    }

    /// Notes that this state of an alert is durable. Only now may refreshes lean on it: a sender must not be told "stored"
    /// because of a record that is still being written for somebody else.
    pub(super) fn mark_recorded(&self, alert: &Alert) {
        let mut part = lock(self.part(alert.fingerprint));
        if let Some(entry) = part.get_mut(&alert.fingerprint)
            && entry.recorded_at_ms <= alert.updated_at.unix_ms()
        {
            entry.recorded_ends_ms = alert.ends_at.unix_ms();
            entry.recorded_at_ms = alert.updated_at.unix_ms();
        }
    }

    /// Puts a recorded alert back.
    pub(super) fn restore(&self, alert: Arc<Alert>) {
        let mut part = lock(self.part(alert.fingerprint));
        let recorded_ends_ms = alert.ends_at.unix_ms();
        let recorded_at_ms = alert.updated_at.unix_ms();
        part.insert(alert.fingerprint, Entry { alert, recorded_ends_ms, recorded_at_ms });
    }

    /// Every alert, part by part.
    pub(super) fn all(&self) -> Vec<Arc<Alert>> {
        self.parts
            .iter()
            .flat_map(|part| {
                lock(part)
                    .values()
                    .map(|e| Arc::clone(&e.alert))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Forgets alerts that were over before `before` and are not in `grouped`.
    pub(super) fn collect(
        &self,
        before: Timestamp,
        grace: Grace,
        grouped: &HashSet<Fingerprint>,
    ) -> Vec<Fingerprint> {
        let mut forgotten = Vec::new();
        for part in &self.parts {
            let mut part = lock(part);
            part.retain(|fingerprint, entry| {
                let is_over = entry.alert.ends_at <= before
                    && entry.alert.is_resolved(before, grace)
                    && !grouped.contains(fingerprint);
                if is_over {
                    forgotten.push(*fingerprint);
                }
                !is_over
            });
            part.shrink_to_fit();
        }
        forgotten
    }

    fn part(&self, fingerprint: Fingerprint) -> &Mutex<Part> {
        let index = usize::try_from(fingerprint.0 >> 32).unwrap_or(0) % self.parts.len();
        &self.parts[index]
    }
}

impl Entry {
    fn unrecorded(alert: Arc<Alert>) -> Self {
        Self { alert, recorded_ends_ms: i64::MIN, recorded_at_ms: i64::MIN }
    }

    /// Whether a refresh may go unrecorded: nothing but the end moved, and by less than a quarter of the recorded span.
    ///
    /// The recorded end must still lie ahead, so that a restart would not take the alert for ended.
    fn covers(&self, refreshed: &Alert) -> bool {
        let known = &self.alert;
        let is_same = known.starts_at == refreshed.starts_at
            && known.is_timeout == refreshed.is_timeout
            && known.generator_url == refreshed.generator_url
            && known.annotations == refreshed.annotations
            && !refreshed.is_explicit_end();
        let span_ms = self.recorded_ends_ms.saturating_sub(self.recorded_at_ms);
        let moved_ms = refreshed.ends_at.unix_ms().saturating_sub(self.recorded_ends_ms);
        let is_ahead = self.recorded_ends_ms > refreshed.updated_at.unix_ms();
        is_same && is_ahead && moved_ms >= 0 && moved_ms < span_ms / 4
    }
}
