//! Inhibition: alerts that hide others while they fire.

use crate::world::config::tiny;
use crate::world::{Alert, Hook, World, alert, between};

const RULE: &str = "
inhibit_rules:
- source_matchers: ['alertname=JobDown']
  target_matchers: ['alertname=InstanceDown']
  equal: [job, zone]
";

fn yaml(repeat: &str, hook: &Hook) -> String {
    format!("{}{RULE}", tiny("1s", repeat, &[hook]))
}

fn instance() -> Alert {
    alert("InstanceDown")
        .label("job", "testjob")
        .label("zone", "aa")
}

fn job() -> Alert {
    alert("JobDown").label("job", "testjob").label("zone", "aa")
}

#[tokio::test(start_paused = true)]
async fn a_source_hides_its_targets_while_it_fires() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("1ms", &hook), &[&hook]).await;
    let elsewhere = || {
        alert("InstanceDown")
            .label("job", "testjob")
            .label("zone", "ab")
    };

    let first = [
        alert("test1").label("job", "testjob").label("zone", "aa"),
        instance(),
        elsewhere(),
    ];
    world
        .at(1.0)
        .push(first.clone().map(|a| a.start(1.0)))
        .await;
    world.expect(
        &hook,
        between(2.0, 2.5),
        first.clone().map(|a| a.active(1.0)),
    );

    world.at(2.2).push([job().start(2.2)]).await;
    let [test1, ..] = first;
    let hidden = [
        test1.clone().active(1.0),
        elsewhere().active(1.0),
        job().active(2.2),
    ];
    world.expect(&hook, between(3.0, 3.5), hidden);

    world.at(3.6).push([job().start(2.2).end(3.6)]).await;
    let back = [
        test1.clone().active(1.0),
        instance().active(1.0),
        elsewhere().active(1.0),
        job().resolved(2.2, 3.6),
    ];
    world.expect(&hook, between(4.0, 4.5), back);
    world.finish(4.9).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_always_hidden_ends_with_its_source() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("1h", &hook), &[&hook]).await;

    world
        .at(1.0)
        .push([instance().start(1.0), job().start(1.0)])
        .await;
    world.expect(&hook, between(2.0, 2.5), [job().active(1.0)]);
    world
        .at(2.6)
        .push([instance().start(1.0).end(2.6), job().start(1.0).end(2.6)])
        .await;
    let both = [job().resolved(1.0, 2.6), instance().resolved(1.0, 2.6)];
    world.expect(&hook, between(3.0, 3.5), both);
    world.finish(10.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_rule_hides_nothing() {
    let hook = Hook::new("a");
    let yaml = format!("{}inhibit_rules: [null]\n", tiny("1s", "1h", &[&hook]));
    let mut world = World::new(&yaml, &[&hook]).await;

    world
        .at(1.0)
        .push([alert("one").start(1.0), alert("two").start(1.0)])
        .await;
    world.expect(
        &hook,
        between(2.0, 2.5),
        [alert("one").active(1.0), alert("two").active(1.0)],
    );
    world.finish(10.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_behind_a_message_that_did_not_name_the_alert_is_still_owed() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("1h", &hook), &[&hook]).await;

    world.at(1.0).push([instance().start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.5), [instance().active(1.0)]);
    world.at(2.2).push([job().start(2.2)]).await;
    world.at(2.3).push([instance().start(1.0).end(2.3)]).await;
    // The message about the source does not name the target, but the receiver still believes it to be firing: its end goes
    // out when the source no longer hides it (Alertmanager forgets it here).
    world.expect(&hook, between(3.0, 3.5), [job().active(2.2)]);
    world.at(5.2).push([job().start(2.2).end(5.2)]).await;
    world.expect(
        &hook,
        between(6.0, 6.5),
        [instance().resolved(1.0, 2.3), job().resolved(2.2, 5.2)],
    );
    world.finish(10.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_hidden_by_a_source_in_another_group_goes_out_at_the_first_tick_after() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let yaml = format!(
        "
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes: [{{matchers: ['alertname=JobDown'], receiver: jobs}}]
receivers:
- {{name: default, webhook_configs: [{{url: 'http://a'}}]}}
- {{name: jobs, webhook_configs: [{{url: 'http://b'}}]}}
{RULE}"
    );
    let mut world = World::new(&yaml, &[&a, &b]).await;

    world.at(1.0).push([instance().start(1.0)]).await;
    world.expect(&a, between(2.0, 2.5), [instance().active(1.0)]);
    world.at(2.2).push([job().start(2.2)]).await;
    world.expect(&b, between(3.2, 3.7), [job().active(2.2)]);
    world.at(2.3).push([instance().start(1.0).end(2.3)]).await;
    world.at(5.5).push([job().start(2.2).end(5.5)]).await;
    world.expect(&a, between(6.0, 6.1), [instance().resolved(1.0, 2.3)]);
    world.expect(&b, between(6.2, 6.3), [job().resolved(2.2, 5.5)]);
    world.finish(20.0).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_sources_each_hides_on_its_own() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("1ms", &hook), &[&hook]).await;
    let second = || job().label("shard", "2");

    world
        .at(1.0)
        .push([instance().start(1.0), job().start(1.0), second().start(1.0)])
        .await;
    world.expect(
        &hook,
        between(2.0, 2.5),
        [job().active(1.0), second().active(1.0)],
    );
    world.at(2.5).push([second().start(1.0).end(2.5)]).await;
    // Upstream's index forgets the first source here (its issue 5162).
    world.expect(
        &hook,
        between(3.0, 3.5),
        [job().active(1.0), second().resolved(1.0, 2.5)],
    );
    world.expect(&hook, between(4.0, 4.5), [job().active(1.0)]);
    world.finish(4.9).await;
}
