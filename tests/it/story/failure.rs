//! Receivers that fail: what is tried again, when, and under which key.

use std::collections::BTreeSet;

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, between};

#[tokio::test(start_paused = true)]
async fn a_server_fault_is_tried_again_within_the_flush() {
    let hook = Hook::until("a", 6.0, Answer::Fail);
    let mut world = World::new(&tiny("1m", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(6.0, 12.0), [alert("test1").active(1.0)]);
    world.finish(55.0).await;
    let keys: BTreeSet<_> = hook.attempts().into_iter().map(|a| a.key).collect();
    assert_eq!(keys.len(), 1, "every attempt carries the same key");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_tried_at_the_next_tick_with_what_is_true_then() {
    let hook = Hook::until("a", 10.0, Answer::Refuse);
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(8.0).push([alert("test2").start(8.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(8.0)];
    world.expect_because(&hook, between(12.0, 12.1), "first notification", both);
    world.finish(40.0).await;
    let at: Vec<_> = hook.attempts().iter().map(|a| a.at.round()).collect();
    assert_eq!(at, [2.0, 7.0, 12.0], "one attempt a tick");
    let keys: BTreeSet<_> = hook.attempts().into_iter().map(|a| a.key).collect();
    assert_eq!(keys.len(), 3, "other messages have other keys");
}

#[tokio::test(start_paused = true)]
async fn what_ended_before_it_was_ever_told_is_not_told() {
    let hook = Hook::until("a", 10.0, Answer::Refuse);
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world
        .at(8.0)
        .push([alert("test1").start(1.0).end(8.0)])
        .await;
    world.at(20.0).reached().await;
    assert_eq!(world.engine().group_count(), 0);
    world.finish(40.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_refused_is_owed() {
    let hook = Hook::scripted("a", |at, _| match at {
        4.0..14.0 => Answer::Refuse,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(3.0)
        .push([alert("test1").start(1.0).end(3.0)])
        .await;
    world.expect(
        &hook,
        between(17.0, 17.1),
        [alert("test1").resolved(1.0, 3.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_never_came_is_repeated_as_it_was_and_then_come_the_news() {
    let hook = Hook::until("a", 10.0, Answer::AcceptInSilence);
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Nobody answers: the flush ends at 12 with its deadline.
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).push([alert("test2").start(5.0)]).await;
    world
        .at(6.0)
        .push([alert("test1").start(1.0).end(6.0)])
        .await;
    // The same message, although test1 is over by now; then what is new.
    world.expect_because(
        &hook,
        between(12.0, 12.1),
        "first notification",
        [alert("test1").active(1.0)],
    );
    let news = [
        alert("test1").resolved(1.0, 6.0),
        alert("test2").active(5.0),
    ];
    world.expect_because(&hook, between(12.0, 12.1), "new alerts added", news);
    world.at(20.0).reached().await;
    let arrived = hook.arrived();
    assert_eq!(arrived[0].key, arrived[1].key);
    assert_ne!(arrived[1].key, arrived[2].key);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn news_are_judged_when_the_message_in_flight_is_through() {
    // Nobody answers at first; then the receiver fails for a while within the second flush.
    let hook = Hook::scripted("a", |at, _| match at {
        0.0..10.0 => Answer::AcceptInSilence,
        10.0..16.0 => Answer::Fail,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).push([alert("test2").start(5.0)]).await;
    world
        .at(6.0)
        .push([alert("test2").start(5.0).end(6.0)])
        .await;
    // While the message in flight is repeated, test1 ends and test2 begins anew.
    world
        .at(14.0)
        .push([
            alert("test1").start(1.0).end(14.0),
            alert("test2").start(14.0),
        ])
        .await;
    world.expect(&hook, between(16.0, 22.0), [alert("test1").active(1.0)]);
    let news = [
        alert("test1").resolved(1.0, 14.0),
        alert("test2").active(14.0),
    ];
    world.expect_because(&hook, between(16.0, 22.0), "new alerts added", news);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_end_is_repeated_as_it_was() {
    let hook = Hook::scripted("a", |at, _| match at {
        4.0..16.0 => Answer::AcceptInSilence,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(4.0)
        .push([alert("test1").start(1.0).end(4.0)])
        .await;
    world.expect(
        &hook,
        between(12.0, 12.1),
        [alert("test1").resolved(1.0, 4.0)],
    );
    // It fires again before anybody knows whether its end was heard; the repeat tells of it as the tick found it, over.
    world.at(15.0).push([alert("test1").start(15.0)]).await;
    world.expect(
        &hook,
        between(22.0, 22.1),
        [alert("test1").resolved(12.0, 12.0)],
    );
    let again = [alert("test1").active(15.0)];
    world.expect_because(&hook, between(22.0, 22.1), "first notification", again);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_keeps_its_key_when_no_attempt_could_be_made() {
    // The first message may have arrived; then the receiver asks for patience beyond a whole tick.
    let hook = Hook::scripted("a", |at, n| match n {
        0 => Answer::AcceptInSilence,
        1 => Answer::Later(100.0),
        _ if at < 110.0 => Answer::Fail,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(200.0).reached().await;
    let keys: BTreeSet<_> = hook.attempts().into_iter().take(2).map(|a| a.key).collect();
    assert_eq!(keys.len(), 1, "the repeat is under the same key");
    world.kill();
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_patience_is_left_alone_for_so_long() {
    let hook = Hook::scripted("a", |_, n| {
        if n == 0 {
            Answer::Later(7.0)
        } else {
            Answer::Accept
        }
    });
    let mut world = World::new(&tiny("1m", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(9.0, 9.1), [alert("test1").active(1.0)]);
    world.finish(55.0).await;
    assert_eq!(hook.attempts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn patience_is_for_every_group_of_the_receiver_and_outlives_the_flush() {
    let hook = Hook::scripted("a", |_, n| {
        if n == 0 {
            Answer::Later(30.0)
        } else {
            Answer::Accept
        }
    });
    let yaml = "
route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 10s}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(5.5).push([alert("test2").start(5.5)]).await;
    world.expect(&hook, between(32.0, 32.1), [alert("test1").active(1.0)]);
    world.expect(&hook, between(32.0, 32.1), [alert("test2").active(5.5)]);
    world.finish(90.0).await;
    assert_eq!(hook.attempts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_delays_nobody_else() {
    let (good, bad) = (Hook::new("a"), Hook::scripted("b", |_, _| Answer::Hang));
    let yaml = "
route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 5s}
receivers: [{name: default, webhook_configs: [{url: 'http://b'}, {url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&good, &bad]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&good, between(2.0, 2.1), [alert("test1").active(1.0)]);
    // Another group, while the first one's flush still hangs.
    world.at(3.0).push([alert("test2").start(3.0)]).await;
    world.expect(&good, between(4.0, 4.1), [alert("test2").active(3.0)]);
    // What the good one was told is not told again because of the bad one.
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_flush_longer_than_the_interval_delays_the_next_and_none_pile_up() {
    let hook = Hook::scripted("a", |_, _| Answer::Accept.after(9.0));
    let mut world = World::new(&tiny("2s", "1ms", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // Begun at 2, done at 11; the tick of 10 is overdue and comes at once, the ones before it are gone. So on.
    for at in [11.0, 20.0, 29.0] {
        world.expect(&hook, between(at, at + 0.1), [alert("test1").active(1.0)]);
    }
    world.finish(37.0).await;
    let at: Vec<_> = hook.attempts().iter().map(|a| a.at.round()).collect();
    assert_eq!(at, [2.0, 11.0, 20.0, 29.0], "one flush at a time");
}

#[tokio::test(start_paused = true)]
async fn the_grid_outlives_a_long_flush() {
    let hook = Hook::scripted("a", |_, n| match n {
        0 => Answer::Accept.after(8.0),
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("5s", "1ms", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    for at in [10.0, 10.0, 12.0, 17.0, 22.0] {
        world.expect(&hook, between(at, at + 0.1), [alert("test1").active(1.0)]);
    }
    world.finish(26.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_nobody_will_hear_is_given_up_in_the_end() {
    let hook = Hook::scripted("a", |at, _| match at {
        ..4.0 => Answer::Accept,
        _ => Answer::Refuse,
    });
    let mut world = World::new(&tiny("1h", "4h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(10.0)
        .push([alert("test1").start(1.0).end(10.0)])
        .await;
    world.at(23.0 * 3600.0).reached().await;
    assert_eq!(world.engine().group_count(), 1, "it is still owed");
    world.at(26.0 * 3600.0).reached().await;
    assert_eq!(
        world.engine().group_count(),
        0,
        "it was given up after a day"
    );
    world.finish(27.0 * 3600.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_integration_costs_a_lease_and_nothing_more() {
    let bad = Hook::scripted("a", |_, n| {
        if n == 0 {
            Answer::Panic
        } else {
            Answer::Accept
        }
    });
    let good = Hook::new("b");
    let mut world = World::new(&tiny("10s", "1h", &[&bad, &good]), &[&bad, &good]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&bad, between(2.0, 63.0), [alert("test1").active(1.0)]);
    world.expect(&good, between(2.0, 63.0), [alert("test1").active(1.0)]);
    world.finish(200.0).await;
    let keys: BTreeSet<_> = bad.attempts().into_iter().map(|a| a.key).collect();
    assert_eq!(
        keys.len(),
        1,
        "nobody knows what became of the first attempt"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_a_repeat_and_the_news_after_it_tells_neither_twice() {
    let hook = Hook::scripted("a", |_, n| match n {
        // The first one's answer is lost, its repeat is accepted, the news hang.
        0 => Answer::AcceptInSilence,
        2 => Answer::Hang,
        // After the restart the news are refused once.
        3 => Answer::Refuse,
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    let one = || alert("test1").active(1.0);
    world.at(1.0).push([one()]).await;
    world.expect(&hook, between(2.0, 2.1), [one()]);
    world.at(5.0).push([alert("test2").start(5.0)]).await;
    world.expect(&hook, between(12.0, 12.1), [one()]);
    world.at(13.0).restart().await;
    world
        .at(14.0)
        .push([alert("test2").start(5.0).end(14.0)])
        .await;
    // test1 is told. Whether test2 was, in the attempt that hung, nobody knows: its end is owed (G1).
    let over = alert("test2").resolved(5.0, 14.0);
    world.expect(&hook, between(22.0, 22.1), [one(), over]);
    world.finish(60.0).await;
}
