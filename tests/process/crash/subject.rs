//! The alerts of the load and the truth about them: what was acknowledged.

use std::time::{Duration, Instant, SystemTime};

use harness::alert::Alert;

/// Groups of the load.
pub(crate) const CLUSTERS: u64 = 4;

/// What is true of an alert, as far as the server acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It was never posted.
    Never,
    /// It fires.
    Firing,
    /// Its end was posted.
    Ended,
}

/// What a post does to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Fire,
    Refresh,
    End,
}

/// One alert with a name of its own.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) cluster: String,
    /// The label that a silence may match.
    pub(crate) mute: Option<String>,
    pub(crate) truth: Truth,
    /// Posted, but not acknowledged: it is posted again after the restart, as senders do.
    pub(crate) unsure: Option<(Change, Alert)>,
    /// When ends were posted, acknowledged or not.
    pub(crate) ends_posted: Vec<Instant>,
    /// It has a stated end close by: after a restart nobody may end it by that.
    pub(crate) is_brief: bool,
    starts_at: SystemTime,
    refreshes: u32,
}

impl Subject {
    pub(crate) fn new(name: String, cluster: u64) -> Self {
        Self {
            name,
            cluster: format!("c{cluster}"),
            mute: None,
            truth: Truth::Never,
            unsure: None,
            ends_posted: Vec::new(),
            is_brief: false,
            starts_at: SystemTime::now(),
            refreshes: 0,
        }
    }

    /// Prepares a change; it counts once [`Subject::acknowledged`] is called.
    pub(crate) fn change(&mut self, change: Change) -> Alert {
        let now = SystemTime::now();
        let long = if self.is_brief { 5 } else { 3600 };
        let ends_at = match change {
            Change::Fire => {
                self.starts_at = now;
                now + Duration::from_secs(long)
            }
            Change::Refresh => {
                self.refreshes += 1;
                // Jumps far enough to be recorded each time.
                let hours = 1 + self.refreshes % 3;
                now + Duration::from_secs(long * u64::from(hours))
            }
            Change::End => {
                self.ends_posted.push(Instant::now());
                self.starts_at.max(now - Duration::from_millis(1))
            }
        };
        let mut alert = Alert::named(&self.name)
            .label("load", "yes")
            .label("cluster", &self.cluster);
        if let Some(mute) = &self.mute {
            alert = alert.label("mute", mute);
        }
        let alert = alert.starts(self.starts_at).ends(ends_at);
        self.unsure = Some((change, alert.clone()));
        alert
    }

    /// The server answered 200.
    pub(crate) fn acknowledged(&mut self) {
        if let Some((change, _)) = self.unsure.take() {
            self.truth = match change {
                Change::Fire | Change::Refresh => Truth::Firing,
                Change::End => Truth::Ended,
            };
        }
    }
}
