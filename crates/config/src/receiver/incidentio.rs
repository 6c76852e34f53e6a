//! `incidentio_configs`.

use super::{Context, exactly_one};
use crate::duration::GoDuration;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// incident.io.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentioConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where bodies are posted.
    pub url: Option<HttpUrl>,
    /// A file that holds the URL.
    pub url_file: String,
    /// The source's token.
    pub alert_source_token: Secret,
    /// A file that holds the token.
    pub alert_source_token_file: String,
    /// At most so many alerts are in one body; 0: all.
    pub max_alerts: u64,
    /// The longest one attempt may take; none when not positive.
    pub timeout: GoDuration,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "url",
    "url_file",
    "alert_source_token",
    "alert_source_token_file",
    "max_alerts",
    "timeout",
];

impl IncidentioConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "incidentio_configs", KEYS)?;
        let own_http = context.own_http(&f)?;
        let (url, url_file) = (f.url("url")?, f.text("url_file")?);
        exactly_one(&f, "url", url.is_some(), "url_file", !url_file.is_empty())?;
        let (token, token_file) = (
            f.secret("alert_source_token")?,
            f.text("alert_source_token_file")?,
        );
        let has_file = !token_file.is_empty();
        let has_token = !token.is_empty();
        f.at_most_one(
            "alert_source_token",
            has_token,
            "alert_source_token_file",
            has_file,
        )?;
        if let Some(http) = &own_http {
            let has_auth = http.authorization.is_some();
            if has_auth && (has_token || has_file) {
                let message = "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization";
                return Err(f.error_at("http_config", message));
            }
            if !has_auth && !has_token && !has_file {
                let message = "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured";
                return Err(f.error(message));
            }
        }
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: own_http.unwrap_or_else(|| context.global.http_config.clone()),
            url,
            url_file,
            alert_source_token: token,
            alert_source_token_file: token_file,
            max_alerts: f.unsigned("max_alerts", 0)?,
            timeout: f.go_duration("timeout")?,
        })
    }

    pub(super) fn print(&self) -> Value {
        let url = self
            .url
            .as_ref()
            .map_or(Value::Null, |url| url.as_str().into());
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .value("url", url)
            .value("url_file", self.url_file.as_str().into())
            .secret("alert_source_token", &self.alert_source_token)
            .text("alert_source_token_file", &self.alert_source_token_file)
            .value("max_alerts", Value::Int(self.max_alerts.into()))
            .value("timeout", self.timeout.to_string().as_str().into())
            .done()
    }
}
