//! `template.Alert` and `template.Alerts`.

use std::sync::{Arc, OnceLock};

use super::Kv;
use crate::functions::{CallError, Context, Signature};
use crate::time::Time;
use crate::value::{ElementType, Field, GoString, List, Object, Shape, Value};

/// One alert: Alertmanager's `template.Alert`.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Whether it has ended.
    pub is_resolved: bool,
    /// What it is.
    pub labels: Kv,
    /// What is said about it.
    pub annotations: Kv,
    /// When it began.
    pub starts_at: Time,
    /// When it ended; Go's zero time when that is not stated.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: GoString,
    /// The fingerprint of its labels in hexadecimal digits.
    pub fingerprint: GoString,
}

const FIELDS: &[Field] = &[
    Field::new("Status", "status"),
    Field::new("Labels", "labels"),
    Field::new("Annotations", "annotations"),
    Field::new("StartsAt", "startsAt"),
    Field::new("EndsAt", "endsAt"),
    Field::new("GeneratorURL", "generatorURL"),
    Field::new("Fingerprint", "fingerprint"),
];

/// The word for a state.
fn status(is_resolved: bool) -> &'static str {
    if is_resolved { "resolved" } else { "firing" }
}

impl Object for Alert {
    fn type_name(&self) -> &'static str {
        "template.Alert"
    }

    fn shape(&self) -> Shape {
        Shape::Struct(FIELDS)
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Status" => Value::from(status(self.is_resolved)),
            "Labels" => self.labels.to_value(),
            "Annotations" => self.annotations.to_value(),
            "StartsAt" => self.starts_at.clone().into(),
            "EndsAt" => self.ends_at.clone().into(),
            "GeneratorURL" => Value::string(self.generator_url.clone()),
            "Fingerprint" => Value::string(self.fingerprint.clone()),
            _ => return None,
        })
    }

    fn depth(&self) -> u16 {
        2
    }
}

/// The alerts of a message: Alertmanager's `template.Alerts`. Copies share them.
#[derive(Debug, Clone)]
pub struct Alerts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: List,
    /// Which of them have ended, in the same order.
    are_resolved: Box<[bool]>,
    /// Made when they are first asked for.
    firing: OnceLock<List>,
    resolved: OnceLock<List>,
}

impl Alerts {
    /// Makes a list of alerts.
    #[must_use]
    pub fn new(alerts: impl IntoIterator<Item = Alert>) -> Self {
        let (are_resolved, all): (Vec<bool>, Vec<Value>) = alerts
            .into_iter()
            .map(|alert| (alert.is_resolved, Value::object(alert)))
            .unzip();
        Self::of(all, are_resolved.into())
    }

    fn of(all: Vec<Value>, are_resolved: Box<[bool]>) -> Self {
        Self(Arc::new(Inner {
            all: list(all),
            are_resolved,
            firing: OnceLock::new(),
            resolved: OnceLock::new(),
        }))
    }

    /// `firing` when any alert fires, `resolved` otherwise.
    #[must_use]
    pub fn status(&self) -> &'static str {
        status(self.0.are_resolved.iter().all(|is_resolved| *is_resolved))
    }

    /// The alerts as a value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(Arc::new(self.clone()))
    }

    fn those(&self, is_resolved: bool) -> List {
        let those = if is_resolved {
            &self.0.resolved
        } else {
            &self.0.firing
        };
        let make = || {
            let all = self.0.all.items().iter().zip(&self.0.are_resolved);
            let wanted = all.filter(|(_, own)| **own == is_resolved);
            list(wanted.map(|(alert, _)| alert.clone()).collect())
        };
        those.get_or_init(make).clone()
    }
}

fn list(alerts: Vec<Value>) -> List {
    List::new(alerts, ElementType::Named("template.Alert"))
}

impl Object for Alerts {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn shape(&self) -> Shape {
        Shape::List(self.0.all.clone())
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Firing" | "Resolved").then_some(Signature::new(&[]))
    }

    fn call(
        &self,
        _cx: &mut Context<'_>,
        name: &str,
        _arguments: &[Value],
    ) -> Result<Value, CallError> {
        Ok(self.those(name == "Resolved").into())
    }

    fn part(&self, from: usize, to: usize) -> Option<Value> {
        let all = self.0.all.items().get(from..to)?.to_vec();
        let are_resolved = self.0.are_resolved.get(from..to)?;
        Some(Self::of(all, are_resolved.into()).to_value())
    }

    fn depth(&self) -> u16 {
        3
    }
}
