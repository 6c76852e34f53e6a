//! The data of a notification, as much of it as the vectors look at.

use serde_json::Value as Json;

use crate::data::{Alert, Alerts, Data, Kv};
use crate::time::{Time, Zone};
use crate::value::Value;

/// The value of a dataset of the vectors.
pub(super) fn dataset(json: &Json) -> Value {
    if json.is_null() {
        return Value::Nil;
    }
    let alerts = json["alerts"].as_array().map_or(&[][..], Vec::as_slice);
    let data = Data {
        receiver: text(&json["receiver"]).into(),
        alerts: Alerts::new(alerts.iter().map(alert)),
        notification_reason: text(&json["notification_reason"]).into(),
        group_labels: pairs(&json["group_labels"]),
        common_labels: pairs(&common(alerts, "labels")),
        common_annotations: pairs(&common(alerts, "annotations")),
        route_labels: pairs(&Json::Null),
        external_url: url(text(&json["external_url"])).into(),
    };
    data.into_value()
}

fn alert(json: &Json) -> Alert {
    let ends_at = text(&json["ends_at"]);
    Alert {
        is_resolved: !ends_at.is_empty(),
        labels: pairs(&json["labels"]),
        annotations: pairs(&json["annotations"]),
        starts_at: time(text(&json["starts_at"])),
        ends_at: if ends_at.is_empty() {
            Time::zero()
        } else {
            time(ends_at)
        },
        generator_url: text(&json["generator_url"]).into(),
        fingerprint: "".into(),
    }
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

fn pairs(json: &Json) -> Kv {
    let entries = json.as_object().into_iter().flatten();
    Kv::new(entries.map(|(name, value)| (name.as_str(), text(value))))
}

fn time(text: &str) -> Time {
    let instant: jiff::Timestamp = text.parse().expect("a time of RFC 3339");
    let zone = match text.strip_suffix('Z') {
        Some(_) => Zone::Utc,
        None => {
            let (sign, offset) = text.split_at(text.len() - 6).1.split_at(1);
            let (hours, minutes) = offset.split_once(':').expect("an offset");
            let number = |text: &str| text.parse::<i32>().expect("a number");
            let east_seconds = number(hours) * 3600 + number(minutes) * 60;
            Zone::from_offset_seconds(if sign == "-" {
                -east_seconds
            } else {
                east_seconds
            })
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
