//! The ways an alert is suppressed, each with what caused it.

use std::sync::Arc;

use crate::fingerprint::Fingerprint;

/// Whether an alert goes on to the integrations of its receiver at a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is told.
    Notify,
    /// It is suppressed, for this reason.
    Suppress(Suppression),
}

/// Why an alert is suppressed: the closed list (D2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// Another firing alert inhibits it.
    Inhibited {
        /// The alerts that inhibit it.
        by: Vec<Fingerprint>,
    },
    /// Its route notifies only within these intervals, and none is active.
    OutsideActiveTime {
        /// The route's active_time_intervals.
        intervals: Vec<Arc<str>>,
    },
    /// One of its route's mute_time_intervals is active.
    MutedByTime {
        /// The active ones.
        intervals: Vec<Arc<str>>,
    },
    /// Active silences match it.
    Silenced {
        /// Their ids, sorted.
        by: Vec<Arc<str>>,
    },
}

impl Suppression {
    /// The metric label Alertmanager counts this under.
    pub fn metric_reason(&self) -> &'static str {
        match self {
            Self::Inhibited { .. } => "inhibition",
            Self::OutsideActiveTime { .. } => "active_time_interval",
            Self::MutedByTime { .. } => "mute_time_interval",
            Self::Silenced { .. } => "silence",
        }
    }
}
