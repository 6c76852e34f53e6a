//! The labels of a route: templates that may ask for one another by `routeLabels`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::label::Labels;
use gotmpl::functions::{Environment, RouteLabels};
use gotmpl::time::Time;
use gotmpl::{Limits, Value};

use super::facts::{time, value};
use super::{Failure, Markup, TemplateSet, Text};
use crate::Notification;
use crate::data::Data;

/// How deep labels may ask for one another; each level is one more execution on the native stack.
const DEPTH_MAX: usize = 32;

/// The labels of one route, parsed.
#[derive(Clone, Debug, Default)]
pub struct RouteTexts(BTreeMap<Arc<str>, Text>);

/// Labels that could not be rendered and are left out, each with why.
pub type Omitted = Vec<(Arc<str>, Failure)>;

impl RouteTexts {
    /// Parses a route's labels, those it inherits included.
    pub fn new(labels: &BTreeMap<Arc<str>, Arc<str>>, set: &TemplateSet) -> Self {
        let texts = labels.iter();
        let texts = texts.map(|(name, text)| (Arc::clone(name), set.text(text, Markup::Plain)));
        Self(texts.collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels, if none of them is a template: the same for every group.
    pub fn literal(&self) -> Option<Labels> {
        let pairs = self.0.iter();
        let pairs: Option<Vec<_>> = pairs
            .map(|(name, text)| Some((&**name, text.as_literal()?)))
            .collect();
        Some(Labels::from_pairs(pairs?))
    }

    /// Renders the labels for a group, as a message about it would be: a label that fails is left out.
    pub fn render(&self, set: &TemplateSet, notification: &Notification) -> (Labels, Omitted) {
        if let Some(labels) = self.literal() {
            return (labels, Vec::new());
        }
        let facts = Data::new(notification, &notification.alerts);
        let resolver = Resolver {
            texts: self,
            set,
            dot: value(&facts),
            now: time(notification.at),
            state: RefCell::default(),
        };
        let mut rendered = Vec::new();
        let mut omitted = Vec::new();
        for name in self.0.keys() {
            match resolver.resolve(name) {
                Ok(text) => rendered.push((&**name, text)),
                Err(failure) => omitted.push((Arc::clone(name), failure)),
            }
        }
        let pairs = rendered.iter().map(|(name, text)| (*name, text.as_str()));
        (Labels::from_pairs(pairs), omitted)
    }
}

/// Renders labels as they are asked for, each once.
#[derive(Debug)]
struct Resolver<'a> {
    texts: &'a RouteTexts,
    set: &'a TemplateSet,
    dot: Value,
    now: Time,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    done: BTreeMap<Arc<str>, Result<String, Failure>>,
    /// The labels being rendered, each asked for by the one before.
    open: Vec<Arc<str>>,
}

impl Resolver<'_> {
    fn resolve(&self, name: &str) -> Result<String, Failure> {
        let Some((name, text)) = self.texts.0.get_key_value(name) else {
            return Ok(String::new());
        };
        {
            let mut state = self.state.borrow_mut();
            if let Some(done) = state.done.get(name) {
                return done.clone();
            }
            if state.open.contains(name) {
                let path = state.open.join(" -> ");
                return Err(Failure::plain(format!(
                    "route label cycle detected: {path} -> {name}"
                )));
            }
            if DEPTH_MAX <= state.open.len() {
                return Err(Failure::plain(format!(
                    "route labels ask for one another more than {DEPTH_MAX} deep"
                )));
            }
            state.open.push(Arc::clone(name));
        }
        let mut environment = Environment::new(self.now.clone());
        environment.local = self.set.local().clone();
        environment.route_labels = Some(self);
        let outcome = text.execute_within(&self.dot, &environment, &Limits::TENANT);
        let mut state = self.state.borrow_mut();
        state.open.pop();
        state.done.insert(Arc::clone(name), outcome.clone());
        outcome
    }
}

impl RouteLabels for Resolver<'_> {
    fn label(&self, name: &str) -> Result<String, String> {
        let cause = |failure: Failure| {
            let inner = failure.message.rsplit("error calling routeLabels: ");
            inner.take(1).collect()
        };
        self.resolve(name).map_err(cause)
    }
}
