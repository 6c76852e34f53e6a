//! Kinds of trouble.

use std::fmt;
use std::str::FromStr;

/// What may go wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Nothing.
    Calm,
    /// Receivers fail, refuse, and are slow.
    Receivers,
    /// Receivers hang, and accept without anybody hearing of it.
    Silent,
    /// Requests and replies are lost or late, shards are reached in part.
    Network,
    /// Instances die and come back, one or all.
    Kills,
    /// Instances stand still for less or more than their lease.
    Freezes,
    /// The server loses everything, or its last writes.
    Loss,
    /// The server cannot be reached, by one instance or by all, stands still, or refuses to work.
    Outage,
    /// Configurations change, instance after instance.
    Reloads,
    /// Instances are replaced by a newer build, one after the other, amid small faults; then an old build comes back.
    Upgrade,
    /// All of it.
    All,
}

impl Profile {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Calm,
        Self::Receivers,
        Self::Silent,
        Self::Network,
        Self::Kills,
        Self::Freezes,
        Self::Loss,
        Self::Outage,
        Self::Reloads,
        Self::Upgrade,
        Self::All,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Receivers => "receivers",
            Self::Silent => "silent",
            Self::Network => "network",
            Self::Kills => "kills",
            Self::Freezes => "freezes",
            Self::Loss => "loss",
            Self::Outage => "outage",
            Self::Reloads => "reloads",
            Self::Upgrade => "upgrade",
            Self::All => "all",
        }
    }

    /// Whether receivers say no.
    pub fn has_refusals(self) -> bool {
        matches!(self, Self::Receivers | Self::All)
    }

    /// Whether receivers leave it open whether they accepted.
    pub fn has_silence(self) -> bool {
        matches!(self, Self::Silent | Self::All)
    }

    /// Of a thousand requests, how many meet bad weather.
    pub fn weather_permille(self) -> u64 {
        match self {
            Self::Network => 20,
            Self::All => 10,
            Self::Upgrade => 5,
            _ => 0,
        }
    }

    /// Whether instances die.
    pub fn has_kills(self) -> bool {
        matches!(self, Self::Kills | Self::All)
    }

    /// Whether instances stand still.
    pub fn has_freezes(self) -> bool {
        matches!(self, Self::Freezes | Self::All)
    }

    /// Whether data is lost.
    pub fn has_losses(self) -> bool {
        matches!(self, Self::Loss | Self::All)
    }

    /// Whether the server goes away.
    pub fn has_outages(self) -> bool {
        matches!(self, Self::Outage | Self::All)
    }

    /// Whether configurations change.
    pub fn has_reloads(self) -> bool {
        matches!(self, Self::Reloads | Self::All)
    }

    /// Whether instances are replaced by a newer build.
    pub fn has_upgrades(self) -> bool {
        matches!(self, Self::Upgrade)
    }

    /// Whether the server is always reachable and keeps its data, so that nothing is told twice without an excuse (G2).
    pub fn keeps_data(self) -> bool {
        !self.has_losses() && !self.has_outages() && !self.has_upgrades()
    }

    /// Within how many seconds news is told while nothing forbids it; `None` where there is no bound to hold anybody to.
    pub fn news_within(self) -> Option<f64> {
        match self {
            // group_wait, or a tick; and a moment.
            Self::Calm => Some(7.5),
            Self::Network => Some(20.0),
            _ => None,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|p| p.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no profile `{text}`; there are {names}")
        })
    }
}
