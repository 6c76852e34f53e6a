//! The webhook: a POST of the notification as JSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Value;
use domain::id::IntegrationId;
use outbound::{Http, HttpOptions, Request, Secret};

use crate::classify::{answered, rejected, unanswered};
use crate::data::Data;
use crate::secrets::{Secrets, read_trimmed};
use crate::{DeliveryError, Integration, Notification, body, payload};

/// The header that makes repeats of one message recognisable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Where a webhook's messages go.
#[derive(Clone, Debug)]
pub enum Address {
    /// A URL from the configuration.
    Url(Secret),
    /// A file that holds the URL, read for every message.
    File(PathBuf),
}

/// How a webhook is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where messages go.
    pub address: Address,
    /// Whether ends are sent.
    pub send_resolved: bool,
    /// Most alerts a message lists; 0 for all.
    pub max_alerts: u64,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// What is sent instead of the standard body.
    pub payload: Option<Value>,
}

/// Delivers to a webhook.
pub struct Webhook {
    id: IntegrationId,
    settings: Settings,
    http: Arc<dyn Http>,
    secrets: Secrets,
}

impl Webhook {
    /// An integration that sends over `http`, a client built from `options`.
    pub fn new(
        id: IntegrationId,
        settings: Settings,
        options: &HttpOptions,
        http: Arc<dyn Http>,
    ) -> Self {
        Self {
            id,
            settings,
            http,
            secrets: Secrets::of(options),
        }
    }

    async fn url(&self) -> Result<String, DeliveryError> {
        let url = match &self.settings.address {
            Address::Url(url) => url.expose().to_owned(),
            Address::File(path) => url_in(path).await?,
        };
        if url.is_empty() {
            return Err(rejected("webhook url is empty".to_owned()));
        }
        Ok(url)
    }

    fn body(&self, notification: &Notification) -> Result<String, DeliveryError> {
        let mut body = match &self.settings.payload {
            Some(Value::Null) | None => standard_body(notification, self.settings.max_alerts),
            Some(payload) => {
                payload::custom(payload).map_err(|error| rejected(format!("webhook: {error}")))?
            }
        };
        body.push('\n');
        Ok(body)
    }
}

async fn url_in(path: &Path) -> Result<String, DeliveryError> {
    let refused = |what: &str| rejected(format!("url_file `{}`: {what}", path.display()));
    let url = read_trimmed(path)
        .await
        .map_err(|error| refused(&error.to_string()))?;
    if url.contains("{{") {
        return Err(refused(
            "templates in a URL are not supported yet: write the URL itself",
        ));
    }
    Ok(url)
}

fn standard_body(notification: &Notification, max_alerts: u64) -> String {
    let (listed, truncated) = body::cut(notification, max_alerts);
    let data = Data::new(notification, listed);
    body::version_4(&data, data.status(), &notification.group_key, truncated)
}

/// Scheme and host of a request's URL; its path and query may be secrets.
fn place(request: &Request) -> String {
    let scheme = if request.url.starts_with("https:") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}/…", request.shown_host())
}

#[async_trait]
impl Integration for Webhook {
    fn id(&self) -> &IntegrationId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        self.settings.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    async fn deliver(
        &self,
        notification: &Notification,
        deadline: Duration,
    ) -> Result<(), DeliveryError> {
        let url = self.url().await?;
        let request = Request::post_json(url.clone(), self.body(notification)?)
            .with_header(IDEMPOTENCY_KEY, notification.idempotency_key.clone());
        let place = place(&request);
        let deadline = self.settings.timeout.unwrap_or(deadline).min(deadline);
        let response = self
            .http
            .send(request, deadline)
            .await
            .map_err(|e| unanswered(&e))?;
        if (200..300).contains(&response.status) {
            return Ok(());
        }
        let shown = self.secrets.hide(&response.body, &url).await;
        answered(&response, &place, &shown)
    }
}

#[cfg(test)]
mod tests;
