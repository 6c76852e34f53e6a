//! `webhook_configs`.

use super::{Context, exactly_one};
use crate::duration::GoDuration;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::{SECRET, SecretUrl};
use crate::template::{is_template, template_error};
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// A generic webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where bodies are posted; a template when it contains `{{`. Set unless `url_file` is.
    pub url: Option<SecretUrl>,
    /// A file that holds the URL, read again for every notification; empty when not set.
    pub url_file: String,
    /// At most so many alerts are in one body; 0: all.
    pub max_alerts: u64,
    /// The longest one attempt may take; none when not positive.
    pub timeout: GoDuration,
    /// A body to send instead of the usual one; texts in it are templates.
    pub payload: Option<Value>,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "url",
    "url_file",
    "max_alerts",
    "timeout",
    "payload",
];

impl WebhookConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "webhook_configs", KEYS)?;
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            url: template_url(&f)?,
            url_file: f.text("url_file")?,
            max_alerts: f.unsigned("max_alerts", 0)?,
            timeout: f.go_duration("timeout")?,
            payload: Some(f.any("payload")?).filter(|payload| *payload != Value::Null),
        };
        exactly_one(
            &f,
            "url",
            config.url.is_some(),
            "url_file",
            !config.url_file.is_empty(),
        )?;
        Ok(config)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("url", self.url.as_ref())
            .value("url_file", self.url_file.as_str().into())
            .value("max_alerts", Value::Int(self.max_alerts.into()))
            .value("timeout", self.timeout.to_string().as_str().into())
            .some("payload", self.payload.clone())
            .done()
    }
}

/// A URL that may be a template; only one that is not is checked as a URL.
fn template_url(f: &Fields) -> Result<Option<SecretUrl>> {
    let text = f.text("url")?;
    if text.is_empty() {
        return Ok(None);
    }
    if text == SECRET {
        return Ok(Some(SecretUrl::new(text)));
    }
    let is_template = is_template(&text).map_err(|message| {
        template_error(
            f.mark_of("url"),
            format!("invalid template syntax: {message}"),
        )
    })?;
    if !is_template {
        HttpUrl::parse(&text).map_err(|error| {
            let error = f.error_at("url", format!("invalid URL: {error}"));
            error.hint("an http:// or https:// address")
        })?;
    }
    Ok(Some(SecretUrl::new(text)))
}
