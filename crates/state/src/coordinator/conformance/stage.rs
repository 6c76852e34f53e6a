//! The players of the suite, and what they say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::{Farewell, Leave};
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::group::{GroupIdentity, IntegrationSpec, ReceiverSpec, key};
use domain::id::{IntegrationId, TenantId};
use domain::label::Labels;
use domain::limits;
use domain::notification::Reason;
use domain::route::RouteIndex;
use domain::time::Timestamp;
use tokio::sync::Mutex;

use super::World;
use crate::coordinator::{
    Change, Claimed, Coordinator, Epoch, Event, EventId, GroupName, HoldFor, Merge, Merged,
    NothingKnown, Offer, Offered, Past, PollAnswer, PollAsk, RecordVersions, ShardClaims,
    ShardPoll, SharedGroup,
};

/// A world and two instances in it.
pub(super) struct Stage {
    pub(super) world: Arc<dyn World>,
    pub(super) one: Player,
    pub(super) two: Player,
    /// A second when times are not scaled.
    pub(super) unit: Duration,
}

/// An instance that knows what it has been told of epochs.
pub(super) struct Player {
    pub(super) coordinator: Arc<dyn Coordinator>,
    pub(super) numbers: Numbers,
    world: Arc<dyn World>,
    nonce: AtomicU64,
    epochs: Mutex<Vec<Option<Epoch>>>,
}

impl Stage {
    /// Two instances that have joined.
    pub(super) async fn new(world: Arc<dyn World>) -> Self {
        let one = Player::new(&world, "one").await;
        let two = Player::new(&world, "two").await;
        one.join(HoldFor::Nothing).await;
        two.join(HoldFor::Nothing).await;
        Self::of(world, one, two)
    }

    /// These two, whether or not they have joined.
    pub(super) fn of(world: Arc<dyn World>, one: Player, two: Player) -> Self {
        let unit = world.timing().hold_after_loss / 5;
        Self {
            world,
            one,
            two,
            unit,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.now()
    }

    pub(super) async fn pass(&self, units: u32) {
        self.world.pass(self.unit * units).await;
    }

    /// Lets the second instance poll as instances do, until it is given a claim; within so many units at most.
    pub(super) async fn claim_of_two_within(&self, units: u32) -> Claimed {
        for _ in 0..units.div_ceil(2) {
            self.pass(2).await;
            if let Some(claim) = self.two.poll().await.pop() {
                return claim;
            }
        }
        panic!("nothing was claimed in {units} units");
    }

    /// A group of the default tenant that waits 10 units and ticks every 60.
    pub(super) fn group(&self, name: &str) -> Arc<GroupIdentity> {
        self.group_of(&TenantId::default_tenant(), name)
    }

    pub(super) fn group_of(&self, tenant: &TenantId, name: &str) -> Arc<GroupIdentity> {
        self.group_every(tenant, name, 60)
    }

    pub(super) fn group_every(
        &self,
        tenant: &TenantId,
        name: &str,
        interval: u32,
    ) -> Arc<GroupIdentity> {
        let labels = Labels::from_pairs([("alertname", name)]);
        let text = format!("{{}}:{labels}");
        Arc::new(GroupIdentity {
            tenant: tenant.clone(),
            key: key::stored(&text, "r", 0),
            text,
            route: RouteIndex(0),
            labels,
            receiver: Arc::new(ReceiverSpec {
                name: Arc::from("r"),
                integrations: vec![IntegrationSpec {
                    id: webhook(),
                    send_resolved: true,
                    is_fallback: false,
                }],
            }),
            group_wait: self.unit * 10,
            group_interval: self.unit * interval,
            repeat_interval: self.unit * 3600,
            mute_time_intervals: vec![],
            active_time_intervals: vec![],
        })
    }

    /// Groups of these tenants that all live in one shard.
    pub(super) fn neighbours(&self, tenants: &[&TenantId]) -> Vec<Arc<GroupIdentity>> {
        let mut found: Vec<Arc<GroupIdentity>> = Vec::new();
        let mut number = 0;
        while found.len() < tenants.len() {
            number += 1;
            let group = self.group_of(tenants[found.len()], &format!("n{number}"));
            let shard = GroupName::of(&group).shard();
            if found
                .first()
                .is_none_or(|g| GroupName::of(g).shard() == shard)
            {
                found.push(group);
            }
        }
        found
    }

    /// An alert that began just now and ends in this many units.
    pub(super) fn alert(&self, name: &str, ends_in: u32) -> Alert {
        self.severe(name, "warning", ends_in)
    }

    pub(super) fn severe(&self, name: &str, severity: &str, ends_in: u32) -> Alert {
        let labels = Labels::from_pairs([("alertname", name), ("severity", severity)]);
        let now = self.now();
        Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations: Annotations::empty(),
            generator_url: Arc::from("http://prometheus.example.org"),
            starts_at: now,
            ends_at: now + self.unit * ends_in,
            updated_at: now,
            is_timeout: false,
        }
    }

    /// An alert that is so old that the group it makes does not wait.
    pub(super) fn old(&self, name: &str) -> Alert {
        let alert = self.alert(name, 900);
        Alert {
            starts_at: alert.starts_at - self.unit * 100,
            ..alert
        }
    }

    /// The same alert, over as of now.
    pub(super) fn ended(&self, alert: &Alert) -> Alert {
        let now = self.now();
        Alert {
            ends_at: now,
            updated_at: now,
            ..alert.clone()
        }
    }

    /// The same alert, refreshed now.
    pub(super) fn refreshed(&self, alert: &Alert) -> Alert {
        let now = self.now();
        Alert {
            ends_at: now + self.unit * 900,
            updated_at: now,
            ..alert.clone()
        }
    }

    /// Makes a group that is due at once, claimed by the first instance.
    pub(super) async fn claimed(&self, name: &str) -> (Arc<GroupIdentity>, Arc<Alert>, Claimed) {
        let group = self.group(name);
        let offered = self.one.post(&group, self.old(name)).await;
        let claim = self.one.claim().await;
        (group, offered.alert, claim)
    }

    /// Lets the next tick come and has the first instance claim it.
    pub(super) async fn next_claim(&self) -> Claimed {
        for _ in 0..130 {
            let mut claims = self.one.poll().await;
            if !claims.is_empty() {
                return claims.remove(0);
            }
            self.pass(1).await;
        }
        panic!("no group became due");
    }

    /// Ends the life of a group: its one alert ends, is told and leaves.
    pub(super) async fn retire(&self, claim: &Claimed, alert: &Alert) {
        let group = self.one.read(&claim.group).await;
        let member = group
            .members
            .iter()
            .find(|m| m.fingerprint == alert.fingerprint);
        let updated_at = member.expect("a member").updated_at;
        let gone = self
            .one
            .finish(claim, &[(alert.fingerprint, updated_at)])
            .await;
        assert_eq!(gone, None, "the group is gone");
    }

    /// Whether an instant lies within a few units of another.
    #[track_caller]
    pub(super) fn near(&self, found: Timestamp, wanted: Timestamp) {
        let off = found.since(wanted).max(wanted.since(found));
        assert!(off <= self.unit * 8, "{found} is not {wanted}");
    }
}

impl Player {
    pub(super) async fn new(world: &Arc<dyn World>, instance: &str) -> Self {
        Self::of_build(world, instance, RecordVersions::default()).await
    }

    /// An instance of a build that knows these forms of records.
    pub(super) async fn of_build(
        world: &Arc<dyn World>,
        instance: &str,
        knows: RecordVersions,
    ) -> Self {
        Self {
            coordinator: world.connect_as(instance, knows).await,
            numbers: Numbers::shared(instance.bytes().map(u64::from).sum()),
            world: Arc::clone(world),
            nonce: AtomicU64::new(0),
            epochs: Mutex::new(vec![None; limits::SHARDS]),
        }
    }

    /// Learns the epoch of every shard, opening those that have none.
    pub(super) async fn join(&self, hold: HoldFor) {
        let answer = self.ask(PollAskOf::default()).await;
        for (index, shard) in answer.shards.into_iter().enumerate() {
            let ShardPoll::Strange { epoch } = shard.expect("reachable") else {
                continue;
            };
            let epoch = match epoch {
                Some(epoch) => epoch,
                None => self.open(index, None, hold).await,
            };
            self.learn(index, epoch).await;
        }
    }

    pub(super) async fn open(&self, shard: usize, seen: Option<&Epoch>, hold: HoldFor) -> Epoch {
        let opened = self
            .coordinator
            .open_epoch(shard, seen, hold, Past::Nothing)
            .await;
        opened.expect("reachable")
    }

    pub(super) async fn learn(&self, shard: usize, epoch: Epoch) {
        self.epochs.lock().await[shard] = Some(epoch);
    }

    pub(super) async fn epoch(&self, shard: usize) -> Option<Epoch> {
        self.epochs.lock().await[shard].clone()
    }

    /// Polls with everything as this instance knows it, but for what is said.
    pub(super) async fn ask(&self, what: PollAskOf) -> PollAnswer {
        let nonce = what.nonce.unwrap_or_else(|| self.fresh());
        let ask = PollAsk {
            nonce,
            limit: what.limit.unwrap_or(100),
            epochs: self.epochs.lock().await.clone(),
            seen: what
                .seen
                .unwrap_or_else(|| vec![EventId::default(); limits::SHARDS]),
            tenants: what.tenants,
            ..PollAsk::default()
        };
        self.coordinator.poll(ask).await
    }

    /// A nonce not used before.
    pub(super) fn fresh(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Polls and answers the claims of all shards.
    pub(super) async fn poll(&self) -> Vec<Claimed> {
        self.poll_as(PollAskOf::default()).await
    }

    pub(super) async fn poll_as(&self, what: PollAskOf) -> Vec<Claimed> {
        let answer = self.ask(what).await;
        let shards = answer.shards.into_iter().map(well);
        shards.flat_map(|shard| shard.claims).collect()
    }

    /// What one shard answers to a poll.
    pub(super) async fn poll_shard(&self, shard: usize) -> ShardClaims {
        let mut answer = self.ask(PollAskOf::default()).await;
        well(answer.shards.remove(shard))
    }

    /// The one claim there is.
    pub(super) async fn claim(&self) -> Claimed {
        let mut claims = self.poll().await;
        assert_eq!(claims.len(), 1, "exactly one group is due");
        claims.remove(0)
    }

    pub(super) async fn post(&self, group: &Arc<GroupIdentity>, alert: Alert) -> Offered {
        self.offer(group, alert, false).await
    }

    /// Offers a post once more, as when its answer did not come.
    pub(super) async fn offer_again(&self, group: &Arc<GroupIdentity>, alert: Alert) -> Offered {
        self.ingest(Offer {
            group: Arc::clone(group),
            alert: Arc::new(alert),
            is_owed: false,
            is_again: true,
        })
        .await
    }

    pub(super) async fn offer(
        &self,
        group: &Arc<GroupIdentity>,
        alert: Alert,
        is_owed: bool,
    ) -> Offered {
        self.ingest(Offer {
            group: Arc::clone(group),
            alert: Arc::new(alert),
            is_owed,
            is_again: false,
        })
        .await
    }

    async fn ingest(&self, offer: Offer) -> Offered {
        let mut answers = self.coordinator.ingest(vec![offer], self.world.now()).await;
        assert_eq!(answers.len(), 1, "one answer per offer");
        answers.remove(0).expect("reachable")
    }

    pub(super) async fn begin(&self, claim: &Claimed, message: &Pending) -> Told {
        let told = self.try_begin(claim, message).await;
        told.expect("the claim holds")
    }

    pub(super) async fn try_begin(&self, claim: &Claimed, message: &Pending) -> crate::Held<Told> {
        let webhook = webhook();
        let begun =
            self.coordinator
                .begin(&claim.group, claim.fence, &webhook, message, self.numbers);
        begun.await.expect("reachable")
    }

    pub(super) async fn commit(&self, group: &GroupName, message: &Pending) -> Told {
        let sent_at = self.world.now();
        let webhook = webhook();
        let told = self.coordinator.commit(group, &webhook, message, sent_at);
        told.await.expect("reachable")
    }

    pub(super) async fn settle(
        &self,
        claim: &Claimed,
        seen: &Told,
        message: &ToldMessage,
    ) -> crate::Held<Told> {
        let (webhook, fence) = (webhook(), claim.fence);
        let settled = self
            .coordinator
            .settle(&claim.group, fence, &webhook, seen, message);
        settled.await.expect("reachable")
    }

    /// Tells that an alert fires; answers the message.
    pub(super) async fn tell(&self, claim: &Claimed, alert: &Alert) -> Pending {
        let told = self.begin(claim, &firing(claim, alert)).await;
        let message = told.pending.expect("just begun");
        self.commit(&claim.group, &message).await;
        message
    }

    pub(super) async fn renew(&self, claim: &Claimed) -> crate::Held<()> {
        self.renewed(claim).await.map(drop)
    }

    /// Renews a claim; answers the last change of the shard.
    pub(super) async fn renewed(&self, claim: &Claimed) -> crate::Held<EventId> {
        let renewed = self.coordinator.renew(&claim.group, claim.fence).await;
        renewed.expect("reachable")
    }

    pub(super) async fn try_finish(
        &self,
        claim: &Claimed,
        farewell: &Farewell,
    ) -> crate::Held<Option<Timestamp>> {
        let finished = self.coordinator.finish(&claim.group, claim.fence, farewell);
        finished.await.expect("reachable")
    }

    /// Ends a flush and lets these states of members go.
    pub(super) async fn finish(
        &self,
        claim: &Claimed,
        leaves: &[(Fingerprint, Timestamp)],
    ) -> Option<Timestamp> {
        let farewell = Farewell {
            leaves: leaves.iter().map(|(f, at)| leave(*f, *at)).collect(),
            ..Farewell::default()
        };
        let finished = self.try_finish(claim, &farewell).await;
        finished.expect("the claim holds")
    }

    pub(super) async fn merge(&self, merge: Merge) -> Merged {
        let mut answers = self.coordinator.merge(vec![merge]).await;
        assert_eq!(answers.len(), 1, "one answer per element");
        answers.remove(0).expect("reachable")
    }

    pub(super) async fn try_read(&self, group: &GroupName) -> Option<SharedGroup> {
        self.coordinator.group(group).await.expect("reachable")
    }

    pub(super) async fn read(&self, group: &GroupName) -> SharedGroup {
        self.try_read(group).await.expect("the group is there")
    }

    /// What the first integration of a group was told.
    pub(super) async fn told(&self, group: &GroupName) -> Told {
        let group = self.read(group).await;
        let told = group.told.into_iter().find(|(id, _)| *id == webhook());
        told.map(|(_, told)| told).unwrap_or_default()
    }

    /// Everything a shard's feed tells from the beginning.
    pub(super) async fn changes(&self, shard: usize) -> Vec<Change> {
        let after = vec![EventId::default(); limits::SHARDS];
        let mut feeds = self.coordinator.changes(&after, &NothingKnown).await;
        let feed = feeds.remove(shard).expect("reachable");
        assert!(!feed.is_broken, "nothing was trimmed");
        feed.changes
    }
}

/// What differs from the usual poll.
#[derive(Default)]
pub(super) struct PollAskOf {
    pub(super) nonce: Option<u64>,
    pub(super) limit: Option<usize>,
    pub(super) seen: Option<Vec<EventId>>,
    pub(super) tenants: Vec<TenantId>,
}

#[track_caller]
fn well(answer: Result<ShardPoll, crate::coordinator::CoordinatorError>) -> ShardClaims {
    match answer.expect("reachable") {
        ShardPoll::Well(claims) => claims,
        ShardPoll::Strange { epoch } => panic!("strange: {epoch:?}"),
    }
}

pub(super) fn webhook() -> IntegrationId {
    IntegrationId::new("r", "webhook", 0)
}

/// A message that calls an alert firing.
pub(super) fn firing(claim: &Claimed, alert: &Alert) -> Pending {
    Pending {
        seq: 0,
        firing: vec![alert.fingerprint],
        resolved: vec![],
        hidden: vec![],
        tick: claim.tick,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    }
}

/// A message that calls an alert resolved.
pub(super) fn resolved(claim: &Claimed, alert: &Alert) -> Pending {
    Pending {
        firing: vec![],
        resolved: vec![alert.fingerprint],
        reason: Reason::AllResolved,
        ..firing(claim, alert)
    }
}

pub(super) fn leave(fingerprint: Fingerprint, updated_at: Timestamp) -> Leave {
    Leave {
        fingerprint,
        updated_at,
    }
}

/// What is told once a message with this number was accepted.
pub(super) fn told(seq: u64, alert: &Alert, tick: Timestamp) -> Told {
    Told {
        seq,
        last: Some(ToldMessage {
            firing: vec![alert.fingerprint],
            hidden: vec![],
            tick,
            sent_at: tick,
            reason: Reason::FirstNotification,
            receiver_data: ReceiverData::default(),
        }),
        pending: None,
    }
}

/// An event in a word.
pub(super) fn word(event: &Event) -> &'static str {
    match event {
        Event::Alert { .. } => "alert",
        Event::Left { .. } => "left",
        Event::Told { .. } => "told",
        Event::Grid { .. } => "grid",
        Event::Gone { .. } => "gone",
    }
}
