//! The routing vectors, from the configuration's text to the groups alerts join.

use std::time::Duration;

use config::LoadOptions;
use config::duration::GoDuration;
use domain::label::{Interner, Labels};
use domain::route::RouteTree;
use serde_json::Value as Json;

const ROUTING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/routing.json"
);

fn go(duration: Duration) -> String {
    GoDuration(i64::try_from(duration.as_nanos()).unwrap()).to_string()
}

#[test]
fn alerts_join_the_routes_and_groups_of_the_vectors() {
    let text = std::fs::read_to_string(ROUTING).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    let interner = Interner::default();
    for case in json["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let text = case["config"].as_str().unwrap();
        let config = config::load(text, &LoadOptions::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let tree = RouteTree::new(&config.route);
        let expected: Vec<_> = case["tree_depth_first"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| ["route_id", "route_key", "receiver"].map(|key| r[key].as_str().unwrap()))
            .collect();
        let got: Vec<_> = tree
            .routes()
            .iter()
            .map(|r| [r.id.as_str(), r.key.as_str(), &*r.receiver])
            .collect();
        assert_eq!(got, expected, "{name}");
        for decision in case["decisions"].as_array().unwrap() {
            let pairs = decision["labels"].as_object().unwrap().iter();
            let labels = Labels::from_pairs(pairs.map(|(k, v)| (k.as_str(), v.as_str().unwrap())));
            let expected = decision["routes"].as_array().unwrap();
            let found = tree.matches(&labels);
            assert_eq!(found.len(), expected.len(), "{name} {labels:?}");
            for (index, expected) in found.into_iter().zip(expected) {
                let route = tree.route(index).unwrap();
                assert_eq!(route.id, expected["route_id"].as_str().unwrap(), "{name}");
                let group = route.group_labels(&labels, &interner);
                let fingerprint = expected["group_labels_fingerprint"].as_str().unwrap();
                assert_eq!(
                    group.fingerprint().to_string(),
                    fingerprint,
                    "{name} {labels:?}"
                );
                for (key, duration) in [
                    ("group_wait", route.group_wait),
                    ("group_interval", route.group_interval),
                    ("repeat_interval", route.repeat_interval),
                ] {
                    assert_eq!(
                        go(duration),
                        expected[key].as_str().unwrap(),
                        "{name} {key}"
                    );
                }
            }
        }
    }
}
