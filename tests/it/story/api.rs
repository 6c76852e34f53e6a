//! What readers see: alerts, groups, filters and pages.

use std::collections::BTreeSet;

use domain::matcher::{Matcher, MatcherMode, parse_matchers};
use engine::read::AlertQuery;

use crate::world::config::tiny;
use crate::world::{Hook, World, alert};

fn matchers(text: &str) -> Vec<Matcher> {
    parse_matchers(text.as_bytes(), MatcherMode::Fallback)
        .expect("readable")
        .matchers
}

fn all() -> AlertQuery {
    AlertQuery::default()
}

#[tokio::test(start_paused = true)]
async fn the_status_is_current_at_once() {
    let hook = Hook::new("a");
    let yaml = format!(
        "{}inhibit_rules: [{{source_matchers: ['severity=critical'], \
         target_matchers: ['severity=warning'], equal: [alertname]}}]\n",
        tiny("10m", "1h", &[&hook])
    );
    let mut world = World::new(&yaml, &[&hook]).await;
    let warning = alert("test1").label("severity", "warning");
    let critical = alert("test1").label("severity", "critical");

    world.at(1.0).push([warning.clone().start(1.0)]).await;
    let [view] = &world.alerts(&all())[..] else {
        panic!("one alert")
    };
    assert!(!view.is_suppressed());

    let id = world.at(1.1).silence("severity=warning", 1.1, 100.0).await;
    let [view] = &world.alerts(&all())[..] else {
        panic!("one alert")
    };
    assert_eq!(
        (&view.silenced_by[..], view.is_suppressed()),
        (&[id.clone()][..], true)
    );

    world.at(1.2).push([critical.clone().start(1.2)]).await;
    let of = |world: &World, query: &str| {
        let query = AlertQuery {
            matchers: matchers(query),
            ..all()
        };
        let [view] = &world.alerts(&query)[..] else {
            panic!("one alert")
        };
        view.clone()
    };
    let view = of(&world, "severity=warning");
    assert_eq!(view.silenced_by, std::slice::from_ref(&id));
    assert_eq!(view.inhibited_by, [critical.fingerprint()]);

    world.at(1.3).unsilence(&id).await;
    let view = of(&world, "severity=warning");
    assert!(view.silenced_by.is_empty());
    assert_eq!(view.inhibited_by, [critical.fingerprint()]);
    assert!(view.is_suppressed());
    assert!(!of(&world, "severity=critical").is_suppressed());
}

#[tokio::test(start_paused = true)]
async fn filters_choose_by_matchers_state_and_receiver() {
    let (a, b) = (Hook::new("a"), Hook::new("b"));
    let yaml = "
route:
  receiver: default
  group_wait: 1s
  routes: [{matchers: ['team=x'], receiver: team-x}]
receivers:
- {name: default, webhook_configs: [{url: 'http://a'}]}
- {name: team-x, labels: {tier: one}, webhook_configs: [{url: 'http://b'}]}
inhibit_rules: [{source_matchers: ['severity=critical'], target_matchers: ['severity=info']}]
";
    let mut world = World::new(yaml, &[&a, &b]).await;
    let alerts = [
        alert("test1").label("severity", "warning"),
        alert("test1").label("severity", "critical"),
        alert("test2")
            .label("severity", "warning")
            .label("team", "x"),
        alert("test3").label("severity", "info"),
    ];
    world.at(1.0).push(alerts.map(|a| a.start(1.0))).await;
    world
        .at(1.0)
        .push([alert("over").start(0.5).end(1.0)])
        .await;
    world.at(1.1).silence("alertname=test2", 1.1, 100.0).await;
    let count = |query: AlertQuery| world.alerts(&query).len();

    assert_eq!(count(all()), 4, "ended alerts are never listed");
    let warning = "alertname=test1,severity=warning";
    assert_eq!(
        count(AlertQuery {
            matchers: matchers(warning),
            ..all()
        }),
        1
    );
    assert_eq!(
        count(AlertQuery {
            matchers: matchers("severity!=warning"),
            ..all()
        }),
        2
    );
    assert_eq!(
        count(AlertQuery {
            matchers: matchers("alertname=~test[12]"),
            ..all()
        }),
        3
    );
    assert_eq!(
        count(AlertQuery {
            matchers: matchers("team=\"\""),
            ..all()
        }),
        3
    );
    assert_eq!(
        count(AlertQuery {
            active: false,
            ..all()
        }),
        2
    );
    assert_eq!(
        count(AlertQuery {
            silenced: false,
            ..all()
        }),
        3
    );
    assert_eq!(
        count(AlertQuery {
            inhibited: false,
            ..all()
        }),
        3
    );
    let receiver = matchers("receiver=~\"team-.*\"").pop();
    assert_eq!(
        count(AlertQuery {
            receiver: receiver.clone(),
            ..all()
        }),
        1
    );
    assert_eq!(
        count(AlertQuery {
            receiver_matchers: matchers("tier=one"),
            ..all()
        }),
        1
    );
    assert_eq!(world.groups(&AlertQuery { receiver, ..all() }).len(), 1);
    assert_eq!(world.groups(&all()).len(), 2);
    assert_eq!(
        world
            .groups(&AlertQuery {
                limit: Some(1),
                ..all()
            })
            .len(),
        1
    );
    let silenced = AlertQuery {
        silenced: false,
        ..all()
    };
    assert_eq!(
        world.groups(&silenced).len(),
        1,
        "a group without listed alerts is not listed"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_cover_everything_exactly_once() {
    let hook = Hook::new("a");
    let mut world = World::new(&tiny("10m", "1h", &[&hook]), &[&hook]).await;
    for n in 0..53 {
        let one = alert("paged")
            .label("n", &n.to_string())
            .label("odd", &(n % 2).to_string());
        world.at(1.0).push([one.start(1.0)]).await;
    }
    for (text, total) in [("alertname=paged", 53), ("odd=1", 26), ("odd!=1", 27)] {
        for limit in [1, 7, 26, 27, 53, 100] {
            let mut seen = BTreeSet::new();
            let mut after = None;
            let mut pages = 0;
            loop {
                let query = AlertQuery {
                    matchers: matchers(text),
                    limit: Some(limit),
                    after,
                    ..all()
                };
                let page = world.tenant().alerts(&query, world.engine().clock().now());
                assert!(page.alerts.len() <= limit);
                for view in &page.alerts {
                    assert!(seen.insert(view.alert.fingerprint), "listed twice");
                }
                pages += 1;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), total, "{text} by {limit}");
            assert_eq!(pages, total.div_ceil(limit), "{text} by {limit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn labels_may_be_any_utf8() {
    let hook = Hook::new("a");
    let yaml = "
route:
  receiver: default
  group_wait: 1s
  routes: [{matchers: ['foo🙂=bar'], group_by: ['Σ'], receiver: default}]
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";
    let mut world = World::new(yaml, &[&hook]).await;
    let odd = || {
        alert("utf8")
            .label("00", "b")
            .label("Σ", "c")
            .label("🙂", "dΘ")
            .label("foo🙂", "bar")
    };
    world.at(1.0).push([odd().start(1.0)]).await;
    let query = AlertQuery {
        matchers: matchers("\"\\xf0\\x9f\\x99\\x82\"=dΘ"),
        ..all()
    };
    assert_eq!(world.alerts(&query).len(), 1);
    let [group] = &world.groups(&query)[..] else {
        panic!("one group")
    };
    assert_eq!(group.labels.get("Σ"), Some("c"));
    world.expect(&hook, crate::world::between(2.0, 2.1), [odd().active(1.0)]);
    world.finish(10.0).await;
}
