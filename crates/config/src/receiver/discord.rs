//! `discord_configs`.

use super::{Context, exactly_one};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// Discord.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscordConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where messages go.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds the URL.
    pub webhook_url_file: String,
    /// The text outside of the embed.
    pub content: String,
    /// The title.
    pub title: String,
    /// The message.
    pub message: String,
    /// Who we say we are.
    pub username: String,
    /// Our picture.
    pub avatar_url: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "content",
    "title",
    "message",
    "username",
    "avatar_url",
];

impl DiscordConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "discord_configs", KEYS)?;
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url: f.secret_url("webhook_url")?,
            webhook_url_file: f.text("webhook_url_file")?,
            content: f.text("content")?,
            title: f.text_or("title", r#"{{ template "discord.default.title" . }}"#)?,
            message: f.text_or("message", r#"{{ template "discord.default.message" . }}"#)?,
            username: f.text("username")?,
            avatar_url: f.text("avatar_url")?,
        };
        let (has_url, has_file) = (
            config.webhook_url.is_some(),
            !config.webhook_url_file.is_empty(),
        );
        exactly_one(&f, "webhook_url", has_url, "webhook_url_file", has_file)?;
        Ok(config)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("webhook_url", self.webhook_url.as_ref())
            .all_texts(&[
                ("webhook_url_file", &self.webhook_url_file),
                ("content", &self.content),
                ("title", &self.title),
                ("message", &self.message),
                ("username", &self.username),
                ("avatar_url", &self.avatar_url),
            ])
            .done()
    }
}
