//! Templates in messages: an alert is never lost to one.

use domain::label::Labels;
use engine::read::AlertQuery;

use crate::world::{Hook, World, alert};

/// A receiver `default` whose webhook says this payload, on a route with these labels.
fn saying(payload: &str, labels: &str) -> String {
    format!(
        "route: {{receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h, labels: {labels}}}\n\
         receivers:\n- name: default\n  webhook_configs:\n  - url: 'http://a/{{{{ .Status }}}}'\n    payload: {payload}\n"
    )
}

/// The message says the standard body and why, once; Explain shows it until a message is right again.
#[tokio::test(start_paused = true)]
async fn a_failing_template_falls_back_and_is_shown_until_it_is_mended() {
    let hook = Hook::new("a");
    let bad = saying("{text: '{{ (index .Alerts 1).Labels.n }}'}", "{}");
    let mut world = World::new(&bad, &[&hook]).await;
    let one = alert("test").label("n", "1");
    world.at(1.0).push([one.clone().start(1.0)]).await;
    world.at(4.0).reached().await;
    let posted = hook.wire().posted();
    let [told] = posted.as_slice() else {
        panic!("one message, not {posted:?}")
    };
    assert_eq!(told.url, "http://a/firing");
    assert_eq!(told.body["version"], "4");
    assert_eq!(told.body["alerts"][0]["labels"]["n"], "1");
    let error = told.body["templateError"].as_str().expect("a note");
    assert!(
        error.contains("payload: template: :1:4: executing") && error.contains("out of range"),
        "{error}"
    );
    let explained = |world: &World| {
        let path = world.explain(one.fingerprint()).expect("it is known");
        path.groups[0].integrations[0].template_error.clone()
    };
    assert_eq!(explained(&world).as_deref(), Some(error));

    // With two alerts the template works.
    let two = alert("test").label("n", "2");
    world.at(4.5).push([two.start(4.5)]).await;
    world.at(9.0).reached().await;
    assert_eq!(hook.wire().posted()[1].body, serde_json::json!({"text": 2}));
    assert_eq!(explained(&world), None);
    world.finish(20.0).await;
    assert_eq!(hook.wire().posted().len(), 2);
}

/// That a message said something else is part of the record of what was told: it outlives restarts and compactions, until a later
/// message is right.
#[tokio::test(start_paused = true)]
async fn that_a_template_failed_is_still_known_after_a_restart() {
    let hook = Hook::new("a");
    let bad = saying("{text: '{{ (index .Alerts 1).Labels.n }}'}", "{}");
    let mut world = World::new(&bad, &[&hook]).await;
    let one = alert("test").label("n", "1");
    let explained = |world: &World| {
        let path = world.explain(one.fingerprint()).expect("it is known");
        path.groups[0].integrations[0].template_error.clone()
    };
    world.at(1.0).push([one.clone().start(1.0)]).await;
    world.at(4.0).restart().await;
    let error = explained(&world).expect("a note");
    assert!(error.starts_with("payload: template: :1:4:"), "{error}");

    world.journal().set_wants_compaction(true);
    world.at(20.0).reached().await;
    assert!(0 < world.journal().compactions());
    world.journal().set_wants_compaction(false);
    world.at(21.0).restart().await;
    assert_eq!(explained(&world), Some(error));

    let two = alert("test").label("n", "2");
    world.at(21.5).push([two.start(21.5)]).await;
    world.at(28.0).restart().await;
    assert_eq!(hook.wire().posted().len(), 2);
    assert_eq!(explained(&world), None);
    world.finish(40.0).await;
}

/// A template that calls itself for ever is cut off; its group is told in another way, others as always.
#[tokio::test(start_paused = true)]
async fn a_template_without_end_holds_up_nobody() {
    let hook = Hook::new("a");
    let bad = saying(
        "{text: '{{ if eq .GroupLabels.alertname \"bad\" }}{{ template \"x\" . }}{{ end }}fine{{ define \"x\" }}{{ template \"x\" . }}{{ end }}'}",
        "{}",
    );
    let mut world = World::new(&bad, &[&hook]).await;
    let both = ["bad", "good"].map(|name| alert(name).start(1.0));
    world.at(1.0).push(both).await;
    world.at(30.0).reached().await;
    let posted = hook.wire().posted();
    assert_eq!(posted.len(), 2, "{posted:?}");
    assert!(posted.iter().any(|told| told.body["text"] == "fine"));
    let fallback = posted
        .iter()
        .find(|told| told.body["version"] == "4")
        .expect("the standard body");
    let error = fallback.body["templateError"].to_string();
    assert!(error.contains("exceeded maximum template depth"), "{error}");
    world.finish(40.0).await;
}

/// Labels of the route are rendered for each group; one that fails is left out and takes nothing with it.
#[tokio::test(start_paused = true)]
async fn labels_of_the_route_reach_the_message_and_the_readers() {
    let hook = Hook::new("a");
    let labels = "{team: 'sre', channel: 'to-{{ routeLabels \"team\" }}-{{ .GroupLabels.alertname }}', bad: '{{ .Nope }}'}";
    let yaml = saying(
        "{channel: '{{ .RouteLabels.channel }}', also: '{{ routeLabels \"team\" }}', bad: '[{{ .RouteLabels.bad }}]'}",
        labels,
    );
    let mut world = World::new(&yaml, &[&hook]).await;
    world.at(1.0).push([alert("test").start(1.0)]).await;
    world.at(4.0).reached().await;
    let expected = serde_json::json!({"channel": "to-sre-test", "also": "sre", "bad": []});
    assert_eq!(hook.wire().posted()[0].body, expected);
    let groups = world.groups(&AlertQuery::default());
    let labels = [("team", "sre"), ("channel", "to-sre-test")];
    assert_eq!(groups[0].route_labels, Labels::from_pairs(labels));
    world.finish(5.0).await;
}
