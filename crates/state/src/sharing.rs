//! How an instance stands among those it shares state with, for people: pages, `/metrics`, `belfry status`.

use std::time::Duration;

use domain::group::key;
use domain::limits;
use domain::time::Timestamp;

use crate::coordinator::{EventId, InstanceReport};
use crate::{Mode, State};

/// How an instance stands, as far as it knows by itself.
#[derive(Clone, Debug)]
pub struct Standing {
    /// How it works together with others now.
    pub mode: Mode,
    /// Since when it does.
    pub since: Timestamp,
    /// Why it is alone, while it is; for operators, as it may name hosts.
    pub cause: Option<String>,
    /// What people call the home of what is shared.
    pub home: &'static str,
    /// What it says of itself.
    pub own: InstanceReport,
    /// Every instance known to live, by id, this one among them; only this one while it is alone.
    pub instances: Vec<InstanceReport>,
    /// For how long the oldest change it has not read has been there.
    pub lag: Duration,
    /// Groups whose members wait to be moved.
    pub stranded: usize,
    /// How the clocks compare.
    pub clocks: Clocks,
    /// What happened since the start.
    pub counts: SharingCounts,
}

/// By how many milliseconds clocks are ahead of the time that is in force, which is what most of them show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// That of the home of what is shared.
    pub shared_ms: i64,
    /// This instance's own.
    pub instance_ms: i64,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharingCounts {
    /// Requests that shared state did not answer.
    pub failures: u64,
    /// Times this instance went on alone, or came back.
    pub mode_changes: u64,
    /// Shards found to have lost data.
    pub data_losses: u64,
    /// Groups without a place in a queue that were repaired; must stay 0.
    pub audit_repaired: u64,
    /// Groups that were read anew because the replica differed.
    pub rereads: u64,
}

/// What a person wants to know of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStanding {
    /// Groups that wait for their tick.
    pub due: u64,
    /// Groups that are being flushed.
    pub in_flight: u64,
    /// The last change; the beginning of time where nothing is shared.
    pub last_event: EventId,
    /// For how many milliseconds the oldest change that was not read here has been there.
    pub lag_ms: u64,
}

/// What an instance had seen when it answered: a later read, anywhere, may ask for at least that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The mode it worked in.
    pub mode: Mode,
    /// The instance; empty where nothing is shared.
    pub instance: String,
    /// The version of the tenant's silences.
    pub silences: u64,
}

impl Version {
    /// What there is to say where nothing is shared: whatever was answered is there.
    pub(crate) fn embedded() -> Self {
        Self {
            mode: Mode::Embedded,
            instance: String::new(),
            silences: 0,
        }
    }
}

/// Why a version cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReached {
    /// This instance cannot see what others do now.
    #[error("this instance cannot see now what others did")]
    Alone,
    /// The change was made by an instance that worked alone: others see it when that one is back.
    #[error("the change was made on an instance that works alone; others see it when it is back")]
    MadeAlone,
}

/// Each shard as it is in this process.
pub(crate) fn shards_here<S: State + ?Sized>(state: &S) -> Vec<ShardStanding> {
    let mut shards = vec![ShardStanding::default(); limits::SHARDS];
    state.visit_groups(&mut |group| {
        let shard = key::shard(&group.identity.tenant, group.identity.key);
        if let Some(shard) = shards.get_mut(shard) {
            match group.due {
                Some(_) => shard.due += 1,
                None => shard.in_flight += 1,
            }
        }
    });
    shards
}
