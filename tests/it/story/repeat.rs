//! What is told, when it is told again, and when nothing is.

use crate::world::config::tiny;
use crate::world::{Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn a_repeat_interval_of_whole_group_intervals_does_not_slip() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "15s", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    let test1 = || [alert("test1").active(1.0)];
    world.expect_because(&hook, between(2.0, 2.1), "first notification", test1());
    for at in [17.0, 32.0, 47.0, 62.0] {
        world.expect_because(
            &hook,
            between(at, at + 0.1),
            "repeat interval elapsed",
            test1(),
        );
    }
    world.finish(76.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_does_not_make_the_repeat_slip() {
    let hook = Hook::scripted("a", |_, _| crate::world::Answer::Accept.after(2.0));
    let mut world = World::new(&tiny("5s", "15s", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    for at in [4.0, 19.0, 34.0] {
        world.expect(&hook, between(at, at + 0.1), [alert("test1").active(1.0)]);
    }
    world.finish(48.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_begins_and_ends_inside_group_wait_stays_silent() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("short").start(1.0)]).await;
    world
        .at(1.5)
        .push([alert("short").start(1.0).end(1.4)])
        .await;
    world.at(30.0).reached().await;
    assert_eq!(world.engine().group_count(), 0, "the group is gone");
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_only_ends_makes_no_group() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;
    world
        .at(1.0)
        .push([alert("over").start(0.5).end(0.9)])
        .await;
    assert_eq!(world.engine().group_count(), 0);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_old_alert_that_makes_a_group_is_told_at_once_and_later_ones_never_hurry_it() {
    let hook = Hook::new("a");
    let yaml = "
route: {receiver: default, group_by: [alertname], group_wait: 10s, group_interval: 1m}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;
    let (old, new) = (
        alert("test1").label("n", "old"),
        alert("test1").label("n", "new"),
    );

    world.at(20.0).push([alert("test2").start(5.0)]).await;
    world.expect(&hook, between(20.0, 20.1), [alert("test2").active(5.0)]);
    world.at(30.0).push([new.clone().start(30.0)]).await;
    world.at(31.0).push([old.clone().start(5.0)]).await;
    world.expect(
        &hook,
        between(40.0, 40.1),
        [new.active(30.0), old.active(5.0)],
    );
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn each_message_replaces_what_was_told() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;
    let (one, two) = (|| alert("test1"), || alert("test2"));

    world
        .at(1.0)
        .push([one().start(1.0), two().start(1.0)])
        .await;
    world.expect(
        &hook,
        between(2.0, 2.1),
        [one().active(1.0), two().active(1.0)],
    );
    world.at(3.0).push([one().start(1.0).end(3.0)]).await;
    let some = [one().resolved(1.0, 3.0), two().active(1.0)];
    world.expect_because(&hook, between(7.0, 7.1), "some alerts resolved", some);
    // It fires again in the same group: news, although it was told at 2.
    world.at(8.0).push([one().start(8.0)]).await;
    let again = [one().active(8.0), two().active(1.0)];
    world.expect_because(&hook, between(12.0, 12.1), "new alerts added", again);
    world
        .at(13.0)
        .push([one().start(8.0).end(13.0), two().start(1.0).end(13.0)])
        .await;
    let over = [one().resolved(8.0, 13.0), two().resolved(1.0, 13.0)];
    world.expect_because(&hook, between(17.0, 17.1), "all alerts resolved", over);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_flaps_between_two_ticks_is_no_news() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("flap").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("flap").active(1.0)]);
    world
        .at(4.0)
        .push([alert("flap").start(1.0).end(4.0)])
        .await;
    world.at(6.0).push([alert("flap").start(6.0)]).await;
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn annotations_and_links_are_no_news() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "30s", &[&hook]), &[&hook]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0).note("value", "1")])
        .await;
    world.expect(
        &hook,
        between(2.0, 2.1),
        [alert("test1").note("value", "1")],
    );
    world
        .at(3.0)
        .push([alert("test1").start(1.0).note("value", "2")])
        .await;
    world.expect(
        &hook,
        between(32.0, 32.1),
        [alert("test1").note("value", "2")],
    );
    world.finish(50.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_ends_hears_only_what_fires() {
    let hook = Hook::new("a");
    let yaml = "
route: {receiver: default, group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: default, webhook_configs: [{url: 'http://a', send_resolved: false}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(3.0)
        .push([alert("test1").start(1.0).end(3.0)])
        .await;
    world.at(10.0).reached().await;
    assert_eq!(
        world.engine().group_count(),
        0,
        "the group is gone without a message"
    );
    // It counts as told that all is over: the next one is a first notification.
    world.at(20.0).push([alert("test1").start(20.0)]).await;
    let again = [alert("test1").active(20.0)];
    world.expect_because(&hook, between(21.0, 21.1), "first notification", again);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_ended_waits_anew() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .push([alert("test1").start(1.0).end(5.0)])
        .await;
    world.expect(
        &hook,
        between(12.0, 12.1),
        [alert("test1").resolved(1.0, 5.0)],
    );
    // The old grid would tick at 22; a new group ticks group_wait after it came.
    world.at(15.5).push([alert("test1").start(15.5)]).await;
    world.expect(&hook, between(16.5, 16.6), [alert("test1").active(15.5)]);
    world.finish(60.0).await;
}
