//! Time intervals: when a route is quiet. Second 0 is a Monday, 10:00 UTC.

use engine::read::AlertQuery;

use crate::world::{Hook, World, alert, between};

fn yaml(field: &str) -> String {
    format!(
        "
route:
  receiver: default
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 4h
  routes: [{{receiver: default, matchers: ['alertname=~test.*'], {field}: [some]}}]
receivers: [{{name: default, webhook_configs: [{{url: 'http://a'}}]}}]
time_intervals:
- name: some
  time_intervals: [{{times: [{{start_time: '10:01', end_time: '10:02'}}]}}]
"
    )
}

fn muted_by(world: &World) -> Vec<String> {
    let groups = world.groups(&AlertQuery::default());
    let [group] = &groups[..] else {
        panic!("one group")
    };
    group.alerts[0]
        .muted_by
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_while_a_mute_interval_is_active() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("mute_time_intervals"), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.expect(&hook, between(2.0, 2.1), [alert("test1").active(1.0)]);
    assert!(muted_by(&world).is_empty());
    world
        .at(65.0)
        .push([
            alert("test1").start(1.0).end(65.0),
            alert("test2").start(65.0),
        ])
        .await;
    assert_eq!(muted_by(&world), ["some"]);
    let muted = AlertQuery {
        muted: false,
        ..AlertQuery::default()
    };
    assert!(world.groups(&muted).is_empty());
    // The interval ends at 120; the tick after it is at 122, with everything that was owed.
    let owed = [
        alert("test1").resolved(1.0, 65.0),
        alert("test2").active(65.0),
    ];
    world.expect(&hook, between(122.0, 122.1), owed);
    world.finish(200.0).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_outside_of_the_active_intervals() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("active_time_intervals"), &[&hook]).await;

    world.at(1.0).push([alert("test1").start(1.0)]).await;
    assert_eq!(muted_by(&world), ["some"]);
    world.expect(&hook, between(62.0, 62.1), [alert("test1").active(1.0)]);
    world.at(70.0).reached().await;
    assert!(muted_by(&world).is_empty());
    // Over before the interval ends, but its next tick comes after: the end is owed until tomorrow.
    world
        .at(115.0)
        .push([alert("test1").start(1.0).end(115.0)])
        .await;
    let tomorrow = 86_400.0 + 62.0;
    world.expect(
        &hook,
        between(tomorrow, tomorrow + 0.1),
        [alert("test1").over()],
    );
    world.finish(86_400.0 + 200.0).await;
}

#[tokio::test(start_paused = true)]
async fn explain_names_the_interval() {
    let hook = Hook::new("a");
    let mut world = World::new(&yaml("mute_time_intervals"), &[&hook]).await;
    world.at(70.0).push([alert("test1").start(70.0)]).await;
    world.at(75.0).reached().await;
    let path = world
        .explain(alert("test1").fingerprint())
        .expect("it is known");
    let verdict = format!("{:?}", path.groups[0].verdict);
    assert!(
        verdict.contains("MutedByTime") && verdict.contains("some"),
        "{verdict}"
    );
    let last = path.groups[0]
        .last_suppressed
        .as_ref()
        .expect("it was suppressed at the last tick");
    assert!(format!("{:?}", last.by).contains("MutedByTime"));
}
