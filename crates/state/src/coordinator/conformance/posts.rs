//! Fresh posts.

use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::id::TenantId;

use super::World;
use super::stage::Stage;
use crate::coordinator::{GroupName, Offer};

/// A new alert makes its group, which ticks once group_wait is over and not before.
pub async fn a_post_makes_a_group_that_waits(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let offered = stage.one.post(&group, stage.alert("a", 900)).await;
    assert!(offered.is_member);
    let first = offered.created.expect("it made the group");
    stage.near(first, stage.now() + group.group_wait);
    let name = GroupName::of(&group);
    let answer = stage.one.poll_shard(name.shard()).await;
    assert!(answer.claims.is_empty(), "it waits");
    stage.near(answer.next_due.expect("it waits"), first);
    stage.pass(11).await;
    let claim = stage.one.claim().await;
    assert_eq!((claim.group, claim.members), (name, 1));
    stage.near(claim.tick, first);
}

/// An alert that is older than group_wait makes a group that does not wait.
pub async fn an_old_alert_makes_a_group_that_is_due_at_once(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    stage.one.post(&stage.group("a"), stage.old("a")).await;
    assert_eq!(stage.one.poll().await.len(), 1);
}

/// Whoever joins later never brings the first tick forward, however old.
pub async fn a_second_alert_joins_and_moves_no_tick(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    stage.one.post(&group, stage.alert("a", 900)).await;
    let second = stage.two.post(&group, stage.old("b")).await;
    assert!(second.is_member && second.created.is_none());
    assert!(stage.one.poll().await.is_empty());
    stage.pass(11).await;
    assert_eq!(stage.one.claim().await.members, 2);
}

/// Overlapping ranges merge with the group's own copy, as in Alertmanager.
pub async fn a_fresh_post_merges_with_what_the_group_holds(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let first = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    stage.pass(2).await;
    let later = Alert {
        annotations: Annotations::from_pairs([("summary", "later")]),
        ..stage.alert("a", 1800)
    };
    let merged = stage.two.post(&group, later.clone()).await.alert;
    assert_eq!(merged.starts_at, first.starts_at, "the earlier start stays");
    assert_eq!(merged.ends_at, later.ends_at);
    assert_eq!(merged.annotations, later.annotations);
    let held = stage.one.read(&GroupName::of(&group)).await;
    assert_eq!(*held.members[0], *merged);
}

/// A post with an older clock is no replay: it counts, and looks newer than what was known.
pub async fn the_last_post_wins_and_nothing_grows_older(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let first = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let over = stage.one.post(&group, stage.ended(&first)).await.alert;
    let behind = Alert {
        starts_at: first.starts_at - stage.unit * 50,
        ends_at: first.ends_at + stage.unit * 7,
        updated_at: over.updated_at - stage.unit * 3,
        ..Alert::clone(&first)
    };
    let fresh = stage.two.post(&group, behind.clone()).await.alert;
    assert_eq!(fresh.ends_at, behind.ends_at, "the last post wins");
    assert!(
        over.updated_at < fresh.updated_at,
        "and is the newest state"
    );
}

/// (C2) The answer was lost, others said something since, and the post is offered once more: what they said counts.
pub async fn a_post_offered_again_is_no_fresh_one(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    stage.pass(1).await;
    let anew = stage.two.post(&group, stage.refreshed(&alert)).await.alert;
    let replayed = stage.one.offer_again(&group, Alert::clone(&alert)).await;
    assert_eq!(replayed.alert, anew, "the later one stays");
    stage.pass(1).await;
    let over = stage.two.post(&group, stage.ended(&anew)).await.alert;
    assert_eq!(
        stage
            .one
            .offer_again(&group, Alert::clone(&anew))
            .await
            .alert,
        over
    );
    stage.retire(&claim, &over).await;
    let replayed = stage.one.offer_again(&group, Alert::clone(&anew)).await;
    assert!(!replayed.is_member && replayed.created.is_none());
    assert!(stage.one.try_read(&claim.group).await.is_none());
    stage.pass(1).await;
    let fires = stage.one.offer_again(&group, stage.alert("a", 900)).await;
    assert!(fires.is_member, "what was never taken in is");
}

/// (C2) The answer was lost and the batch comes again: nothing changes, and nobody hears of it.
pub async fn a_repeated_batch_changes_nothing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let (alert, name) = (stage.alert("a", 900), GroupName::of(&group));
    let first = stage.one.post(&group, alert.clone()).await;
    let before = stage.one.changes(name.shard()).await.len();
    let again = stage.one.post(&group, alert).await;
    assert_eq!(again.alert, first.alert);
    assert!(again.is_member && again.created.is_none());
    assert_eq!(stage.one.changes(name.shard()).await.len(), before);
}

/// An alert that is over and no member joins only when somebody is owed its end.
pub async fn an_over_alert_joins_only_when_somebody_is_owed(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let over = stage.ended(&stage.old("a"));
    let ignored = stage.one.offer(&group, over.clone(), false).await;
    assert!(!ignored.is_member && ignored.created.is_none());
    assert_eq!(*ignored.alert, over);
    assert!(stage.one.try_read(&GroupName::of(&group)).await.is_none());
    stage.one.post(&group, stage.alert("b", 900)).await;
    assert!(stage.one.offer(&group, over, true).await.is_member);
    let held = stage.one.read(&GroupName::of(&group)).await;
    assert_eq!(held.members.len(), 2);
}

/// An instance that has not heard that an end was told says it is owed: the same end, stated again, changes nothing.
pub async fn an_end_that_was_told_does_not_come_back(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    stage.pass(1).await;
    let again = Alert {
        updated_at: stage.now(),
        ..Alert::clone(&over)
    };
    let offered = stage.two.offer(&group, again, true).await;
    assert!(!offered.is_member);
    assert!(stage.one.try_read(&claim.group).await.is_none());
}

/// A member that ends stays until a flush lets it go.
pub async fn an_end_replaces_a_member(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let first = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let over = stage.ended(&first);
    let offered = stage.two.post(&group, over.clone()).await;
    assert!(offered.is_member);
    let held = stage.one.read(&GroupName::of(&group)).await;
    assert_eq!(held.members[0].ends_at, over.ends_at);
}

/// A batch that touches many shards is answered in its own order.
pub async fn answers_come_in_order_whatever_their_shard(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let names: Vec<_> = (0..40).map(|n| format!("many{n}")).collect();
    let offers = names.iter().map(|name| Offer {
        group: stage.group(name),
        alert: Arc::new(stage.alert(name, 900)),
        is_owed: false,
        is_again: false,
    });
    let offers: Vec<_> = offers.collect();
    let answers = stage.one.coordinator.ingest(offers, stage.now()).await;
    let answered = answers.into_iter().map(|answer| {
        let alert = answer.expect("reachable").alert;
        alert.labels.get("alertname").unwrap_or_default().to_owned()
    });
    assert_eq!(answered.collect::<Vec<_>>(), names);
}

/// The same alert in two tenants is two alerts in two groups.
pub async fn the_same_alert_of_two_tenants_is_two(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let other: TenantId = "other".parse().expect("a valid tenant");
    let (ours, theirs) = (stage.group("a"), stage.group_of(&other, "a"));
    stage.one.post(&ours, stage.alert("a", 900)).await;
    assert!(stage.one.try_read(&GroupName::of(&theirs)).await.is_none());
    stage.one.post(&theirs, stage.alert("a", 500)).await;
    let held = stage.one.read(&GroupName::of(&ours)).await;
    assert!(held.members[0].ends_at > stage.now() + stage.unit * 600);
}

/// A configuration that changes group_interval is heard of by the posts that come with it.
pub async fn a_group_follows_the_interval_of_its_posts(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.finish(&claim, &[]).await;
    let slower = stage.group_every(&TenantId::default_tenant(), "a", 90);
    stage.one.post(&slower, stage.refreshed(&alert)).await;
    let grid = stage.one.read(&claim.group).await.grid;
    assert_eq!(grid.interval(), slower.group_interval);
    assert!(grid.has_ticked());
    stage.near(grid.first(), claim.tick);
}

/// An instance without a route for a group knows its key only: what it offers there speaks of who is in it, and of no group.
pub async fn a_group_known_by_its_key_only_is_neither_made_nor_changed(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let stand_in = Arc::new(domain::group::GroupIdentity {
        tenant: group.tenant.clone(),
        key: group.key,
        text: String::new(),
        route: group.route,
        labels: domain::label::Labels::empty(),
        receiver: Arc::clone(&group.receiver),
        group_wait: stage.unit,
        group_interval: stage.unit * 7,
        repeat_interval: stage.unit,
        mute_time_intervals: vec![],
        active_time_intervals: vec![],
    });
    let none = stage.one.post(&stand_in, stage.alert("a", 900)).await;
    assert!(!none.is_member && none.created.is_none());
    let name = GroupName::of(&group);
    assert!(stage.one.try_read(&name).await.is_none());
    let alert = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let other = stage.severe("a", "critical", 900);
    assert!(!stage.two.post(&stand_in, other).await.is_member);
    stage.pass(1).await;
    let over = stage.two.post(&stand_in, stage.ended(&alert)).await;
    assert!(over.is_member);
    let there = stage.one.read(&name).await;
    assert_eq!(there.members, [over.alert]);
    assert_eq!(there.grid.interval(), group.group_interval);
}
