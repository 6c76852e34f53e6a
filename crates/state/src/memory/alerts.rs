//! All alerts of a tenant by fingerprint, ended ones too until they are collected: what a fresh post merges with.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use domain::alert::{Alert, Grace};
use domain::fingerprint::{Fingerprint, FingerprintState};
use domain::group::GroupIdentity;
use domain::time::Timestamp;
use hashbrown::HashMap;

use super::lock;
use crate::{Ingested, OwedRecord};

/// Independently locked parts of a table.
const PARTS: usize = 16;

type Part = HashMap<Fingerprint, Entry, FingerprintState>;

struct Entry {
    alert: Arc<Alert>,
    /// When the state that the journal holds was received, in Unix milliseconds: what a restart would find.
    recorded_at_ms: i64,
    /// How long after that the recorded end lies, in milliseconds; longer than 49 days counts as that.
    recorded_span_ms: u32,
    /// Whether the journal holds the alert's present content, so that a refresh need only say its end.
    has_content_recorded: bool,
    /// Whether this instance took in the last post of it, rather than hearing of it from another one.
    is_own: bool,
    /// Whether this instance's own journal holds it, as taken in here or as over, rather than those it was heard from: then it has to
    /// hear that the alert was taken in elsewhere.
    is_journaled: bool,
}

/// Who took in what is learnt of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenIn {
    /// This instance, just now; its own journal records it.
    Here,
    /// Whoever it was already: this instance told others of it, of its own posts or of what it knew from them. Only who took an alert
    /// in hears when it is refreshed, so passing it on makes nobody answer for it.
    AsKnown,
    /// Another instance; it is recorded with those that hold it.
    Elsewhere,
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
        offer: impl FnOnce(&Arc<Alert>) -> Vec<(Arc<GroupIdentity>, Timestamp)>,
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
        let created = offer(&alert);
        let owed = match known {
            Some(entry) if created.is_empty() => entry.owes(&alert),
            _ => OwedRecord::Whole,
        };
        let entry = part
            .entry(fingerprint)
            .or_insert_with(|| Entry::unrecorded(Arc::clone(&alert)));
        entry.has_content_recorded &= owed != OwedRecord::Whole;
        entry.alert = Arc::clone(&alert);
        entry.is_own = true;
        Ingested {
            alert,
            created,
            owed,
        }
    }

    /// Notes that this state of an alert is durable. Only now may refreshes lean on it: a sender must not be told "stored"
    /// because of a record that is still being written for somebody else.
    pub(super) fn mark_recorded(&self, alert: &Alert) {
        let mut part = lock(self.part(alert.fingerprint));
        if let Some(entry) = part.get_mut(&alert.fingerprint)
            && entry.recorded_at_ms <= alert.updated_at.unix_ms()
        {
            entry.set_recorded(alert);
            entry.is_journaled = true;
        }
    }

    /// What a post would come to, without taking it in, and what the record lacks of that.
    pub(super) fn peek(&self, posted: Alert) -> (Arc<Alert>, OwedRecord) {
        let part = lock(self.part(posted.fingerprint));
        let known = part
            .get(&posted.fingerprint)
            .filter(|e| e.alert.labels == posted.labels);
        let Some(entry) = known else {
            return (Arc::new(posted), OwedRecord::Whole);
        };
        let alert = entry.alert.updated_by(posted);
        let owed = entry.owes(&alert);
        (Arc::new(alert), owed)
    }

    /// Takes note of an alert as it is known elsewhere; an older state than the one here changes nothing.
    ///
    /// Answers whether its journal has to hear that somebody else took the alert in since; that the same end is stated again says
    /// nothing new.
    pub(super) fn learn(&self, alert: &Arc<Alert>, taken_in: TakenIn) -> bool {
        let mut part = lock(self.part(alert.fingerprint));
        let entry = part
            .entry(alert.fingerprint)
            .or_insert_with(|| Entry::unrecorded(Arc::clone(alert)));
        if entry.alert.updated_at > alert.updated_at {
            return false;
        }
        entry.has_content_recorded &= has_same_content(&entry.alert, alert);
        let is_same_end = is_same_end(&entry.alert, alert);
        entry.alert = Arc::clone(alert);
        match taken_in {
            TakenIn::Here => entry.is_own = true,
            TakenIn::AsKnown => {}
            TakenIn::Elsewhere => entry.is_own = false,
        }
        if entry.is_own {
            return false;
        }
        entry.set_recorded(alert);
        if is_same_end || taken_in == TakenIn::AsKnown {
            return false;
        }
        let is_news = entry.is_journaled;
        // Its end is recorded whole: should it fire anew somewhere else the journal has to hear of that too.
        entry.is_journaled &= alert.is_explicit_end();
        is_news
    }

    /// Alerts whose recorded end comes before `until` although a refresh taken in here says they fire longer; at most so many.
    pub(super) fn kept_back(&self, until: Timestamp, count_max: usize) -> Vec<Arc<Alert>> {
        let until_ms = until.unix_ms();
        let mut kept_back = Vec::new();
        for part in &self.parts {
            let part = lock(part);
            let more = part.values().filter(|entry| entry.is_kept_back(until_ms));
            let room = count_max.saturating_sub(kept_back.len());
            kept_back.extend(more.take(room).map(|entry| Arc::clone(&entry.alert)));
        }
        kept_back
    }

    /// Notes that others hold this state of an alert.
    pub(super) fn mark_shared(&self, alert: &Alert) {
        let mut part = lock(self.part(alert.fingerprint));
        if let Some(entry) = part.get_mut(&alert.fingerprint)
            && entry.recorded_at_ms <= alert.updated_at.unix_ms()
        {
            entry.set_recorded(alert);
        }
    }

    /// Whether this instance took in the last post of an alert.
    pub(super) fn is_own(&self, fingerprint: Fingerprint) -> bool {
        let part = lock(self.part(fingerprint));
        part.get(&fingerprint).is_some_and(|entry| entry.is_own)
    }

    /// Whether the journal says that this instance took in the last post of an alert.
    pub(super) fn has_own_record(&self, fingerprint: Fingerprint) -> bool {
        let part = lock(self.part(fingerprint));
        let entry = part.get(&fingerprint);
        entry.is_some_and(|entry| entry.is_own && entry.is_journaled)
    }

    /// From now on only this instance's own journal counts as a record.
    pub(super) fn distrust_others(&self) {
        for part in &self.parts {
            for entry in lock(part).values_mut() {
                entry.has_content_recorded &= entry.is_journaled;
            }
        }
    }

    /// Puts a recorded alert back; one that was heard from others counts as recorded with them.
    pub(super) fn restore(&self, alert: Arc<Alert>, is_own: bool) {
        let mut part = lock(self.part(alert.fingerprint));
        let mut entry = Entry::unrecorded(Arc::clone(&alert));
        entry.set_recorded(&alert);
        entry.is_own = is_own;
        entry.is_journaled = is_own;
        part.insert(alert.fingerprint, entry);
    }

    /// Does something with an alert as it is known, `None` if it is not; no post of it comes in between.
    pub(super) fn with<T>(
        &self,
        fingerprint: Fingerprint,
        see: impl FnOnce(Option<&Arc<Alert>>) -> T,
    ) -> T {
        let part = lock(self.part(fingerprint));
        see(part.get(&fingerprint).map(|entry| &entry.alert))
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

    /// Forgets an alert.
    pub(super) fn forget(&self, fingerprint: Fingerprint) {
        lock(self.part(fingerprint)).remove(&fingerprint);
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
        Self {
            alert,
            recorded_at_ms: i64::MIN,
            recorded_span_ms: 0,
            has_content_recorded: false,
            is_own: false,
            is_journaled: false,
        }
    }

    fn set_recorded(&mut self, alert: &Alert) {
        self.recorded_at_ms = alert.updated_at.unix_ms();
        let span_ms = alert.ends_at.since(alert.updated_at).as_millis();
        self.recorded_span_ms = u32::try_from(span_ms).unwrap_or(u32::MAX);
        self.has_content_recorded = has_same_content(&self.alert, alert);
    }

    /// When the recorded state of it ends, in Unix milliseconds.
    fn recorded_ends_ms(&self) -> i64 {
        self.recorded_at_ms
            .saturating_add(i64::from(self.recorded_span_ms))
    }

    fn is_kept_back(&self, until_ms: i64) -> bool {
        let ends_ms = self.recorded_ends_ms();
        self.is_own
            && self.recorded_at_ms != i64::MIN
            && ends_ms < until_ms
            && ends_ms < self.alert.ends_at.unix_ms()
    }

    /// What the journal lacks after a post. A refresh may go unrecorded if its end moved by less than a quarter of the recorded
    /// span; the recorded end must still lie ahead, so that a restart would not take the alert for ended.
    fn owes(&self, posted: &Alert) -> OwedRecord {
        let is_refresh = has_same_content(&self.alert, posted) && !posted.is_explicit_end();
        if !is_refresh || !self.has_content_recorded {
            return OwedRecord::Whole;
        }
        let span_ms = i64::from(self.recorded_span_ms);
        let recorded_ends_ms = self.recorded_ends_ms();
        let moved_ms = posted.ends_at.unix_ms().saturating_sub(recorded_ends_ms);
        let is_ahead = recorded_ends_ms > posted.updated_at.unix_ms();
        if is_ahead && moved_ms >= 0 && moved_ms < span_ms / 4 {
            OwedRecord::Nothing
        } else {
            OwedRecord::End
        }
    }
}

/// Whether both say that it is over, of the same episode and at the same time.
fn is_same_end(known: &Alert, heard: &Alert) -> bool {
    let times = |alert: &Alert| (alert.starts_at, alert.ends_at);
    known.is_explicit_end() && heard.is_explicit_end() && times(known) == times(heard)
}

/// Whether two states of an alert differ at most in when it ends and when that was heard.
pub(crate) fn has_same_content(a: &Alert, b: &Alert) -> bool {
    a.starts_at == b.starts_at
        && a.is_timeout == b.is_timeout
        && a.generator_url == b.generator_url
        && a.annotations == b.annotations
        && a.labels == b.labels
}
