//! Bounds users set.

use engine::read::AlertQuery;
use engine::{EngineOptions, PutSilenceError};

use crate::world::config::tiny;
use crate::world::{Hook, World, alert, alerts, between};

#[tokio::test(start_paused = true)]
async fn one_alertname_has_only_so_many_alerts() {
    let hook = Hook::new("a");
    let options = EngineOptions {
        per_alertname_limit: 2,
        ..EngineOptions::default()
    };
    let yaml = tiny("5s", "1h", &[&hook]);
    let mut world = World::with(options, 0.0, &[("default", &yaml)], &[&hook]).await;
    let n = |n: &str| alert("many").label("n", n).start(1.0);

    world.at(1.0).push([n("1"), n("2")]).await;
    // One too many is left out without a word, as Alertmanager does; those that are known are refreshed.
    world
        .at(1.1)
        .push([n("3"), n("1"), alert("other").start(1.0)])
        .await;
    assert_eq!(world.alerts(&AlertQuery::default()).len(), 3);
    world.expect(&hook, between(2.0, 2.1), [n("1"), n("2"), alert("other")]);
    world.finish(30.0).await;
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_silences() {
    let hook = Hook::new("a");
    let options = EngineOptions {
        silences_max: 1,
        silence_bytes_max: 300,
        ..EngineOptions::default()
    };
    let yaml = tiny("5s", "1h", &[&hook]);
    let mut world = World::with(options, 0.0, &[("default", &yaml)], &[&hook]).await;

    let id = world.at(1.0).silence("a=b", 1.0, 100.0).await;
    let (engine, tenant) = (world.engine(), world.tenant());
    let post = alerts::silence(None, "c=d", 1.0, 100.0);
    let refused = engine.put_silence(&tenant, post).await;
    let text = "exceeded maximum number of silences: 1 (limit: 1)".to_owned();
    assert_eq!(refused, Err(PutSilenceError::Invalid(text)));
    let post = alerts::silence(Some(&id), &format!("a={}", "b".repeat(300)), 1.0, 100.0);
    let refused = engine.put_silence(&tenant, post).await;
    assert!(
        matches!(refused, Err(PutSilenceError::Invalid(_))),
        "{refused:?}"
    );
    // A change in place is no new silence.
    assert_eq!(world.at(2.0).edit_silence(&id, "a=b", 1.0, 50.0).await, id);
}

#[tokio::test(start_paused = true)]
async fn a_bad_alert_costs_the_good_ones_beside_it_nothing() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("5s", "1h", &[&hook]), &[&hook]).await;

    let bad = alert("bad").start(2.0).end(1.0);
    let report = world
        .at(1.0)
        .try_push("default", &[bad, alert("good").start(1.0)])
        .await;
    let report = report.expect("the good one is stored");
    assert_eq!(report.invalid, ["start time must be before end time"]);
    world.expect(&hook, between(2.0, 2.1), [alert("good").active(1.0)]);
    world.finish(30.0).await;
}
