//! A message's facts as templates see them: Alertmanager's `Data`.

use domain::label::Labels;
use domain::time::Timestamp;
use gotmpl::Value;
use gotmpl::data;
use gotmpl::data::{Alerts, Kv};
use gotmpl::time::{Time, Zone};

use crate::NotifiedAlert;
use crate::data::Data;

pub use crate::data::quote_meta;

/// The dot of a message's templates.
pub fn value(facts: &Data<'_>) -> Value {
    data::Data {
        receiver: facts.receiver.as_str().into(),
        alerts: Alerts::new(facts.alerts.iter().map(alert)),
        notification_reason: facts.reason.into(),
        group_labels: labels(facts.group_labels),
        common_labels: labels(&facts.common_labels),
        common_annotations: Kv::new(facts.common_annotations.pairs()),
        route_labels: labels(facts.route_labels),
        external_url: facts.external_url.into(),
    }
    .into_value()
}

/// Where people reach this server, as a dot tells it.
pub(super) fn external_url(dot: &Value) -> String {
    let Value::Object(data) = dot else {
        return String::new();
    };
    let url = data.field("ExternalURL");
    let url = url.as_ref().and_then(Value::as_string);
    url.map_or_else(String::new, |url| url.to_str().into_owned())
}

fn labels(labels: &Labels) -> Kv {
    Kv::new(labels.pairs())
}

fn alert(notified: &NotifiedAlert) -> data::Alert {
    let alert = &notified.alert;
    data::Alert {
        is_resolved: notified.is_resolved,
        labels: labels(&alert.labels),
        annotations: Kv::new(alert.annotations.pairs()),
        starts_at: time(alert.starts_at),
        // Until when a firing alert counts is nobody's business but ours.
        ends_at: if notified.is_resolved {
            time(alert.ends_at)
        } else {
            Time::zero()
        },
        generator_url: alert.generator_url.to_string().into(),
        fingerprint: alert.fingerprint.to_string().into(),
    }
}

/// A time with the offset it was stated with.
pub fn time(at: Timestamp) -> Time {
    let zone = Zone::from_offset_seconds(i32::from(at.offset_minutes()) * 60);
    Time::new(at.unix_seconds(), at.subsec_nanos(), zone)
}
