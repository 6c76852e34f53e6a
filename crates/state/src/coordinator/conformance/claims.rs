//! Who flushes which group, and when.

use std::sync::Arc;
use std::time::Duration;

use domain::group::LeaseLost;
use domain::id::TenantId;

use super::World;
use super::stage::{Player, PollAskOf, Stage, firing};
use crate::coordinator::{Claimed, GroupName};

/// (D3) What one instance claimed nobody else gets, itself included, until it is finished.
pub async fn a_claim_excludes_everybody(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    assert!(stage.two.poll().await.is_empty());
    assert!(stage.one.poll().await.is_empty());
    let next = stage
        .one
        .finish(&claim, &[])
        .await
        .expect("it has a member");
    stage.near(next, claim.tick + stage.unit * 60);
    assert!(stage.two.poll().await.is_empty(), "not before its tick");
}

/// (C5) The answer to a poll was lost: the same question gets the same claims, and no other ones.
pub async fn the_same_nonce_gets_the_same_claims(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    stage.one.post(&group, stage.old("a")).await;
    let nonce = Some(stage.one.fresh());
    let ask = || PollAskOf {
        nonce,
        ..PollAskOf::default()
    };
    let first = stage.one.poll_as(ask()).await;
    assert_eq!(first.len(), 1);
    stage.one.post(&stage.group("b"), stage.old("b")).await;
    let again = stage.one.poll_as(ask()).await;
    assert_eq!(again, first, "the same fence, the same tick, nothing else");
    assert!(
        stage
            .two
            .poll_as(ask())
            .await
            .iter()
            .all(|c| c.group != first[0].group)
    );
    let told = stage
        .one
        .try_begin(&again[0], &firing(&again[0], &stage.old("a")))
        .await;
    assert!(told.is_ok(), "it is a claim like any other");
}

/// (C3) The instance that took an alert in may be gone by its tick: another one claims it.
pub async fn another_instance_claims_what_one_took_in(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    stage.one.post(&stage.group("a"), stage.old("a")).await;
    assert_eq!(stage.two.poll().await.len(), 1);
}

/// Among groups that are due the more severe goes first; within a severity tenants take turns.
pub async fn the_more_severe_goes_first_and_tenants_take_turns(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let noisy = TenantId::default_tenant();
    let quiet: TenantId = "quiet".parse().expect("a valid tenant");
    let groups = stage.neighbours(&[&noisy, &noisy, &noisy, &noisy, &quiet]);
    for (index, group) in groups.iter().enumerate() {
        let severity = if index == 3 { "critical" } else { "warning" };
        let name = group.labels.get("alertname").unwrap_or_default();
        let alert = domain::alert::Alert {
            starts_at: stage.now() - stage.unit * 100,
            ..stage.severe(name, severity, 900)
        };
        stage.one.post(group, alert).await;
        stage.pass(1).await;
    }
    let order: Vec<Claimed> = stage.one.poll().await;
    assert_eq!(order.len(), 5);
    assert_eq!(
        order[0].group,
        GroupName::of(&groups[3]),
        "the critical one"
    );
    let turn = order.iter().position(|claim| claim.group.tenant == quiet);
    assert!(
        turn <= Some(2),
        "who is quiet does not wait behind the noise"
    );
}

/// A poll never answers more than it was asked for, and what is left comes with the next ones.
pub async fn a_limit_leaves_the_rest_due(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    for name in ["a", "b", "c", "d", "e"] {
        stage.one.post(&stage.group(name), stage.old(name)).await;
    }
    let mut claimed = Vec::new();
    for _ in 0..60 {
        let ask = PollAskOf {
            limit: Some(2),
            ..PollAskOf::default()
        };
        let claims = stage.one.poll_as(ask).await;
        assert!(claims.len() <= 2);
        claimed.extend(claims.into_iter().map(|claim| claim.group));
    }
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), 5);
}

/// A claim that is given back is due again after the delay asked for, for anybody.
pub async fn a_given_back_claim_is_due_after_its_delay(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    let back = async |claim: &Claimed, delay: Duration| {
        let back = stage
            .one
            .coordinator
            .unclaim(&claim.group, claim.fence, delay);
        back.await.expect("reachable");
    };
    back(&claim, stage.unit * 40).await;
    assert!(stage.two.poll().await.is_empty());
    let second = stage.claim_of_two_within(48).await;
    assert!(claim.fence < second.fence);
    assert_eq!(second.tick, claim.tick, "the same tick, later");
    back(&claim, Duration::ZERO).await;
    assert!(
        stage.one.poll().await.is_empty(),
        "an old fence gives nothing back"
    );
}

/// Ticks lie on a grid that counts from the first one, however long a flush takes.
pub async fn ticks_follow_a_grid(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, first) = stage.claimed("a").await;
    stage.pass(20).await;
    let next = stage
        .one
        .finish(&first, &[])
        .await
        .expect("it has a member");
    assert_eq!(next, first.tick + stage.unit * 60);
    let second = stage.next_claim().await;
    assert_eq!(second.tick, next);
    assert!(first.fence < second.fence);
}

/// A claim out of turn neither takes a tick nor moves one.
pub async fn a_seized_group_keeps_its_ticks(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    stage.one.post(&group, stage.alert("a", 900)).await;
    let name = GroupName::of(&group);
    let before = stage.one.read(&name).await.grid;
    let seized = stage.one.coordinator.seize(&name).await.expect("reachable");
    let seized = seized.expect("it is there").expect("nobody holds it");
    assert_eq!(seized.members, 1);
    assert!(stage.two.poll().await.is_empty());
    let next = stage.one.finish(&seized, &[]).await;
    assert_eq!(next, Some(before.next()));
    assert_eq!(stage.one.read(&name).await.grid, before);
}

/// Whoever did not hear the answer asks again, and gets what it holds.
pub async fn a_seizure_whose_answer_was_lost_is_had_again(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    stage.one.post(&group, stage.alert("a", 900)).await;
    let name = GroupName::of(&group);
    let seize = async |player: &Player| {
        let seized = player.coordinator.seize(&name).await.expect("reachable");
        seized.expect("it is there")
    };
    let first = seize(&stage.one).await.expect("nobody holds it");
    stage.pass(40).await;
    let again = seize(&stage.one).await.expect("it is its own");
    assert_eq!((again.fence, again.members), (first.fence, 1));
    stage.pass(40).await;
    assert!(seize(&stage.two).await.is_err(), "it lasts from then on");
    assert_eq!(stage.one.renew(&again).await, Ok(()));
    stage
        .one
        .begin(&again, &firing(&again, &stage.alert("a", 900)))
        .await;
    assert!(seize(&stage.one).await.is_err(), "it is at work");
}

/// Nobody seizes a group somebody holds, and a missing one is answered as missing.
pub async fn nothing_is_seized_that_is_held_or_missing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    let held = stage.two.coordinator.seize(&claim.group).await;
    assert_eq!(held.expect("reachable"), Some(Err(LeaseLost)));
    let missing = GroupName::of(&stage.group("missing"));
    let missing = stage.two.coordinator.seize(&missing).await;
    assert_eq!(missing.expect("reachable"), None);
}

/// Neither a post, nor a merge, nor a restarted grid, nor its own tick makes a group in flight due.
pub async fn a_flush_is_never_joined_by_a_second(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    stage.one.begin(&claim, &firing(&claim, &alert)).await;
    stage.two.post(&group, stage.old("b")).await;
    stage.two.post(&group, stage.refreshed(&alert)).await;
    for hash in ["1", "2"] {
        let restarted = stage.two.coordinator.restart_grids(&group.tenant, hash);
        restarted.await.expect("reachable");
    }
    assert!(stage.two.poll().await.is_empty());
    for _ in 0..2 {
        stage.pass(35).await;
        assert_eq!(stage.one.renew(&claim).await, Ok(()));
        assert!(
            stage.two.poll().await.is_empty(),
            "its tick comes after the flush"
        );
    }
}

/// Groups that become due are shared out among those who poll; what is left to one who does not come is anybody's soon. Needs a
/// world in which no time passes by itself.
pub async fn instances_take_turns(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let names: Vec<String> = (0..60).map(|n| format!("g{n}")).collect();
    for name in &names {
        let alert = stage.alert(name, 900);
        stage.one.post(&stage.group(name), alert).await;
    }
    for _ in 0..4 {
        stage.pass(2).await;
        stage.one.poll().await;
        stage.two.poll().await;
    }
    stage.pass(2).await;
    let (one, two) = (stage.one.poll().await.len(), stage.two.poll().await.len());
    assert_eq!(one + two, names.len());
    assert!(one.min(two) * 3 >= names.len(), "{one} and {two}");
    for name in &names {
        let other = stage.group(&format!("{name} again"));
        stage.one.post(&other, stage.old(name)).await;
    }
    let at_once = stage.one.poll().await.len();
    assert!(
        at_once < names.len(),
        "{at_once}: half are the other one's turn"
    );
    stage.world.pass(stage.world.timing().courtesy).await;
    let later = stage.one.poll().await.len();
    assert_eq!(
        at_once + later,
        names.len(),
        "who does not come is not waited for"
    );
}
