//! The port for what instances share (protocol.md §5): groups, ticks, leases, what was told, silences, and a feed of changes.
//!
//! Its real home is Redis (`state-redis`); [`model`] is the same machine in one process, for tests and the simulator. Both
//! pass [`conformance`]. Nobody but [`crate::coordinated`] calls it: the engine sees [`crate::State`].
//!
//! Times: a coordinator has a clock of its own, the shard clock, which may be wrong; what it plans (ticks, grace, the `now` of
//! claims) is in it. It never goes back, and catches up with its server's at 95 % of the pace after that stepped back. Deadlines
//! travel as durations, stated times as content (protocol.md §4). [`crate::agreed`] makes one time of both.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::farewell::Farewell;
use domain::group::grid::Grid;
use domain::group::heir::Lineage;
use domain::group::key;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::silence::Silence;
use domain::time::Timestamp;
use runtime::timing::Timing;

use crate::{Held, SilencePut};

pub mod conformance;
mod feed;
mod merging;
pub mod model;
mod records;

pub use feed::{CHANGES_MAX, Change, Event, Feed, KnownAlerts, NothingKnown};
pub use merging::{Joined, MERGED_AT_ONCE_MAX, Merge, Merged};
pub use records::{RecordVersions, RecordsHeard};

/// How a coordinator fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// This request got no answer: lost connection, time-out. Whether it was carried out is unknown; it may be repeated.
    Transient,
    /// The server answered that it cannot work now (loading, out of memory, no disk, a replica).
    Certain,
    /// The server refuses us (password, rights, version): only people can help.
    Refused,
}

/// A request that was not answered with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CoordinatorError {
    /// What to make of it.
    pub outage: Outage,
    /// The cause, for people; names no secret.
    pub text: String,
}

/// A group's name among all tenants'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub key: GroupKey,
}

impl GroupName {
    /// The name of the group with this identity.
    pub fn of(identity: &GroupIdentity) -> Self {
        Self {
            tenant: identity.tenant.clone(),
            key: identity.key,
        }
    }

    /// The shard it lives in.
    pub fn shard(&self) -> usize {
        key::shard(&self.tenant, self.key)
    }
}

/// A place in a shard's feed of changes; grows with every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Milliseconds of the shard's server.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

/// Identifies one life of a shard's data: another one means that it was lost in between (protocol.md §8).
///
/// Its text is `<Unix milliseconds at its beginning>-<random>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub Arc<str>);

impl Epoch {
    /// An epoch that begins now; `random` tells it from others that do.
    pub fn beginning(now: Timestamp, random: u128) -> Self {
        Self(format!("{}-{random:032x}", now.unix_ms()).into())
    }

    /// When it began.
    pub fn began_at(&self) -> Option<Timestamp> {
        let (ms, _) = self.0.split_once('-')?;
        ms.parse().ok().map(Timestamp::from_unix_ms)
    }
}

/// What claims wait for once an epoch is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldFor {
    /// Nothing: there was nothing before.
    Nothing,
    /// Others to notice that it was opened: they may know that data was lost.
    Others,
    /// [`Coordinator::reseeded`], at least the hold time of the protocol, and at most twice that: data was lost.
    Reseed,
}

impl HoldFor {
    /// How long claims wait at least.
    pub fn least(self, timing: &Timing) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            // Everybody polls at least so often, and asking takes a moment.
            Self::Others => timing.poll_max + timing.poll_max / 4,
            Self::Reseed => timing.hold_after_loss,
        }
    }
}

/// What whoever opens an epoch knows of the time before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing was shared: nobody left whom tombstones do not name.
    Nothing,
    /// Something was, and who left then may be forgotten.
    Something,
}

/// An alert offered to one of its groups.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The group.
    pub group: Arc<GroupIdentity>,
    /// The alert as posted.
    pub alert: Arc<Alert>,
    /// Whether it joins although it is over: somebody is owed its end.
    pub is_owed: bool,
    /// Whether it was offered before and no answer came: then it may have been taken in, and what others said since counts.
    pub is_again: bool,
}

/// What became of an offer.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The alert as the group holds it now; as posted when the group ignored it.
    pub alert: Arc<Alert>,
    /// Whether the group holds it.
    pub is_member: bool,
    /// The first tick, if the offer made the group.
    pub created: Option<Timestamp>,
}

/// What an instance asks when it polls.
#[derive(Clone, Debug, Default)]
pub struct PollAsk {
    /// The same number again asks for the same claims again: the answer to the first was lost.
    pub nonce: u64,
    /// Most claims wanted, over all shards.
    pub limit: usize,
    /// The epoch this instance knows of each shard.
    pub epochs: Vec<Option<Epoch>>,
    /// The last change it has seen of each shard.
    pub seen: Vec<EventId>,
    /// Tenants whose silence versions it wants.
    pub tenants: Vec<TenantId>,
    /// By how many milliseconds each shard's clock is ahead of the one alerts are stated by; not at all where nothing is said.
    pub ahead_ms: Vec<i64>,
}

/// The answer to a poll.
#[derive(Debug)]
pub struct PollAnswer {
    /// One element per shard, in order.
    pub shards: Vec<Result<ShardPoll, CoordinatorError>>,
    /// The silence versions of the tenants asked for, in order; read after the claims were made.
    pub silences: Result<Vec<u64>, CoordinatorError>,
}

/// What a shard answers to a poll.
#[derive(Clone, Debug)]
pub enum ShardPoll {
    /// Its data is not what the instance knows: it was lost, or rolled back. Nothing was claimed.
    Strange {
        /// The epoch it has now; `None` when it is empty.
        epoch: Option<Epoch>,
    },
    /// All is well.
    Well(ShardClaims),
}

/// What was claimed of a shard.
#[derive(Clone, Debug)]
pub struct ShardClaims {
    /// The shard clock.
    pub now: Timestamp,
    /// The last change: verdicts on these claims need a mirror that has seen it.
    pub last_event: EventId,
    /// When the next group is due.
    pub next_due: Option<Timestamp>,
    /// How ends by time-out are judged.
    pub grace: Grace,
    /// The version of the records that are written: the newest that all who are reckoned with can read.
    pub records: u32,
    /// The claims.
    pub claims: Vec<Claimed>,
}

/// A group that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The group.
    pub group: GroupName,
    /// Proves the right to begin, renew and finish.
    pub fence: u64,
    /// The tick the flush answers.
    pub tick: Timestamp,
    /// How many members it has: a mirror that counts differently reads the group anew.
    pub members: usize,
}

/// A group as the coordinator holds it.
#[derive(Clone, Debug)]
pub struct SharedGroup {
    /// Its name.
    pub name: GroupName,
    /// What stays of it however alerts are grouped; `None` if it cannot be told.
    pub lineage: Option<Lineage>,
    /// Its ticks.
    pub grid: Grid,
    /// Its members.
    pub members: Vec<Arc<Alert>>,
    /// What its integrations were told.
    pub told: Vec<(IntegrationId, Told)>,
}

impl SharedGroup {
    /// What an integration was told; `None` before anything was.
    #[must_use]
    pub fn told_to(&self, integration: &IntegrationId) -> Option<&Told> {
        let told = self.told.iter().find(|(id, _)| id == integration);
        told.map(|(_, told)| told)
    }
}

/// A tenant's silences.
#[derive(Clone, Debug, Default)]
pub struct SharedSilences {
    /// Raised by every change.
    pub version: u64,
    /// All of them, ended ones until retention is over.
    pub silences: Vec<Arc<Silence>>,
}

/// What an instance says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceReport {
    /// Its id, new at each start.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// `coordinated` or `degraded`.
    pub mode: String,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// What tells how each tenant's configuration groups and tells from how another one does.
    pub configs: Vec<(TenantId, String)>,
    /// What tells the file of each tenant's configuration from another one, secrets included.
    pub files: Vec<(TenantId, String)>,
    /// How its clock and the shared one compare.
    pub clock: Option<ClockReading>,
}

/// Two clocks, read at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// What the shared clock showed.
    pub shared: Timestamp,
    /// By how many milliseconds that was ahead of the instance's own.
    pub ahead_ms: i64,
}

/// What a person wants to know of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardDepth {
    /// Groups that wait for their tick.
    pub due: u64,
    /// Groups that are being flushed.
    pub in_flight: u64,
    /// The last change.
    pub last_event: EventId,
}

/// What a server threw away of its own accord, as one that is to be a cache does when its memory is short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// How much that is since the server started: more of it later means that it goes on.
    pub count: u64,
    /// Whether some of it was thrown away since the epochs of the shards in question began.
    pub is_loss: bool,
    /// What people should know of it, and what they can do.
    pub text: String,
}

impl From<Evictions> for CoordinatorError {
    fn from(evictions: Evictions) -> Self {
        Self {
            outage: Outage::Refused,
            text: evictions.text,
        }
    }
}

/// What instances share. Every method is one atomic transition per shard, and one round trip.
///
/// Whatever concerns a shard is refused ([`Outage::Refused`]) before anything is done when the build that asks does not know the
/// records that are written there ([`RecordVersions`]).
#[async_trait]
pub trait Coordinator: Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// In how many parts it can fail: shard `s` belongs to part `s % fault_domains()`.
    fn fault_domains(&self) -> usize {
        1
    }

    /// Offers alerts to their groups. One answer per offer, in order: shards fail one by one.
    ///
    /// A fresh post: the last one wins, as in Alertmanager (`Alert::updated_by`). A group of which only the key is known is
    /// not made by a post, its facts do not change, and nobody joins it (`GroupIdentity::is_stand_in`). `now` is when the posts were received, by
    /// the instance's clock.
    async fn ingest(
        &self,
        offers: Vec<Offer>,
        now: Timestamp,
    ) -> Vec<Result<Offered, CoordinatorError>>;

    /// Notes that this instance lives, ends what ran out of time, and claims groups that are due: the more severe first,
    /// tenants taking turns.
    async fn poll(&self, ask: PollAsk) -> PollAnswer;

    /// Claims one group out of turn, due or not; `None` when it is not there, a lost lease when somebody else holds it. Asked
    /// again before anything is begun, it answers the same claim: the answer to the first may have been lost.
    async fn seize(&self, group: &GroupName) -> Result<Option<Held<Claimed>>, CoordinatorError>;

    /// Freezes a message under one of these numbers; answers what to send, which is the one still pending if there is one.
    async fn begin(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Result<Held<Told>, CoordinatorError>;

    /// Records that a message was accepted, by its sequence number, whoever reports it.
    async fn commit(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, CoordinatorError>;

    /// Takes back a message that was surely not accepted.
    async fn refuse(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, CoordinatorError>;

    /// Replaces what counts as told without a message, under a claim, and only if that is still as it was `seen`
    /// ([`Told::is_still`]): a message seen in flight is taken back by it, in one step. Answers what is told then.
    async fn settle(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Result<Held<Told>, CoordinatorError>;

    /// Extends an unexpired lease; answers the last change of the shard.
    async fn renew(&self, group: &GroupName, fence: u64)
    -> Result<Held<EventId>, CoordinatorError>;

    /// Gives a claim back; the group is due again after `delay`.
    async fn unclaim(
        &self,
        group: &GroupName,
        fence: u64,
        delay: Duration,
    ) -> Result<(), CoordinatorError>;

    /// Ends a flush, as `Group::let_go` does; answers the next tick, `None` when the group is gone.
    async fn finish(
        &self,
        group: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Result<Held<Option<Timestamp>>, CoordinatorError>;

    /// Merges in what this instance knows better. One answer per element, in order.
    async fn merge(&self, merges: Vec<Merge>) -> Vec<Result<Merged, CoordinatorError>>;

    /// All groups of a shard, and the last change they include.
    async fn shard(&self, shard: usize) -> Result<(EventId, Vec<SharedGroup>), CoordinatorError>;

    /// One group.
    async fn group(&self, group: &GroupName) -> Result<Option<SharedGroup>, CoordinatorError>;

    /// Which of these alerts may have left a group after an instant: all of them where somebody who did may be forgotten.
    async fn departed(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, CoordinatorError>;

    /// Who is remembered to have left a group in this state or a later one, or at this time or later, and in which state, to the
    /// millisecond. Whoever did may be forgotten.
    async fn left_since(
        &self,
        group: &GroupName,
        state: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<(Fingerprint, Timestamp)>, CoordinatorError>;

    /// What the server of a fault domain threw away. If that is a loss it refuses from then on to hand out groups, to let a
    /// group go that became empty, and to open an epoch, until [`Coordinator::start_over`].
    async fn evictions(&self, domain: usize) -> Result<Evictions, CoordinatorError> {
        let _ = domain;
        Ok(Evictions::default())
    }

    /// Throws the rest of a shard away if the server did so with parts of it; the next epoch begins empty, as after any loss.
    /// `known` are groups that may be there without a place in a queue. Answers whether there was a reason.
    async fn start_over(
        &self,
        shard: usize,
        known: &[GroupName],
    ) -> Result<bool, CoordinatorError> {
        let _ = (shard, known);
        Ok(false)
    }

    /// Opens a new epoch of a shard unless somebody else did since `seen` was read; answers the epoch in force. One that was
    /// opened just now by somebody who knew of nothing to put back is held for who does.
    async fn open_epoch(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
        past: Past,
    ) -> Result<Epoch, CoordinatorError>;

    /// Says that this instance has merged all it knows into a shard's epoch.
    async fn reseeded(&self, shard: usize, epoch: &Epoch) -> Result<(), CoordinatorError>;

    /// Restarts the grids of a tenant's groups that have ticked, once per configuration hash; answers whether it did.
    async fn restart_grids(
        &self,
        tenant: &TenantId,
        config_hash: &str,
    ) -> Result<bool, CoordinatorError>;

    /// Changes of each shard after the given places, in one round trip (two where shards are apart).
    async fn changes(
        &self,
        after: &[EventId],
        known: &dyn KnownAlerts,
    ) -> Vec<Result<Feed, CoordinatorError>>;

    /// Changes of one shard after a place, for somebody else than who follows them all: what is new for that one stays new.
    async fn feed(
        &self,
        shard: usize,
        after: EventId,
        known: &dyn KnownAlerts,
    ) -> Result<Feed, CoordinatorError>;

    /// Waits until something may have changed; answers early rather than late.
    async fn changed(&self);

    /// Stores a silence if it is still as it was read: `seen` is its `updated_at` then, `None` if there was none.
    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: &Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, CoordinatorError>;

    /// Merges silences in: of each the one changed later stays. Answers the version then.
    async fn silence_merge(
        &self,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
    ) -> Result<u64, CoordinatorError>;

    /// Forgets silences whose retention is over.
    async fn silence_forget(
        &self,
        tenant: &TenantId,
        ids: &[Arc<str>],
    ) -> Result<(), CoordinatorError>;

    /// The silence versions of tenants, in order.
    async fn silence_versions(&self, tenants: &[TenantId]) -> Result<Vec<u64>, CoordinatorError>;

    /// All silences of a tenant.
    async fn silences(&self, tenant: &TenantId) -> Result<SharedSilences, CoordinatorError>;

    /// Finds out whether the server has all that is needed; the error names what is missing. Answers what it has that will
    /// hurt, for a log.
    async fn preflight(&self) -> Result<Vec<String>, CoordinatorError> {
        Ok(Vec::new())
    }

    /// A write that proves that writing works, in the part of a fault domain; answers the shard clock there.
    async fn probe(&self, domain: usize) -> Result<Timestamp, CoordinatorError>;

    /// Says that this instance lives.
    async fn announce(&self, report: &InstanceReport) -> Result<(), CoordinatorError>;

    /// Says that this instance goes.
    async fn retire(&self, id: &str) -> Result<(), CoordinatorError>;

    /// Every instance that lives.
    async fn instances(&self) -> Result<Vec<InstanceReport>, CoordinatorError>;

    /// How deep the queues of each shard are.
    async fn depths(&self) -> Result<Vec<ShardDepth>, CoordinatorError>;

    /// Repairs groups of a shard that are there and have no place in a queue, among those that are `known` and those that have
    /// ends to come; answers how many there were (must stay 0).
    async fn audit(&self, shard: usize, known: &[GroupName]) -> Result<usize, CoordinatorError>;
}
