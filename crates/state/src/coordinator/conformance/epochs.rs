//! Lives of the data, and what happens when one ends.

use std::sync::Arc;

use domain::alert::Grace;
use domain::limits;

use super::World;
use super::stage::{Player, PollAskOf, Stage, firing};
use crate::coordinator::{Epoch, EventId, GroupName, HoldFor, ShardPoll};

/// What a shard says to a poll with this last change.
async fn shard_says(player: &Player, shard: usize, seen: EventId) -> ShardPoll {
    let mut all = vec![EventId::default(); limits::SHARDS];
    all[shard] = seen;
    let ask = PollAskOf {
        seen: Some(all),
        ..PollAskOf::default()
    };
    let mut answer = player.ask(ask).await;
    answer.shards.remove(shard).expect("reachable")
}

#[track_caller]
fn is_strange(answer: &ShardPoll, wanted: Option<&Epoch>) {
    match answer {
        ShardPoll::Strange { epoch } => assert_eq!(epoch.as_ref(), wanted),
        ShardPoll::Well(_) => panic!("it should be strange"),
    }
}

/// Nobody claims from a shard without an epoch; alerts are taken in all the same.
pub async fn an_empty_shard_is_strange(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let third = Player::new(&stage.world, "three").await;
    let (group, known) = (stage.group("a"), stage.one.epoch(3).await);
    let answer = shard_says(&third, 3, EventId::default()).await;
    is_strange(&answer, known.as_ref());
    stage.world.lose_everything().await;
    assert!(stage.one.post(&group, stage.old("a")).await.is_member);
    let shard = GroupName::of(&group).shard();
    is_strange(
        &shard_says(&stage.one, shard, EventId::default()).await,
        None,
    );
    stage.one.join(HoldFor::Nothing).await;
    assert_eq!(stage.one.poll().await.len(), 1);
}

/// Two instances notice a loss at once: the second gets the epoch the first opened.
pub async fn two_who_open_an_epoch_agree(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let before = stage.one.epoch(0).await;
    let first = stage.one.open(0, before.as_ref(), HoldFor::Reseed).await;
    let second = stage.two.open(0, before.as_ref(), HoldFor::Reseed).await;
    assert_eq!(first, second);
    assert_ne!(Some(&first), before.as_ref());
    let third = stage.two.open(0, Some(&first), HoldFor::Reseed).await;
    assert_ne!(third, first, "whoever has seen it may open another one");
    let answer = shard_says(&stage.one, 0, EventId::default()).await;
    is_strange(&answer, Some(&third));
}

/// After a loss nothing is claimed until an instance has merged in what it knows, and the hold is over.
pub async fn a_loss_is_noticed_and_holds_claims(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let shard = GroupName::of(&group).shard();
    stage.one.post(&group, stage.old("a")).await;
    stage.world.lose_everything().await;
    is_strange(
        &shard_says(&stage.two, shard, EventId::default()).await,
        None,
    );
    stage.one.join(HoldFor::Reseed).await;
    stage.two.join(HoldFor::Reseed).await;
    stage.two.post(&group, stage.old("a")).await;
    stage.pass(7).await;
    assert!(stage.two.poll().await.is_empty(), "nobody has reseeded");
    let epoch = stage.one.epoch(shard).await.expect("joined");
    let other = Epoch(Arc::from("another"));
    let say = async |epoch: &Epoch| {
        let said = stage.one.coordinator.reseeded(shard, epoch).await;
        said.expect("reachable");
    };
    say(&other).await;
    assert!(stage.two.poll().await.is_empty(), "not this epoch");
    say(&epoch).await;
    assert_eq!(stage.two.poll().await.len(), 1);
}

/// Others need time to notice the loss, however fast the first one is.
pub async fn a_hold_lasts_its_time_even_if_reseeded_at_once(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    stage.world.lose_everything().await;
    stage.one.join(HoldFor::Reseed).await;
    stage.one.post(&stage.group("a"), stage.old("a")).await;
    for shard in 0..limits::SHARDS {
        let epoch = stage.one.epoch(shard).await.expect("joined");
        let said = stage.one.coordinator.reseeded(shard, &epoch).await;
        said.expect("reachable");
    }
    let shard = GroupName::of(&stage.group("a")).shard();
    let answer = stage.one.poll_shard(shard).await;
    assert!(answer.claims.is_empty());
    assert!(answer.next_due.is_some_and(|due| answer.now < due));
    stage.pass(6).await;
    assert_eq!(stage.one.poll().await.len(), 1);
}

/// An instance that knows of nothing may be the first to look after a loss: others get the time to notice, and those who know
/// better the time to put back what they know.
pub async fn what_was_opened_in_ignorance_is_held_for_who_knows_better(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let shard = GroupName::of(&group).shard();
    let lost = stage.one.epoch(shard).await;
    for is_known_better in [false, true] {
        stage.world.lose_everything().await;
        stage.two.join(HoldFor::Others).await;
        stage.two.post(&group, stage.old("a")).await;
        assert!(stage.two.poll().await.is_empty(), "others may know better");
        if is_known_better {
            let epoch = stage.one.open(shard, lost.as_ref(), HoldFor::Reseed).await;
            assert_eq!(Some(epoch), stage.two.epoch(shard).await);
            stage.pass(3).await;
            assert!(stage.two.poll().await.is_empty(), "one does");
            stage.pass(4).await;
        } else {
            stage.pass(2).await;
        }
        assert_eq!(stage.two.poll().await.len(), 1);
    }
    // What is no longer new is not held again.
    stage.one.open(shard, lost.as_ref(), HoldFor::Reseed).await;
    stage.two.post(&stage.group("b"), stage.old("b")).await;
    assert_eq!(stage.two.poll().await.len(), 1);
}

/// An instance that has seen more than there is has seen what was rolled back.
pub async fn a_change_from_the_future_is_strange(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    stage.one.post(&group, stage.alert("a", 900)).await;
    let shard = GroupName::of(&group).shard();
    let last = stage.one.poll_shard(shard).await.last_event;
    assert_ne!(last, EventId::default());
    let well = shard_says(&stage.one, shard, last).await;
    assert!(matches!(well, ShardPoll::Well(_)));
    let later = EventId {
        seq: last.seq + 1,
        ..last
    };
    let known = stage.one.epoch(shard).await;
    is_strange(&shard_says(&stage.one, shard, later).await, known.as_ref());
}

/// An instance has seen a change that is not in the feed, although later ones are: it was lost in a failover.
pub async fn a_change_that_never_was_is_strange(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let alert = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let shard = GroupName::of(&group).shard();
    let first = stage.one.poll_shard(shard).await.last_event;
    stage.pass(1).await;
    stage.one.post(&group, stage.refreshed(&alert)).await;
    let last = stage.one.poll_shard(shard).await.last_event;
    assert!(first < last);
    let lost = EventId {
        seq: first.seq + 1,
        ..first
    };
    // All that was written before was lost.
    let before_all = EventId {
        ms: first.ms - 1_000,
        ..first
    };
    let known = stage.one.epoch(shard).await;
    for lost in [lost, before_all] {
        is_strange(&shard_says(&stage.one, shard, lost).await, known.as_ref());
    }
    let well = shard_says(&stage.one, shard, first).await;
    assert!(matches!(well, ShardPoll::Well(_)));
}

/// Whoever was away for long has seen what is not in the feed any more, and nothing was lost.
pub async fn a_change_that_was_trimmed_is_not_strange(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let alert = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let shard = GroupName::of(&group).shard();
    let first = stage.one.poll_shard(shard).await.last_event;
    for _ in 0..5 {
        stage.pass(1).await;
        stage.one.post(&group, stage.refreshed(&alert)).await;
    }
    stage.world.trim_feed(shard, 2).await;
    let well = shard_says(&stage.one, shard, first).await;
    assert!(matches!(well, ShardPoll::Well(_)));
}

/// (G5) After a start, and after nobody polled for a while, ends by time-out wait.
pub async fn ends_wait_after_a_start_and_after_a_stall(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let timing = stage.world.timing();
    let started = stage.one.poll_shard(0).await.grace;
    stage.near(started.until, stage.now() + timing.grace);
    assert_ne!(started, Grace::NONE);
    stage.pass(20).await;
    assert_eq!(stage.two.poll_shard(0).await.grace, started);
    stage.pass(20).await;
    assert_eq!(
        stage.one.poll_shard(0).await.grace,
        started,
        "somebody polled"
    );
    stage.world.pass(timing.stall + stage.unit).await;
    let stalled = stage.one.poll_shard(0).await.grace;
    assert!(started.since < stalled.since);
    stage.near(stalled.since, stage.now());
    stage.near(stalled.until, stage.now() + timing.grace);
}

/// (G5) An instance that is not heard of any more may be heard by its senders all the same: what they tell it nobody else knows.
pub async fn ends_wait_after_an_instance_fell_silent(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let started = stage.one.poll_shard(0).await.grace;
    for _ in 0..2 {
        stage.pass(10).await;
        assert_eq!(stage.two.poll_shard(0).await.grace, started);
    }
    stage.pass(12).await;
    let silent = stage.two.poll_shard(0).await.grace;
    assert!(started.since < silent.since);
    stage.near(silent.until, stage.now() + stage.world.timing().grace);
    stage.pass(10).await;
    assert_eq!(stage.two.poll_shard(0).await.grace, silent, "once");
}

/// The first to apply a configuration restarts the grids that have ticked, once; the first configuration ever restarts nothing.
pub async fn grids_restart_once_per_configuration(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, _, claim) = stage.claimed("a").await;
    stage.one.finish(&claim, &[]).await;
    let young = stage.group("young");
    let first = stage.one.post(&young, stage.alert("young", 900)).await;
    let restart = async |player: &Player, hash: &str| {
        let restarted = player.coordinator.restart_grids(&group.tenant, hash).await;
        restarted.expect("reachable")
    };
    assert!(!restart(&stage.one, "1").await);
    assert!(stage.one.poll().await.is_empty());
    assert!(restart(&stage.two, "2").await);
    assert!(!restart(&stage.one, "2").await, "once");
    let second = stage.one.claim().await;
    assert_eq!(second.group, claim.group, "the young one keeps its wait");
    let grid = stage.one.read(&GroupName::of(&young)).await.grid;
    stage.near(grid.next(), first.created.expect("it made the group"));
    let next = stage.one.finish(&second, &[]).await;
    assert_eq!(
        next,
        Some(second.tick + stage.unit * 60),
        "the grid counts from here"
    );
}

/// A configuration applied in mid-flush is answered once the flush is over.
pub async fn a_grid_restarted_in_mid_flush_ticks_after_it(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    stage.one.begin(&claim, &firing(&claim, &alert)).await;
    for hash in ["1", "2"] {
        let restarted = stage.two.coordinator.restart_grids(&group.tenant, hash);
        restarted.await.expect("reachable");
    }
    stage.pass(1).await;
    stage.one.finish(&claim, &[]).await;
    assert_eq!(stage.one.claim().await.group, claim.group);
}

/// No path leaves a group with members and without a place in a queue.
pub async fn an_audit_finds_nothing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (a, alert, claim) = stage.claimed("a").await;
    let b = stage.group("b");
    stage.one.post(&b, stage.alert("b", 900)).await;
    let never = stage.group("never");
    let names: Vec<_> = [a, b, never].iter().map(|g| GroupName::of(g)).collect();
    let audit = async || {
        let mut found = 0;
        for shard in 0..limits::SHARDS {
            let names = names.iter().filter(|name| name.shard() == shard);
            let names: Vec<_> = names.cloned().collect();
            let audited = stage.one.coordinator.audit(shard, &names).await;
            found += audited.expect("reachable");
        }
        found
    };
    assert_eq!(audit().await, 0, "claimed");
    stage.one.tell(&claim, &alert).await;
    stage.one.finish(&claim, &[]).await;
    assert_eq!(audit().await, 0, "finished");
}
