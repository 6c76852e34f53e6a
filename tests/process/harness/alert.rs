//! Alerts as senders write them.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A moment as API texts write it.
///
/// # Panics
/// When the moment is outside the calendar.
#[must_use]
pub fn rfc3339(moment: SystemTime) -> String {
    Timestamp::try_from(moment)
        .expect("a moment of this age")
        .to_string()
}

/// Reads a moment an API text states.
///
/// # Panics
/// When it is none.
#[must_use]
#[track_caller]
pub fn moment(text: &str) -> SystemTime {
    match text.parse::<Timestamp>() {
        Ok(moment) => SystemTime::try_from(moment).expect("a moment of this age"),
        Err(error) => panic!("{text:?} is no moment: {error}"),
    }
}

/// An alert to post.
#[derive(Debug, Clone, Default)]
pub struct Alert {
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its annotations.
    pub annotations: Vec<(String, String)>,
    /// When it began.
    pub starts_at: Option<SystemTime>,
    /// When it ends or ended.
    pub ends_at: Option<SystemTime>,
}

impl Alert {
    /// An alert of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::default().label("alertname", name)
    }

    /// With a label more.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an annotation more.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Begun at this moment.
    #[must_use]
    pub fn starts(mut self, at: SystemTime) -> Self {
        self.starts_at = Some(at);
        self
    }

    /// Ended or ending at this moment.
    #[must_use]
    pub fn ends(mut self, at: SystemTime) -> Self {
        self.ends_at = Some(at);
        self
    }

    /// Ending in an hour.
    #[must_use]
    pub fn lasting(self) -> Self {
        let end = SystemTime::now() + Duration::from_secs(3600);
        self.ends(end)
    }

    /// As the API takes it.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut alert = Map::new();
        alert.insert("labels".to_owned(), texts(&self.labels));
        if !self.annotations.is_empty() {
            alert.insert("annotations".to_owned(), texts(&self.annotations));
        }
        for (name, at) in [("startsAt", self.starts_at), ("endsAt", self.ends_at)] {
            if let Some(at) = at {
                alert.insert(name.to_owned(), json!(rfc3339(at)));
            }
        }
        Value::Object(alert)
    }
}

fn texts(pairs: &[(String, String)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(pairs.collect())
}

/// The body of a POST of these alerts.
#[must_use]
pub fn body(alerts: &[Alert]) -> String {
    Value::Array(alerts.iter().map(Alert::json).collect()).to_string()
}

/// The body of a POST of a silence on one label, from now for so long.
#[must_use]
pub fn silence(name: &str, value: &str, long: Duration) -> String {
    let now = SystemTime::now();
    json!({
        "matchers": [{"name": name, "value": value, "isRegex": false, "isEqual": true}],
        "startsAt": rfc3339(now),
        "endsAt": rfc3339(now + long),
        "createdBy": "a test",
        "comment": "of silences",
    })
    .to_string()
}
