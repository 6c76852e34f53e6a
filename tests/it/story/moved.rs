//! Members that a configuration moves while the fate of a message is not known, or more than once: no page is lost, no end is told twice.

use crate::world::{Alert, Answer, Hook, World, alert, between};

/// Takes n1 and n2 out of the group of all.
const OWN: &str = "{matchers: ['alertname=~\"n1|n2\"'], receiver: default}";

/// Takes n0 and n1.
const OTHER: &str = "{matchers: ['alertname=~\"n0|n1\"'], receiver: default}";

/// One group of all alerts, but for those a route of its own takes.
fn yaml(routes: &str) -> String {
    format!(
        "route: {{receiver: default, group_wait: 1s, group_interval: 10s, repeat_interval: 4h, routes: [{routes}]}}\n\
         receivers:\n- name: default\n  webhook_configs: [{{url: 'http://a'}}, {{url: 'http://b', send_resolved: false}}]\n"
    )
}

fn fires(name: &str, from: f64) -> Alert {
    alert(name).start(from).end(90_000.0)
}

/// The answer to a request comes late, and the process does not live to hear it; all others are accepted at once.
fn slow(which: &'static [usize]) -> Hook {
    Hook::scripted("a", move |_, number| match which.contains(&number) {
        true => Answer::Accept.after(4.0),
        false => Answer::Accept,
    })
}

/// How often a hook was told something of an alert since then.
fn told(hook: &Hook, name: &str, is_resolved: bool, since: f64) -> usize {
    let messages = hook.arrived().into_iter().filter(|m| m.at >= since);
    let is_it = |a: &Alert| a.labels["alertname"] == name && a.is_resolved == is_resolved;
    messages.filter(|m| m.alerts.iter().any(is_it)).count()
}

impl World {
    async fn change(&mut self, at: f64, yaml: &str, is_restart: bool) {
        match is_restart {
            true => self.at(at).restart_with(yaml).await,
            false => self.at(at).reload_with(yaml).await,
        }
    }
}

/// The process dies with a message about n0 and n2 on its way; the next one knows a route of its own for n2, which is over at 50.
async fn split_in_flight() -> (World, [Hook; 2]) {
    let (a, b) = (slow(&[0]), Hook::new("b"));
    let mut world = World::new(&yaml(""), &[&a, &b]).await;
    world
        .at(1.0)
        .push([fires("n0", 1.0), fires("n2", 1.0)])
        .await;
    world.change(3.0, &yaml(OWN), true).await;
    let over = alert("n2").start(1.0).end(49.9);
    world.at(50.0).push([over]).await;
    (world, [a, b])
}

/// The message that was repeated for the group that was left says nothing of who left it.
#[tokio::test(start_paused = true)]
async fn who_left_while_a_message_was_of_unknown_fate_fires_anew_where_it_was() {
    for is_back_by_restart in [false, true] {
        let (mut world, hooks) = split_in_flight().await;
        world.change(80.0, &yaml(""), is_back_by_restart).await;
        world.at(100.0).push([fires("n2", 100.0)]).await;
        world.at(150.0).reached().await;
        world.kill();
        for hook in hooks {
            assert_eq!(told(&hook, "n2", false, 100.0), 1, "it fires anew");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_left_while_a_message_was_of_unknown_fate_ends_once() {
    let (mut world, [a, _]) = split_in_flight().await;
    world.at(80.0).restart().await;
    world.at(150.0).reached().await;
    world.kill();
    assert_eq!(told(&a, "n2", true, 0.0), 1);
}

/// An end that may have been told comes to a group whose own message may have been.
#[tokio::test(start_paused = true)]
async fn an_end_in_flight_is_told_where_a_message_is_in_flight_too() {
    let (a, b) = (slow(&[1, 2]), Hook::new("b"));
    let mut world = World::new(&yaml(OWN), &[&a, &b]).await;
    world.at(1.0).push([fires("n1", 1.0)]).await;
    let over = alert("n1").start(1.0).end(29.9);
    world.at(30.0).push([over, fires("n0", 30.0)]).await;
    world.change(33.0, &yaml(""), true).await;
    world.at(900.0).reached().await;
    world.kill();
    assert_eq!(told(&a, "n1", true, 0.0), 1);
}

/// Its end came before the last message of the group it is in by now: nobody was told since that it fires.
#[tokio::test(start_paused = true)]
async fn what_is_over_does_not_fire_again_after_a_move_and_a_restart() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&yaml(OWN), &[&a, &b]).await;
    world
        .at(1.0)
        .push([fires("n1", 1.0), fires("n2", 1.0)])
        .await;
    let both = [alert("n1").active(1.0), alert("n2").active(1.0)];
    world.expect(&a, between(2.0, 2.1), both.clone());
    world.expect(&b, between(2.0, 2.1), both);
    let over = alert("n1").start(1.0).end(4.5);
    world.at(5.0).push([over]).await;
    let [one, two] = [alert("n1").resolved(1.0, 4.5), alert("n2").active(1.0)];
    world.expect(&a, between(5.0, 12.1), [one, two]);
    world.at(20.0).push([fires("n0", 20.0)]).await;
    world.expect(&a, between(21.0, 21.1), [alert("n0").active(20.0)]);
    world.expect(&b, between(21.0, 21.1), [alert("n0").active(20.0)]);
    world.change(30.0, &yaml(""), true).await;
    world.at(40.0).restart().await;
    world.finish(600.0).await;
}

/// A member comes to a group that is being flushed when that is done; what it was told before outlives a restart before and after.
#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_of_a_flush_counts_as_told_after_a_restart() {
    // Before and after it has come; the group it left is no more, or n2 stays in it.
    let swapped = (format!("{OWN}, {OTHER}"), format!("{OTHER}, {OWN}"));
    let routes = [(OWN.to_owned(), String::new()), swapped];
    let cases = routes
        .iter()
        .flat_map(|routes| [(routes, 35.0), (routes, 60.0)]);
    for ((before, after), restarted_at) in cases {
        let (a, b) = (Hook::new("a"), {
            let answer = |number| match number {
                1 => Answer::Accept.after(8.0),
                _ => Answer::Accept,
            };
            Hook::scripted("b", move |_, number| answer(number))
        });
        let mut world = World::new(&yaml(before), &[&a, &b]).await;
        world
            .at(1.0)
            .push([fires("n1", 1.0), fires("n2", 1.0)])
            .await;
        world.at(30.0).push([fires("n0", 30.0)]).await;
        // The group of n0 is being told from 31 to 39.
        world.change(33.0, &yaml(after), false).await;
        world.at(restarted_at).restart().await;
        let over = alert("n1").start(1.0).end(69.9);
        world.at(70.0).push([over]).await;
        world.at(200.0).reached().await;
        world.kill();
        assert_eq!(told(&a, "n1", false, 10.0), 0, "{restarted_at} {after}");
        assert_eq!(told(&a, "n1", true, 0.0), 1, "{restarted_at} {after}");
    }
}

/// A fallback that is none for a while counts as told nothing, whatever restarts lie between.
#[tokio::test(start_paused = true)]
async fn a_former_fallback_is_told_anew_after_restarts() {
    let with = "route: {receiver: ops, group_wait: 1s, group_interval: 10s, repeat_interval: 4h}\nreceivers:\n\
                - {name: ops, fallback_receiver: phones, webhook_configs: [{url: 'http://a'}]}\n\
                - {name: phones, webhook_configs: [{url: 'http://b'}]}\n";
    let without = with.replace("fallback_receiver: phones, ", "");
    for (is_taken_by_restart, is_given_by_restart) in [(true, true), (false, true), (true, false)] {
        let a = Hook::scripted("a", |at, _| match (5.0..=58.0).contains(&at) {
            true => Answer::Accept,
            false => Answer::Refuse,
        });
        let b = Hook::new("b");
        let mut world = World::new(with, &[&a, &b]).await;
        world
            .at(1.0)
            .push([fires("n1", 1.0), fires("n2", 1.0)])
            .await;
        let both = [alert("n1").active(1.0), alert("n2").active(1.0)];
        world.expect(&b, between(2.0, 2.1), both.clone());
        world.expect(&a, between(12.0, 12.1), both);
        world.change(40.0, &without, is_taken_by_restart).await;
        let over = alert("n1").start(1.0).end(44.9);
        world.at(45.0).push([over]).await;
        let [one, two] = [alert("n1").resolved(1.0, 44.9), alert("n2").active(1.0)];
        world.expect(&a, between(45.0, 55.0), [one, two]);
        world.at(60.0).push([fires("n1", 60.0)]).await;
        world.change(80.0, with, is_given_by_restart).await;
        let both = [alert("n1").active(60.0), alert("n2").active(1.0)];
        world.expect(&b, between(80.0, 200.0), both);
        world.finish(1_000.0).await;
    }
}
