//! A receiver that hears of an alert in more than one way hears each news once.

use std::collections::BTreeSet;

use crate::world::{Answer, Hook, World, alert, between};

/// Routes to `main`, whose fallback `backup` is, and then to another receiver; `backup` tells hook `b`.
fn two_ways(second: &str, more: &str) -> String {
    format!(
        "route:\n  receiver: main\n  group_wait: 1s\n  group_interval: 10s\n  repeat_interval: 1h\n  routes:\n  \
         - {{receiver: main, continue: true}}\n  - {second}\n\
         receivers:\n- name: main\n  fallback_receiver: backup\n  webhook_configs: [{{url: 'http://a'}}]\n\
         - name: other\n  fallback_receiver: backup\n  webhook_configs: [{{url: 'http://c'}}]\n\
         - name: backup\n  webhook_configs: [{{url: 'http://b'}}]\n{more}"
    )
}

/// Two that refuse everything, and their fallback.
fn hooks() -> (Hook, Hook, Hook) {
    let refusing = |name| Hook::scripted(name, |_, _| Answer::Refuse);
    (refusing("a"), refusing("c"), Hook::new("b"))
}

#[tokio::test(start_paused = true)]
async fn who_is_routed_to_hears_nothing_twice_as_a_fallback() {
    let (main, other, backup) = hooks();
    let mut world = World::new(
        &two_ways("{receiver: backup}", ""),
        &[&main, &other, &backup],
    )
    .await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(15.0).push([alert("test2").start(15.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(15.0)];
    world.expect(&backup, between(22.0, 22.1), both);
    let over = [
        alert("test1").start(1.0).end(25.0),
        alert("test2").start(15.0).end(25.0),
    ];
    world.at(25.0).push(over).await;
    let over = [
        alert("test1").resolved(1.0, 25.0),
        alert("test2").resolved(15.0, 25.0),
    ];
    world.expect(&backup, between(32.0, 32.1), over);
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn two_receivers_that_fail_tell_their_fallback_once() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: other}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(25.0)
        .push([alert("test1").start(1.0).end(25.0)])
        .await;
    world.expect(
        &backup,
        between(32.0, 32.1),
        [alert("test1").resolved(1.0, 25.0)],
    );
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_waits_a_moment_only_for_a_group_that_tells_later() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup, group_wait: 30s}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(3.0, 3.1), [alert("test1").active(1.0)]);
    // What it was told in place of the other is no news when its own group is due.
    world.at(35.0).push([alert("test2").start(35.0)]).await;
    world.expect(&backup, between(41.0, 41.1), [alert("test2").active(35.0)]);
    // Each group tells the end of what it told.
    let over = [
        alert("test1").start(1.0).end(45.0),
        alert("test2").start(35.0).end(45.0),
    ];
    world.at(45.0).push(over).await;
    world.expect(
        &backup,
        between(51.0, 51.1),
        [alert("test2").resolved(35.0, 45.0)],
    );
    world.expect(
        &backup,
        between(52.0, 52.1),
        [alert("test1").resolved(1.0, 45.0)],
    );
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_told_what_its_own_route_keeps_quiet_about() {
    let (main, other, backup) = hooks();
    let always = "time_intervals:\n- name: always\n  time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]\n";
    let yaml = two_ways("{receiver: backup, mute_time_intervals: [always]}", always);
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(3.0, 3.1), [alert("test1").active(1.0)]);
    world.finish(40.0).await;
    assert_eq!(backup.arrived()[0].receiver, "backup");
}

#[tokio::test(start_paused = true)]
async fn who_heard_it_in_place_of_another_is_reminded_as_its_own_route_says() {
    // The receiver works for an hour and a half.
    let main = Hook::scripted("a", |_, n| match n {
        0 | 1 | 4.. => Answer::Refuse,
        _ => Answer::Accept,
    });
    let (_, other, backup) = hooks();
    let yaml = two_ways(
        "{receiver: backup, group_wait: 30s, repeat_interval: 30m}",
        "",
    );
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let fires = || [alert("test1").active(1.0)];
    let lasting = alert("test1").start(1.0).end(90_000.0);
    world.at(1.0).push([lasting]).await;
    world.expect(&backup, between(3.0, 3.1), fires());
    world.expect(&main, between(22.0, 22.1), fires());
    world.expect(&main, between(3_622.0, 3_622.1), fires());
    // From 7,222 s on the receiver fails again; that changes nothing.
    for half_an_hour in 1..=5 {
        let at = 2.0 + 1_800.0 * f64::from(half_an_hour);
        world.expect(&backup, between(at, at + 1.1), fires());
    }
    // Who told the beginning tells the end, and nobody else.
    world
        .at(9_100.0)
        .push([alert("test1").start(1.0).end(9_100.0)])
        .await;
    world.expect(
        &backup,
        between(9_102.0, 9_103.1),
        [alert("test1").resolved(1.0, 9_100.0)],
    );
    world.finish(9_200.0).await;
    let groups: BTreeSet<_> = backup
        .arrived()
        .iter()
        .map(|m| m.group_key.clone())
        .collect();
    assert_eq!(groups.len(), 1, "{groups:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_needed_and_has_no_route_of_its_own_is_not_reminded() {
    let main = Hook::scripted("a", |_, n| match n {
        0 | 1 => Answer::Refuse,
        _ => Answer::Accept,
    });
    let (_, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup, matchers: [alertname=test2]}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let lasting = |name| alert(name).start(1.0).end(90_000.0);
    world
        .at(1.0)
        .push([lasting("test1"), lasting("test2")])
        .await;
    let (one, two) = (alert("test1").active(1.0), alert("test2").active(1.0));
    let both = [one.clone(), two.clone()];
    // Its own route tells it of one, and of the other one it is told in place of the receiver.
    world.expect(&backup, between(2.0, 2.1), [two.clone()]);
    world.expect(&backup, between(3.0, 3.1), [one.clone()]);
    world.expect(&main, between(22.0, 22.1), both.clone());
    world.expect(&main, between(3_622.0, 3_622.1), both);
    world.expect(&backup, between(3_602.0, 3_602.1), [two]);
    world.finish(3_700.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_told_of_an_earlier_time_it_fired_counts_for_nothing() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup}", "")
        .replace(
            "{receiver: main, continue",
            "{receiver: main, group_by: [alertname], continue",
        )
        .replace("'http://b'", "'http://b', send_resolved: false");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let both = [alert("test1").start(1.0), alert("test2").start(1.0)];
    world.at(1.0).push(both).await;
    let both = [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&backup, between(2.0, 2.1), both);
    let over = alert("test1").start(1.0).end(5.0);
    world.at(5.0).push([over]).await;
    // Its own route takes it for told, as Alertmanager does where ends are not told; the fallback does not.
    world.at(30.0).push([alert("test1").start(30.0)]).await;
    world.expect(&backup, between(32.0, 32.1), [alert("test1").active(30.0)]);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_silenced_for_a_while_is_told_once_again() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: other}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let both = [alert("test1").start(1.0), alert("test2").start(1.0)];
    world.at(1.0).push(both).await;
    let both = [alert("test1").active(1.0), alert("test2").active(1.0)];
    world.expect(&backup, between(2.0, 2.1), both);
    let matcher = r#"alertname="test1""#;
    world.at(5.0).silence(matcher, 5.0, 25.0).await;
    // Something else is told meanwhile: to whoever hears that, test1 fires no more.
    world.at(6.0).push([alert("test3").start(6.0)]).await;
    let told = [alert("test2").active(1.0), alert("test3").active(6.0)];
    world.expect(&backup, between(12.0, 12.1), told);
    let all = [
        alert("test1").active(1.0),
        alert("test2").active(1.0),
        alert("test3").active(6.0),
    ];
    world.expect(&backup, between(32.0, 32.1), all);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_with_a_rate_is_told_of_everything_in_turn() {
    let (main, backup) = (
        Hook::scripted("a", |_, _| Answer::Refuse.after(0.05)),
        Hook::new("b"),
    );
    let yaml = "route: {receiver: main, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}\n\
        receivers:\n- name: main\n  fallback_receiver: backup\n  webhook_configs: [{url: 'http://a'}]\n\
        - name: backup\n  webhook_configs: [{url: 'http://b', rate_limit: {messages: 2, per: 20s}}]\n";
    let mut world = World::new(yaml, &[&main, &backup]).await;

    let names: Vec<String> = (0..12).map(|n| format!("test{n}")).collect();
    let times = (0..12).map(|n| 1.0 + 0.4 * f64::from(n));
    for (name, begun) in names.iter().zip(times) {
        let lasting = alert(name).start(begun).end(90_000.0);
        world.at(begun).push([lasting]).await;
        // One every ten seconds.
        world.expect(&backup, between(2.0, 113.0), [alert(name).active(begun)]);
    }
    world.finish(130.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_began_after_the_tick_of_the_message_that_told_it_is_heard() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup, group_wait: 10s}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    // While the fallback gives way for a moment.
    world.at(2.5).push([alert("test2").start(2.5)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(2.5)];
    world.expect(&backup, between(3.0, 3.1), both);
    let over = ["test1", "test2"].map(|name| alert(name).end(15.0));
    let [one, two] = over;
    world.at(15.0).push([one.start(1.0), two.start(2.5)]).await;
    let over = [
        alert("test1").resolved(1.0, 15.0),
        alert("test2").resolved(2.5, 15.0),
    ];
    world.expect(&backup, between(22.0, 22.1), over);
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn each_is_reminded_as_often_as_the_group_that_told_it_says() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup}", "").replace(
        "receiver: main, continue",
        "receiver: main, repeat_interval: 10s, continue",
    );
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0).end(90_000.0)])
        .await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(55.0)
        .push([alert("test1").start(1.0).end(55.0)])
        .await;
    world.expect(
        &backup,
        between(62.0, 62.1),
        [alert("test1").resolved(1.0, 55.0)],
    );
    world.finish(90.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_needed_is_not_reminded_into_a_mute_of_its_own_route() {
    let main = Hook::scripted("a", |_, n| match n {
        0 | 1 => Answer::Refuse,
        _ => Answer::Accept,
    });
    let (_, other, backup) = hooks();
    let always = "time_intervals:\n- name: always\n  time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]\n";
    let yaml = two_ways("{receiver: backup, mute_time_intervals: [always]}", always)
        .replace("repeat_interval: 1h", "repeat_interval: 20s");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world
        .at(1.0)
        .push([alert("test1").start(1.0).end(90_000.0)])
        .await;
    world.expect(&backup, between(3.0, 3.1), [alert("test1").active(1.0)]);
    for at in [22.0, 42.0, 62.0] {
        world.expect(&main, between(at, at + 0.1), [alert("test1").active(1.0)]);
    }
    world.finish(75.0).await;
}

/// A configuration that groups otherwise moves what each group told to the one it becomes.
#[tokio::test(start_paused = true)]
async fn after_another_grouping_each_end_is_told_once() {
    let moved = [(true, true), (true, false), (false, true)];
    let moved = moved.map(|which| [false, true].map(|is_restarted| (which, is_restarted)));
    for ((is_main_moved, is_backup_moved), is_restarted) in moved.into_iter().flatten() {
        let (main, other, backup) = hooks();
        let yaml = two_ways("{receiver: backup, group_wait: 30s}", "");
        let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

        let both = [alert("test1").start(1.0), alert("test2").start(1.0)];
        world.at(1.0).push(both).await;
        let both = [alert("test1").active(1.0), alert("test2").active(1.0)];
        world.expect(&backup, between(3.0, 3.1), both);
        let by_name = |yaml: String, route: &str| {
            yaml.replace(route, &format!("{route}, group_by: [alertname]"))
        };
        let mut changed = yaml;
        if is_main_moved {
            changed = by_name(changed, "{receiver: main, continue: true");
        }
        if is_backup_moved {
            changed = by_name(changed, "{receiver: backup, group_wait: 30s");
        }
        if is_restarted {
            world.at(50.0).restart_with(&changed).await;
        } else {
            world.at(50.0).reload_with(&changed).await;
        }
        let over = |name| alert(name).start(1.0).end(65.0);
        world.at(65.0).push([over("test1"), over("test2")]).await;
        // Whoever told the beginning tells the end.
        let [one, two] = ["test1", "test2"].map(|name| alert(name).resolved(1.0, 65.0));
        if is_main_moved {
            world.expect(&backup, between(70.0, 73.0), [one]);
            world.expect(&backup, between(70.0, 73.0), [two]);
        } else {
            world.expect(&backup, between(70.0, 73.0), [one, two]);
        }
        world.finish(120.0).await;
    }
}

/// It ends and fires again between two ticks of both: to whoever was told, it fires on.
#[tokio::test(start_paused = true)]
async fn what_fires_again_between_two_ticks_is_no_news_to_who_is_told_of_ends() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: backup, group_wait: 30s}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(3.0, 3.1), [alert("test1").active(1.0)]);
    world
        .at(43.0)
        .push([alert("test1").start(1.0).end(43.0)])
        .await;
    world.at(45.0).push([alert("test1").start(45.0)]).await;
    world
        .at(65.0)
        .push([alert("test1").start(45.0).end(65.0)])
        .await;
    world.expect(
        &backup,
        between(72.0, 72.1),
        [alert("test1").resolved(45.0, 65.0)],
    );
    world.finish(120.0).await;
}

/// Who told it tells something else while it is silenced, and its own route tells it again: that one tells its end.
#[tokio::test(start_paused = true)]
async fn what_was_silenced_meanwhile_ends_once() {
    let (main, other, _) = hooks();
    let backup = Hook::chat("b");
    let second = "{receiver: backup, group_wait: 30s, matchers: [alertname=test1]}";
    let yaml = two_ways(second, "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(3.0, 3.1), [alert("test1").active(1.0)]);
    let matcher = r#"alertname="test1""#;
    world.at(35.0).silence(matcher, 35.0, 55.0).await;
    world.at(36.0).push([alert("test2").start(36.0)]).await;
    world.expect(&backup, between(42.0, 43.1), [alert("test2").active(36.0)]);
    world.expect(&backup, between(61.0, 61.1), [alert("test1").active(1.0)]);
    let over = |name, start| alert(name).start(start).end(85.0);
    let both = [over("test1", 1.0), over("test2", 36.0)];
    world.at(85.0).push(both).await;
    let over = alert("test1").resolved(1.0, 85.0);
    world.expect(&backup, between(91.0, 91.1), [over]);
    let over = alert("test2").resolved(36.0, 85.0);
    world.expect(&backup, between(92.0, 93.1), [over]);
    world.finish(120.0).await;
}

/// Two that are due a second apart give way to a third that is due much later, and the later in order also to the other.
#[tokio::test(start_paused = true)]
async fn two_that_give_way_to_a_third_tell_it_once() {
    for (first, second) in [(1, 2), (2, 1), (1, 1)] {
        let (main, other, backup) = hooks();
        let wait =
            |name, seconds| format!("{{receiver: {name}, group_wait: {seconds}s, continue: true}}");
        let yaml = two_ways("{receiver: backup, group_wait: 30s}", "");
        let both = format!("{}\n  - {}", wait("main", first), wait("other", second));
        let yaml = yaml.replace("{receiver: main, continue: true}", &both);
        let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

        world.at(1.0).push([alert("test1").start(1.0)]).await;
        world.expect(&backup, between(3.0, 5.3), [alert("test1").active(1.0)]);
        world
            .at(55.0)
            .push([alert("test1").start(1.0).end(55.0)])
            .await;
        let over = alert("test1").resolved(1.0, 55.0);
        world.expect(&backup, between(56.0, 67.0), [over]);
        world.finish(100.0).await;
    }
}

/// An end goes out at once, and so does what began meanwhile.
#[tokio::test(start_paused = true)]
async fn what_begins_while_something_else_ends_is_told_at_the_same_tick() {
    let main = Hook::scripted("a", |_, _| Answer::Refuse.after(0.05));
    let (_, other, backup) = hooks();
    let yaml = two_ways("{receiver: other, matchers: [alertname=none]}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.2), [alert("test1").active(1.0)]);
    let over = alert("test1").start(1.0).end(5.0);
    world.at(5.0).push([over, alert("test2").start(5.0)]).await;
    let over = alert("test1").resolved(1.0, 5.0);
    world.expect(&backup, between(12.0, 12.2), [over]);
    world.expect(&backup, between(12.0, 12.2), [alert("test2").active(5.0)]);
    world.finish(60.0).await;
}

/// As long as the receiver fails everybody stays in its group; what its fallback was told it is not told again.
#[tokio::test(start_paused = true)]
async fn a_fallback_is_told_each_end_once() {
    let (main, other, backup) = hooks();
    let yaml = two_ways("{receiver: other, matchers: [alertname=none]}", "");
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let names = ["test1", "test2", "test3"];
    world
        .at(1.0)
        .push(names.map(|name| alert(name).start(1.0)))
        .await;
    let all = names.map(|name| alert(name).active(1.0));
    world.expect(&backup, between(2.0, 2.1), all);
    for (name, at) in [("test1", 15.0), ("test2", 25.0)] {
        world.at(at).push([alert(name).start(1.0).end(at)]).await;
    }
    let rest = ["test2", "test3"].map(|name| alert(name).active(1.0));
    let [two, three] = rest;
    let over = alert("test1").resolved(1.0, 15.0);
    world.expect(&backup, between(22.0, 22.1), [over, two, three]);
    let over = alert("test2").resolved(1.0, 25.0);
    world.expect(
        &backup,
        between(32.0, 32.1),
        [over, alert("test3").active(1.0)],
    );
    world.finish(60.0).await;
}

/// What it was told when it was a fallback ended while it was none: that it fires again later is told.
#[tokio::test(start_paused = true)]
async fn a_fallback_that_was_none_for_a_while_counts_as_told_nothing() {
    let main = Hook::scripted("a", |at, _| match !(5.0..=95.0).contains(&at) {
        true => Answer::Refuse,
        false => Answer::Accept,
    });
    let (_, other, backup) = hooks();
    let yaml = two_ways("{receiver: other, matchers: [alertname=none]}", "");
    let without = yaml.replacen("  fallback_receiver: backup\n", "", 1);
    let mut world = World::new(&yaml, &[&main, &other, &backup]).await;

    let both = ["test1", "test2"].map(|name| alert(name).start(1.0).end(90_000.0));
    world.at(1.0).push(both).await;
    let both = ["test1", "test2"].map(|name| alert(name).active(1.0));
    world.expect(&backup, between(2.0, 2.1), both.clone());
    world.at(40.0).reload_with(&without).await;
    world.expect(&main, between(12.0, 12.1), both);
    world
        .at(45.0)
        .push([alert("test1").start(1.0).end(45.0)])
        .await;
    let over = alert("test1").resolved(1.0, 45.0);
    let two = alert("test2").active(1.0);
    world.expect(&main, between(50.0, 50.1), [over, two.clone()]);
    world.at(80.0).reload_with(&yaml).await;
    world.at(98.0).push([alert("test1").start(98.0)]).await;
    world.expect(
        &backup,
        between(100.0, 100.1),
        [alert("test1").active(98.0), two],
    );
    world.finish(105.0).await;
}
