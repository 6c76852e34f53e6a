//! The data of a notification, as much of it as the vectors look at.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::functions::{CallError, Signature};
use crate::time::{Time, Zone};
use crate::value::{ElementType, Field, GoString, List, Map, Object, Shape, Value};

const DATA: &[Field] = &[
    Field::new("Status", "status"),
    Field::new("Alerts", "alerts"),
    Field::new("GroupLabels", "groupLabels"),
    Field::new("CommonLabels", "commonLabels"),
    Field::new("CommonAnnotations", "commonAnnotations"),
    Field::new("ExternalURL", "externalURL"),
];

const ALERT: &[Field] = &[
    Field::new("Status", "status"),
    Field::new("Labels", "labels"),
    Field::new("Annotations", "annotations"),
    Field::new("StartsAt", "startsAt"),
    Field::new("GeneratorURL", "generatorURL"),
];

/// The value of a dataset of the vectors.
pub(super) fn dataset(json: &Json) -> Value {
    if json.is_null() {
        return Value::Nil;
    }
    let alerts = json["alerts"].as_array().map_or(&[][..], Vec::as_slice);
    let is_firing = alerts.iter().any(|alert| alert["ends_at"] == "");
    let alerts_list = alerts.iter().map(alert).collect::<Vec<_>>();
    Value::object(Struct {
        type_name: "*template.Data",
        fields: DATA,
        values: vec![
            status(is_firing),
            Value::object(Alerts(List::new(
                alerts_list,
                ElementType::Named("template.Alert"),
            ))),
            pairs(&json["group_labels"]),
            pairs(&common(alerts, "labels")),
            pairs(&common(alerts, "annotations")),
            Value::from(url(text(&json["external_url"]))),
        ],
    })
}

fn alert(json: &Json) -> Value {
    Value::object(Struct {
        type_name: "template.Alert",
        fields: ALERT,
        values: vec![
            status(json["ends_at"] == ""),
            pairs(&json["labels"]),
            pairs(&json["annotations"]),
            Value::Time(time(text(&json["starts_at"]))),
            Value::from(text(&json["generator_url"])),
        ],
    })
}

fn status(is_firing: bool) -> Value {
    Value::from(if is_firing { "firing" } else { "resolved" })
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

fn time(text: &str) -> Time {
    let instant: jiff::Timestamp = text.parse().expect("a time of RFC 3339");
    let zone = match text.strip_suffix('Z') {
        Some(_) => Zone::Utc,
        None => {
            let (sign, offset) = text.split_at(text.len() - 6).1.split_at(1);
            let (hours, minutes) = offset.split_once(':').expect("an offset");
            let seconds = |text: &str| text.parse::<i32>().expect("a number");
            let east = seconds(hours) * 3600 + seconds(minutes) * 60;
            Zone::from_offset_seconds(if sign == "-" { -east } else { east })
        }
    };
    Time::from_nanoseconds(instant.as_nanosecond(), zone)
}

/// A URL as Go prints one that it has parsed.
fn url(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        0..=0x7f => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// What all alerts have in common.
fn common(alerts: &[Json], field: &str) -> Json {
    let mut sets = alerts.iter().filter_map(|alert| alert[field].as_object());
    let mut common = sets.next().cloned().unwrap_or_default();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    Json::Object(common)
}

fn pairs(json: &Json) -> Value {
    let entries = json.as_object().into_iter().flatten();
    let entries = entries.map(|(name, value)| (name.clone(), text(value).to_owned()));
    Value::object(Kv(entries.collect()))
}

#[derive(Debug)]
struct Struct {
    type_name: &'static str,
    fields: &'static [Field],
    values: Vec<Value>,
}

impl Object for Struct {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn shape(&self) -> Shape {
        Shape::Struct(self.fields)
    }

    fn field(&self, name: &str) -> Option<Value> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        self.values.get(index).cloned()
    }
}

#[derive(Debug)]
struct Alerts(List);

impl Object for Alerts {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn shape(&self) -> Shape {
        Shape::List(self.0.clone())
    }
}

#[derive(Debug)]
struct Kv(BTreeMap<String, String>);

impl Kv {
    /// The name of the alert comes first.
    fn sorted(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        pairs.sort_by_key(|(name, _)| *name != "alertname");
        pairs
    }
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn shape(&self) -> Shape {
        let entries = self.0.iter();
        Shape::Map(Map::of_strings(
            entries.map(|(name, value)| (name.as_str(), value.as_str())),
        ))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "SortedPairs").then(|| Signature::new(&[]))
    }

    fn call(&self, _name: &str, _arguments: &[Value]) -> Result<Value, CallError> {
        let pairs = self.sorted().into_iter();
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Value::object(Pairs(pairs.collect())))
    }

    fn text(&self) -> Option<GoString> {
        Some(joined(self.sorted()).into())
    }
}

#[derive(Debug)]
struct Pairs(Vec<(String, String)>);

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn shape(&self) -> Shape {
        Shape::List(List::of_strings(Vec::<&str>::new()))
    }

    fn text(&self) -> Option<GoString> {
        let pairs = self.0.iter().map(|(name, value)| (&**name, &**value));
        Some(joined(pairs.collect()).into())
    }
}

fn joined(pairs: Vec<(&str, &str)>) -> String {
    let texts: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    texts.join(", ")
}
