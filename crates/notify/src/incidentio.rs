//! incident.io: the webhook's body under a version of its own, posted to an alert source.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use config::IncidentioConfig;
use outbound::{Request, Source};

use crate::body;
use crate::data::Data;
use crate::provider::{Composing, Provider, Wire};
use crate::secrets::key_or_file;
use crate::{DeliveryError, Notification};

/// What incident.io takes of a body.
const BODY_BYTES_MAX: usize = 512 * 1024;

pub(crate) struct Incidentio {
    url: Source,
    /// Nothing where `http_config` says who we are.
    token: Option<Source>,
    max_alerts: u64,
    timeout: Option<Duration>,
}

impl Incidentio {
    pub(crate) fn new(config: &IncidentioConfig) -> Self {
        let (token, file) = (&config.alert_source_token, &config.alert_source_token_file);
        let has_token = !token.is_empty() || !file.is_empty();
        Self {
            url: match &config.url {
                Some(url) => Source::inline(url.as_str()),
                None => Source::File(PathBuf::from(&config.url_file)),
            },
            token: has_token.then(|| key_or_file(token, file)),
            max_alerts: config.max_alerts,
            timeout: config.timeout.positive(),
        }
    }

    fn body(&self, notification: &Notification) -> String {
        let (listed, truncated) = body::cut(notification, self.max_alerts);
        let mut facts = Data::new(notification, listed);
        let (status, key) = (facts.status(), &notification.group_key);
        let mut body = body::written(&facts, status, key, truncated, "1");
        if BODY_BYTES_MAX <= body.len() {
            // What all have in common, and how many there were beyond max_alerts, is said as before.
            facts.alerts = facts.alerts.get(..1).unwrap_or_default();
            body = body::written(&facts, status, key, truncated, "1");
        }
        body.push('\n');
        body
    }
}

#[async_trait]
impl Provider for Incidentio {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        self.token.iter().chain([&self.url]).cloned().collect()
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        Ok(self.body(composing.notification))
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("url", &self.url).await?;
        let mut request = Request::post_json(url, body);
        if let Some(token) = &self.token {
            let token = wire.read("alert_source_token", token).await?;
            request = request.with_header("Authorization", format!("Bearer {token}"));
        }
        wire.accepted(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
