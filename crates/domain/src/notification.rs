//! Why a message is sent: the closed list of reasons, and the decision itself.

use std::fmt;
use std::time::Duration;

use crate::fingerprint::Fingerprint;
use crate::group::told::Told;
use crate::time::Timestamp;

/// Why an integration is told something; the texts are Alertmanager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It was told nothing that still stands.
    FirstNotification,
    /// An alert fires that it was not told about.
    NewAlerts,
    /// Everything it was told about is over.
    AllResolved,
    /// Some of what it was told about is over.
    SomeResolved,
    /// repeat_interval has passed since it was last told.
    RepeatInterval,
}

impl Reason {
    /// Every reason, in the order their stored numbers follow.
    pub const ALL: [Self; 5] = [
        Self::FirstNotification,
        Self::NewAlerts,
        Self::AllResolved,
        Self::SomeResolved,
        Self::RepeatInterval,
    ];

    /// Alertmanager's text for the reason (`notification_reason` in webhook bodies).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstNotification => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::AllResolved => "all alerts resolved",
            Self::SomeResolved => "some alerts resolved",
            Self::RepeatInterval => "repeat interval elapsed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing fires and nothing was told.
    NothingToSay,
    /// The integration already knows all of it.
    AlreadyTold,
}

impl Quiet {
    /// The reason in words, for Explain.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingToSay => "nothing fires and nothing was told before",
            Self::AlreadyTold => "already told, and repeat_interval has not passed",
        }
    }
}

/// Decides whether an integration is told about a group at a tick, and why.
///
/// `firing` and `resolved` are the group's unsuppressed alerts, sorted. An ended alert is news only if the integration
/// was told that it fires. The repeat is due when at least `repeat_interval` lies between the ticks.
pub fn why_notify(
    told: &Told,
    firing: &[Fingerprint],
    resolved: &[Fingerprint],
    send_resolved: bool,
    repeat_interval: Duration,
    tick: Timestamp,
) -> Result<Reason, Quiet> {
    let was_told = told.firing();
    let Some(last) = told.last.as_ref() else {
        return if firing.is_empty() {
            Err(Quiet::NothingToSay)
        } else {
            Ok(Reason::FirstNotification)
        };
    };
    let knows = |fingerprint: &Fingerprint| was_told.binary_search(fingerprint).is_ok();
    // Suppressed alerts left the told set with a later message, but their end is still owed.
    let believed = |fingerprint: &Fingerprint| last.believes(*fingerprint);
    if !firing.iter().all(knows) {
        let is_first = was_told.is_empty();
        return Ok(if is_first {
            Reason::FirstNotification
        } else {
            Reason::NewAlerts
        });
    }
    if firing.is_empty() {
        // Told alerts that are merely hidden (silenced, inhibited) are not over: only ended ones are news.
        let some_ended = resolved.iter().any(believed);
        return if some_ended {
            Ok(Reason::AllResolved)
        } else {
            Err(Quiet::NothingToSay)
        };
    }
    if send_resolved && resolved.iter().any(believed) {
        return Ok(Reason::SomeResolved);
    }
    if tick >= last.tick + repeat_interval {
        return Ok(Reason::RepeatInterval);
    }
    Err(Quiet::AlreadyTold)
}
