//! `cloudevents_configs`: notifications as CloudEvents 1.0 over HTTP. A key of our own.

use super::Context;
use super::own::secret_url;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Fields, Node};

/// A receiver of CloudEvents.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudeventsConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where events are posted. Set unless `url_file` is.
    pub url: Option<SecretUrl>,
    /// A file that holds it.
    pub url_file: String,
    /// The events' `type`; a template.
    pub kind: String,
    /// At most so many alerts are in one event; 0: all.
    pub max_alerts: u64,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "url",
    "url_file",
    "type",
    "max_alerts",
];

impl CloudeventsConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "cloudevents_configs", KEYS)?;
        let (url, url_file) = secret_url(&f, "url")?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            url,
            url_file,
            kind: f.text_or("type", r#"{{ template "cloudevents.default.type" . }}"#)?,
            max_alerts: f.unsigned("max_alerts", 0)?,
        })
    }
}
