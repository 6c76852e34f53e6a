//! Instances that die and come back: nothing told twice, nothing lost, nobody declared well because we were away.

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn nothing_is_told_again_after_a_restart_and_the_grid_stays() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).restart().await;
    world.at(6.0).push([alert("test2").start(6.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(6.0)];
    world.expect_because(&hook, between(12.0, 12.1), "new alerts added", both);
    world.at(14.0).restart().await;
    world.at(15.0).restart().await;
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_orderly_stop_loses_nothing_either() {
    let hook = Hook::scripted("a", |_, _| Answer::Accept.after(2.0));
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Stopped while the message is out: it is finished and recorded first.
    world.expect(&hook, between(4.0, 4.1), [alert("test1").active(1.0)]);
    world.at(3.0).reached().await;
    world.stop().await;
    world.start().await;
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn acknowledged_and_never_told_is_told_after_the_restart() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(1.5).restart().await;
    // The grid is what it was: group_wait after the group came.
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_missed_tick_is_due_at_once_and_the_grid_goes_on() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).push([alert("test2").start(5.0)]).await;
    world.at(6.0).killed_until(15.0).await;
    let both = [alert("test1").active(1.0), alert("test2").active(5.0)];
    world.expect(&hook, between(15.0, 15.2), both.clone());
    world.at(16.0).push([alert("test3").start(16.0)]).await;
    let [one, two] = both;
    let all = [one, two, alert("test3").active(16.0)];
    world.expect(&hook, between(22.0, 22.1), all);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_first_tick_missed_is_due_at_once() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(1.5).killed_until(7.0).await;
    world.expect(&hook, between(7.0, 7.2), [alert("test1").active(1.0)]);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_recorded_before_the_restart_is_told_after_it() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .push([alert("test1").start(1.0).end(5.0)])
        .await;
    world.at(6.0).restart().await;
    world.expect(
        &hook,
        between(12.0, 12.1),
        [alert("test1").resolved(1.0, 5.0)],
    );
    world.at(20.0).restart().await;
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_ends_by_time_out_for_five_minutes_after_a_restart() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "4h", &[&hook]), &[&hook]).await;

    // As Prometheus posts: the end is stated, and moved on by every refresh.
    world
        .at(1.0)
        .push([
            alert("stated").start(1.0).end(61.0),
            alert("refreshed").start(1.0),
        ])
        .await;
    let both = [alert("stated").active(1.0), alert("refreshed").active(1.0)];
    world.expect(&hook, between(2.0, 2.1), both);
    world.at(30.0).killed_until(1_000.0).await;
    // Both ran out while we were away. One of them is heard of again.
    world
        .at(1_100.0)
        .push([alert("refreshed").start(1.0)])
        .await;
    let over = [alert("stated").over(), alert("refreshed").active(1.0)];
    world.expect_because(
        &hook,
        between(1_300.0, 1_310.1),
        "some alerts resolved",
        over,
    );
    let over = [alert("refreshed").over()];
    world.expect_because(
        &hook,
        between(1_400.0, 1_410.1),
        "all alerts resolved",
        over,
    );
    world.finish(3_000.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_explicit_end_counts_even_then() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "4h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(30.0).killed_until(1_000.0).await;
    world
        .at(1_003.0)
        .push([alert("test1").start(1.0).end(1_003.0)])
        .await;
    world.expect(&hook, between(1_003.0, 1_013.0), [alert("test1").over()]);
    world.finish(2_000.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_is_repeated_under_the_same_key() {
    let hook = Hook::scripted("a", |_, n| match n {
        0 => Answer::AcceptInSilence,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("30s", "1h", &[&hook]), &[&hook]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0), alert("test2").start(1.0)])
        .await;
    let both = || [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&hook, between(2.0, 2.1), both());
    world
        .at(3.0)
        .push([alert("test1").start(1.0).end(3.0)])
        .await;
    world.at(4.0).restart().await;
    // Settled at once, and with the same statuses; then the news.
    world.expect(&hook, between(4.0, 4.2), both());
    let news = [
        alert("test1").resolved(1.0, 3.0),
        alert("test2").active(1.0),
    ];
    world.expect(&hook, between(4.0, 4.2), news);
    world.at(10.0).reached().await;
    assert_eq!(hook.arrived()[0].key, hook.arrived()[1].key);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_to_one_who_wants_no_ends_is_repeated_whole() {
    let hook = Hook::scripted("a", |_, n| match n {
        0 => Answer::AcceptInSilence,
        _ => Answer::Accept,
    });
    let yaml = "
route: {receiver: default, group_wait: 1s, group_interval: 30s, repeat_interval: 1h}
receivers: [{name: default, webhook_configs: [{url: 'http://a', send_resolved: false}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0), alert("test2").start(1.0)])
        .await;
    let both = || [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&hook, between(2.0, 2.1), both());
    world
        .at(3.0)
        .push([alert("test1").start(1.0).end(3.0)])
        .await;
    world.at(4.0).restart().await;
    world.expect(&hook, between(4.0, 4.2), both());
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_about_an_end_nobody_was_told_the_beginning_of_is_repeated_whole() {
    let hook = Hook::scripted("a", |_, n| match n {
        1 => Answer::AcceptInSilence,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("30s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    // It begins and ends between two ticks, and is named beside the news as Alertmanager does.
    world
        .at(5.0)
        .push([alert("short").start(5.0), alert("test2").start(5.0)])
        .await;
    world
        .at(6.0)
        .push([alert("short").start(5.0).end(6.0)])
        .await;
    let message = || {
        [
            alert("test1").active(1.0),
            alert("test2").active(5.0),
            alert("short").resolved(5.0, 6.0),
        ]
    };
    world.expect(&hook, between(32.0, 32.1), message());
    world.at(33.0).restart().await;
    world.expect(&hook, between(33.0, 33.2), message());
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn silences_outlive_a_restart() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    let id = world.at(0.5).silence("alertname=test1", 0.5, 40.0).await;
    let gone = world.at(0.6).silence("alertname=test2", 0.6, 40.0).await;
    world.at(0.7).unsilence(&gone).await;
    world
        .at(1.0)
        .push([alert("test1").start(1.0), alert("test2").start(1.0)])
        .await;
    world.expect(&hook, between(2.0, 2.1), [alert("test2").active(1.0)]);
    world.at(5.0).restart().await;
    assert!(world.tenant().silence(&id).is_some());
    world
        .at(5.5)
        .edit_silence(&id, "alertname=test1", 0.5, 20.0)
        .await;
    let both = [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&hook, between(22.0, 22.1), both);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn the_repeat_is_counted_on_over_a_restart() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "30s", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(15.0).restart().await;
    world.expect(&hook, between(32.0, 32.1), [alert("test1").active(1.0)]);
    world.at(40.0).killed_until(90.0).await;
    world.expect(&hook, between(90.0, 90.2), [alert("test1").active(1.0)]);
    world.finish(110.0).await;
}

#[tokio::test(start_paused = true)]
async fn ten_restarts_in_a_row_say_nothing() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    for n in 0..10 {
        world.at(4.0 + 7.0 * f64::from(n)).restart().await;
    }
    // An acknowledged end after all of them is still told.
    world
        .at(80.0)
        .push([alert("test1").start(1.0).end(80.0)])
        .await;
    world.expect(
        &hook,
        between(80.0, 90.1),
        [alert("test1").resolved(1.0, 80.0)],
    );
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_posts_in_one_instant_the_later_one_counts() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .push([alert("test1").start(5.0).end(5.0)])
        .await;
    world
        .at(5.0)
        .push([alert("test1").start(5.0).end(1_000.0)])
        .await;
    world.at(6.0).restart().await;
    world.finish(60.0).await;
}
