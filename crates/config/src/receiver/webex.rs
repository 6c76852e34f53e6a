//! `webex_configs`.

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// Webex; the token is in `http_config.authorization`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebexConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect, with the token.
    pub http_config: HttpConfig,
    /// Where it is.
    pub api_url: HttpUrl,
    /// The message.
    pub message: String,
    /// The room, a template.
    pub room_id: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "message",
    "room_id",
];

impl WebexConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "webex_configs", KEYS)?;
        let room_id = f.text("room_id")?;
        if room_id.is_empty() {
            return Err(f.error("missing room_id on webex_config"));
        }
        let http_config = context
            .own_http(&f)?
            .filter(|http| http.authorization.is_some());
        let http_config = http_config.ok_or_else(|| {
            let error = f.error("missing webex_configs.http_config.authorization");
            error.hint("the bot's token goes to http_config: {authorization: {credentials: ...}}")
        })?;
        let url = f
            .url("api_url")?
            .or_else(|| context.global.webex_api_url.clone());
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config,
            api_url: url.ok_or_else(|| f.error("no global Webex URL set"))?,
            message: f.text_or("message", r#"{{ template "webex.default.message" . }}"#)?,
            room_id,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .text("api_url", self.api_url.as_str())
            .text("message", &self.message)
            .value("room_id", self.room_id.as_str().into())
            .done()
    }
}
