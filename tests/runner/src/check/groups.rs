//! The groups alerts join, told in the form of the vectors.

use std::time::Duration;

use ::config::duration::GoDuration;
use ::config::{Config, LoadOptions};
use domain::group::key;
use domain::label::{Interner, Labels};
use domain::route::{Route, RouteIndex, RouteTree};
use serde_json::{Map, Value, json};

use crate::report::Difference;

/// Reads a configuration that must be valid.
pub(super) fn load(text: &str) -> Result<Config, Difference> {
    ::config::load(text, &LoadOptions::default())
        .map_err(|error| Difference::new("a valid configuration", error.to_string()))
}

/// The group an alert joins on a route.
pub(super) fn group(route: &Route, labels: &Labels) -> Value {
    let group_labels = route.group_labels(labels, &Interner::default());
    let text = key::text(route, &group_labels);
    json!({
        "route_key": route.key,
        "group_labels": object(&group_labels),
        "group_labels_string": group_labels.to_string(),
        "group_labels_fingerprint": group_labels.fingerprint().to_string(),
        "group_key_sha256": key::sha256_hex(&text),
        "group_key": text,
    })
}

/// A route, as the tree lists it.
pub(super) fn place(route: &Route, number: usize) -> Value {
    json!({
        "receiver": &*route.receiver,
        "route_id": route.id,
        "route_key": route.key,
        "route_index": number,
    })
}

/// All there is to say about an alert on a route.
pub(super) fn decision(route: &Route, number: usize, labels: &Labels) -> Value {
    let mut all = json!({
        "group_by": names(&route.group_by),
        "group_by_all": route.group_by_all,
        "group_wait": go(route.group_wait),
        "group_interval": go(route.group_interval),
        "repeat_interval": go(route.repeat_interval),
        "continue": route.r#continue,
        "mute_time_intervals": names(&route.mute_time_intervals),
        "active_time_intervals": names(&route.active_time_intervals),
    });
    for part in [place(route, number), group(route, labels)] {
        if let (Value::Object(all), Value::Object(part)) = (&mut all, part) {
            all.extend(part);
        }
    }
    all
}

/// Upstream's number of each route: children are counted before their parent.
pub(super) fn numbers(tree: &RouteTree) -> Vec<usize> {
    fn visit(tree: &RouteTree, index: RouteIndex, next: &mut usize, numbers: &mut Vec<usize>) {
        let Some(route) = tree.route(index) else {
            return;
        };
        for child in &route.children {
            visit(tree, *child, next, numbers);
        }
        if let Some(number) = numbers.get_mut(index.0 as usize) {
            *number = *next;
        }
        *next += 1;
    }
    let mut numbers = vec![0; tree.routes().len()];
    visit(tree, RouteIndex(0), &mut 0, &mut numbers);
    numbers
}

fn object(labels: &Labels) -> Value {
    let pairs = labels
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn names(names: &[std::sync::Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

fn go(duration: Duration) -> String {
    GoDuration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}
