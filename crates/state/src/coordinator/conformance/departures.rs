//! Who may have left a group.

use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::time::Timestamp;

use super::World;
use super::stage::{Player, Stage};
use crate::coordinator::{GroupName, HoldFor, Leavers};

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

/// Who left is remembered with the state it left in.
pub async fn who_left_since_an_instant_is_remembered(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let left = async |since| {
        let left = stage.two.coordinator.left_since(&claim.group, since);
        left.await.expect("reachable")
    };
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    assert_eq!(left(Timestamp::from_unix_ms(1)).await, Leavers::default());
    stage.pass(2).await;
    let before = stage.now();
    stage.retire(&claim, &over).await;
    let (state, after) = (over.updated_at, stage.now());
    stage.pass(2).await;
    let since = left(state).await;
    let [(who, in_state)] = since.states[..] else {
        panic!("one left");
    };
    assert_eq!(who, alert.fingerprint);
    assert_eq!(in_state.unix_ms(), state.unix_ms());
    let later = left(state.moved_by_ms(1)).await;
    assert!(later.states.is_empty());
    // When it left is known in any case, and apart from the state it left in.
    for left in [since, later] {
        let last_at = left.last_at.expect("one left").unix_ms();
        let about = before.unix_ms() - 5..=after.unix_ms() + 5;
        assert!(about.contains(&last_at), "{last_at} is not in {about:?}");
    }
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
