//! What integrations are told.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::group::LeaseLost;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told};

use super::World;
use super::stage::{Stage, firing, leave, resolved, webhook};
use crate::coordinator::{GroupName, HoldFor};

/// What was begun is repeated as it was until its fate is known.
pub async fn a_begun_message_is_frozen(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let before_ms = u64::try_from(stage.now().unix_ms()).unwrap_or(0);
    let message = firing(&claim, &alert);
    let begun = stage.one.begin(&claim, &message).await;
    let pending = begun.pending.clone().expect("just begun");
    assert_eq!(pending.firing, message.firing);
    assert_eq!(
        (pending.tick, pending.reason),
        (message.tick, message.reason)
    );
    assert_eq!(begun.seq, pending.seq);
    assert!(
        before_ms <= pending.seq + 1_000,
        "numbers are the server's milliseconds"
    );
    let again = stage.one.begin(&claim, &resolved(&claim, &alert)).await;
    assert_eq!(again, begun);
    assert_eq!(stage.two.told(&claim.group).await, begun);
}

/// Only the claim in force begins messages.
pub async fn a_begin_needs_the_fence_in_force(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let message = firing(&claim, &alert);
    let mut other = claim.clone();
    for fence in [claim.fence - 1, claim.fence + 1] {
        other.fence = fence;
        assert_eq!(stage.one.try_begin(&other, &message).await, Err(LeaseLost));
    }
    stage.one.finish(&claim, &[]).await;
    assert_eq!(stage.one.try_begin(&claim, &message).await, Err(LeaseLost));
    other.group = GroupName::of(&stage.group("missing"));
    assert_eq!(stage.one.try_begin(&other, &message).await, Err(LeaseLost));
}

/// (C14) Late truth is truth: a commit counts after its lease was lost, and while somebody else holds the group.
pub async fn a_commit_counts_whoever_reports_it(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let message = begun.pending.expect("just begun");
    let second = stage.claim_of_two_within(66).await;
    let told = stage.one.commit(&claim.group, &message).await;
    assert_eq!(told.firing(), [alert.fingerprint]);
    assert_eq!((told.seq, told.pending), (message.seq, None));
    assert_eq!(
        stage.two.told(&claim.group).await.firing(),
        [alert.fingerprint]
    );
    assert_eq!(stage.two.renew(&second).await, Ok(()), "the holder goes on");
}

/// (C12) The answer to a commit was lost: asked again it says the same, and nothing older undoes it.
pub async fn a_repeated_commit_answers_the_same(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let first = stage.one.tell(&claim, &alert).await;
    let told = stage.one.told(&claim.group).await;
    assert_eq!(stage.one.commit(&claim.group, &first).await, told);
    let second = stage.one.begin(&claim, &resolved(&claim, &alert)).await;
    let second = second.pending.expect("just begun");
    assert!(first.seq < second.seq);
    let now = stage.one.commit(&claim.group, &second).await;
    assert!(now.firing().is_empty());
    assert_eq!(stage.one.commit(&claim.group, &first).await, now);
}

/// What was accepted was accepted, even if nobody needs to know any more.
pub async fn a_commit_for_a_group_that_is_gone_does_not_fail(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let message = stage.one.tell(&claim, &alert).await;
    stage.retire(&claim, &alert).await;
    let told = stage.one.commit(&claim.group, &message).await;
    assert_eq!(told.seq, message.seq);
    assert!(stage.one.try_read(&claim.group).await.is_none());
}

/// A holder that slept through the end of its group says nothing about the next one of that name: an alert that fires anew
/// is told anew.
pub async fn a_late_commit_does_not_speak_for_a_group_made_later(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let message = stage.one.tell(&claim, &alert).await;
    stage.retire(&claim, &alert).await;
    stage.pass(1).await;
    stage.one.post(&group, stage.old("a")).await;
    let told = stage.two.commit(&claim.group, &message).await;
    assert!(told.firing().is_empty());
    assert!(stage.two.told(&claim.group).await.firing().is_empty());
}

/// A message that was surely not accepted is no longer on its way; a repeat of that takes nothing else back.
pub async fn a_refused_message_is_taken_back(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let refuse = async |seq| {
        let webhook = webhook();
        let refused = stage.one.coordinator.refuse(&claim.group, &webhook, seq);
        refused.await.expect("reachable")
    };
    let first = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let told = refuse(first.seq).await;
    assert_eq!((told.last, told.pending), (None, None));
    let second = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    assert!(first.seq < second.seq, "a number is used once");
    for begun in [&first, &second] {
        let slot = begun.seq % Numbers::STEP;
        assert_eq!(slot, stage.one.numbers.slot(), "and by one instance");
    }
    assert_eq!(refuse(first.seq).await, second);
    assert_eq!(refuse(second.seq).await.pending, None);
}

/// Without a message something counts as told: the integration wants no ends.
pub async fn what_is_settled_counts_as_told(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    let before = stage.one.told(&claim.group).await;
    let settled = resolved(&claim, &alert).accepted(claim.tick);
    let told = stage.one.settle(&claim, &before, &settled).await;
    let told = told.expect("the claim holds");
    assert_eq!((&told.last, &told.pending), (&Some(settled.clone()), &None));
    assert!(before.seq < told.seq);
    let again = stage.one.settle(&claim, &before, &settled).await;
    assert_eq!(again, Ok(told.clone()), "safe to repeat");
    assert_eq!(stage.two.told(&claim.group).await, told);
}

/// A message of unknown fate is repeated and refused: it is taken back and what it said is in doubt, in one step.
pub async fn what_is_settled_takes_back_what_was_in_flight(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let doubt = begun.in_doubt(&firing(&claim, &alert), claim.tick);
    let told = stage.one.settle(&claim, &begun, &doubt).await;
    let told = told.expect("the claim holds");
    assert_eq!((&told.last, &told.pending), (&Some(doubt), &None));
    assert_eq!(stage.two.told(&claim.group).await, told);
    let next = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    assert!(told.seq < next.seq, "a number is used once");
}

/// Whoever was stopped between the refusal and its settlement may find that another one told something since.
pub async fn what_is_settled_after_the_lease_changes_nothing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let doubt = begun.in_doubt(&firing(&claim, &alert), claim.tick);
    let second = stage.claim_of_two_within(66).await;
    let lost = stage.one.settle(&claim, &begun, &doubt).await;
    assert_eq!(lost, Err(LeaseLost), "somebody else holds the group");
    stage.two.tell(&second, &alert).await;
    let told = stage.two.told(&claim.group).await;
    let lost = stage.one.settle(&claim, &begun, &doubt).await;
    assert_eq!(lost, Err(LeaseLost));
    assert_eq!(stage.one.told(&claim.group).await, told);
}

/// A late commit counts whoever reports it, also between the begin and the settlement of whoever holds the group.
pub async fn what_was_told_meanwhile_is_not_settled_away(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let message = begun.pending.clone().expect("just begun");
    let doubt = begun.in_doubt(&message, claim.tick);
    let told = stage.two.commit(&claim.group, &message).await;
    let settled = stage.one.settle(&claim, &begun, &doubt).await;
    assert_eq!(settled, Ok(told.clone()));
    assert_eq!(stage.one.told(&claim.group).await, told);
}

/// An alert that changes while it is told of stays: the flush did not see that state.
pub async fn an_end_between_claim_and_finish_stays(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let over = stage.two.post(&group, stage.ended(&alert)).await.alert;
    stage.one.tell(&claim, &alert).await;
    let state_seen = (alert.fingerprint, alert.updated_at);
    let next = stage.one.finish(&claim, &[state_seen]).await;
    assert!(next.is_some(), "its end is owed");
    let held = stage.one.read(&claim.group).await;
    assert_eq!(*held.members[0], *over);
}

/// An instance knew a refresh that nobody wrote down, because it changed nothing: the member leaves all the same.
pub async fn a_member_known_worse_than_the_flush_saw_leaves(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let seen_at = alert.updated_at + stage.unit * 3;
    let next = stage
        .one
        .finish(&claim, &[(alert.fingerprint, seen_at)])
        .await;
    assert_eq!(next, None, "nobody knows it better");
}

/// Members that are let go leave; a group without members is gone with all that was told.
pub async fn what_left_is_gone_and_so_is_an_empty_group(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let other = stage.two.post(&group, stage.old("b")).await.alert;
    stage.one.tell(&claim, &alert).await;
    let next = stage
        .one
        .finish(&claim, &[(alert.fingerprint, alert.updated_at)])
        .await;
    assert!(next.is_some());
    let held = stage.two.read(&claim.group).await;
    assert_eq!(held.members.len(), 1);
    assert_eq!(held.members[0].fingerprint, other.fingerprint);
    let last = stage.next_claim().await;
    assert_eq!(last.members, 1);
    assert_eq!(
        stage
            .one
            .finish(&last, &[(other.fingerprint, other.updated_at)])
            .await,
        None
    );
    assert!(stage.two.try_read(&claim.group).await.is_none());
    let made = stage.two.post(&group, stage.alert("a", 900)).await;
    assert!(made.created.is_some(), "the next alert makes a new one");
    assert_eq!(stage.two.told(&claim.group).await, Told::default());
}

/// The answer to a finish was lost: asked again the claim is no longer there, and nothing happens.
pub async fn a_finish_is_heard_once(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let next = stage.one.finish(&claim, &[]).await;
    let farewell = Farewell {
        leaves: vec![leave(alert.fingerprint, alert.updated_at)],
        ..Farewell::default()
    };
    let again = stage.one.try_finish(&claim, &farewell).await;
    assert_eq!(again, Err(LeaseLost));
    let held = stage.one.read(&claim.group).await;
    assert_eq!((held.members.len(), Some(held.grid.next())), (1, next));
}

/// An end that is given up counts as told from then on.
pub async fn what_is_given_up_is_told_no_more(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    let mut retold = stage.one.told(&claim.group).await;
    retold.forget(alert.fingerprint);
    let farewell = Farewell {
        given_up: vec![(webhook(), alert.fingerprint)],
        retold: vec![(webhook(), retold.clone())],
        ..Farewell::default()
    };
    let next = stage.one.try_finish(&claim, &farewell).await;
    assert!(next.expect("the claim holds").is_some());
    assert_eq!(stage.two.told(&claim.group).await, retold);
}

/// What was told of members is in the group they move to before they leave: it counts no more where one of them stays, as it is
/// known better meanwhile.
pub async fn what_moved_counts_as_told_where_it_moved_to(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    let mut retold = stage.one.told(&claim.group).await;
    retold.forget(alert.fingerprint);
    stage.pass(1).await;
    stage.one.post(&group, stage.refreshed(&alert)).await;
    let farewell = Farewell {
        leaves: vec![leave(alert.fingerprint, alert.updated_at)],
        retold: vec![(webhook(), retold.clone())],
        is_move: true,
        ..Farewell::default()
    };
    let next = stage.one.try_finish(&claim, &farewell).await;
    assert!(next.expect("the claim holds").is_some(), "it stays");
    assert_eq!(stage.two.told(&claim.group).await, retold);
}

/// What is told of who leaves goes along, unless one of them is known better meanwhile and stays.
pub async fn who_stays_counts_as_told_as_before(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let told = stage.one.tell(&claim, &alert).await;
    let mut retold = stage.one.told(&claim.group).await;
    retold.forget(alert.fingerprint);
    stage.pass(1).await;
    let newer = stage.one.post(&group, stage.refreshed(&alert)).await.alert;
    let farewell = |seen: &Alert| Farewell {
        leaves: vec![leave(seen.fingerprint, seen.updated_at)],
        retold: vec![(webhook(), retold.clone())],
        ..Farewell::default()
    };
    let next = stage.one.try_finish(&claim, &farewell(&alert)).await;
    assert!(next.expect("the claim holds").is_some());
    assert_eq!(
        stage.two.told(&claim.group).await.firing(),
        [alert.fingerprint]
    );

    stage.one.post(&group, stage.alert("b", 900)).await;
    let claim = stage.next_claim().await;
    let next = stage.one.try_finish(&claim, &farewell(&newer)).await;
    assert!(next.expect("the claim holds").is_some());
    assert_eq!(stage.two.told(&claim.group).await, retold);
    assert_eq!(retold.seq, told.seq);
}

/// A number names one message for ever, also when the group that counted was deleted.
pub async fn numbers_are_not_reused_after_the_group_was_made_anew(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let mut last = 0;
    for _ in 0..3 {
        last = last.max(stage.one.tell(&claim, &alert).await.seq);
    }
    stage.retire(&claim, &alert).await;
    let anew = stage.one.post(&group, stage.old("a")).await.alert;
    let second = stage.one.claim().await;
    assert!(last < stage.one.tell(&second, &anew).await.seq);
}

/// A number names one message for ever, also when everything was lost.
pub async fn numbers_are_not_reused_after_a_loss(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let first: Pending = stage.one.tell(&claim, &alert).await;
    // Numbers may be ahead of the clock by that; claims are held for longer after a loss.
    stage.world.pass(Duration::from_millis(Numbers::STEP)).await;
    stage.world.lose_everything().await;
    stage.one.join(HoldFor::Nothing).await;
    stage.one.post(&group, stage.old("a")).await;
    let second = stage.one.claim().await;
    assert!(claim.fence < second.fence);
    assert!(first.seq < stage.one.tell(&second, &alert).await.seq);
}
