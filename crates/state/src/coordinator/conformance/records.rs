//! (S7) Builds that know different forms of records share while one is replaced by the next (protocol.md §11).

use std::sync::Arc;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;

use super::World;
use super::silences::silence;
use super::stage::{Player, PollAskOf, Stage, firing, webhook};
use crate::coordinator::{
    Claimed, CoordinatorError, HoldFor, Merge, Offer, Outage, Past, RecordVersions, ShardPoll,
};

/// Longer than an instance may be silent before it is not reckoned with any more.
const FORGOTTEN_MS: i64 = 3_700_000;

const OLD: RecordVersions = RecordVersions {
    oldest: 1,
    newest: 1,
};
const NEW: RecordVersions = RecordVersions {
    oldest: 1,
    newest: 2,
};
const NEWER: RecordVersions = RecordVersions {
    oldest: 2,
    newest: 3,
};

/// An instance of a build, which has joined.
async fn joined(world: &Arc<dyn World>, instance: &str, knows: RecordVersions) -> Player {
    let player = Player::of_build(world, instance, knows).await;
    player.join(HoldFor::Nothing).await;
    player
}

/// What is written after a poll, in all shards alike.
async fn written(player: &Player) -> u32 {
    let shards = player.ask(PollAskOf::default()).await.shards;
    let written: Vec<_> = shards.into_iter().map(records).collect();
    assert!(written.iter().all(|one| *one == written[0]), "{written:?}");
    written[0]
}

#[track_caller]
fn records(shard: Result<ShardPoll, CoordinatorError>) -> u32 {
    match shard.expect("reachable") {
        ShardPoll::Well(well) => well.records,
        ShardPoll::Strange { epoch } => panic!("strange: {epoch:?}"),
    }
}

/// Lets so much time pass that whoever lives has polled since the epoch began.
async fn settle(world: &Arc<dyn World>) {
    world.pass(world.timing().stall).await;
}

async fn retire(player: &Player, instance: &str) {
    let retired = player.coordinator.retire(instance).await;
    retired.expect("reachable");
}

#[track_caller]
fn is_refused<T>(answer: Result<T, CoordinatorError>, version: u32, advice: &str) {
    let Err(error) = answer else {
        panic!("it was let in");
    };
    assert_eq!(error.outage, Outage::Refused, "{error}");
    let version = format!("are of version {version}");
    assert!(error.text.contains(&version), "{error}");
    assert!(error.text.contains(advice), "{error}");
}

/// While an old build shares, what it can read is written, whoever polls when.
pub async fn what_is_written_is_what_all_can_read(world: Arc<dyn World>) {
    let old = joined(&world, "old", OLD).await;
    let new = joined(&world, "new", NEW).await;
    assert_eq!(written(&old).await, 1);
    settle(&world).await;
    for _ in 0..2 {
        assert_eq!(written(&new).await, 1);
        assert_eq!(written(&old).await, 1);
    }
}

/// When the last old build has said that it goes, the next poll has the newer form written.
pub async fn a_newer_form_is_written_once_the_last_old_build_went(world: Arc<dyn World>) {
    let old = joined(&world, "old", OLD).await;
    let new = joined(&world, "new", NEW).await;
    let newest = joined(&world, "newest", NEW).await;
    settle(&world).await;
    for player in [&old, &new, &newest] {
        assert_eq!(written(player).await, 1);
    }
    retire(&old, "old").await;
    assert_eq!(written(&new).await, 2);
    assert_eq!(written(&newest).await, 2);
    let newer = joined(&world, "newer", NEWER).await;
    assert_eq!(written(&newer).await, 2, "the others know no third");
    retire(&new, "new").await;
    retire(&newest, "newest").await;
    assert_eq!(written(&newer).await, 3);
}

/// An old build that died without a word holds the others up until it is forgotten, and no longer.
pub async fn a_newer_form_is_written_once_the_last_old_build_is_forgotten(world: Arc<dyn World>) {
    let old = joined(&world, "old", OLD).await;
    let new = joined(&world, "new", NEW).await;
    assert_eq!(written(&old).await, 1);
    settle(&world).await;
    assert_eq!(written(&new).await, 1, "it may be back");
    world.step_clock(FORGOTTEN_MS).await;
    assert_eq!(written(&new).await, 2);
}

/// Right after a loss an old build is not shut out because a newer one polls first.
pub async fn a_loss_does_not_shut_out_who_shares(world: Arc<dyn World>) {
    let old = joined(&world, "old", OLD).await;
    let new = joined(&world, "new", NEW).await;
    assert_eq!(written(&old).await, 1);
    settle(&world).await;
    assert_eq!(written(&new).await, 1);
    world.lose_everything().await;
    new.join(HoldFor::Nothing).await;
    assert_eq!(written(&new).await, 1);
    old.join(HoldFor::Nothing).await;
    assert_eq!(written(&old).await, 1);
    settle(&world).await;
    assert_eq!(written(&new).await, 1);
}

/// What was lost comes back in the form it was written in last; an old build is no more let in than before.
pub async fn what_was_written_before_a_loss_is_written_after_it(world: Arc<dyn World>) {
    let new = joined(&world, "new", NEW).await;
    settle(&world).await;
    assert_eq!(written(&new).await, 2);
    world.lose_everything().await;
    let old = Player::of_build(&world, "old", OLD).await;
    new.join(HoldFor::Nothing).await;
    assert_eq!(written(&new).await, 2);
    is_refused(old.coordinator.preflight().await, 2, "upgrade it");
    world.lose_everything().await;
    // Whoever comes first: what it has heard of is still what the others write.
    is_refused(old.coordinator.preflight().await, 2, "upgrade it");
    new.join(HoldFor::Nothing).await;
    is_refused(old.coordinator.preflight().await, 2, "upgrade it");
    // Nobody writes it any more: all were replaced by the build of before.
    world.lose_everything().await;
    is_refused(old.coordinator.preflight().await, 2, "upgrade it");
    world.pass(world.timing().instance_expiry).await;
    old.coordinator.preflight().await.expect("let in");
    old.join(HoldFor::Nothing).await;
    assert_eq!(written(&old).await, 1);
}

/// An old build that comes back after all others were replaced touches nothing, whatever it asks, also before it ever polled.
pub async fn who_does_not_know_what_is_written_is_refused(world: Arc<dyn World>) {
    let new = joined(&world, "new", NEW).await;
    settle(&world).await;
    assert_eq!(written(&new).await, 2);
    let old = Player::of_build(&world, "old", OLD).await;
    let stage = Stage::of(world, new, old);
    let (group, alert, claim) = stage.claimed("a").await;
    let changes = stage.one.changes(claim.group.shard()).await.len();
    ask_for_everything(&stage, &group, &alert, &claim).await;
    let changed = stage.one.changes(claim.group.shard()).await.len();
    assert_eq!(changed, changes, "nothing was changed");
    let silences = stage.one.coordinator.silences(&claim.group.tenant).await;
    assert!(silences.expect("reachable").silences.is_empty());
    stage.one.renew(&claim).await.expect("nobody took it");
}

/// Asks as the second instance, which is refused each time.
async fn ask_for_everything(
    stage: &Stage,
    group: &Arc<GroupIdentity>,
    alert: &Arc<Alert>,
    claim: &Claimed,
) {
    let (old, name, shard) = (&stage.two.coordinator, &claim.group, claim.group.shard());
    let refused = |answer: Result<(), CoordinatorError>| is_refused(answer, 2, "upgrade it");
    refused(old.probe(shard).await.map(drop));
    let opened = old
        .open_epoch(shard, None, HoldFor::Reseed, Past::Something)
        .await;
    refused(opened.map(drop));
    for shard in stage.two.ask(PollAskOf::default()).await.shards {
        refused(shard.map(drop));
    }
    let offer = Offer {
        group: Arc::clone(group),
        alert: Arc::new(stage.refreshed(alert)),
        is_owed: false,
        is_again: false,
    };
    for offered in old.ingest(vec![offer], stage.now()).await {
        refused(offered.map(drop));
    }
    let grid = Grid::starting(stage.now(), group.group_interval);
    for merged in old.merge(vec![Merge::of(Arc::clone(group), grid)]).await {
        refused(merged.map(drop));
    }
    let (webhook, message) = (webhook(), firing(claim, alert));
    let begun = old.begin(name, claim.fence, &webhook, &message, Numbers::shared(1));
    refused(begun.await.map(drop));
    let committed = old.commit(name, &webhook, &message, stage.now()).await;
    refused(committed.map(drop));
    refused(old.renew(name, claim.fence).await.map(drop));
    refused(old.unclaim(name, claim.fence, stage.unit).await);
    refused(old.seize(name).await.map(drop));
    refused(old.shard(shard).await.map(drop));
    refused(old.group(name).await.map(drop));
    let departed = old.departed(name, stage.now(), &[]).await;
    refused(departed.map(drop));
    refused(old.audit(shard, &[]).await.map(drop));
    let silence = silence(stage, "s", stage.now(), 0);
    let put = old.silence_put(&name.tenant, &silence, None).await;
    refused(put.map(drop));
    let merged = old.silence_merge(&name.tenant, &[silence]).await;
    refused(merged.map(drop));
    refused(old.silence_forget(&name.tenant, &["s".into()]).await);
    refused(old.preflight().await.map(drop));
}

/// A build that cannot read what is written any more waits until the others write what it can.
pub async fn who_cannot_read_the_old_form_waits_for_the_newer_one(world: Arc<dyn World>) {
    let old = joined(&world, "old", OLD).await;
    let new = joined(&world, "new", NEW).await;
    settle(&world).await;
    assert_eq!((written(&old).await, written(&new).await), (1, 1));
    let newer = Player::of_build(&world, "newer", NEWER).await;
    let preflight = newer.coordinator.preflight().await;
    is_refused(preflight, 1, "upgrade the others first");
    for shard in newer.ask(PollAskOf::default()).await.shards {
        is_refused(shard, 1, "upgrade the others first");
    }
    retire(&old, "old").await;
    assert_eq!(written(&new).await, 2);
    newer.coordinator.preflight().await.expect("let in");
    newer.join(HoldFor::Nothing).await;
    assert_eq!(written(&newer).await, 2);
}
