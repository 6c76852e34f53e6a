//! The routing tree: which receiver hears of an alert, and how its alerts are grouped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::label::{Interner, Labels};
use crate::matcher::{Matcher, print_matchers};

/// group_wait when the root names none.
pub const GROUP_WAIT_DEFAULT: Duration = Duration::from_secs(30);
/// group_interval when the root names none.
pub const GROUP_INTERVAL_DEFAULT: Duration = Duration::from_secs(300);
/// repeat_interval when the root names none.
pub const REPEAT_INTERVAL_DEFAULT: Duration = Duration::from_secs(4 * 3600);
/// The group_by element that means "all labels".
pub const GROUP_BY_ALL: &str = "...";

/// A route as written, before it inherits from its parent.
#[derive(Clone, Debug, Default)]
pub struct RouteSpec {
    /// Receiver name; empty inherits.
    pub receiver: String,
    /// Label names or `...`; `None` inherits, an empty list resets.
    pub group_by: Option<Vec<String>>,
    /// See [`Route::group_wait`].
    pub group_wait: Option<Duration>,
    /// See [`Route::group_interval`].
    pub group_interval: Option<Duration>,
    /// See [`Route::repeat_interval`].
    pub repeat_interval: Option<Duration>,
    /// All must match; sorted by name, value, operator.
    pub matchers: Vec<Matcher>,
    /// Whether later siblings are tried after this one matched.
    pub r#continue: bool,
    /// Names of intervals in which nothing is told.
    pub mute_time_intervals: Vec<String>,
    /// Names of intervals outside of which nothing is told.
    pub active_time_intervals: Vec<String>,
    /// Labels of the route as written, which may be templates; they come beside those inherited, or in their place.
    pub labels: BTreeMap<String, String>,
    /// Children, tried in order.
    pub routes: Vec<RouteSpec>,
}

/// Index of a route in [`RouteTree`], in depth-first order; the root is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIndex(pub u32);

/// A route with everything inherited filled in.
#[derive(Clone, Debug)]
pub struct Route {
    /// Receiver name.
    pub receiver: Arc<str>,
    /// Labels that split alerts into groups, sorted; meaningless with `group_by_all`.
    pub group_by: Vec<Arc<str>>,
    /// Whether every label splits.
    pub group_by_all: bool,
    /// From a group's creation to its first tick.
    pub group_wait: Duration,
    /// From tick to tick.
    pub group_interval: Duration,
    /// After this long the same is told again.
    pub repeat_interval: Duration,
    /// All must match.
    pub matchers: Vec<Matcher>,
    /// Whether later siblings are tried after this one matched.
    pub r#continue: bool,
    /// Names of intervals in which nothing is told.
    pub mute_time_intervals: Vec<Arc<str>>,
    /// Names of intervals outside of which nothing is told.
    pub active_time_intervals: Vec<Arc<str>>,
    /// Labels of the route as written, which may be templates; they say nothing about which alerts it takes.
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// Parent key, `/`, and the matchers: the first half of group keys. Siblings may share it.
    pub key: String,
    /// Like `key`, with the child's index at every level: unique.
    pub id: String,
    /// Counts earlier routes with the same key and receiver; 0 for almost all (protocol.md §3).
    pub ordinal: u32,
    /// Children, tried in order.
    pub children: Vec<RouteIndex>,
}

/// The whole tree, flattened in depth-first order.
#[derive(Clone, Debug)]
pub struct RouteTree {
    routes: Vec<Route>,
}

/// One route that was tried, for Explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTrial {
    /// Which route.
    pub route: RouteIndex,
    /// The first matcher that did not match; `None` when all did.
    pub failed: Option<String>,
    /// Whether the alert joined a group of this very route.
    pub is_taken: bool,
}

impl RouteTree {
    /// Builds the tree; the spec is already validated (names exist, intervals are not zero).
    pub fn new(root: &RouteSpec) -> Self {
        let mut tree = Self { routes: Vec::new() };
        tree.add(root, None, 0);
        tree.number_twins();
        tree
    }

    /// A route by its index.
    pub fn route(&self, index: RouteIndex) -> Option<&Route> {
        self.routes.get(index.0 as usize)
    }

    /// All routes in depth-first order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes an alert with these labels joins, in match order; never empty.
    pub fn matches(&self, labels: &Labels) -> Vec<RouteIndex> {
        let mut found = Vec::with_capacity(1);
        self.walk(RouteIndex(0), labels, &mut found);
        if found.is_empty() {
            found.push(RouteIndex(0));
        }
        found
    }

    /// Every route that is tried for these labels, with the matcher that failed.
    pub fn explain(&self, labels: &Labels) -> Vec<RouteTrial> {
        let taken = self.matches(labels);
        let mut trials = Vec::new();
        self.walk_explained(RouteIndex(0), labels, &taken, &mut trials);
        trials
    }

    fn walk(&self, index: RouteIndex, labels: &Labels, found: &mut Vec<RouteIndex>) -> bool {
        let Some(route) = self.route(index) else {
            return false;
        };
        if first_mismatch(&route.matchers, labels).is_some() {
            return false;
        }
        let mut some_child = false;
        for &child in &route.children {
            if self.walk(child, labels, found) {
                some_child = true;
                if !self.route(child).is_some_and(|c| c.r#continue) {
                    break;
                }
            }
        }
        if !some_child {
            found.push(index);
        }
        true
    }

    fn walk_explained(
        &self,
        index: RouteIndex,
        labels: &Labels,
        taken: &[RouteIndex],
        trials: &mut Vec<RouteTrial>,
    ) -> bool {
        let Some(route) = self.route(index) else {
            return false;
        };
        let failed = first_mismatch(&route.matchers, labels).map(Matcher::to_string);
        let matched = failed.is_none();
        trials.push(RouteTrial {
            route: index,
            failed,
            is_taken: taken.contains(&index),
        });
        if matched {
            for &child in &route.children {
                let hit = self.walk_explained(child, labels, taken, trials);
                if hit && !self.route(child).is_some_and(|c| c.r#continue) {
                    break;
                }
            }
        }
        matched
    }

    fn add(&mut self, spec: &RouteSpec, parent: Option<RouteIndex>, position: usize) -> RouteIndex {
        let index = RouteIndex(u32::try_from(self.routes.len()).unwrap_or(u32::MAX));
        let route = match parent.and_then(|p| self.route(p)) {
            Some(parent) => inherit(spec, parent, position),
            None => root(spec),
        };
        self.routes.push(route);
        let children: Vec<_> = spec
            .routes
            .iter()
            .enumerate()
            .map(|(position, child)| self.add(child, Some(index), position))
            .collect();
        if let Some(route) = self.routes.get_mut(index.0 as usize) {
            route.children = children;
        }
        index
    }

    fn number_twins(&mut self) {
        let mut seen = std::collections::HashMap::<(String, Arc<str>), u32>::new();
        for route in &mut self.routes {
            let count = seen
                .entry((route.key.clone(), route.receiver.clone()))
                .or_insert(0);
            route.ordinal = *count;
            *count += 1;
        }
    }
}

impl Route {
    /// The labels of the group an alert joins on this route.
    pub fn group_labels(&self, labels: &Labels, interner: &Interner) -> Labels {
        if self.group_by_all {
            return labels.clone();
        }
        let pairs = labels
            .pairs()
            .filter(|(name, _)| self.group_by.iter().any(|g| &**g == *name));
        interner.labels(pairs)
    }
}

fn first_mismatch<'a>(matchers: &'a [Matcher], labels: &Labels) -> Option<&'a Matcher> {
    matchers.iter().find(|m| !m.matches_labels(labels))
}

fn texts(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|n| Arc::from(n.as_str())).collect()
}

fn root(spec: &RouteSpec) -> Route {
    let base = Route {
        receiver: Arc::from(""),
        group_by: Vec::new(),
        group_by_all: false,
        group_wait: GROUP_WAIT_DEFAULT,
        group_interval: GROUP_INTERVAL_DEFAULT,
        repeat_interval: REPEAT_INTERVAL_DEFAULT,
        matchers: Vec::new(),
        r#continue: false,
        mute_time_intervals: Vec::new(),
        active_time_intervals: Vec::new(),
        labels: Arc::default(),
        key: String::new(),
        id: String::new(),
        ordinal: 0,
        children: Vec::new(),
    };
    let route = inherit(spec, &base, 0);
    let key = print_matchers(&spec.matchers);
    Route {
        id: key.clone(),
        key,
        ..route
    }
}

fn inherit(spec: &RouteSpec, parent: &Route, position: usize) -> Route {
    let printed = print_matchers(&spec.matchers);
    let (group_by, group_by_all) = match &spec.group_by {
        None => (parent.group_by.clone(), parent.group_by_all),
        // `...` under a parent list keeps that list; the "all" wins for grouping (alertmanager.md §0.7).
        Some(names) if names.iter().any(|n| n == GROUP_BY_ALL) => (parent.group_by.clone(), true),
        Some(names) => {
            let mut names = texts(names);
            names.sort();
            (names, false)
        }
    };
    Route {
        receiver: if spec.receiver.is_empty() {
            parent.receiver.clone()
        } else {
            Arc::from(spec.receiver.as_str())
        },
        group_by,
        group_by_all,
        group_wait: spec.group_wait.unwrap_or(parent.group_wait),
        group_interval: spec.group_interval.unwrap_or(parent.group_interval),
        repeat_interval: spec.repeat_interval.unwrap_or(parent.repeat_interval),
        matchers: spec.matchers.clone(),
        r#continue: spec.r#continue,
        mute_time_intervals: texts(&spec.mute_time_intervals),
        active_time_intervals: texts(&spec.active_time_intervals),
        labels: labels(spec, parent),
        key: format!("{}/{printed}", parent.key),
        id: format!("{}/{printed}/{position}", parent.id),
        ordinal: 0,
        children: Vec::new(),
    }
}

fn labels(spec: &RouteSpec, parent: &Route) -> Arc<BTreeMap<Arc<str>, Arc<str>>> {
    if spec.labels.is_empty() {
        return Arc::clone(&parent.labels);
    }
    let mut labels = BTreeMap::clone(&parent.labels);
    let own = spec.labels.iter();
    labels.extend(own.map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str()))));
    Arc::new(labels)
}

#[cfg(test)]
mod tests;
