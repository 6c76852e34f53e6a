//! The routing tree as written.

use std::collections::{BTreeMap, HashSet};

use domain::matcher::is_valid_label_name;
use domain::route::{GROUP_BY_ALL, RouteSpec};

use crate::duration::{print_prometheus, quoted};
use crate::error::Result;
use crate::matchers::{MatcherKeys, MatcherReader, MatcherSet};
use crate::yaml::{Block, Fields, Node, Value};

const KEYS: &[&str] = &[
    "receiver",
    "group_by",
    "match",
    "match_re",
    "matchers",
    "mute_time_intervals",
    "active_time_intervals",
    "continue",
    "routes",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "labels",
];

const MATCHERS: MatcherKeys = MatcherKeys {
    equal: "match",
    regex: "match_re",
    list: "matchers",
};

/// What routes may name.
pub(crate) struct Names<'a> {
    pub(crate) receivers: HashSet<&'a str>,
    pub(crate) intervals: HashSet<&'a str>,
}

/// A route and how it is printed.
pub(crate) struct DecodedRoute {
    pub(crate) spec: RouteSpec,
    pub(crate) printed: Value,
    /// Where the labels of each route stand, depth first.
    pub(crate) label_lines: Vec<usize>,
}

/// Reads the whole tree.
pub(crate) fn decode_root(
    node: &Node,
    names: &Names<'_>,
    reader: &MatcherReader,
) -> Result<DecodedRoute> {
    let f = Fields::new(node, "route", KEYS)?;
    let matchers = MatcherSet::decode(&f, &MATCHERS, reader)?;
    if f.text("receiver")?.is_empty() {
        return Err(f.error("root route must specify a default receiver"));
    }
    if !matchers.is_empty() {
        let error = f.error("root route must not have any matchers");
        return Err(error.hint("it takes every alert; put matchers on a route under `routes`"));
    }
    for (key, what) in [
        ("mute_time_intervals", "mute"),
        ("active_time_intervals", "active"),
    ] {
        if f.texts(key)?.is_some_and(|names| !names.is_empty()) {
            let message = format!("root route must not have any {what} time intervals");
            return Err(f.error_at(key, message));
        }
    }
    if f.boolean("continue", false)? {
        return Err(f.error_at("continue", "cannot have continue in root route"));
    }
    decode(node, names, reader)
}

fn decode(node: &Node, names: &Names<'_>, reader: &MatcherReader) -> Result<DecodedRoute> {
    let f = Fields::new(node, "route", KEYS)?;
    let mut children = Vec::new();
    let mut label_lines = vec![f.mark_of("labels").line];
    for child in f.list("routes", "a list of routes")? {
        if child.is_null() {
            let error = crate::error::ConfigError::at(child.mark, "missing route in routes");
            return Err(error.hint("remove the empty element, or write {}"));
        }
        let child = decode(child, names, reader)?;
        label_lines.extend(child.label_lines);
        children.push((child.spec, child.printed));
    }
    let (routes, printed_routes) = children.into_iter().unzip();
    let matchers = MatcherSet::decode(&f, &MATCHERS, reader)?;
    let spec = RouteSpec {
        receiver: f.text("receiver")?,
        group_by: group_by(&f, reader)?,
        group_wait: f.duration("group_wait")?,
        group_interval: f.duration("group_interval")?,
        repeat_interval: f.duration("repeat_interval")?,
        matchers: Vec::new(),
        r#continue: f.boolean("continue", false)?,
        mute_time_intervals: f.texts("mute_time_intervals")?.unwrap_or_default(),
        active_time_intervals: f.texts("active_time_intervals")?.unwrap_or_default(),
        labels: labels(&f, reader)?,
        routes,
    };
    check(&spec, &f, names)?;
    let printed = print(&spec, &matchers, printed_routes);
    Ok(DecodedRoute {
        spec: RouteSpec {
            matchers: matchers.into_matchers(),
            ..spec
        },
        printed,
        label_lines,
    })
}

fn check(spec: &RouteSpec, f: &Fields, names: &Names<'_>) -> Result<()> {
    for (key, interval) in [
        ("group_interval", spec.group_interval),
        ("repeat_interval", spec.repeat_interval),
    ] {
        if interval.is_some_and(|interval| interval.is_zero()) {
            return Err(f.error_at(key, format!("{key} cannot be zero")));
        }
    }
    let receiver = spec.receiver.as_str();
    if !receiver.is_empty() && !names.receivers.contains(receiver) {
        let message = format!("undefined receiver {} used in route", quoted(receiver));
        return Err(with_nearest(
            f.error_at("receiver", message),
            receiver,
            &names.receivers,
        ));
    }
    for (key, used) in [
        ("active_time_intervals", &spec.active_time_intervals),
        ("mute_time_intervals", &spec.mute_time_intervals),
    ] {
        for name in used {
            if !names.intervals.contains(name.as_str()) {
                let message = format!("undefined time interval {} used in route", quoted(name));
                return Err(with_nearest(
                    f.error_at(key, message),
                    name,
                    &names.intervals,
                ));
            }
        }
    }
    Ok(())
}

fn with_nearest(
    error: crate::error::ConfigError,
    name: &str,
    known: &HashSet<&str>,
) -> crate::error::ConfigError {
    let mut known: Vec<&str> = known.iter().copied().collect();
    known.sort_unstable();
    match crate::error::nearest(name, &known) {
        Some(near) => error.hint(format!("did you mean {}?", quoted(near))),
        None => error,
    }
}

fn group_by(f: &Fields, reader: &MatcherReader) -> Result<Option<Vec<String>>> {
    let Some(labels) = f.texts("group_by")? else {
        return Ok(None);
    };
    let mut seen = HashSet::new();
    for label in labels.iter().filter(|label| *label != GROUP_BY_ALL) {
        if !is_valid_label_name(label, reader.mode) {
            let message = format!("invalid label name {} in group_by list", quoted(label));
            return Err(f.error_at("group_by", message));
        }
        if !seen.insert(label.as_str()) {
            let message = format!("duplicated label {} in group_by", quoted(label));
            return Err(f.error_at("group_by", message));
        }
    }
    if !seen.is_empty() && labels.iter().any(|label| label == GROUP_BY_ALL) {
        let message = "cannot have wildcard group_by (`...`) and other labels at the same time";
        return Err(f.error_at("group_by", message));
    }
    Ok(Some(labels))
}

/// The route's own labels; their values may be templates.
fn labels(f: &Fields, reader: &MatcherReader) -> Result<BTreeMap<String, String>> {
    let labels = f.text_map("labels")?;
    for name in labels.keys() {
        if !is_valid_label_name(name, reader.mode) {
            let message = format!("invalid label name {} in route labels", quoted(name));
            return Err(f.error_at("labels", message));
        }
    }
    Ok(labels)
}

fn print(spec: &RouteSpec, matchers: &MatcherSet, routes: Vec<Value>) -> Value {
    let duration = |duration: Option<std::time::Duration>| {
        duration.map(|duration| print_prometheus(duration).as_str().into())
    };
    let block = Block::new()
        .text("receiver", &spec.receiver)
        .texts("group_by", spec.group_by.as_deref().unwrap_or(&[]));
    matchers
        .print(block, &MATCHERS)
        .texts("mute_time_intervals", &spec.mute_time_intervals)
        .texts("active_time_intervals", &spec.active_time_intervals)
        .value("continue", Value::Bool(spec.r#continue))
        .list("routes", routes)
        .some("group_wait", duration(spec.group_wait))
        .some("group_interval", duration(spec.group_interval))
        .some("repeat_interval", duration(spec.repeat_interval))
        .text_map("labels", &spec.labels)
        .done()
}
