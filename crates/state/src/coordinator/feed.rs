//! What changed in a shard, as it is told to everybody who follows.

use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::id::{IntegrationId, TenantId};

use super::{EventId, GroupName};

/// A change of a shard.
#[derive(Clone, Debug)]
pub enum Event {
    /// An alert joined a group, or is known better.
    Alert {
        /// The group.
        group: GroupName,
        /// The alert.
        alert: Arc<Alert>,
    },
    /// Members left a group.
    Left {
        /// The group.
        group: GroupName,
        /// Who.
        alerts: Vec<Fingerprint>,
    },
    /// What an integration was told.
    Told {
        /// The group.
        group: GroupName,
        /// The integration.
        integration: IntegrationId,
        /// What it knows now.
        told: Arc<Told>,
    },
    /// A group was made, ticked for the first time, or restarted its grid.
    Grid {
        /// The group.
        group: GroupName,
        /// Its ticks.
        grid: Grid,
    },
    /// A group is no more.
    Gone {
        /// The group.
        group: GroupName,
    },
}

/// An event with its place.
#[derive(Clone, Debug)]
pub struct Change {
    /// The place.
    pub id: EventId,
    /// Whether no other change follows at the same place: what changed together is told together.
    pub is_last: bool,
    /// Whether this very instance caused it.
    pub is_ours: bool,
    /// What happened.
    pub event: Event,
}

/// What whoever follows a feed knows of alerts already: what is told of them again need not be read as if it were new.
pub trait KnownAlerts: Send + Sync {
    /// An alert as it is known.
    fn known(&self, tenant: &TenantId, fingerprint: Fingerprint) -> Option<Arc<Alert>>;
}

/// Whoever knows no alerts.
#[derive(Clone, Copy, Debug)]
pub struct NothingKnown;

impl KnownAlerts for NothingKnown {
    fn known(&self, _: &TenantId, _: Fingerprint) -> Option<Arc<Alert>> {
        None
    }
}

/// At least so many changes of a shard are in an answer, if there are so many.
pub const CHANGES_MAX: usize = 1_000;

/// A piece of a shard's feed.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// Changes after the place asked for, in order: at least [`CHANGES_MAX`], or all if they are fewer.
    pub changes: Vec<Change>,
    /// Whether changes are missing before the first: the feed was trimmed, or the data was lost.
    pub is_broken: bool,
    /// Whether the place asked for never was in this feed: whoever saw that change saw something that was lost since.
    pub is_lost: bool,
}
