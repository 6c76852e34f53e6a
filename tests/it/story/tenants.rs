//! Tenants: each in its own world.

use domain::id::TenantId;
use engine::EngineOptions;
use engine::read::AlertQuery;

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, alerts, between};

#[tokio::test(start_paused = true)]
async fn tenants_do_not_see_each_other() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let (one, two) = (tiny("5s", "1h", &[&a]), tiny("5s", "1h", &[&b]));
    let tenants = [("default", one.as_str()), ("two", two.as_str())];
    let mut world = World::with(EngineOptions::default(), 0.0, &tenants, &[&a, &b]).await;

    // The same alert in both, and a silence in one of them only.
    world
        .at(1.0)
        .push_to("default", &[alert("same").start(1.0)])
        .await;
    world
        .at(1.0)
        .push_to("two", &[alert("same").start(1.5), alert("own").start(1.5)])
        .await;
    let post = alerts::silence(None, "alertname=same", 1.1, 100.0);
    let two = world.tenant_named("two");
    world.at(1.2).reached().await;
    let id = world
        .engine()
        .put_silence(&two, post)
        .await
        .expect("stored");
    world.expect(&a, between(2.0, 2.1), [alert("same").active(1.0)]);
    world.expect(&b, between(2.0, 2.1), [alert("own").active(1.5)]);

    assert!(world.tenant().silence(&id).is_none());
    assert_eq!(world.alerts(&AlertQuery::default()).len(), 1);
    assert!(world.explain(alert("own").fingerprint()).is_none());
    let unknown: TenantId = "three".parse().expect("valid");
    assert!(
        world.engine().tenant(&unknown).is_none(),
        "unknown tenants are not made"
    );

    // An end in one ends nothing in the other, also over a restart.
    world
        .at(3.0)
        .push_to("two", &[alert("same").start(1.5).end(3.0)])
        .await;
    world.at(4.0).restart().await;
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_was_taken_away_and_comes_back_is_served_again() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let (one, two) = (tiny("5s", "1h", &[&a]), tiny("5s", "1h", &[&b]));
    let both = [("default", one.as_str()), ("two", two.as_str())];
    let mut world = World::with(EngineOptions::default(), 0.0, &both, &[&a, &b]).await;

    world
        .at(1.0)
        .push_to("two", &[alert("test1").start(1.0)])
        .await;
    world.expect(&b, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(3.0).reload_tenants(&both[..1]).await;
    world.at(30.0).reload_tenants(&both).await;
    // What was told is known still.
    world
        .at(31.0)
        .push_to(
            "two",
            &[alert("test1").start(1.0), alert("test2").start(31.0)],
        )
        .await;
    let news = [alert("test1").active(1.0), alert("test2").active(31.0)];
    world.expect_because(&b, between(35.0, 35.1), "new alerts added", news);
    world.finish(60.0).await;
}

/// One tenant has more groups than flushes may be under way, on a receiver that hangs.
#[tokio::test(start_paused = true)]
async fn a_tenant_whose_receiver_hangs_leaves_flushes_to_the_others() {
    let (bad, good) = (Hook::scripted("a", |_, _| Answer::Hang), Hook::new("b"));
    let by_name = |yaml: String| yaml.replacen("route:\n", "route:\n  group_by: [alertname]\n", 1);
    let one = by_name(tiny("5s", "1h", &[&bad]));
    let two = by_name(tiny("5s", "1h", &[&good]));
    let tenants = [("default", one.as_str()), ("two", two.as_str())];
    let options = EngineOptions {
        flushes_max: 8,
        ..EngineOptions::default()
    };
    let mut world = World::with(options, 0.0, &tenants, &[&bad, &good]).await;
    let many: Vec<_> = (0..30)
        .map(|n| alert(&format!("many{n}")).start(1.0))
        .collect();
    world.at(1.0).push_to("default", &many).await;
    for (at, name) in [(3.0, "one"), (4.0, "other")] {
        let alerts = [alert(name).start(at)];
        world.at(at).push_to("two", &alerts).await;
        world.expect(&good, between(at + 1.0, at + 1.1), [alert(name).active(at)]);
    }
    world.finish(20.0).await;
}
