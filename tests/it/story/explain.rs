//! Explain: why somebody was told, or not.

use domain::verdict::{Suppression, Verdict};

use crate::world::config::tiny;
use crate::world::{Answer, Hook, World, alert, seconds};

#[tokio::test(start_paused = true)]
async fn explain_names_the_matcher_that_failed_and_the_route_that_was_taken() {
    let hook = Hook::new("a");
    let yaml = "
route:
  receiver: default
  group_wait: 1s
  routes:
  - {matchers: ['team=x', 'severity=critical'], receiver: default}
  - {matchers: ['team=y'], receiver: default}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;
    let one = alert("test1")
        .label("team", "y")
        .label("severity", "critical");
    world.at(1.0).push([one.clone().start(1.0)]).await;
    let path = world.explain(one.fingerprint()).expect("it is known");
    let trials = path
        .routes
        .iter()
        .map(|r| (r.trial.failed.as_deref(), r.trial.is_taken));
    assert_eq!(
        trials.collect::<Vec<_>>(),
        [(None, false), (Some("team=\"x\""), false), (None, true)]
    );
    assert!(world.explain(alert("unknown").fingerprint()).is_none());
}

#[tokio::test(start_paused = true)]
async fn explain_names_who_hides_an_alert() {
    let hook = Hook::new("a");
    let yaml = format!(
        "{}inhibit_rules: [{{source_matchers: ['alertname=source'], \
         target_matchers: ['alertname=target']}}]\n",
        tiny("10s", "1h", &[&hook])
    );
    let mut world = World::new(&yaml, &[&hook]).await;
    let id = world.at(0.5).silence("alertname=quiet", 0.5, 100.0).await;
    world
        .at(1.0)
        .push(["source", "target", "quiet"].map(|n| alert(n).start(1.0)))
        .await;
    world.at(3.0).reached().await;

    let group_of = |name: &str| {
        let mut path = world
            .explain(alert(name).fingerprint())
            .expect("it is known");
        path.groups.remove(0)
    };
    let target = group_of("target");
    let by = vec![alert("source").fingerprint()];
    let inhibited = Suppression::Inhibited { by };
    assert_eq!(target.verdict, Verdict::Suppress(inhibited.clone()));
    let last = target.last_suppressed.expect("it was hidden at the tick");
    assert_eq!((seconds(last.at).round(), last.by), (2.0, inhibited));
    let quiet = group_of("quiet");
    assert_eq!(
        quiet.verdict,
        Verdict::Suppress(Suppression::Silenced { by: vec![id] })
    );
    let source = group_of("source");
    assert_eq!(source.verdict, Verdict::Notify);
    assert!(source.last_suppressed.is_none());
}

#[tokio::test(start_paused = true)]
async fn explain_says_what_each_integration_was_told_and_when_it_is_due() {
    let (good, bad) = (Hook::new("a"), Hook::until("b", 6.0, Answer::Hang));
    let mut world = World::new(&tiny("10s", "1h", &[&good, &bad]), &[&good, &bad]).await;
    world.at(1.0).push([alert("test1").start(1.0)]).await;
    world.at(5.0).reached().await;

    let path = world
        .explain(alert("test1").fingerprint())
        .expect("it is known");
    let group = &path.groups[0];
    assert!(group.is_member);
    assert_eq!(group.next_tick, None, "it is being flushed");
    let [told, hanging] = &group.integrations[..] else {
        panic!("two integrations")
    };
    let (at, reason, is_firing) = told.last.expect("it was told");
    assert_eq!(
        (seconds(at).round(), reason.as_str(), is_firing),
        (2.0, "first notification", true)
    );
    assert_eq!(told.repeat_due.map(|at| seconds(at).round()), Some(3_602.0));
    assert!(!told.is_in_flight && hanging.is_in_flight);
    assert!(hanging.last.is_none());

    world.at(30.0).reached().await;
    let path = world
        .explain(alert("test1").fingerprint())
        .expect("it is known");
    let group = &path.groups[0];
    assert_eq!(group.next_tick.map(|at| seconds(at).round()), Some(32.0));
    assert!(group.integrations[1].last.is_some() && !group.integrations[1].is_in_flight);

    world
        .at(31.0)
        .push([alert("test1").start(1.0).end(31.0)])
        .await;
    world.at(40.0).reached().await;
    let path = world
        .explain(alert("test1").fingerprint())
        .expect("it is known still");
    assert!(path.is_resolved && !path.groups[0].is_member);
}
