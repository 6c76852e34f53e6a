//! Silences: who is quiet, from when to when, and what comes after.

use crate::world::config::tiny;
use crate::world::{Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn a_silenced_alert_is_left_out_until_the_silence_ends() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1ms", &[&hook]), &[&hook]).await;
    let (one, two) = (|| alert("test1").active(1.0), || alert("test2").active(1.0));

    world.at(1.0).push([one(), two()]).await;
    world.expect(&hook, between(2.0, 2.5), [one(), two()]);
    world.at(2.3).silence("alertname=test1", 2.5, 4.5).await;
    world.expect(&hook, between(3.0, 3.5), [two()]);
    world.expect(&hook, between(4.0, 4.5), [two()]);
    world.expect(&hook, between(5.0, 5.5), [one(), two()]);
    world.finish(5.9).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_silence_hides_nothing_any_more() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1ms", &[&hook]), &[&hook]).await;
    let (one, two) = (|| alert("test1").active(1.0), || alert("test2").active(1.0));

    world.at(1.0).push([one(), two()]).await;
    let id = world.at(1.3).silence("alertname=~\".+\"", 1.5, 100.0).await;
    world.at(3.5).unsilence(&id).await;
    world.expect(&hook, between(3.5, 4.5), [one(), two()]);
    world.finish(4.9).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_silenced_goes_out_at_the_first_tick_after() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(3.0).silence("alertname=test1", 3.0, 13.0).await;
    world
        .at(4.0)
        .push([alert("test1").start(1.0).end(4.0)])
        .await;
    // Ticks at 7 and 12 are quiet; the silence ends at 13.
    world.expect_because(
        &hook,
        between(17.0, 17.1),
        "all alerts resolved",
        [alert("test1").resolved(1.0, 4.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn the_edges_of_a_silence_wait_for_the_grid() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(0.5).silence("alertname=test1", 0.5, 8.0).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // It is over at 8, but the group ticks at 2, 7, 12.
    world.expect_because(
        &hook,
        between(12.0, 12.1),
        "first notification",
        [alert("test1").active(1.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_silence_is_in_force_at_the_next_tick() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    let id = world.at(0.5).silence("alertname=test1", 0.5, 100.0).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Shortened: same silence. The tick at 7 is still quiet, the one at 12 is not.
    let same = world
        .at(3.0)
        .edit_silence(&id, "alertname=test1", 0.5, 9.0)
        .await;
    assert_eq!(same, id);
    world.expect(&hook, between(12.0, 12.1), [alert("test1").active(1.0)]);

    // Other matchers: the old one ends, a new one begins.
    let other = world
        .at(20.0)
        .silence("alertname=nothing", 20.0, 100.0)
        .await;
    let new = world
        .at(21.0)
        .edit_silence(&other, "alertname=test2", 21.0, 100.0)
        .await;
    assert_ne!(new, other);
    world.at(22.5).push([alert("test2").start(22.5)]).await;
    world.at(28.0).unsilence(&new).await;
    let both = [alert("test1").active(1.0), alert("test2").active(22.5)];
    world.expect(&hook, between(32.0, 32.1), both);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_silenced_alert_that_goes_and_comes_back_is_told_again_only_when_told_was_replaced() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|n| alert(n).active(1.0))
            .collect::<Vec<_>>()
    };
    let [one, two]: [_; 2] = names(&["test1", "test2"]).try_into().expect("two");

    world.at(1.0).push([one.clone(), two.clone()]).await;
    world.expect(&hook, between(2.0, 2.1), [one.clone(), two.clone()]);
    // Hidden and back without any message in between: nobody has forgotten it.
    world.at(3.0).silence("alertname=test1", 3.0, 10.0).await;
    // Hidden while another message goes out: that message replaced what was told.
    world.at(20.0).silence("alertname=test1", 20.0, 30.0).await;
    world.at(21.0).push([alert("test3").start(21.0)]).await;
    let news = [two.clone(), alert("test3").active(21.0)];
    world.expect_because(&hook, between(22.0, 22.1), "new alerts added", news);
    let all = [one, two, alert("test3").active(21.0)];
    world.expect_because(&hook, between(32.0, 32.1), "new alerts added", all);
    world.finish(60.0).await;
}

/// Goal: an end is told even if another message went out while the alert was silenced. Method: silence a told alert, let a
/// second one be told, end the silence, then the first alert.
#[tokio::test(start_paused = true)]
async fn an_end_is_owed_although_a_message_went_out_while_the_alert_was_silenced() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("1s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("x1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [alert("x1").active(1.0)]);
    let silence = world.at(2.2).silence("alertname=~x1", 2.2, 100.0).await;
    world.at(2.4).push([alert("x2").start(2.4)]).await;
    world.expect(&hook, between(3.0, 3.5), [alert("x2").active(2.4)]);
    world.at(3.6).unsilence(&silence).await;
    world.at(3.7).push([alert("x1").start(1.0).end(3.7)]).await;
    world.expect(
        &hook,
        between(4.0, 4.5),
        [alert("x1").resolved(1.0, 3.7), alert("x2").active(2.4)],
    );
    world.finish(10.0).await;
}
