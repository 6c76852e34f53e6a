//! `feishu_configs`: a custom bot of Feishu or Lark. A key of our own.

use super::Context;
use super::own::{choice, secret, secret_url, texts};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::{Secret, SecretUrl};
use crate::yaml::{Fields, Node};

/// A custom bot of Feishu or Lark.
#[derive(Debug, Clone, PartialEq)]
pub struct FeishuConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The bot's address. Set unless `webhook_url_file` is.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds it.
    pub webhook_url_file: String,
    /// The key messages are signed with, when the bot asks for signatures.
    pub secret: Secret,
    /// A file that holds it.
    pub secret_file: String,
    /// The message's form.
    pub message_type: FeishuMessage,
    /// One line in plain text.
    pub title: String,
    /// The message: Markdown of cards, or plain text.
    pub text: String,
    /// Members who are called, by their `open_id` or `user_id`.
    pub at_user_ids: Vec<String>,
    /// Whether everybody is called.
    pub at_all: bool,
}

/// The form of a message to Feishu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeishuMessage {
    /// An interactive card with a coloured header and buttons.
    Card,
    /// Plain text.
    Text,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "secret",
    "secret_file",
    "message_type",
    "title",
    "text",
    "at_user_ids",
    "at_all",
];

impl FeishuConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "feishu_configs", KEYS)?;
        let (webhook_url, webhook_url_file) = secret_url(&f, "webhook_url")?;
        let (secret, secret_file) = secret(&f, "secret", false)?;
        let types = [("card", FeishuMessage::Card), ("text", FeishuMessage::Text)];
        let message_type = choice(&f, "message_type", &types)?;
        let text = match message_type {
            FeishuMessage::Card => r#"{{ template "feishu.default.text" . }}"#,
            FeishuMessage::Text => r#"{{ template "feishu.default.plain" . }}"#,
        };
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            secret,
            secret_file,
            message_type,
            title: f.text_or("title", r#"{{ template "feishu.default.title" . }}"#)?,
            text: f.text_or("text", text)?,
            at_user_ids: texts(&f, "at_user_ids")?,
            at_all: f.boolean("at_all", false)?,
        })
    }
}
