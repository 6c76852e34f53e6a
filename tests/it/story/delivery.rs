//! How messages are delivered: who is told instead, what a rate holds back, what changed only, and what the log says of it.

use domain::id::IntegrationId;
use store::{AttemptOutcome, DeliveryQuery, LoggedAttempt};

use crate::world::{Answer, Hook, World, alert, between};

/// Receiver `main` tells hook `a`; `backup` tells hook `b` in its place.
fn with_fallback(more: &str) -> String {
    format!(
        "route: {{receiver: main, group_wait: 1s, group_interval: 10s, repeat_interval: 1h}}\n\
         receivers:\n- name: main\n  fallback_receiver: backup\n{more}  webhook_configs: [{{url: 'http://a'}}]\n\
         - name: backup\n  webhook_configs: [{{url: 'http://b'}}]\n"
    )
}

#[tokio::test(start_paused = true)]
async fn who_refuses_for_good_is_told_through_the_fallback_at_once() {
    let main = Hook::until("a", 15.0, Answer::Refuse);
    let backup = Hook::new("b");
    let mut world = World::new(&with_fallback(""), &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    // At the next tick it refuses again, and the fallback has heard it already; then it is told the truth.
    world.expect(&main, between(22.0, 22.1), [alert("test1").active(1.0)]);
    world
        .at(25.0)
        .push([alert("test1").start(1.0).end(25.0)])
        .await;
    // The end is owed to whoever was told the beginning.
    world.expect(
        &main,
        between(32.0, 32.1),
        [alert("test1").resolved(1.0, 25.0)],
    );
    world.expect(
        &backup,
        between(32.0, 32.1),
        [alert("test1").resolved(1.0, 25.0)],
    );
    // What comes later is for the original alone.
    world.at(40.0).push([alert("test2").start(40.0)]).await;
    world.expect(&main, between(41.0, 41.1), [alert("test2").active(40.0)]);
    world.finish(90.0).await;
    assert_eq!(backup.arrived()[0].receiver, "backup");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_waits_for_nobody_who_hangs() {
    let main = Hook::scripted("a", |_, _| Answer::Refuse);
    let (slow, backup) = (Hook::scripted("c", |_, _| Answer::Hang), Hook::new("b"));
    let yaml =
        with_fallback("").replace("{url: 'http://a'}", "{url: 'http://c'}, {url: 'http://a'}");
    let mut world = World::new(&yaml, &[&main, &backup, &slow]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.finish(40.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_for_what_it_says_leaves_other_groups_alone() {
    let main = Hook::scripted("a", |_, n| match n {
        0 => Answer::Refuse,
        _ => Answer::Accept,
    });
    let backup = Hook::new("b");
    let yaml = with_fallback("").replace(
        "{receiver: main,",
        "{receiver: main, group_by: [alertname],",
    );
    let mut world = World::new(&yaml, &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(3.0).push([alert("test2").start(3.0)]).await;
    world.expect(&main, between(4.0, 4.1), [alert("test2").active(3.0)]);
    world.expect(&main, between(12.0, 12.1), [alert("test1").active(1.0)]);
    world.finish(30.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_long_ago_is_no_reason_for_the_fallback() {
    let main = Hook::until("a", 10.0, Answer::Fail);
    let backup = Hook::new("b");
    let yaml = with_fallback("  fallback_after: 1m\n");
    let mut world = World::new(&yaml, &[&main, &backup]).await;

    // It fails for a while, and the alert ends before anybody was told.
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world
        .at(5.0)
        .push([alert("test1").start(1.0).end(5.0)])
        .await;
    world.at(1000.0).push([alert("test2").start(1000.0)]).await;
    world.expect(
        &main,
        between(1001.0, 1001.1),
        [alert("test2").active(1000.0)],
    );
    world.finish(1030.0).await;
}

#[tokio::test(start_paused = true)]
async fn who_fails_for_long_is_told_through_the_fallback_after_a_while() {
    let main = Hook::until("a", 55.0, Answer::Fail);
    let backup = Hook::new("b");
    let yaml = with_fallback("  fallback_after: 25s\n");
    let mut world = World::new(&yaml, &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(5.0).push([alert("test2").start(5.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(5.0)];
    // It fails since 2, and 25 s are over in the middle of a flush.
    world.expect(&backup, between(27.0, 28.1), both.clone());
    world.expect(&main, between(55.0, 63.0), both);
    world
        .at(65.0)
        .push([alert("test1").start(1.0).end(65.0)])
        .await;
    let ended = [
        alert("test1").resolved(1.0, 65.0),
        alert("test2").active(5.0),
    ];
    world.expect(&main, between(72.0, 72.1), ended.clone());
    world.expect(&backup, between(72.0, 72.1), ended);
    world.finish(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_hears_no_end_of_what_it_never_heard_of() {
    let main = Hook::until("a", 5.0, Answer::Refuse);
    let backup = Hook::new("b");
    let mut world = World::new(&with_fallback(""), &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    // The receiver works again, and is told of test2 alone; then both end.
    world.at(8.0).push([alert("test2").start(8.0)]).await;
    let both = [alert("test1").active(1.0), alert("test2").active(8.0)];
    world.expect(&main, between(12.0, 12.1), both);
    let over = [
        alert("test1").start(1.0).end(15.0),
        alert("test2").start(8.0).end(15.0),
    ];
    world.at(15.0).push(over).await;
    let over = [
        alert("test1").resolved(1.0, 15.0),
        alert("test2").resolved(8.0, 15.0),
    ];
    world.expect(&main, between(22.0, 22.1), over);
    world.expect(
        &backup,
        between(22.0, 22.1),
        [alert("test1").resolved(1.0, 15.0)],
    );
    world.finish(60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_not_needed_hears_nothing() {
    let (main, backup) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(&with_fallback(""), &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&main, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .push([alert("test1").start(1.0).end(5.0)])
        .await;
    world.expect(
        &main,
        between(12.0, 12.1),
        [alert("test1").resolved(1.0, 5.0)],
    );
    world.at(30.0).reached().await;
    assert_eq!(world.engine().group_count(), 0);
    world.finish(40.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_fallback_was_told_outlives_a_restart() {
    let main = Hook::scripted("a", |_, _| Answer::Refuse);
    let backup = Hook::new("b");
    let mut world = World::new(&with_fallback(""), &[&main, &backup]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&backup, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(15.0).restart().await;
    world
        .at(35.0)
        .push([alert("test1").start(1.0).end(35.0)])
        .await;
    world.expect(
        &backup,
        between(42.0, 42.1),
        [alert("test1").resolved(1.0, 35.0)],
    );
    world.finish(70.0).await;
}

/// Groups by alertname; hook `a` takes a message each 10 s, hook `b` any number.
const SLOWLY: &str = "
route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 2m, repeat_interval: 1h}
receivers:
- name: default
  webhook_configs:
  - {url: 'http://a', rate_limit: {messages: 1, per: 10s}}
  - {url: 'http://b'}
";

/// Alerts begin from 1 on, a tenth of a second apart; answers when each did.
async fn begin_one_by_one<'a>(world: &mut World, names: &[&'a str]) -> Vec<(&'a str, f64)> {
    let mut begun = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let at = 1.0 + 0.1 * n as f64;
        world.at(at).push([alert(name).start(at)]).await;
        begun.push((*name, at));
    }
    begun
}

#[tokio::test(start_paused = true)]
async fn a_rate_lets_messages_out_one_by_one_and_holds_up_nobody_else() {
    let (slow, quick) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(SLOWLY, &[&slow, &quick]).await;

    for (name, begun) in begin_one_by_one(&mut world, &["test1", "test2", "test3"]).await {
        let told = begun + 1.0;
        world.expect(
            &quick,
            between(told, told + 0.1),
            [alert(name).active(begun)],
        );
    }
    world.expect(&slow, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.expect(&slow, between(12.0, 12.2), [alert("test2").active(1.1)]);
    // What is held is judged anew when it is let out: test3 is over by then, and was never told.
    world
        .at(15.0)
        .push([alert("test3").start(1.2).end(15.0)])
        .await;
    world.expect(
        &quick,
        between(22.0, 122.2),
        [alert("test3").resolved(1.2, 15.0)],
    );
    world.finish(200.0).await;
    assert_eq!(slow.attempts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_held_back_does_not_wait_for_a_sibling_that_hangs() {
    let (slow, stuck) = (Hook::new("a"), Hook::until("b", 100.0, Answer::Hang));
    let mut world = World::new(SLOWLY, &[&slow, &stuck]).await;

    begin_one_by_one(&mut world, &["test1", "test2"]).await;
    world.expect(&slow, between(2.0, 2.1), [alert("test1").active(1.0)]);
    // What joins the group while the message is held is told with it.
    let late = alert("test2").label("instance", "late");
    world.at(5.0).push([late.clone().start(5.0)]).await;
    let both = [alert("test2").active(1.1), late.active(5.0)];
    world.expect(&slow, between(12.0, 12.2), both);
    world.at(90.0).reached().await;
    assert_eq!(slow.attempts().len(), 2);
    assert!(stuck.arrived().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_refused_for_good_is_left_alone_while_a_sibling_is_held_back() {
    let (slow, sour) = (Hook::new("a"), Hook::until("b", 100.0, Answer::Refuse));
    let mut world = World::new(SLOWLY, &[&slow, &sour]).await;

    begin_one_by_one(&mut world, &["test1", "test2"]).await;
    world.expect(&slow, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.expect(&slow, between(12.0, 12.2), [alert("test2").active(1.1)]);
    world.at(90.0).reached().await;
    assert_eq!(sour.attempts().len(), 2, "one for each group");
    world.expect(&sour, between(122.0, 122.2), [alert("test1").active(1.0)]);
    world.expect(&sour, between(122.0, 122.2), [alert("test2").active(1.1)]);
    world.finish(130.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_held_when_the_process_ended_is_told_after_a_restart() {
    let (slow, quick) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(SLOWLY, &[&slow, &quick]).await;

    for (name, begun) in begin_one_by_one(&mut world, &["test1", "test2"]).await {
        let told = begun + 1.0;
        world.expect(
            &quick,
            between(told, told + 0.1),
            [alert(name).active(begun)],
        );
    }
    world.expect(&slow, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world.at(4.0).killed_until(5.0).await;
    // Not at the next tick, which is at 122.
    world.expect(&slow, between(5.0, 15.0), [alert("test2").active(1.1)]);
    world.finish(110.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_critical_does_not_wait_in_line() {
    let (slow, quick) = (Hook::new("a"), Hook::new("b"));
    let mut world = World::new(SLOWLY, &[&slow, &quick]).await;
    begin_one_by_one(&mut world, &["test1", "test2", "test3", "test4"]).await;
    let page = alert("page").label("severity", "critical");
    world.at(5.0).push([page.clone().start(5.0)]).await;
    world.at(60.0).reached().await;
    let told: Vec<String> = slow.arrived().iter().map(|m| m.group_key.clone()).collect();
    let place = told.iter().position(|key| key.contains("page"));
    assert_eq!(place, Some(1), "{told:?}");
    assert_eq!(told.len(), 5);
    let settings = world.tenant().settings();
    let channel = settings.channel(&IntegrationId::new("default", "webhook", 0));
    let waiting = channel.map(engine::channel::Channel::line_len);
    assert_eq!(waiting, Some(0), "nobody waits any more");
    world.kill();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_waits_goes_out_when_something_critical_joins_it() {
    let (slow, quick) = (Hook::new("a"), Hook::new("b"));
    let yaml = SLOWLY.replace("group_by: [alertname]", "group_by: [team]");
    let mut world = World::new(&yaml.replace("2m", "5s"), &[&slow, &quick]).await;
    let of = |team: &str, name: &str| alert(name).label("team", team);
    for n in 0..8_u8 {
        let begun = 1.0 + 0.01 * f64::from(n);
        let warning = of(&format!("t{n}"), "warn").label("severity", "warning");
        world.at(begun).push([warning.start(begun)]).await;
    }
    // The last one's turn would come after a minute.
    let page = of("t7", "page").label("severity", "critical");
    world.at(5.0).push([page.start(5.0)]).await;
    world.at(30.0).reached().await;
    let told: Vec<String> = slow.arrived().iter().map(|m| m.group_key.clone()).collect();
    let place = told.iter().position(|key| key.contains("t7"));
    assert_eq!(place, Some(1), "{told:?}");
    world.kill();
}

#[tokio::test(start_paused = true)]
async fn a_delta_lists_what_changed() {
    let hook = Hook::new("a");
    let yaml = "
route: {receiver: default, group_wait: 1s, group_interval: 10s, repeat_interval: 1m}
receivers: [{name: default, delta: true, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    world
        .at(5.0)
        .push([alert("test2").start(5.0), alert("test3").start(5.0)])
        .await;
    let new = [alert("test2").active(5.0), alert("test3").active(5.0)];
    world.expect_because(&hook, between(12.0, 12.1), "new alerts added", new);
    world
        .at(15.0)
        .push([alert("test2").start(5.0).end(15.0)])
        .await;
    world.expect(
        &hook,
        between(22.0, 22.1),
        [alert("test2").resolved(5.0, 15.0)],
    );
    // A repeat says it all.
    let all = [alert("test1").active(1.0), alert("test3").active(5.0)];
    world.expect_because(&hook, between(82.0, 82.1), "repeat interval elapsed", all);
    world.finish(90.0).await;
    let counts: Vec<usize> = hook.arrived().iter().map(|m| m.still_firing).collect();
    assert_eq!(counts, [0, 1, 2, 0]);
}

async fn logged(world: &World, query: DeliveryQuery) -> Vec<LoggedAttempt> {
    let tenant = world.tenant();
    let log = world.engine().deliveries();
    log.list(tenant.id(), &query, 100)
        .await
        .expect("is readable")
}

#[tokio::test(start_paused = true)]
async fn the_log_has_every_attempt_and_why() {
    let hook = Hook::scripted("a", |at, n| match (at, n) {
        (_, 0) => Answer::Fail,
        (..10.0, _) => Answer::Accept,
        (..20.0, _) => Answer::Refuse,
        _ => Answer::Hang,
    });
    let yaml = crate::world::config::tiny("10s", "1h", &[&hook]);
    let mut world = World::new(&yaml, &[&hook]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(9.0).push([alert("test2").start(9.0)]).await;
    world.at(35.0).reached().await;

    let all = logged(&world, DeliveryQuery::default()).await;
    let mut told: Vec<_> = all
        .iter()
        .map(|logged| {
            let a = &logged.attempt;
            (
                a.outcome.as_str(),
                a.number,
                a.reason.as_str(),
                a.failure.as_str(),
            )
        })
        .collect();
    told.reverse();
    let first = "first notification";
    let new = "new alerts added";
    assert_eq!(
        told,
        [
            ("failed", 1, first, "serverError"),
            ("accepted", 2, first, ""),
            ("refused", 1, new, "clientError"),
            ("unknown", 1, new, "contextDeadlineExceeded"),
        ]
    );
    let refused = logged(
        &world,
        DeliveryQuery {
            outcome: Some(AttemptOutcome::Refused),
            integration: Some("default/webhook[0]".to_owned()),
            ..DeliveryQuery::default()
        },
    );
    assert_eq!(refused.await.len(), 1);
    let keys: Vec<_> = all.iter().map(|l| &l.attempt.message_key).collect();
    assert_eq!(keys[3], keys[2], "attempts at one message have one key");
    world.kill();
}
