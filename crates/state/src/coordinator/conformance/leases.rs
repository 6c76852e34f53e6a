//! Claims whose holder went away.

use std::sync::Arc;

use domain::group::LeaseLost;
use domain::group::farewell::Farewell;

use super::World;
use super::stage::{Stage, firing};
use crate::coordinator::GroupName;

/// A holder that is gone for longer than its lease has lost it, for everything.
pub async fn a_lapsed_lease_frees_the_group(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let second = stage.claim_of_two_within(66).await;
    assert!(claim.fence < second.fence);
    assert_eq!(stage.one.renew(&claim).await, Err(LeaseLost));
    let message = firing(&claim, &alert);
    assert_eq!(stage.one.try_begin(&claim, &message).await, Err(LeaseLost));
    let finished = stage.one.try_finish(&claim, &Farewell::default()).await;
    assert_eq!(finished, Err(LeaseLost));
    assert_eq!(stage.two.renew(&second).await, Ok(()));
}

/// A lease that is renewed in time goes on from there; one that lapsed is over even if nobody else wanted the group.
pub async fn a_renewed_lease_lasts_longer_and_a_lapsed_one_is_not_revived(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.begin(&claim, &firing(&claim, &alert)).await;
    stage.pass(35).await;
    assert_eq!(stage.one.renew(&claim).await, Ok(()));
    stage.pass(35).await;
    assert!(stage.two.poll().await.is_empty(), "renewed");
    stage.pass(30).await;
    assert_eq!(stage.one.renew(&claim).await, Err(LeaseLost));
}

/// A renewal tells how far whoever looks at the group again has to have come.
pub async fn a_renewal_answers_the_last_change(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, _, claim) = stage.claimed("a").await;
    let before = stage.one.renewed(&claim).await.expect("held");
    assert_eq!(stage.one.renewed(&claim).await, Ok(before));
    stage.two.post(&group, stage.alert("b", 60)).await;
    let after = stage.one.renewed(&claim).await.expect("held");
    assert!(before < after, "{before:?} {after:?}");
}

/// (C6) Claimed and not begun: free again after a while without a sign of its instance; with signs it stays.
pub async fn a_claim_nobody_began_is_retaken_once_its_instance_is_silent(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    for _ in 0..3 {
        stage.pass(6).await;
        assert!(stage.one.poll().await.is_empty());
        assert!(stage.two.poll().await.is_empty(), "its instance lives");
    }
    let second = stage.claim_of_two_within(14).await;
    assert!(claim.fence < second.fence);
    assert_eq!(stage.one.renew(&claim).await, Err(LeaseLost));
}

/// (C7, C8) Begun: something may be out, so the group waits for the whole lease; then the same message is repeated.
pub async fn a_begun_message_waits_for_the_lease(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    stage.pass(30).await;
    assert!(stage.two.poll().await.is_empty());
    stage.pass(32).await;
    let second = stage.two.claim().await;
    let other = firing(&second, &stage.old("b"));
    let repeated = stage.two.begin(&second, &other).await;
    assert_eq!(repeated.pending, begun.pending, "frozen as it was");
}

/// A group that was deleted and made anew: nobody takes an old claim for a new one.
pub async fn a_fence_is_higher_after_the_group_was_made_anew(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    stage.retire(&claim, &alert).await;
    stage.one.post(&group, stage.old("a")).await;
    let second = stage.one.claim().await;
    assert!(claim.fence < second.fence);
    assert_eq!(stage.one.renew(&claim).await, Err(LeaseLost));
}

/// Nobody polled for as long as instances need to go on alone: what the first one back knows may be out of date, so nothing is
/// claimed until the others are back, or for a while.
pub async fn nothing_is_claimed_until_all_who_were_away_are_back(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    stage.one.poll().await;
    stage.two.poll().await;
    stage.one.post(&stage.group("a"), stage.old("a")).await;
    stage.pass(4).await;
    assert!(stage.one.poll().await.is_empty(), "the other one is away");
    assert_eq!(stage.two.poll().await.len(), 1, "all are back");
    stage.one.post(&stage.group("b"), stage.old("b")).await;
    stage.pass(4).await;
    let is_empty = async || stage.two.poll().await.is_empty();
    assert!(is_empty().await, "the other one may come back");
    for _ in 0..3 {
        stage.pass(2).await;
        assert!(is_empty().await, "it still may");
    }
    assert_eq!(
        stage.claim_of_two_within(8).await.group,
        GroupName::of(&stage.group("b"))
    );
}

/// Who said that it goes does not come back.
pub async fn who_went_in_peace_is_not_awaited(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    stage.one.poll().await;
    stage.two.poll().await;
    stage.one.post(&stage.group("a"), stage.old("a")).await;
    let gone = stage.two.coordinator.retire("two").await;
    gone.expect("reachable");
    stage.pass(4).await;
    assert_eq!(stage.one.poll().await.len(), 1);
}
