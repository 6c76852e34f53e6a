//! What an instance knows better than what is shared, and what becomes of it there.

use std::sync::Arc;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::group::farewell::Leave;
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::id::IntegrationId;

/// Most alerts that are merged in one step: what comes with more of them is merged step by step.
pub const MERGED_AT_ONCE_MAX: usize = 256;

/// What an instance knows better of a group, to be merged in; the later state wins, so it may be repeated.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The group.
    pub group: Arc<GroupIdentity>,
    /// Members, or states of members. Those that ended and left meanwhile (tombstones) do not come back.
    pub alerts: Vec<Arc<Alert>>,
    /// What integrations were told.
    pub told: Vec<(IntegrationId, Told)>,
    /// What integrations were told by instances that could not hear each other, joined.
    pub joined: Vec<Joined>,
    /// Members the sender saw off: they leave unless they are known better.
    pub leaves: Vec<Leave>,
    /// Its ticks. Of a group that is there a later next tick counts, if the sender's has ticked.
    pub grid: Grid,
    /// Whether the alerts come from another group. They may have been here before and moved away, which is no end: those that are
    /// over join whatever the tombstones say.
    pub is_move: bool,
    /// Whether it counts only if it makes the group: where that is there already nothing changes, and it is overtaken. Such a one
    /// has at most [`MERGED_AT_ONCE_MAX`] alerts.
    pub is_first: bool,
    /// By how many milliseconds the shard clock is ahead of the one alerts are stated by.
    pub ahead_ms: i64,
}

impl Merge {
    /// Nothing yet, of a group that ticks like this if it is not there.
    #[must_use]
    pub const fn of(group: Arc<GroupIdentity>, grid: Grid) -> Self {
        Self {
            group,
            alerts: Vec::new(),
            told: Vec::new(),
            joined: Vec::new(),
            leaves: Vec::new(),
            grid,
            is_move: false,
            is_first: false,
            ahead_ms: 0,
        }
    }
}

/// What an integration was told, as worked out from what is known there.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The integration.
    pub integration: IntegrationId,
    /// What counts as told; its number is later than every one it is made of.
    pub told: Told,
    /// The number it was worked out from: it counts only while that is the one known there. Zero: none was.
    pub over: u64,
}

/// What became of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// All of it is in.
    Done,
    /// Somebody was told something since, and what was joined has to be worked out anew; or the group was there already.
    Overtaken,
}
