//! A process that was stopped and goes on, as after SIGSTOP or a paused machine.

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn nothing_ends_by_time_out_because_we_were_stopped() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "4h", &[&hook]), &[&hook]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0).end(61.0)])
        .await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(30.0).stalled_until(200.0).await;
    // Refreshed as soon as its sender gets through: nobody hears that it was ever gone.
    world
        .at(210.0)
        .push([alert("test1").start(1.0).end(700.0)])
        .await;
    world.expect(
        &hook,
        between(700.0, 712.0),
        [alert("test1").resolved(1.0, 700.0)],
    );
    world.finish(1_000.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_stays_away_after_a_stall_is_over_in_the_end() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "4h", &[&hook]), &[&hook]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0).end(61.0)])
        .await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(30.0).stalled_until(200.0).await;
    world.expect(&hook, between(500.0, 512.0), [alert("test1").over()]);
    world.finish(1_000.0).await;
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_one_tick() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "20s", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(10.0).stalled_until(73.0).await;
    // The latest tick missed is 72; the repeat after it counts from there.
    world.expect(&hook, between(73.0, 73.1), [alert("test1").active(1.0)]);
    world.expect(&hook, between(92.0, 92.1), [alert("test1").active(1.0)]);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_send_that_was_out_during_a_long_stall_is_repeated_under_its_key_or_known_as_told() {
    let hook = Hook::scripted("a", |_, n| match n {
        0 => Answer::Hang,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("1m", "4h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Stopped longer than the lease while the request is out.
    world.at(5.0).stalled_until(150.0).await;
    world.expect(&hook, between(150.0, 210.0), [alert("test1").active(1.0)]);
    world.finish(300.0).await;
    let keys: Vec<_> = hook.attempts().into_iter().map(|a| a.key).collect();
    assert!(
        keys.iter().all(|key| *key == keys[0]),
        "one message, one key"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_during_a_stall_counts() {
    let hook = Hook::scripted("a", |_, _| Answer::Accept.after(3.0));
    let mut world = World::new(&tiny("1m", "4h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(3.0).stalled_until(20.0).await;
    world.expect(&hook, between(20.0, 20.1), [alert("test1").active(1.0)]);
    world.finish(250.0).await;
}
