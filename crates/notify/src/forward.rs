//! Forwarding: a group's alerts posted to another Alertmanager, or another Belfry, as Prometheus would.

use std::time::Duration;

use async_trait::async_trait;
use config::ForwardConfig;
use domain::time::Timestamp;
use outbound::Request;

use crate::go_json::{Object, list, push_pairs};
use crate::provider::{Composing, Provider, Wire};
use crate::{DeliveryError, NotifiedAlert};

pub(crate) struct Forward {
    url: String,
    ends_after_ms: i64,
}

impl Forward {
    pub(crate) fn new(config: &ForwardConfig) -> Self {
        Self {
            url: format!("{}api/v2/alerts", config.url.as_str()),
            ends_after_ms: milliseconds(config.ends_after),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An alert as API v2 takes it. One that fires ends far enough ahead, so that it lives over there until the next message about it.
fn posted(notified: &NotifiedAlert, firing_ends_at: Timestamp) -> String {
    let alert = &notified.alert;
    let (mut labels, mut annotations) = (String::new(), String::new());
    push_pairs(&mut labels, alert.labels.pairs());
    push_pairs(&mut annotations, alert.annotations.pairs());
    let ends_at = match notified.is_resolved {
        true => alert.ends_at,
        false => firing_ends_at,
    };
    Object::new()
        .json("labels", &labels)
        .json("annotations", &annotations)
        .text("startsAt", &alert.starts_at.rfc3339_nano())
        .text("endsAt", &ends_at.rfc3339_nano())
        .some_text("generatorURL", &alert.generator_url)
        .done()
}

#[async_trait]
impl Provider for Forward {
    type Message = Vec<NotifiedAlert>;

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Vec<NotifiedAlert>, DeliveryError> {
        Ok(composing.notification.alerts.clone())
    }

    async fn send(&self, alerts: Vec<NotifiedAlert>, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        // Of the attempt, not of the message: a repeat hours later must not end what still fires.
        let ends_at = wire.now().utc().moved_by_ms(self.ends_after_ms);
        let body = list(alerts.iter().map(|alert| posted(alert, ends_at)));
        wire.accepted(Request::post_json(&self.url, body)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
