//! The feed of changes.

use std::sync::Arc;

use domain::limits;

use super::World;
use super::stage::{Stage, word};
use crate::coordinator::{Event, EventId, Feed, GroupName, NothingKnown};

/// One shard's feed after a place, the same whether all are read or this one alone.
async fn feed(stage: &Stage, shard: usize, after: EventId) -> Feed {
    let mut all = vec![EventId::default(); limits::SHARDS];
    all[shard] = after;
    let mut feeds = stage.two.coordinator.changes(&all, &NothingKnown).await;
    assert_eq!(feeds.len(), limits::SHARDS);
    let feed = feeds.remove(shard).expect("reachable");
    let alone = stage.two.coordinator.feed(shard, after, &NothingKnown);
    let alone = alone.await.expect("reachable");
    let shape = |feed: &Feed| {
        let ids = feed
            .changes
            .iter()
            .map(|change| (change.id, change.is_last));
        (ids.collect::<Vec<_>>(), feed.is_broken, feed.is_lost)
    };
    assert_eq!(shape(&alone), shape(&feed));
    feed
}

/// Changes come in the order they happened, each with a higher place, and everybody knows their own.
pub async fn changes_come_in_order_with_their_author(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let first = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let second = stage.two.post(&group, stage.alert("b", 900)).await.alert;
    let shard = GroupName::of(&group).shard();
    let feed = feed(&stage, shard, EventId::default()).await;
    assert!(!feed.is_broken);
    assert!(feed.changes.is_sorted_by(|a, b| a.id < b.id));
    let alerts = feed
        .changes
        .iter()
        .filter_map(|change| match &change.event {
            Event::Alert { alert, .. } => Some((alert.fingerprint, change.is_ours)),
            _ => None,
        });
    let wanted = [(first.fingerprint, false), (second.fingerprint, true)];
    assert_eq!(alerts.collect::<Vec<_>>(), wanted);
}

/// A mirror learns every step of a group's life.
pub async fn a_flush_is_told_step_by_step(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let message = stage.one.tell(&claim, &alert).await;
    stage.retire(&claim, &alert).await;
    let changes = stage.two.changes(claim.group.shard()).await;
    let words: Vec<_> = changes.iter().map(|change| word(&change.event)).collect();
    let wanted = ["alert", "grid", "grid", "told", "told", "left", "gone"];
    assert_eq!(words, wanted);
    let told = changes.iter().filter_map(|change| match &change.event {
        Event::Told { told, .. } => Some(told),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told[0].pending.as_ref(), Some(&message));
    assert_eq!(told[1].firing(), [alert.fingerprint]);
    let grids = changes.iter().filter_map(|change| match &change.event {
        Event::Grid { grid, .. } => Some(grid.has_ticked()),
        _ => None,
    });
    assert_eq!(grids.collect::<Vec<_>>(), [false, true]);
}

/// Whoever reads a shard whole goes on from the change it includes last.
pub async fn a_shard_is_read_with_its_last_change(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let alert = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let name = GroupName::of(&group);
    let read = stage.two.coordinator.shard(name.shard()).await;
    let (last, groups) = read.expect("reachable");
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].name, name);
    assert_eq!(*groups[0].members[0], *alert);
    assert!(feed(&stage, name.shard(), last).await.changes.is_empty());
    stage.pass(1).await;
    stage.one.post(&group, stage.refreshed(&alert)).await;
    let later = feed(&stage, name.shard(), last).await;
    assert!(!later.is_broken);
    assert_eq!(later.changes.len(), 1);
}

/// A mirror that slept for too long is told that it missed something.
pub async fn a_trimmed_feed_says_so(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let shard = GroupName::of(&group).shard();
    for number in 0..6 {
        let alert = stage.alert(&format!("a{number}"), 900);
        stage.one.post(&group, alert).await;
    }
    let changes = stage.two.changes(shard).await;
    stage.world.trim_feed(shard, 2).await;
    let old = feed(&stage, shard, EventId::default()).await;
    assert!(old.is_broken && !old.is_lost);
    let old = feed(&stage, shard, changes[1].id).await;
    assert!(old.is_broken && !old.is_lost);
    let recent = feed(&stage, shard, changes[changes.len() - 2].id).await;
    assert!(!recent.is_broken);
    assert_eq!(recent.changes.len(), 1);
}

/// A mirror that has seen what is no more is told so.
pub async fn a_lost_feed_says_so(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let shard = GroupName::of(&group).shard();
    stage.one.post(&group, stage.alert("a", 900)).await;
    let (last, _) = stage.two.coordinator.shard(shard).await.expect("reachable");
    assert!(!feed(&stage, shard, last).await.is_broken);
    stage.world.lose_everything().await;
    let lost = feed(&stage, shard, last).await;
    assert!(lost.is_broken && lost.is_lost);
    stage.pass(1).await;
    stage.one.post(&group, stage.alert("b", 900)).await;
    let lost = feed(&stage, shard, last).await;
    assert!(lost.is_broken && lost.is_lost, "others have written since");
}

/// What was written last is lost, and others write again before anybody looks.
pub async fn a_feed_that_lost_its_last_changes_says_so(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let shard = GroupName::of(&group).shard();
    stage.one.post(&group, stage.alert("a", 900)).await;
    let (before, _) = stage.two.coordinator.shard(shard).await.expect("reachable");
    let seen = EventId {
        ms: before.ms,
        seq: before.seq + 1,
    };
    let lost = feed(&stage, shard, seen).await;
    assert!(lost.is_broken && lost.is_lost, "it was never written");
    stage.pass(1).await;
    stage.one.post(&group, stage.alert("b", 900)).await;
    let lost = feed(&stage, shard, seen).await;
    assert!(lost.is_broken && lost.is_lost);
    let before_all = EventId {
        ms: before.ms - 1_000,
        ..before
    };
    let lost = feed(&stage, shard, before_all).await;
    assert!(lost.is_broken && lost.is_lost, "nothing was kept");
    let kept = feed(&stage, shard, before).await;
    assert!(!kept.is_broken && !kept.is_lost);
}

/// Whoever waits for changes is woken by one, also by one that came just before.
pub async fn a_change_wakes_who_waits(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let limit = stage.world.timing().poll_max * 20;
    let group = stage.group("a");
    let wait = tokio::time::timeout(limit, stage.two.coordinator.changed());
    let post = stage.one.post(&group, stage.alert("a", 900));
    let (woken, _) = tokio::join!(wait, post);
    assert!(woken.is_ok(), "woken while waiting");
}
