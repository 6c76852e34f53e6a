//! An Alertmanager ran here before: what it told counts, nobody is told again, and ends are told once.

use std::sync::Arc;

use domain::group::inherited::{Inherited, label_hash};
use domain::group::told::ReceiverData;
use domain::label::Labels;
use domain::matcher::Matcher;
use domain::silence::Silence;
use engine::import::{Counts, Imported};
use store::alertmanager::{Found, Left, Notified};

use crate::world::config::tiny;
use crate::world::{Alert, Hook, World, alert, between, time};

/// What it left: these alerts told to the first webhook of `default` at a second, to be forgotten at another.
fn told(alerts: &[Alert], told_at: f64, expires_at: f64) -> Left {
    let hash = |alert: &Alert| label_hash(alert.labels.iter().map(|(n, v)| (&**n, &**v)));
    let said = Inherited {
        firing: alerts.iter().map(hash).collect(),
        told_at: time(told_at),
        expires_at: time(expires_at),
        receiver_data: ReceiverData::default(),
    };
    let notified = Notified {
        group_key: "{}:{}".to_owned(),
        receiver: "default".to_owned(),
        kind: "webhook".to_owned(),
        index: 0,
        said,
    };
    Left {
        notified: Found {
            items: vec![notified],
            ..Found::default()
        },
        ..Left::default()
    }
}

async fn import(world: &World, left: Left) -> Imported {
    let imported = world.engine().import(&world.tenant(), left).await;
    imported.expect("the journal is written")
}

const ONE: Counts = Counts {
    imported: 1,
    expired: 0,
    skipped: 0,
    unreadable: 0,
};

#[tokio::test(start_paused = true)]
async fn what_was_told_before_is_not_told_again_and_its_end_is_told_once() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let left = told(&[alert("test1"), alert("test2")], -30.0, 7_000.0);
    assert_eq!(import(&world, left).await.notified, ONE);

    // One says since when it fires, one does not; they come one after the other.
    world.at(1.0).push([alert("test1").start(-60.0)]).await;
    world.at(5.0).push([alert("test2")]).await;
    world.at(30.0).push([alert("test3").start(30.0)]).await;
    let all = [
        alert("test1").active(-60.0),
        alert("test2"),
        alert("test3").active(30.0),
    ];
    world.expect_because(&hook, between(31.0, 41.1), "new alerts added", all);
    let end = [alert("test1").start(-60.0).end(50.0)];
    world.at(50.0).push(end.clone()).await;
    let over = [
        alert("test1").resolved(-60.0, 50.0),
        alert("test2"),
        alert("test3").active(30.0),
    ];
    world.expect_because(&hook, between(50.0, 61.1), "some alerts resolved", over);
    world.at(70.0).push(end).await;
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn the_repeat_counts_from_the_message_before() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    import(&world, told(&[alert("test1")], -3_000.0, 7_000.0)).await;
    let lasting = || alert("test1").start(-3_100.0).end(9_000.0);
    world.at(1.0).push([lasting()]).await;
    let repeated = [alert("test1").active(-3_100.0)];
    world.expect_because(
        &hook,
        between(600.0, 611.1),
        "repeat interval elapsed",
        repeated,
    );
    world.finish(1_000.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_ended_during_the_change_is_told_as_over() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    import(&world, told(&[alert("test1")], -30.0, 7_000.0)).await;
    let over = || alert("test1").start(-60.0).end(-5.0);
    world
        .at(1.0)
        .push([over(), alert("other").start(-60.0).end(-5.0)])
        .await;
    let told = [alert("test1").resolved(-60.0, -5.0)];
    world.expect_because(&hook, between(1.0, 2.1), "all alerts resolved", told);
    // Prometheus says it again for a quarter of an hour.
    world.at(60.0).push([over()]).await;
    world.at(120.0).push([over()]).await;
    world.finish(200.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_fires_anew_after_its_end_is_told() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    import(&world, told(&[alert("test1")], -30.0, 7_000.0)).await;
    world.at(1.0).push([alert("test1").start(-60.0)]).await;
    world
        .at(20.0)
        .push([alert("test1").start(-60.0).end(20.0)])
        .await;
    let over = [alert("test1").resolved(-60.0, 20.0)];
    world.expect(&hook, between(20.0, 31.1), over);
    world.at(40.0).push([alert("test1").start(40.0)]).await;
    let anew = [alert("test1").active(40.0)];
    world.expect_because(&hook, between(40.0, 51.1), "first notification", anew);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn restarts_keep_what_is_still_to_come() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let left = || told(&[alert("test1"), alert("test2")], -30.0, 7_000.0);
    assert!(!world.engine().is_imported(&world.tenant()));
    import(&world, left()).await;
    world.at(1.0).restart().await;
    assert!(world.engine().is_imported(&world.tenant()));
    world.at(2.0).push([alert("test1").start(-60.0)]).await;
    world.at(15.0).restart().await;
    world.at(16.0).push([alert("test2").start(-60.0)]).await;
    world.at(40.0).restart().await;
    world
        .at(50.0)
        .push([alert("test1").start(-60.0).end(50.0)])
        .await;
    let over = [alert("test1").resolved(-60.0, 50.0), alert("test2")];
    world.expect_because(&hook, between(50.0, 61.1), "some alerts resolved", over);
    world.at(100.0).restart().await;
    world.finish(200.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_never_came_is_forgotten_when_it_expires() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    import(&world, told(&[alert("test1")], -30.0, 500.0)).await;
    world.at(501.0).push([alert("test1").start(501.0)]).await;
    let first = [alert("test1").active(501.0)];
    world.expect_because(&hook, between(502.0, 502.1), "first notification", first);
    world.finish(600.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_is_counted_and_left() {
    let hook = Hook::new("a");
    let world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let mut left = told(&[alert("test1")], -30.0, 0.0);
    let resolved = told(&[], -30.0, 7_000.0).notified;
    left.notified.items.extend(resolved.items);
    left.notified.unreadable = 3;
    let counts = import(&world, left).await.notified;
    let expected = Counts {
        imported: 0,
        expired: 1,
        skipped: 1,
        unreadable: 3,
    };
    assert_eq!(counts, expected);
    world.finish(10.0).await;
}

#[tokio::test(start_paused = true)]
async fn silences_are_in_force_at_once_and_after_restarts() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let silence = |id: &str, name: &str, until: f64| Silence {
        id: Arc::from(id),
        matchers: vec![Matcher::equal("alertname", name)],
        starts_at: time(-100.0),
        ends_at: time(until),
        updated_at: time(-100.0),
        created_by: "me".to_owned(),
        comment: "why".to_owned(),
        annotations: Labels::empty(),
    };
    let long_ago = -6.0 * 24.0 * 3600.0;
    let left = || {
        let mut left = Left::default();
        let all = [("1", 50.0), ("2", -10.0), ("3", long_ago)];
        left.silences.items = all
            .map(|(id, until)| silence(id, "test1", until))
            .into_iter()
            .collect();
        left
    };
    let counts = import(&world, left()).await.silences;
    assert_eq!((counts.imported, counts.expired), (2, 1));
    let again = import(&world, left()).await.silences;
    assert_eq!((again.imported, again.skipped), (0, 2));

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(20.0).restart().await;
    assert_eq!(world.tenant().silences().len(), 2);
    world.expect(&hook, between(50.0, 61.1), [alert("test1").active(1.0)]);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_the_group_was_gone_in_between_counts_as_told_after_a_restart_too() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    import(
        &world,
        told(&[alert("test1"), alert("test2")], -30.0, 7_000.0),
    )
    .await;
    world.at(1.0).push([alert("test1").start(-60.0)]).await;
    world
        .at(20.0)
        .push([alert("test1").start(-60.0).end(20.0)])
        .await;
    let over = [alert("test1").resolved(-60.0, 20.0)];
    world.expect(&hook, between(20.0, 31.1), over);
    world.at(40.0).push([alert("test2").start(-60.0)]).await;
    world.at(60.0).restart().await;
    world.at(61.0).push([alert("test2").start(-60.0)]).await;
    world.finish(100.0).await;
}
