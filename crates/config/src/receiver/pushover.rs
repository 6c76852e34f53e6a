//! `pushover_configs`.

use super::{Context, exactly_one};
use crate::duration::GoDuration;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::yaml::{Block, Fields, Node, Value};

/// Pushover.
#[derive(Debug, Clone, PartialEq)]
pub struct PushoverConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The user or group.
    pub user_key: Secret,
    /// A file that holds it.
    pub user_key_file: String,
    /// The application.
    pub token: Secret,
    /// A file that holds it.
    pub token_file: String,
    /// The title.
    pub title: String,
    /// The message.
    pub message: String,
    /// A link.
    pub url: String,
    /// The link's text.
    pub url_title: String,
    /// The device.
    pub device: String,
    /// The sound.
    pub sound: String,
    /// How urgent it is.
    pub priority: String,
    /// How often an emergency is repeated.
    pub retry: GoDuration,
    /// How long an emergency is repeated.
    pub expire: GoDuration,
    /// How long the message is kept; as long as possible when not positive.
    pub ttl: GoDuration,
    /// Whether the message is HTML.
    pub html: bool,
    /// Whether the message is shown in a font of fixed width.
    pub monospace: bool,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "user_key",
    "user_key_file",
    "token",
    "token_file",
    "title",
    "message",
    "url",
    "url_title",
    "device",
    "sound",
    "priority",
    "retry",
    "expire",
    "ttl",
    "html",
    "monospace",
];

impl PushoverConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "pushover_configs", KEYS)?;
        let priority = r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#;
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            user_key: f.secret("user_key")?,
            user_key_file: f.text("user_key_file")?,
            token: f.secret("token")?,
            token_file: f.text("token_file")?,
            title: f.text_or("title", r#"{{ template "pushover.default.title" . }}"#)?,
            message: f.text_or("message", r#"{{ template "pushover.default.message" . }}"#)?,
            url: f.text_or("url", r#"{{ template "pushover.default.url" . }}"#)?,
            url_title: f.text("url_title")?,
            device: f.text("device")?,
            sound: f.text("sound")?,
            priority: f.text_or("priority", priority)?,
            retry: f.go_duration_text("retry", GoDuration::seconds(60))?,
            expire: f.go_duration_text("expire", GoDuration::seconds(3600))?,
            ttl: f.go_duration_text("ttl", GoDuration::default())?,
            html: f.boolean("html", false)?,
            monospace: f.boolean("monospace", false)?,
        };
        let (has_key, has_file) = (
            !config.user_key.is_empty(),
            !config.user_key_file.is_empty(),
        );
        exactly_one(&f, "user_key", has_key, "user_key_file", has_file)?;
        let (has_token, has_file) = (!config.token.is_empty(), !config.token_file.is_empty());
        exactly_one(&f, "token", has_token, "token_file", has_file)?;
        f.at_most_one("monospace", config.monospace, "html", config.html)?;
        Ok(config)
    }

    pub(super) fn print(&self) -> Value {
        let duration = |duration: GoDuration| {
            let text = duration.to_string();
            (duration != GoDuration(0)).then(|| text.as_str().into())
        };
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret("user_key", &self.user_key)
            .text("user_key_file", &self.user_key_file)
            .secret("token", &self.token)
            .all_texts(&[
                ("token_file", &self.token_file),
                ("title", &self.title),
                ("message", &self.message),
                ("url", &self.url),
                ("url_title", &self.url_title),
                ("device", &self.device),
                ("sound", &self.sound),
                ("priority", &self.priority),
            ])
            .some("retry", duration(self.retry))
            .some("expire", duration(self.expire))
            .some("ttl", duration(self.ttl))
            .flag("html", self.html)
            .flag("monospace", self.monospace)
            .done()
    }
}
