//! A server that throws keys away: what is left must not make anybody forget the rest.

use std::sync::Arc;

use domain::group::LeaseLost;
use domain::group::farewell::Farewell;
use domain::limits;

use super::World;
use super::stage::{Player, Stage, leave};
use crate::coordinator::{
    CoordinatorError, EventId, Evictions, GroupName, HoldFor, NothingKnown, Outage, Past, PollAsk,
    ShardPoll,
};

impl Player {
    /// What was thrown away.
    async fn evictions(&self) -> Evictions {
        let found = self.coordinator.evictions(0).await;
        found.expect("reachable")
    }

    async fn start_over(&self, shard: usize, known: &[GroupName]) -> bool {
        let started = self.coordinator.start_over(shard, known).await;
        started.expect("reachable")
    }
}

#[track_caller]
fn is_refused<T>(answer: Result<T, CoordinatorError>) {
    let error = answer.err().expect("what is incomplete was handed out");
    assert_eq!(error.outage, Outage::Refused, "{error}");
}

/// Losses that people or failovers cause are no evictions.
pub async fn a_server_that_throws_nothing_away_says_nothing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    assert!(!stage.one.evictions().await.is_loss);
    assert!(!stage.one.start_over(0, &[]).await);
    assert!(stage.one.try_read(&claim.group).await.is_some());
    stage.world.lose_everything().await;
    assert!(!stage.one.evictions().await.is_loss);
}

/// A flush that finds its group empty would tell everybody that it is gone.
pub async fn a_group_that_lost_its_members_did_not_end(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    let shard = claim.group.shard();
    let before = stage.one.poll_shard(shard).await.last_event;
    if !stage.world.evict(&claim.group).await {
        return;
    }
    let farewell = Farewell {
        leaves: vec![leave(alert.fingerprint, alert.updated_at)],
        ..Farewell::default()
    };
    let finished = stage.one.try_finish(&claim, &farewell).await;
    assert_eq!(finished, Err(LeaseLost));
    let mut after = vec![EventId::default(); limits::SHARDS];
    after[shard] = before;
    let mut feeds = stage.two.coordinator.changes(&after, &NothingKnown).await;
    let feed = feeds.remove(shard).expect("reachable");
    assert!(feed.changes.is_empty(), "nobody hears that it ended");
    let ask = PollAsk {
        nonce: stage.two.fresh(),
        limit: 1,
        epochs: vec![stage.two.epoch(shard).await; limits::SHARDS],
        seen: vec![EventId::default(); limits::SHARDS],
        ..PollAsk::default()
    };
    let mut polled = stage.two.coordinator.poll(ask).await;
    let answer = polled.shards.remove(shard).expect("reachable");
    assert!(
        matches!(answer, ShardPoll::Strange { epoch: None }),
        "the next to ask hears of a loss"
    );
}

/// Nobody reads what is left, nor begins anew with it.
pub async fn what_is_incomplete_is_not_handed_out(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    if !stage.world.evict(&claim.group).await {
        return;
    }
    let shard = claim.group.shard();
    let seen = stage.one.epoch(shard).await;
    is_refused(stage.one.coordinator.group(&claim.group).await);
    is_refused(stage.one.coordinator.shard(shard).await);
    let opened =
        stage
            .one
            .coordinator
            .open_epoch(shard, seen.as_ref(), HoldFor::Reseed, Past::Something);
    is_refused(opened.await);
}

/// The rest goes too, and what is known is put back into an empty shard.
pub async fn a_shard_that_starts_over_begins_empty(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, _, claim) = stage.claimed("a").await;
    let names = [claim.group.clone()];
    if !stage.world.evict(&claim.group).await {
        return;
    }
    let shard = claim.group.shard();
    let before = stage.one.epoch(shard).await;
    assert!(stage.one.start_over(shard, &names).await);
    assert!(!stage.two.start_over(shard, &names).await, "once is enough");
    assert!(stage.one.try_read(&claim.group).await.is_none());
    let epoch = stage.one.open(shard, None, HoldFor::Reseed).await;
    assert_ne!(Some(&epoch), before.as_ref());
    stage.one.learn(shard, epoch.clone()).await;
    stage.one.post(&group, stage.old("b")).await;
    let read = stage.one.read(&claim.group).await;
    assert_eq!(read.members.len(), 1, "nothing of before came back");
    assert!(stage.one.poll_shard(shard).await.claims.is_empty(), "held");
    let said = stage.one.coordinator.reseeded(shard, &epoch).await;
    said.expect("reachable");
    stage.pass(6).await;
    let claims = stage.one.poll_shard(shard).await.claims;
    assert!(claims[0].fence > claim.fence);
}

/// Every shard of the server is suspect.
pub async fn evictions_are_counted_until_every_shard_started_over(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    if !stage.world.evict(&claim.group).await {
        return;
    }
    let first = stage.one.evictions().await;
    assert!(first.is_loss && 0 < first.count && !first.text.is_empty());
    assert_eq!(stage.two.evictions().await, first);
    stage.world.evict(&claim.group).await;
    let second = stage.one.evictions().await;
    assert!(first.count < second.count, "it goes on");
    for shard in 0..limits::SHARDS {
        assert!(stage.one.evictions().await.is_loss, "not yet");
        assert!(stage.one.start_over(shard, &[]).await);
    }
    let over = stage.one.evictions().await;
    assert_eq!((over.is_loss, over.count), (false, second.count));
}
