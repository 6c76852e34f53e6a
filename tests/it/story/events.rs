//! Goal: whoever follows a tenant sees a group's whole life in order.
//! Method: an alert fires and ends; a follower that reads at the end has missed nothing.

use std::time::Duration;

use engine::EngineOptions;
use engine::events::{Event, Followed, Follower, GroupEvent};

use crate::world::config::tiny;
use crate::world::{Hook, World, alert, between};

/// What a follower is told, in words.
async fn told(follower: &mut Follower) -> Vec<String> {
    let mut words = Vec::new();
    let moment = Duration::from_millis(1);
    while let Ok(Followed::Events(events)) = tokio::time::timeout(moment, follower.next()).await {
        words.extend(events.iter().map(|(_, event)| word(event)));
    }
    words
}

fn word(event: &Event) -> String {
    match event {
        Event::Silence(_) => "silence".to_owned(),
        Event::Group(GroupEvent::Grid { .. }) => "group".to_owned(),
        Event::Group(GroupEvent::Alert { alert, .. }) if alert.is_explicit_end() => {
            "alert ended".to_owned()
        }
        Event::Group(GroupEvent::Alert { .. }) => "alert".to_owned(),
        Event::Group(GroupEvent::Left { alerts, .. }) => format!("{} left", alerts.len()),
        Event::Group(GroupEvent::Gone { .. }) => "gone".to_owned(),
        Event::Group(GroupEvent::Told { told, .. }) => match (&told.pending, &told.last) {
            (Some(pending), _) => {
                let (firing, resolved) = (pending.firing.len(), pending.resolved.len());
                format!("begun: {firing} firing, {resolved} resolved")
            }
            (None, Some(last)) => format!("told: {} firing", last.firing.len()),
            (None, None) => "taken back".to_owned(),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_lives_and_goes() {
    let hook = Hook::new("a");
    let yaml = tiny("5s", "1h", &[&hook]);
    let tenants = [("default", yaml.as_str()), ("other", yaml.as_str())];
    let mut world = World::with(EngineOptions::default(), 0.0, &tenants, &[&hook]).await;
    let follow = |world: &World, tenant| {
        let tenant = world.tenant_named(tenant);
        world.engine().follow(tenant, None).expect("a seat")
    };
    let (mut follower, mut other) = (follow(&world, "default"), follow(&world, "other"));
    world
        .at(1.0)
        .push([alert("a").start(1.0), alert("b").start(1.0)])
        .await;
    world.expect(
        &hook,
        between(2.0, 2.5),
        [alert("a").active(1.0), alert("b").active(1.0)],
    );
    world.at(3.0).push([alert("a").start(1.0).end(3.0)]).await;
    world.expect(
        &hook,
        between(7.0, 7.5),
        [alert("a").resolved(1.0, 3.0), alert("b").active(1.0)],
    );
    world.at(8.0).push([alert("b").start(1.0).end(8.0)]).await;
    world.expect(&hook, between(12.0, 12.5), [alert("b").resolved(1.0, 8.0)]);
    world.at(14.0).reached().await;
    let expected = [
        "group",
        "alert",
        "alert",
        "begun: 2 firing, 0 resolved",
        "told: 2 firing",
        "alert ended",
        "begun: 1 firing, 1 resolved",
        "told: 1 firing",
        "1 left",
        "alert ended",
        "begun: 0 firing, 1 resolved",
        "told: 0 firing",
        "gone",
    ];
    assert_eq!(told(&mut follower).await, expected);
    assert_eq!(told(&mut other).await, [""; 0]);
    world.finish(20.0).await;
}
