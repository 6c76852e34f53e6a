//! Silences: who asked for quiet, about what, from when to when.

use std::sync::Arc;
use std::time::Duration;

use crate::label::Labels;
use crate::matcher::{Matcher, all_match};
use crate::time::Timestamp;

pub mod edit;
pub mod index;

/// A silence as stored: it hides the alerts all of its matchers match while it is active.
#[derive(Clone, Debug)]
pub struct Silence {
    /// A UUID, version 4, in lower-case text form.
    pub id: Arc<str>,
    /// All must match; the order is as given by whoever made it.
    pub matchers: Vec<Matcher>,
    /// When it begins to hide.
    pub starts_at: Timestamp,
    /// When it stops hiding.
    pub ends_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Free-form additions (Alertmanager 0.34); empty for most.
    pub annotations: Labels,
}

/// Where a silence stands at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// Hides matching alerts now.
    Active,
    /// Will hide later.
    Pending,
    /// Is over; kept for the record until retention ends.
    Expired,
}

impl Silence {
    /// Where the silence stands at `now`: pending before its start, expired from its end on.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    /// Whether it may be forgotten at `now`, `retention` after its end.
    pub fn is_forgotten(&self, now: Timestamp, retention: Duration) -> bool {
        self.ends_at + retention <= now
    }

    /// Whether every matcher matches the labels (an absent label counts as empty).
    pub fn matches(&self, labels: &Labels) -> bool {
        all_match(&self.matchers, labels)
    }
}
