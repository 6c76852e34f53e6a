//! `forward_configs`: alerts go on to another Alertmanager or Belfry. A key of our own.

use std::time::Duration;

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::url::HttpUrl;
use crate::yaml::{Fields, Node};

/// How long a firing alert lives over there after the last message about it.
const ENDS_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Another Alertmanager or Belfry.
#[derive(Debug, Clone, PartialEq)]
pub struct ForwardConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The other server, without `/api/v2/alerts`.
    pub url: HttpUrl,
    /// How long a firing alert lives over there after the last message about it; longer than repeat_interval.
    pub ends_after: Duration,
}

const KEYS: &[&str] = &["send_resolved", "http_config", "url", "ends_after"];

impl ForwardConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "forward_configs", KEYS)?;
        let url = f.url("url")?.ok_or_else(|| {
            let error = f.error("missing url");
            error.hint("the address of the other Alertmanager")
        })?;
        if url.as_str().contains("/api/v2") {
            let error = f.error_at("url", "the address must not name the API");
            return Err(error.hint("leave out /api/v2/alerts"));
        }
        let ends_after = f.duration_or("ends_after", ENDS_AFTER)?;
        if ends_after.is_zero() {
            let error = f.error_at("ends_after", "ends_after must not be zero");
            return Err(error.hint("longer than repeat_interval, such as 24h"));
        }
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            url: url.with_slash(),
            ends_after,
        })
    }
}
