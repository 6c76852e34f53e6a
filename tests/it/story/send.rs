//! Alertmanager's own acceptance stories about sending.

use engine::EngineOptions;
use std::time::Duration;

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn posts_of_one_alert_merge_while_they_overlap() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1ms", &[&hook]), &[&hook]).await;
    let test = || alert("test");

    world.at(1.0).push([test().start(1.1)]).await;
    world.at(1.2).push([test().start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [test().active(1.0)]);

    world
        .at(2.1)
        .push([test().start(2.0).note("ann", "v1")])
        .await;
    world.expect(
        &hook,
        between(3.0, 3.5),
        [test().active(1.0).note("ann", "v1")],
    );

    world
        .at(3.6)
        .push([test().start(2.0).note("ann", "v2")])
        .await;
    world.expect(
        &hook,
        between(4.0, 4.5),
        [test().active(1.0).note("ann", "v2")],
    );

    world
        .at(4.6)
        .push([test().start(3.0).end(4.5).note("ann", "v2")])
        .await;
    world
        .at(4.8)
        .push([test().start(2.9).end(4.8).note("ann", "v3")])
        .await;
    world
        .at(4.8)
        .push([test().start(2.9).end(4.1).note("ann", "v3")])
        .await;
    world.expect(
        &hook,
        between(5.0, 5.5),
        [test().resolved(1.0, 4.8).note("ann", "v3")],
    );

    world.at(5.3).push([test().start(5.0)]).await;
    world.expect(&hook, between(6.0, 6.5), [test().active(5.0)]);
    world.finish(6.9).await;
}

#[tokio::test(start_paused = true)]
async fn posts_with_stated_ends_merge_while_they_overlap() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1ms", &[&hook]), &[&hook]).await;
    let test = || alert("test");

    world.at(1.0).push([test().start(1.1).end(4.1)]).await;
    world.at(1.2).push([test().start(1.0).end(4.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [test().active(1.0)]);

    world
        .at(2.1)
        .push([test().start(2.0).end(5.0).note("ann", "v1")])
        .await;
    world.expect(
        &hook,
        between(3.0, 3.5),
        [test().active(1.0).note("ann", "v1")],
    );

    world
        .at(3.6)
        .push([test().start(2.0).end(5.0).note("ann", "v2")])
        .await;
    world.expect(
        &hook,
        between(4.0, 4.5),
        [test().active(1.0).note("ann", "v2")],
    );

    world
        .at(4.6)
        .push([test().start(3.0).end(4.5).note("ann", "v2")])
        .await;
    world
        .at(4.8)
        .push([test().start(2.9).end(4.8).note("ann", "v3")])
        .await;
    world
        .at(4.8)
        .push([test().start(2.9).end(4.1).note("ann", "v3")])
        .await;
    world.expect(
        &hook,
        between(5.0, 5.5),
        [test().resolved(1.0, 4.8).note("ann", "v3")],
    );

    world.at(5.3).push([test().start(5.0).end(8.0)]).await;
    world.expect(&hook, between(6.0, 6.5), [test().active(5.0)]);
    world.finish(6.9).await;
}

#[tokio::test(start_paused = true)]
async fn what_fires_is_repeated_until_it_ends() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1ms", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [alert("test").active(1.0)]);
    world.expect(&hook, between(3.0, 3.5), [alert("test").active(1.0)]);
    world
        .at(3.5)
        .push([alert("test").start(1.0).end(3.0)])
        .await;
    world.expect(&hook, between(4.0, 4.5), [alert("test").resolved(1.0, 3.0)]);
    world.finish(20.0).await;
}

#[tokio::test(start_paused = true)]
async fn each_receiver_is_repeated_to_by_its_own_count() {
    let a = Hook::new("a");
    // The second one answers 200, but the story does not count that until 4.5.
    let b = Hook::until("b", 4.5, Answer::Ignore);
    let mut world = World::new(&tiny("2s", "3s", &[&a, &b]), &[&a, &b]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&a, between(2.0, 2.5), [alert("test1").active(1.0)]);
    world.expect(&a, between(6.0, 6.5), [alert("test1").active(1.0)]);
    world.expect(&b, between(6.0, 6.5), [alert("test1").active(1.0)]);
    world.finish(7.9).await;
}

#[tokio::test(start_paused = true)]
async fn alerts_that_come_between_two_ticks_go_out_together() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "4s900ms", &[&hook]), &[&hook]).await;

    world.at(1.1).push([alert("test1").start(1.0)]).await;
    world.at(1.7).push([alert("test5").start(1.0)]).await;
    let first = [alert("test1").active(1.0), alert("test5").active(1.0)];
    world.expect_because(
        &hook,
        between(2.0, 2.5),
        "first notification",
        first.clone(),
    );

    let later = ["test2", "test3", "test4"].map(|name| alert(name).start(3.3));
    world.at(3.3).push(later.clone()).await;
    let [a, b] = first;
    let [c, d, e] = later;
    let all = [a, b, c, d, e];
    world.expect_because(&hook, between(4.1, 4.5), "new alerts added", all.clone());
    world.expect_because(&hook, between(9.1, 9.5), "repeat interval elapsed", all);
    world.finish(10.5).await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_without_an_end_ends_by_resolve_timeout() {
    let hook = Hook::new("a");
    let yaml = format!(
        "global: {{resolve_timeout: 10s}}\n{}",
        tiny("5s", "1h", &[&hook])
    );
    let mut world = World::new(&yaml, &[&hook]).await;
    let alerts = || ["test1", "test2", "test3"].map(alert);

    world
        .at(1.0)
        .push(alerts().map(|a| a.label("lbl", "v").start(1.0)))
        .await;
    let sent = |f: fn(crate::world::Alert) -> crate::world::Alert| {
        alerts().map(|a| f(a.label("lbl", "v")))
    };
    world.expect(&hook, between(2.0, 2.5), sent(|a| a.active(1.0)));
    world.expect(&hook, between(12.0, 13.0), sent(|a| a.resolved(1.0, 11.0)));
    world.finish(30.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_want_ends_is_not_told_of_them() {
    let (one, two) = (Hook::new("a"), Hook::new("b"));
    let yaml = "
global: {resolve_timeout: 10s}
route: {receiver: default, group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers:
- name: default
  webhook_configs:
  - {url: 'http://a', send_resolved: true}
  - {url: 'http://b', send_resolved: false}
";
    let mut world = World::new(yaml, &[&one, &two]).await;
    let test = |n: &str| alert("test").label("lbl", n);

    world
        .at(1.0)
        .push([test("v1").start(1.0), test("v2").start(1.0)])
        .await;
    let first = [test("v1").active(1.0), test("v2").active(1.0)];
    world.expect(&one, between(2.0, 2.5), first.clone());
    world.expect(&two, between(2.0, 2.5), first);

    world
        .at(3.0)
        .push([test("v1").start(1.0).end(3.0), test("v3").start(3.0)])
        .await;
    let later = [
        test("v1").resolved(1.0, 3.0),
        test("v2").active(1.0),
        test("v3").active(3.0),
    ];
    world.expect(&one, between(7.0, 7.5), later);
    world.expect(
        &two,
        between(7.0, 7.5),
        [test("v2").active(1.0), test("v3").active(3.0)],
    );

    world.at(8.0).push([test("v3").start(3.0)]).await;
    let last = [test("v2").resolved(1.0, 11.0), test("v3").active(3.0)];
    world.expect(&one, between(12.0, 12.5), last);
    world.finish(13.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_waits_for_its_delay() {
    let hook = Hook::new("a");
    let options = EngineOptions {
        start_delay: Duration::from_secs(5),
        ..EngineOptions::default()
    };
    let yaml = tiny("6s", "10m", &[&hook]);
    // The program of a story is up a little before the story begins.
    let mut world = World::with(options, 0.5, &[("default", &yaml)], &[&hook]).await;

    world.at(1.0).push([alert("test1").start(-100.0)]).await;
    world.at(2.0).push([alert("test2").start(2.0)]).await;
    let first = [alert("test1").active(-100.0), alert("test2").active(2.0)];
    world.expect(&hook, between(4.0, 5.0), first.clone());

    world.at(5.0).reload().await;
    world.at(6.0).push([alert("test3").start(6.0)]).await;
    world.at(7.0).push([alert("test4").start(7.0)]).await;
    let [one, two] = first;
    let all = [
        one,
        two,
        alert("test3").active(6.0),
        alert("test4").active(7.0),
    ];
    world.expect(&hook, between(11.0, 11.5), all);
    world.finish(16.9).await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_repeats_nothing() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("6s", "10m", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [alert("test1").active(1.0)]);
    world.at(3.0).reload().await;
    world.at(4.0).push([alert("test2").start(4.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(4.0)];
    world.expect(&hook, between(9.0, 9.5), both);
    world.finish(20.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_too_slow_is_tried_again() {
    let hook = Hook::scripted("a", |at, _| match at {
        ..3.0 => Answer::Fail.after(1.0),
        _ => Answer::Accept,
    });
    let yaml = "
route: {receiver: default, group_wait: 1s, group_interval: 1m, repeat_interval: 1h}
receivers:
- name: default
  webhook_configs: [{url: 'http://a', timeout: 500ms}]
";
    let mut world = World::new(yaml, &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Backoff is random; whatever it is, an attempt after 3 comes well before 5.
    world.expect(&hook, between(3.0, 5.0), [alert("test1").active(1.0)]);
    world.finish(20.0).await;
    assert!(hook.attempts().len() > 1);
}
