//! `googlechat_configs`: an incoming webhook of a space in Google Chat. A key of our own.

use super::Context;
use super::own::{choice, secret_url};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Fields, Node};

/// An incoming webhook of a space in Google Chat.
#[derive(Debug, Clone, PartialEq)]
pub struct GooglechatConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The webhook with its key and token. Set unless `webhook_url_file` is.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds it.
    pub webhook_url_file: String,
    /// The message's form.
    pub message_type: GooglechatMessage,
    /// One line in plain text.
    pub title: String,
    /// The message: HTML of cards, or text.
    pub text: String,
    /// Whether all messages of a group are one thread.
    pub threads: bool,
}

/// The form of a message to Google Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GooglechatMessage {
    /// A card with buttons.
    Card,
    /// Text.
    Text,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "message_type",
    "title",
    "text",
    "threads",
];

impl GooglechatConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "googlechat_configs", KEYS)?;
        let (webhook_url, webhook_url_file) = secret_url(&f, "webhook_url")?;
        let types = [
            ("card", GooglechatMessage::Card),
            ("text", GooglechatMessage::Text),
        ];
        let message_type = choice(&f, "message_type", &types)?;
        let text = match message_type {
            GooglechatMessage::Card => r#"{{ template "googlechat.default.text" . }}"#,
            GooglechatMessage::Text => r#"{{ template "googlechat.default.plain" . }}"#,
        };
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            message_type,
            title: f.text_or("title", r#"{{ template "googlechat.default.title" . }}"#)?,
            text: f.text_or("text", text)?,
            threads: f.boolean("threads", true)?,
        })
    }
}
