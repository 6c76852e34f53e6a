//! What a template is tried on, as JSON: the body of a webhook, of which every part may be missing.

use std::collections::BTreeMap;

use domain::label::Labels;
use domain::time::Timestamp;
use gotmpl::Value;
use gotmpl::data::{Alert, Alerts, Data, Kv};
use gotmpl::time::Time;
use notify::template::{quote_meta, time};
use serde::Deserialize;

use super::datetime;

type Texts = BTreeMap<String, String>;

/// Most alerts.
const ALERTS_MAX: usize = 10_000;

/// The facts of a message: Alertmanager's template data.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    receiver: Option<String>,
    alerts: Option<Vec<FactAlert>>,
    #[serde(alias = "notification_reason")]
    notification_reason: Option<String>,
    group_labels: Option<Texts>,
    common_labels: Option<Texts>,
    common_annotations: Option<Texts>,
    route_labels: Option<Texts>,
    #[serde(rename = "externalURL", alias = "externalUrl")]
    external_url: Option<String>,
    /// Whether the alerts are as they are posted: one that does not say since when begins now.
    #[serde(skip)]
    is_posted: bool,
}

/// The keys of facts and of their alerts.
const KEYS: [&str; 9] = [
    "receiver",
    "alerts",
    "notificationReason",
    "notification_reason",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "routeLabels",
    "externalURL",
];
const ALERT_KEYS: [&str; 7] = [
    "status",
    "labels",
    "annotations",
    "startsAt",
    "endsAt",
    "generatorURL",
    "fingerprint",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FactAlert {
    status: Option<String>,
    labels: Option<Texts>,
    annotations: Option<Texts>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL", alias = "generatorUrl")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
}

impl Facts {
    /// Reads them from a file; keys may be in either case, as Go reads them.
    ///
    /// # Errors
    /// The text is not the JSON of such facts.
    pub fn parse(json: &str) -> Result<Self, String> {
        let read = || {
            let mut facts: serde_json::Value = serde_json::from_str(json)?;
            rename(&mut facts, &KEYS);
            let alerts = facts.get_mut("alerts");
            let alerts = alerts.and_then(serde_json::Value::as_array_mut);
            for alert in alerts.into_iter().flatten() {
                rename(alert, &ALERT_KEYS);
            }
            serde_json::from_value(facts)
        };
        read().map_err(|error: serde_json::Error| error.to_string())
    }

    /// Facts that are only a list of alerts.
    ///
    /// # Errors
    /// The JSON is no such list.
    pub(crate) fn of_alerts(alerts: &serde_json::value::RawValue) -> Result<Self, String> {
        let alerts = serde_json::from_str(alerts.get()).map_err(|error| error.to_string())?;
        Ok(Self {
            alerts: Some(alerts),
            is_posted: true,
            ..Self::default()
        })
    }

    /// The labels of the route.
    pub fn route_labels(&self) -> Labels {
        let labels = self.route_labels.iter().flatten();
        Labels::from_pairs(labels.map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The dot of templates. What alerts have in common is computed unless it is stated.
    ///
    /// # Errors
    /// There are too many alerts, or one has a date that is none.
    pub fn into_value(self, external_url: &str, now: Timestamp) -> Result<Value, String> {
        let alerts = self.alerts.unwrap_or_default();
        if ALERTS_MAX < alerts.len() {
            return Err(format!("more than {ALERTS_MAX} alerts"));
        }
        let common = |of: fn(&FactAlert) -> &Option<Texts>| {
            let mut sets = alerts
                .iter()
                .map(|alert| of(alert).clone().unwrap_or_default());
            let mut common = sets.next().unwrap_or_default();
            for set in sets {
                common.retain(|name, value| set.get(name) == Some(value));
            }
            common
        };
        let common_labels = common(|alert| &alert.labels);
        let common_annotations = common(|alert| &alert.annotations);
        let alerts: Vec<Alert> = alerts
            .into_iter()
            .map(|alert| alert.into_alert(now, self.is_posted))
            .collect::<Result<_, _>>()?;
        let reason = self.notification_reason;
        Ok(Data {
            receiver: quote_meta(self.receiver.as_deref().unwrap_or("receiver")).into(),
            alerts: Alerts::new(alerts),
            notification_reason: reason
                .unwrap_or_else(|| "first notification".to_owned())
                .into(),
            group_labels: Kv::new(self.group_labels.unwrap_or_default()),
            common_labels: Kv::new(self.common_labels.unwrap_or(common_labels)),
            common_annotations: Kv::new(self.common_annotations.unwrap_or(common_annotations)),
            route_labels: Kv::new(self.route_labels.unwrap_or_default()),
            external_url: self.external_url.as_deref().unwrap_or(external_url).into(),
        }
        .into_value())
    }
}

impl FactAlert {
    fn into_alert(self, now: Timestamp, is_posted: bool) -> Result<Alert, String> {
        let date = |name: &str, text: Option<String>| {
            let text = text.unwrap_or_default();
            datetime::parse(&text).map_err(|error| format!("{name}: {error}"))
        };
        let starts_at = date("startsAt", self.starts_at)?.filter(|at| !at.is_zero());
        let ends_at = date("endsAt", self.ends_at)?.filter(|at| !at.is_zero());
        let posted_at = is_posted.then(|| ends_at.unwrap_or(now));
        let starts_at = starts_at.or(posted_at);
        let is_resolved = match self.status.as_deref() {
            Some("resolved") => true,
            Some("firing") => false,
            _ => ends_at.is_some_and(|at| at <= now),
        };
        let labels = self.labels.unwrap_or_default();
        let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let own = Labels::from_pairs(pairs).fingerprint().to_string();
        Ok(Alert {
            is_resolved,
            labels: Kv::new(labels),
            annotations: Kv::new(self.annotations.unwrap_or_default()),
            starts_at: starts_at.map_or_else(Time::zero, time),
            ends_at: ends_at
                .filter(|_| is_resolved)
                .map_or_else(Time::zero, time),
            generator_url: self.generator_url.unwrap_or_default().into(),
            fingerprint: self.fingerprint.unwrap_or(own).into(),
        })
    }
}

/// Gives keys that differ from known ones in case the known spelling.
fn rename(object: &mut serde_json::Value, known: &[&str]) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    for (key, value) in std::mem::take(object) {
        let own = known.iter().find(|known| known.eq_ignore_ascii_case(&key));
        object.insert(own.map_or(key, |own| (*own).to_owned()), value);
    }
}
