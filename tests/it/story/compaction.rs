//! The journal: when it cannot be written, and when it is rewritten.

use std::time::Duration;

use engine::EngineError;
use engine::read::AlertQuery;

use crate::world::config::tiny;
use crate::world::{Alert, Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn what_could_not_be_recorded_is_not_acknowledged_until_it_is() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let one = [alert("test1").start(1.0)];

    world.journal().set_failing(true);
    let refused = world.at(1.0).try_push("default", &one).await;
    assert!(
        matches!(refused, Err(EngineError::Unavailable(_))),
        "{refused:?}"
    );
    // The same again: a refresh of what nobody wrote down is no refresh (G7).
    let refused = world.at(1.1).try_push("default", &one).await;
    assert!(
        matches!(refused, Err(EngineError::Unavailable(_))),
        "{refused:?}"
    );
    world.journal().set_failing(false);
    let written = world.journal().appended();
    world.at(1.2).push(one.clone()).await;
    assert!(
        world.journal().appended() > written,
        "the retry is recorded"
    );
    world.at(1.3).restart().await;
    world.expect(&hook, between(2.0, 2.5), [alert("test1").active(1.0)]);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_could_not_be_recorded_is_not_acknowledged_either() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    let over = [alert("test1").start(1.0).end(3.0)];
    world.at(2.5).reached().await;
    world.journal().set_failing(true);
    assert!(world.at(3.0).try_push("default", &over).await.is_err());
    world.journal().set_failing(false);
    world.at(3.5).push(over.clone()).await;
    world.at(4.0).restart().await;
    world.expect(
        &hook,
        between(12.0, 12.1),
        [alert("test1").resolved(1.0, 3.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn refreshes_are_coalesced_and_a_restart_finds_the_alert_all_the_same() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "4h", &[&hook]), &[&hook]).await;
    let fresh = |at: f64| [alert("test1").start(1.0).end(at + 240.0)];

    world.at(1.0).push(fresh(1.0)).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).reached().await;
    let before = world.journal().appended();
    for n in 1..=40 {
        let at = 5.0 + 15.0 * f64::from(n);
        world.at(at).push(fresh(at)).await;
    }
    let written = world.journal().appended() - before;
    assert!(
        (5..=15).contains(&written),
        "40 refreshes, {written} records"
    );
    // At 605 the end is 845 at most and 785 at least; nobody may hear of it before.
    world.at(606.0).restart().await;
    world.at(700.0).reached().await;
    assert_eq!(world.alerts(&AlertQuery::default()).len(), 1);
    world.expect(&hook, between(906.0, 917.0), [alert("test1").over()]);
    world.finish(1_500.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_told_while_the_journal_failed_is_recorded_later() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.journal().set_failing(true);
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).reached().await;
    world.journal().set_failing(false);
    // The journal is restated as soon as it works; a restart then knows what was told.
    world.at(20.0).restart().await;
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_after_compaction_equals_one_before() {
    let hook = Hook::new("a");
    let yaml = "
route: {receiver: default, group_by: [n], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;
    let one = |n: u32| alert("test").label("n", &n.to_string());
    // Slow enough that posts, flushes and compactions interleave.
    world.journal().set_delay(Duration::from_millis(130));
    world.journal().set_wants_compaction(true);
    for n in 0..40 {
        let at = 1.0 + f64::from(n);
        world.at(at).push([one(n).start(at)]).await;
        world.expect(&hook, between(at + 1.0, at + 2.0), [one(n).active(at)]);
    }
    for n in 0..20 {
        let at = 45.0 + f64::from(n);
        world
            .at(at)
            .push([one(n).start(f64::from(n) + 1.0).end(at)])
            .await;
        world.expect(&hook, between(at, at + 11.0), [one(n).over()]);
    }
    let id = world.at(66.0).silence("n=39", 66.0, 1_000.0).await;
    world.at(90.0).reached().await;
    assert!(
        world.journal().compactions() > 5,
        "{}",
        world.journal().compactions()
    );

    let listed = |world: &World| {
        let alerts = world.alerts(&AlertQuery::default());
        alerts
            .iter()
            .map(|v| {
                (
                    v.alert.labels.clone(),
                    v.alert.ends_at,
                    v.silenced_by.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let before = listed(&world);
    world.at(90.5).restart().await;
    assert_eq!(listed(&world), before);
    assert!(world.tenant().silence(&id).is_some());
    assert_eq!(world.engine().group_count(), 20);
    // Nothing is told again; every end still is.
    let ends: Vec<Alert> = (20..39)
        .map(|n| one(n).start(f64::from(n) + 1.0).end(95.0))
        .collect();
    world.at(95.0).push_to("default", &ends).await;
    for n in 20..39 {
        world.expect(&hook, between(95.0, 106.5), [one(n).over()]);
    }
    world.finish(200.0).await;
}

#[tokio::test(start_paused = true)]
async fn groups_that_go_during_a_compaction_stay_gone() {
    // So many that they are restated in several steps, and so slowly that the last ones come after their end.
    const GROUPS: usize = 3_000;
    let hook = Hook::new("a");
    let yaml = "
route: {receiver: default, group_by: [n], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;
    let all: Vec<_> = (0..GROUPS)
        .map(|n| alert("test").label("n", &n.to_string()))
        .collect();
    let firing: Vec<_> = all.iter().map(|a| a.clone().start(1.0)).collect();
    let over: Vec<_> = all.iter().map(|a| a.clone().start(1.0).end(3.0)).collect();
    world.at(1.0).push_to("default", &firing).await;
    world.at(3.0).push_to("default", &over).await;
    world.at(9.0).reached().await;
    world.journal().set_wants_compaction(true);
    world.journal().set_delay(Duration::from_millis(500));
    world.at(14.0).reached().await;
    world.journal().set_wants_compaction(false);
    world.at(18.0).reached().await;
    assert_eq!(
        hook.arrived().len(),
        2 * GROUPS,
        "each was told to fire, and to be over"
    );
    assert_eq!(world.engine().group_count(), 0);
    assert_eq!(world.journal().compactions(), 1);
    world.at(19.0).restart().await;
    world.at(60.0).reached().await;
    assert_eq!(hook.arrived().len(), 2 * GROUPS, "nothing is told again");
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_beginning_could_not_be_recorded_keeps_its_grid() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("30s", "1h", &[&hook]), &[&hook]).await;
    let fresh = || [alert("test1").start(1.0)];

    world.journal().set_failing(true);
    assert!(world.at(1.0).try_push("default", &fresh()).await.is_err());
    world.journal().set_failing(false);
    world.at(1.5).push(fresh()).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(20.0).push(fresh()).await;
    world.at(21.0).restart().await;
    world.at(22.0).push([alert("test2").start(22.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(22.0)];
    world.expect(&hook, between(32.0, 32.1), both);
    world.finish(60.0).await;
}
