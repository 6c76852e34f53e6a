//! Alerts and how two observations of the same alert become one.

use std::sync::Arc;

use crate::annotations::Annotations;
use crate::fingerprint::Fingerprint;
use crate::label::Labels;
use crate::time::Timestamp;

/// One alert as last known: a label set with a time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What identifies the alert.
    pub labels: Labels,
    /// Text for people; not part of the identity.
    pub annotations: Annotations,
    /// Link to what raised the alert; empty when not stated.
    pub generator_url: Arc<str>,
    /// When it began to fire, as stated.
    pub starts_at: Timestamp,
    /// When it ended, or when it will count as ended unless refreshed; as stated.
    pub ends_at: Timestamp,
    /// When this observation was received.
    pub updated_at: Timestamp,
    /// The fingerprint of `labels`, computed once.
    pub fingerprint: Fingerprint,
    /// Whether `ends_at` is our own `resolve_timeout` guess because the sender stated none.
    pub is_timeout: bool,
}

/// Since when and until when ends by time-out do not count, because senders had no chance to refresh (G5).
///
/// Alerts last refreshed before `since` are not ended by time-out before `until`; an explicit end always counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// When this instance began to listen (again).
    pub since: Timestamp,
    /// When ends by time-out count again.
    pub until: Timestamp,
}

impl Grace {
    /// No grace: every end counts.
    pub const NONE: Self = Self {
        since: Timestamp::ZERO,
        until: Timestamp::ZERO,
    };
}

impl Alert {
    /// Whether the sender itself said the alert is over, rather than its time having run out.
    pub fn is_explicit_end(&self) -> bool {
        self.ends_at <= self.updated_at
    }

    /// Whether a tombstone covers this state: the alert left its group when this was known (protocol.md §5).
    ///
    /// An end that was stated again later is the same end: senders repeat it for a quarter of an hour.
    pub fn is_covered_by(&self, tombstone: Timestamp) -> bool {
        let known_at = if self.is_explicit_end() {
            self.ends_at
        } else {
            self.updated_at
        };
        known_at <= tombstone
    }

    /// Whether the alert is over at `now`.
    pub fn is_resolved(&self, now: Timestamp, grace: Grace) -> bool {
        if self.ends_at > now {
            return false;
        }
        let is_suspended = self.updated_at < grace.since && now < grace.until;
        !is_suspended || self.is_explicit_end()
    }

    /// The instant at which the alert will count as over if nothing else is heard.
    pub fn deadline(&self, grace: Grace) -> Timestamp {
        if self.is_explicit_end() || self.updated_at >= grace.since {
            return self.ends_at;
        }
        self.ends_at.max(grace.until)
    }

    /// Combines what is known (`self`) with a fresh post of the same alert, as Alertmanager does.
    ///
    /// Overlapping ranges merge; otherwise the post replaces what was known (spec/alertmanager.md §4.2).
    pub fn updated_by(&self, posted: Alert) -> Alert {
        let inside = |t: Timestamp| t > self.starts_at && t < self.ends_at;
        if inside(posted.ends_at) || inside(posted.starts_at) {
            self.merged_with(posted)
        } else {
            posted
        }
    }

    /// Merges two overlapping observations; annotations and link come from the younger one.
    fn merged_with(&self, posted: Alert) -> Alert {
        let (older, mut younger) = if posted.updated_at < self.updated_at {
            (&posted.clone(), self.clone())
        } else {
            (self, posted)
        };
        // "Resolved" is asked at the moment of the merge, which is when the younger one was received.
        let at = younger.updated_at;
        younger.starts_at = younger.starts_at.min(older.starts_at);
        if younger.ends_at <= at {
            if older.ends_at <= at {
                younger.ends_at = younger.ends_at.max(older.ends_at);
            }
        } else if older.ends_at > younger.ends_at && !older.is_timeout {
            younger.ends_at = older.ends_at;
        }
        younger
    }
}

#[cfg(test)]
mod tests;
