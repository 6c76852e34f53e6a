//! The port for hot shared state: the transitions of protocol.md §5 in the domain's words.
//!
//! One method is one atomic transition (S1). No key, connection or transaction appears here (L4). Every backend passes the
//! suite in [`conformance`] (S4); [`memory`] is the backend of one instance with nothing else installed. What the store
//! keeps of it is the engine's business.
//!
//! Start reading at [`State`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Leave;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::group::{Claim, Finished, GroupIdentity, LeaseLost};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::silence::Silence;
use domain::time::Timestamp;

use coordinator::{EventId, Feed};
use sharing::{NotReached, ShardStanding, Standing, Version};

mod agreed;
pub mod cache;
pub mod conformance;
pub mod coordinated;
pub mod coordinator;
pub mod host;
pub mod lock;
pub mod memory;
pub mod rate;
pub mod session;
pub mod sharing;

/// Why a backend could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It cannot be reached or refuses; the same request may be repeated as it is.
    #[error("shared state is unavailable: {0}")]
    Unavailable(String),
}

/// A fresh post of an alert and the groups it belongs to.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The alert as posted, not yet merged with what is known.
    pub alert: Alert,
    /// The groups it belongs to, in route order.
    pub groups: Vec<Arc<GroupIdentity>>,
    /// Whether it joins them although it is over: somebody is owed its end by what these groups do not know yet.
    pub is_owed: bool,
}

/// What became of a posted alert.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The alert as now known.
    pub alert: Arc<Alert>,
    /// Groups it made, with their first tick.
    pub created: Vec<(Arc<GroupIdentity>, Timestamp)>,
    /// What must be made durable before the sender is told "stored".
    pub owed: OwedRecord,
}

/// What the durable record lacks of an alert; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwedRecord {
    /// Nothing: a refresh that a record named to [`State::mark_recorded`] still covers (protocol.md §5, coalescing).
    Nothing,
    /// Its end: all else is in a record named to [`State::mark_recorded`].
    End,
    /// All of it.
    Whole,
}

/// A group as recorded, to be put back at start.
#[derive(Clone, Debug)]
pub struct RestoredGroup {
    /// What it is under the configuration in force.
    pub identity: Arc<GroupIdentity>,
    /// Its first tick; the grid counts from here.
    pub first_tick: Timestamp,
    /// The last instant at which the instance is known to have run.
    pub known_until: Timestamp,
    /// Its members.
    pub members: Vec<Arc<Alert>>,
    /// What each integration was told.
    pub told: Vec<(IntegrationId, Told)>,
    /// What of that, and of whom, comes from other groups.
    pub carried_over: CarriedOver,
}

/// What a restored group has from groups its members were in under the configuration before.
#[derive(Clone, Debug, Default)]
pub struct CarriedOver {
    /// Integrations that were told something of a member there.
    pub told_to: BTreeSet<IntegrationId>,
    /// Members, and the groups in which they were told of.
    pub members: Vec<(Fingerprint, GroupKey)>,
}

/// A group that ended while this instance was alone: others may have told something else of it, and are heard again later.
#[derive(Clone, Debug)]
pub struct EndedGroup {
    /// What it was.
    pub identity: Arc<GroupIdentity>,
    /// Who left it lately.
    pub leaves: Vec<Leave>,
    /// What each integration was told last of it.
    pub told: Vec<(IntegrationId, Told)>,
}

/// A group as seen from outside, for Explain, status and the journal.
#[derive(Clone, Debug)]
pub struct GroupSnapshot {
    /// What it is.
    pub identity: Arc<GroupIdentity>,
    /// The tick its grid counts from.
    pub first_tick: Timestamp,
    /// Its next tick; `None` while it is being flushed.
    pub due: Option<Timestamp>,
    /// Its members.
    pub members: Vec<Fingerprint>,
    /// What each integration was told.
    pub told: Vec<(IntegrationId, Told)>,
}

/// The result of a claim that no longer holds, or of one that does.
pub type Held<T> = Result<T, LeaseLost>;

/// What is claimed, and when to ask again.
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// Claims, the most urgent first, tenants taking turns.
    pub claims: Vec<Claim>,
    /// When the next group becomes due, if any is waiting.
    pub next_due: Option<Timestamp>,
}

/// Whether a silence was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilencePut {
    /// It is in force on every instance from this version on.
    Stored {
        /// The tenant's silence version after the change.
        version: u64,
    },
    /// Somebody changed it since it was read.
    Conflict,
}

/// Where an alert belongs under a configuration.
pub type Placement<'a> = dyn Fn(&Alert) -> Vec<Arc<GroupIdentity>> + Send + Sync + 'a;

/// How an instance works together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is the only one.
    Embedded,
    /// It shares its state with others.
    Coordinated,
    /// It should share its state, but cannot reach it, and goes on by itself.
    Degraded,
}

impl Mode {
    /// The mode's name in headers, metrics and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Coordinated => "coordinated",
            Self::Degraded => "degraded",
        }
    }
}

/// Hot shared state. Every method is bounded by its arguments; `now` is the caller's clock (S5).
#[async_trait]
pub trait State: Send + Sync {
    /// Introduces the engine, which places alerts and wants to hear what other instances did; called once, at first.
    fn attach(&self, host: std::sync::Weak<dyn host::Host>) {
        drop(host);
    }

    /// How the instance works together with others now.
    fn mode(&self) -> Mode {
        Mode::Embedded
    }

    /// How this instance stands among those it shares with, from memory; `None` where nothing is shared.
    fn standing(&self) -> Option<Standing> {
        None
    }

    /// How deep the queues of each shard are; asks the shared home while that is within reach.
    async fn shards(&self) -> Result<Vec<ShardStanding>, StateError> {
        Ok(sharing::shards_here(self))
    }

    /// What whoever reads later, anywhere, must have seen to see what was answered here so far.
    fn version(&self, tenant: &TenantId) -> Version {
        let _ = tenant;
        Version::embedded()
    }

    /// Up to which change all of a tenant's silences are known here; 0 where nothing is shared.
    fn silence_version(&self, tenant: &TenantId) -> u64 {
        let _ = tenant;
        0
    }

    /// Changes of a shard after a place, of all tenants, as its feed keeps them; read in the shared home. They may be ahead of what is
    /// known here.
    ///
    /// # Errors
    /// When nothing is shared, or it cannot be reached.
    async fn changes(&self, shard: usize, after: EventId) -> Result<Feed, StateError> {
        let _ = (shard, after);
        Err(StateError::Unavailable("nothing is shared".to_owned()))
    }

    /// Makes sure that reads of this tenant see at least what that version includes; reads it from the shared home if need
    /// be. The caller bounds the wait.
    async fn reach(&self, tenant: &TenantId, version: &Version) -> Result<(), NotReached> {
        let _ = (tenant, version);
        Ok(())
    }

    /// Takes in posted alerts: merges each with what is known and offers it to its groups, creating those that are missing.
    ///
    /// *Atomicity*: per alert. Answers one element per post, in order. A repeat of the same batch is harmless.
    async fn ingest(
        &self,
        tenant: &TenantId,
        batch: Vec<Placed>,
        now: Timestamp,
    ) -> Result<Vec<Ingested>, StateError>;

    /// Notes that these states of alerts are durable, so that refreshes close to them need no record.
    fn mark_recorded(&self, tenant: &TenantId, alerts: &[Arc<Alert>]);

    /// Whether the record says that this instance took in the last post of an alert: to be said again where it is restated.
    fn has_own_record(&self, tenant: &TenantId, fingerprint: Fingerprint) -> bool;

    /// Claims up to `limit` groups that are due.
    async fn poll(&self, limit: usize, now: Timestamp) -> Result<Polled, StateError>;

    /// Freezes a message before it is sent; answers what to send, which is the message still pending if there is one.
    async fn begin(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        message: Pending,
        now: Timestamp,
    ) -> Result<Held<Pending>, StateError>;

    /// Records that a message was accepted, by sequence number, whoever reports it.
    async fn commit(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, StateError>;

    /// Nobody knows whether a message was accepted, and whoever sent it was stopped past its claim: if another one was told
    /// since, what this one says against it is owed anew. One who shares nothing has nothing to do.
    async fn in_doubt(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        now: Timestamp,
    ) {
        let _ = (group, integration, message, now);
    }

    /// Takes back a message that was surely not accepted.
    async fn refuse(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, StateError>;

    /// Replaces what counts as told without a message having been sent, if it is still as it was `seen`; what was seen in
    /// flight is taken back by that. Answers what is told then, whoever said it.
    async fn settle(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
    ) -> Result<Held<Told>, StateError>;

    /// Which of these alerts may have left a group after an instant, seen off by another instance. One who shares nothing has
    /// seen everything itself.
    async fn departed(
        &self,
        group: &GroupIdentity,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Vec<Fingerprint> {
        let _ = (group, since, alerts);
        Vec::new()
    }

    /// Whether a claim still stands: on the data it was made of, and, if this process stood still since, beside what others did; asked
    /// just before a send, and answered within seconds.
    async fn stands(&self, claim: &Claim) -> bool {
        let _ = claim;
        true
    }

    /// Extends an unexpired claim; answers when it lapses now.
    async fn renew(&self, claim: &Claim, now: Timestamp) -> Result<Held<Timestamp>, StateError>;

    /// Looks at a claimed group again: renews the claim and answers it with members and told sets as they are now, silences
    /// being as current as after a poll.
    ///
    /// # Errors
    /// When what is shared cannot be caught up with now; the claim stands as it was.
    async fn claim_again(&self, claim: &Claim, now: Timestamp) -> Result<Held<Claim>, StateError>;

    /// Gives a claim back untouched; the group is due again after `delay`.
    async fn unclaim(
        &self,
        claim: &Claim,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), StateError>;

    /// Ends a flush; `is_complete` when no integration failed.
    async fn finish(
        &self,
        claim: &Claim,
        is_complete: bool,
        now: Timestamp,
    ) -> Result<Held<Finished>, StateError>;

    /// Stores a silence if it is still as it was read: `seen` is its `updated_at` then, `None` if there was none.
    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, StateError>;

    /// Forgets silences whose retention is over.
    async fn silence_forget(&self, tenant: &TenantId, ids: &[Arc<str>]) -> Result<(), StateError>;

    /// Applies a configuration: `groups` names, for each group as it is now called, its members under the new routes.
    ///
    /// Groups that keep their key keep their members and what was told; the others are dissolved into the groups their
    /// members now belong to, with what was told carried over. Members of a group that is being flushed move when that
    /// flush is finished, so that its outcome moves along. Every group ticks at once. Safe to repeat.
    ///
    /// `config_hash` tells one configuration from another: where instances share their groups, the first to apply it
    /// makes them tick, once.
    async fn reconfigure(
        &self,
        tenant: &TenantId,
        config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError>;

    /// Puts a recorded alert back; done once, before the first ingest. `is_own`: this instance took in the last post of it.
    async fn restore_alert(
        &self,
        tenant: &TenantId,
        alert: Arc<Alert>,
        is_own: bool,
    ) -> Result<(), StateError>;

    /// Puts a recorded group back; done once, before the first poll.
    async fn restore_group(&self, group: RestoredGroup, now: Timestamp) -> Result<(), StateError>;

    /// Notes when an earlier life of this instance last reached what it shared, and whether it took more in alone after that;
    /// done once, at the start.
    fn restore_sharing(&self, reached_at: Timestamp, was_alone: bool) {
        let _ = (reached_at, was_alone);
    }

    /// Remembers a group that ended while an earlier life of this instance was alone; done once, before the first poll.
    fn restore_ended(&self, ended: EndedGroup) {
        let _ = ended;
    }

    /// Suspends ends by time-out (G5): after a start, and after nobody polled for a while.
    fn set_grace(&self, grace: Grace);

    /// How ends by time-out are judged now.
    fn grace(&self) -> Grace;

    /// One group as it is now.
    fn group(&self, tenant: &TenantId, key: GroupKey) -> Option<GroupSnapshot>;

    /// What one integration was told of a group, as far as this instance knows.
    fn told(&self, tenant: &TenantId, key: GroupKey, integration: &IntegrationId) -> Option<Told>;

    /// Hands out every group, shard by shard, for the journal's compaction.
    fn visit_groups(&self, visit: &mut dyn FnMut(GroupSnapshot));

    /// Groups that ended while this instance was alone, as far as that may still matter, for the same.
    fn ended_alone(&self) -> Vec<EndedGroup> {
        Vec::new()
    }

    /// Groups that members left for others that are being flushed: until that is done only these say what was told of them.
    fn groups_left_for_later(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        let _ = tenant;
        BTreeSet::new()
    }

    /// Those of them whose members have arrived since this was asked last.
    fn take_left(&self, tenant: &TenantId) -> BTreeSet<GroupKey> {
        let _ = tenant;
        BTreeSet::new()
    }

    /// How many groups there are.
    fn group_count(&self) -> usize;

    /// Forgets alerts that were over before `before` and are in no group; answers which.
    async fn collect(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<Fingerprint>, StateError>;
}
