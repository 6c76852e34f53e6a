//! Who may have left a group.

use std::sync::Arc;

use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::farewell::Leave;
use domain::group::grid::Grid;
use domain::time::Timestamp;

use super::World;
use super::stage::{Player, Stage};
use crate::coordinator::{GroupName, HoldFor, Merge, Merged};

impl Player {
    async fn departed(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Vec<Fingerprint> {
        let departed = self.coordinator.departed(group, since, alerts);
        departed.await.expect("reachable")
    }
}

/// Who left is known by name, whoever saw it off, also when its group is gone or made anew.
pub async fn who_left_is_known_and_who_did_not_too(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let before = Timestamp::from_unix_ms(1);
    let (group, alert, claim) = stage.claimed("a").await;
    let both = [alert.fingerprint, stage.alert("b", 900).fingerprint];
    let departed = async |player: &Player| player.departed(&claim.group, before, &both).await;
    assert!(departed(&stage.two).await.is_empty());
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    assert_eq!(departed(&stage.two).await, [alert.fingerprint]);
    stage.one.post(&group, stage.alert("b", 900)).await;
    assert_eq!(departed(&stage.one).await, [alert.fingerprint]);
}

/// Who left is remembered with the state it left in, and with when that was.
pub async fn who_left_since_an_instant_is_remembered(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let left = async |state, at| {
        let left = stage.two.coordinator.left_since(&claim.group, state, at);
        left.await.expect("reachable")
    };
    let never = Timestamp::MAX;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    assert!(left(Timestamp::from_unix_ms(1), never).await.is_empty());
    stage.pass(2).await;
    let before = stage.now();
    stage.retire(&claim, &over).await;
    let state = over.updated_at;
    for since in [(state, never), (never, before)] {
        let [(who, in_state)] = left(since.0, since.1).await[..] else {
            panic!("one left");
        };
        assert_eq!(who, alert.fingerprint);
        assert_eq!(in_state.unix_ms(), state.unix_ms());
    }
    assert!(left(state.moved_by_ms(1), never).await.is_empty());
    stage.pass(2).await;
    let after = stage.now();
    assert!(left(never, after).await.is_empty());
    // Who says again what is known does not say that it left again.
    let again = Merge {
        leaves: vec![Leave {
            fingerprint: alert.fingerprint,
            updated_at: state,
        }],
        ..Merge::of(
            Arc::clone(&group),
            Grid::starting(after, Duration::from_secs(300)),
        )
    };
    let merged = stage.two.coordinator.merge(vec![again]).await;
    assert_eq!(merged, vec![Ok(Merged::Done)]);
    assert!(left(never, after).await.is_empty());
    assert_eq!(left(never, before).await.len(), 1);
}

/// After a loss anybody may have left before it, and nobody did since.
pub async fn who_left_before_a_loss_may_be_forgotten(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let (before, shard) = (stage.now(), claim.group.shard());
    let departed = async |since| {
        let alerts = [alert.fingerprint];
        stage.two.departed(&claim.group, since, &alerts).await
    };
    assert!(departed(before).await.is_empty());
    stage.pass(2).await;
    let lost = stage.one.epoch(shard).await;
    stage.one.open(shard, lost.as_ref(), HoldFor::Reseed).await;
    assert_eq!(departed(before).await, [alert.fingerprint]);
    stage.pass(2).await;
    let between = stage.now();
    assert!(departed(between).await.is_empty());

    // Somebody who knew of nothing was the first to look after another one.
    stage.world.lose_everything().await;
    stage.two.open(shard, None, HoldFor::Others).await;
    assert!(departed(between).await.is_empty());
    stage.pass(2).await;
    stage.one.open(shard, lost.as_ref(), HoldFor::Reseed).await;
    assert_eq!(departed(between).await, [alert.fingerprint]);
}

/// Who left longer ago than tombstones live is forgotten: then whoever may have is among those who did.
pub async fn who_left_long_ago_is_forgotten(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let before = stage.now();
    let (group, alert, claim) = stage.claimed("a").await;
    let other = [stage.alert("b", 900).fingerprint];
    let departed = async |since| stage.two.departed(&claim.group, since, &other).await;
    // Nobody left: nobody is forgotten.
    stage.world.pass(stage.world.timing().tombstone * 2).await;
    assert!(departed(before).await.is_empty());
    let claim = stage.one.claim().await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    assert!(departed(before).await.is_empty());
    stage.pass(2).await;
    let after = stage.now();
    stage.world.pass(stage.world.timing().tombstone).await;
    assert_eq!(departed(before).await, other);
    assert!(departed(after).await.is_empty());
}
