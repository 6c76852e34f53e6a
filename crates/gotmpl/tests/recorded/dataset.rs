//! Recorded data as the dot of a template, built as a notification builds it: from the vectors, or from the body of a webhook, whose keys
//! are spelled in another way.

use std::collections::BTreeMap;

use gotmpl::Value;
use gotmpl::data::{Alert, Alerts, Data, Kv};
use gotmpl::time::{Time, Zone};
use serde_json::Value as Json;

type Texts = BTreeMap<String, String>;

/// What a dataset says under a key of the vectors, `starts_at`; in the body of a webhook that is `startsAt`.
fn at<'a>(json: &'a Json, key: &str) -> &'a Json {
    let spelled = match key {
        "external_url" => "externalURL",
        "generator_url" => "generatorURL",
        "group_labels" => "groupLabels",
        "starts_at" => "startsAt",
        "ends_at" => "endsAt",
        other => other,
    };
    json.get(key).unwrap_or(&json[spelled])
}

/// The dot that a dataset stands for.
pub(crate) fn value(dataset: &Json) -> Value {
    if dataset.is_null() {
        return Value::Nil;
    }
    let alerts = dataset["alerts"].as_array().expect("a list of alerts");
    let text = |key: &str| at(dataset, key).as_str().expect("a text").to_owned();
    Data {
        receiver: quote_meta(&text("receiver")).into(),
        alerts: Alerts::new(alerts.iter().map(alert)),
        notification_reason: text("notification_reason").into(),
        group_labels: Kv::new(texts(at(dataset, "group_labels"))),
        common_labels: Kv::new(common(alerts, "labels")),
        common_annotations: Kv::new(common(alerts, "annotations")),
        route_labels: Kv::new(Texts::new()),
        external_url: url(&text("external_url")).into(),
    }
    .into_value()
}

/// A URL as Go prints one that it has parsed.
fn url(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        0..=0x7f => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn alert(alert: &Json) -> Alert {
    let labels = texts(&alert["labels"]);
    // What is empty may be left out.
    let text = |key: &str| at(alert, key).as_str().unwrap_or_default();
    // What fires has Go's zero time where it is not left out.
    let ends_at = Some(text("ends_at")).filter(|text| !text.starts_with("0001-"));
    let ends_at = ends_at.unwrap_or_default();
    Alert {
        is_resolved: !ends_at.is_empty(),
        fingerprint: format!("{:016x}", fingerprint(&labels)).into(),
        labels: Kv::new(labels),
        annotations: Kv::new(texts(&alert["annotations"])),
        starts_at: time(text("starts_at")),
        ends_at: if ends_at.is_empty() {
            Time::zero()
        } else {
            time(ends_at)
        },
        generator_url: text("generator_url").into(),
    }
}

fn texts(object: &Json) -> Texts {
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    let pairs = object.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn common(alerts: &[Json], key: &str) -> Texts {
    let mut alerts = alerts.iter().map(|alert| texts(&alert[key]));
    let mut common = alerts.next().unwrap_or_default();
    for other in alerts {
        common.retain(|name, value| other.get(name) == Some(value));
    }
    common
}

/// FNV-1a over names and values, each followed by 255.
fn fingerprint(labels: &Texts) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        for byte in text.bytes().chain([255]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn quote_meta(text: &str) -> String {
    let mut quoted = String::new();
    for char in text.chars() {
        if r"\.+*?()|[]{}^$".contains(char) {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted
}

/// Reads RFC 3339 as it stands in the vectors.
fn time(text: &str) -> Time {
    let parsed: jiff::Timestamp = if text.starts_with("0001-") {
        return Time::zero();
    } else {
        text.parse().expect("a time")
    };
    let offset = match text.strip_suffix('Z') {
        Some(_) => 0,
        None => {
            let (sign, digits) = text.split_at(text.len() - 6).1.split_at(1);
            let (hours, minutes) = digits.split_once(':').expect("an offset");
            let seconds = hours.parse::<i32>().expect("hours") * 3600
                + minutes.parse::<i32>().expect("minutes") * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    Time::from_nanoseconds(parsed.as_nanosecond(), Zone::from_offset_seconds(offset))
}
