//! Reloads: what was told stays told, and the new configuration is in force at once.

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, between};

/// Members of a group: one stays when a route of its own takes the other.
const TAKES_TEST2: &str =
    "{matchers: ['alertname=test2'], group_by: [alertname], receiver: default}";

/// group_wait 1s, group_interval 10s, with further routes and sections.
fn yaml(group_by: &str, routes: &str, rest: &str) -> String {
    format!(
        "
route:
  receiver: default
  group_by: {group_by}
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 1h
  routes: [{routes}]
receivers:
- {{name: default, webhook_configs: [{{url: 'http://a'}}]}}
- {{name: other, webhook_configs: [{{url: 'http://b'}}]}}
{rest}"
    )
}

const TO_OTHER: &str = "{matchers: ['alertname=nothing'], receiver: other}";

#[tokio::test(start_paused = true)]
async fn a_group_ticks_at_once_and_restarts_its_grid() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(4.0).push([alert("test2").start(4.0)]).await;
    world.at(5.0).reload().await;
    let both = [alert("test1").active(1.0), alert("test2").active(4.0)];
    world.expect(&hook, between(5.0, 5.1), both.clone());
    world.at(6.0).push([alert("test3").start(6.0)]).await;
    let [one, two] = both;
    world.expect(
        &hook,
        between(15.0, 15.1),
        [one, two, alert("test3").active(6.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_never_ticked_keeps_its_group_wait() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(1.5).reload().await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn the_restarted_grid_outlives_a_restart_of_the_process() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(5.0).reload().await;
    world.at(7.0).restart().await;
    world.at(8.0).push([alert("test2").start(8.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(8.0)];
    world.expect(&hook, between(15.0, 15.1), both);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_group_interval_applies() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10s", "30s", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .reload_with(&tiny("4s", "20s", &[&hook]))
        .await;
    world.at(6.0).push([alert("test2").start(6.0)]).await;
    let both = || [alert("test1").active(1.0), alert("test2").active(6.0)];
    world.expect(&hook, between(9.0, 9.1), both());
    world.expect(&hook, between(29.0, 29.1), both());
    world.finish(40.0).await;
}

#[tokio::test(start_paused = true)]
async fn new_inhibition_rules_apply() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[alertname]", TO_OTHER, ""), &[&a, &b]).await;
    world.at(1.0).push([alert("source").start(1.0)]).await;
    world.expect(&a, between(2.0, 2.1), [alert("source").active(1.0)]);
    let rule = "inhibit_rules: [{source_matchers: [alertname=source], target_matchers: [alertname=target]}]";
    world
        .at(5.0)
        .reload_with(&yaml("[alertname]", TO_OTHER, rule))
        .await;
    world.at(6.0).push([alert("target").start(6.0)]).await;
    world
        .at(25.0)
        .reload_with(&yaml("[alertname]", TO_OTHER, ""))
        .await;
    world.expect(&a, between(25.0, 25.1), [alert("target").active(6.0)]);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn members_that_move_are_not_told_again() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
    world.at(1.0).push(all()).await;
    world.expect(&a, between(2.0, 2.1), all());
    // Grouped otherwise: each in its own group, told already.
    world
        .at(5.0)
        .reload_with(&yaml("[alertname]", TO_OTHER, ""))
        .await;
    world
        .at(8.0)
        .push([alert("test1").start(1.0).end(8.0)])
        .await;
    world.expect(&a, between(8.0, 18.1), [alert("test1").resolved(1.0, 8.0)]);
    // And back.
    world.at(30.0).reload_with(&yaml("[]", TO_OTHER, "")).await;
    world.at(31.0).restart().await;
    world
        .at(32.0)
        .push([alert("test2").start(1.0).end(32.0)])
        .await;
    world.expect(
        &a,
        between(32.0, 42.1),
        [alert("test2").resolved(1.0, 32.0)],
    );
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn members_that_move_to_another_receiver_are_told_there() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    world
        .at(1.0)
        .push([alert("test1").start(1.0), alert("test2").start(1.0)])
        .await;
    let both = [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&a, between(2.0, 2.1), both);
    let route = "{matchers: [alertname=test2], receiver: other}";
    world.at(5.0).reload_with(&yaml("[]", route, "")).await;
    world.expect(&b, between(5.0, 12.1), [alert("test2").active(1.0)]);
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_told_survives_moves_made_while_the_process_was_down() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
    world.at(1.0).push(all()).await;
    world.expect(&a, between(2.0, 2.1), all());
    world.at(5.0).reached().await;
    world.kill();
    world.set_config(&yaml("[alertname]", TO_OTHER, ""));
    world.start().await;
    world
        .at(60.0)
        .push([alert("test1").start(1.0).end(60.0)])
        .await;
    world.expect(
        &a,
        between(60.0, 70.1),
        [alert("test1").resolved(1.0, 60.0)],
    );
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_out_is_not_cut() {
    let hook = Hook::scripted("a", |_, n| match n {
        0 => Answer::Accept.after(4.0),
        _ => Answer::Accept,
    });
    let mut world = World::new(&tiny("10s", "1h", &[&hook]), &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(3.0).reload().await;
    world.expect(&hook, between(6.0, 6.1), [alert("test1").active(1.0)]);
    world.finish(60.0).await;
    assert_eq!(hook.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_send_is_out_ticks_as_soon_as_that_is_done() {
    let a = Hook::scripted("a", |_, n| match n {
        0 => Answer::Accept.after(4.0),
        _ => Answer::Accept,
    });
    let b = Hook::new("b");
    let mut world = World::new(&tiny("10s", "1h", &[&a]), &[&a, &b]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&a, between(6.0, 6.1), [alert("test1").active(1.0)]);
    // A second integration while the first one is being told: it hears of the alert at the reload's tick, which waits
    // for the flush that is under way.
    world
        .at(3.0)
        .reload_with(&tiny("10s", "1h", &[&a, &b]))
        .await;
    world.expect(&b, between(3.0, 6.2), [alert("test1").active(1.0)]);
    // The grid restarted at 3.
    world.at(8.0).push([alert("test2").start(8.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(8.0)];
    world.expect(&a, between(13.0, 13.1), both.clone());
    world.expect(&b, between(13.0, 13.1), both);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dissolved_group_was_told_is_not_remembered_for_ever() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
    world.at(1.0).push(all()).await;
    world.expect(&a, between(2.0, 2.1), all());
    world
        .at(5.0)
        .reload_with(&yaml("[alertname]", TO_OTHER, ""))
        .await;
    world
        .at(6.0)
        .push([alert("test1").start(1.0).end(6.0)])
        .await;
    world.expect(&a, between(6.0, 16.0), [alert("test1").resolved(1.0, 6.0)]);
    // It fires anew; the process dies before that is told.
    world.at(30.0).push([alert("test1").start(30.0)]).await;
    world.at(30.5).restart().await;
    world.expect(&a, between(31.0, 31.1), [alert("test1").active(30.0)]);
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_carried_over_at_a_start_is_carried_over_once() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
    world.at(1.0).push(all()).await;
    world.expect(&a, between(2.0, 2.1), all());
    world.at(5.0).reached().await;
    world.kill();
    world.set_config(&yaml("[alertname]", TO_OTHER, ""));
    world.start().await;
    world
        .at(6.0)
        .push([alert("test1").start(1.0).end(6.0)])
        .await;
    world.expect(&a, between(6.0, 16.0), [alert("test1").resolved(1.0, 6.0)]);
    world.at(30.0).push([alert("test1").start(30.0)]).await;
    world.at(30.5).restart().await;
    world.expect(&a, between(31.0, 31.1), [alert("test1").active(30.0)]);
    // Back again while down: test2 was told in a group that is made anew now.
    world.at(40.0).reached().await;
    world.kill();
    world.set_config(&yaml("[]", TO_OTHER, ""));
    world.start().await;
    world.at(41.0).restart().await;
    let gone = ["test1", "test2"].map(|n| alert(n).start(1.0).end(42.0));
    world.at(42.0).push(gone).await;
    let gone = [alert("test1").over(), alert("test2").over()];
    world.expect(&a, between(42.0, 53.0), gone);
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_out_while_its_group_is_dissolved_is_not_repeated() {
    let a = Hook::scripted("a", |_, n| match n {
        0 => Answer::Accept.after(4.0),
        _ => Answer::Accept,
    });
    let b = Hook::new("b");
    let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
    let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
    world.at(1.0).push(all()).await;
    world
        .at(3.0)
        .reload_with(&yaml("[alertname]", TO_OTHER, ""))
        .await;
    world.expect(&a, between(6.0, 6.1), all());
    world
        .at(20.0)
        .push([alert("test1").start(1.0).end(20.0)])
        .await;
    world.expect(
        &a,
        between(20.0, 30.1),
        [alert("test1").resolved(1.0, 20.0)],
    );
    world.finish(90.0).await;
}

/// Of a group that stays some members leave, by a reload or by a restart.
#[tokio::test(start_paused = true)]
async fn members_that_leave_a_group_that_stays_are_not_told_again() {
    for (is_restarted, is_again) in [(false, false), (false, true), (true, false), (true, true)] {
        let (a, b) = (Hook::new("a"), Hook::new("b"));
        let mut world = World::new(&yaml("[]", TO_OTHER, ""), &[&a, &b]).await;
        let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
        world.at(1.0).push(all()).await;
        world.expect(&a, between(2.0, 2.1), all());
        let changed = yaml("[]", TAKES_TEST2, "");
        if is_restarted {
            world.at(5.0).restart_with(&changed).await;
        } else {
            world.at(5.0).reload_with(&changed).await;
        }
        let over = |name, end| alert(name).start(1.0).end(end);
        world.at(18.0).push([over("test2", 18.0)]).await;
        world.expect(
            &a,
            between(18.0, 28.1),
            [alert("test2").resolved(1.0, 18.0)],
        );
        if is_again {
            world.at(32.0).restart().await;
        }
        world.at(48.0).push([over("test1", 48.0)]).await;
        world.expect(
            &a,
            between(48.0, 58.1),
            [alert("test1").resolved(1.0, 48.0)],
        );
        world.finish(90.0).await;
    }
}

/// Who left a group, ended elsewhere, and belongs to it again by a further configuration, fires anew.
#[tokio::test(start_paused = true)]
async fn who_fires_anew_where_it_was_before_is_told() {
    for is_restarted in [false, true] {
        let (a, b) = (Hook::new("a"), Hook::new("b"));
        let before = yaml("[]", TO_OTHER, "");
        let mut world = World::new(&before, &[&a, &b]).await;
        let all = || ["test1", "test2"].map(|n| alert(n).active(1.0));
        world.at(1.0).push(all()).await;
        world.expect(&a, between(2.0, 2.1), all());
        world
            .at(5.0)
            .reload_with(&yaml("[]", TAKES_TEST2, ""))
            .await;
        world
            .at(8.0)
            .push([alert("test2").start(1.0).end(8.0)])
            .await;
        world.expect(&a, between(8.0, 18.1), [alert("test2").resolved(1.0, 8.0)]);
        if is_restarted {
            world.at(35.0).restart_with(&before).await;
        } else {
            world.at(35.0).reload_with(&before).await;
        }
        world.at(37.0).push([alert("test2").start(37.0)]).await;
        let both = [alert("test1").active(1.0), alert("test2").active(37.0)];
        world.expect(&a, between(37.0, 48.1), both);
        world.finish(60.0).await;
    }
}
