//! `wecom_bot_configs`: a group robot of WeCom. A key of our own; Alertmanager's `wechat_configs` are messages of an application.

use super::Context;
use super::own::{choice, secret_url, texts};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Fields, Node};

/// A group robot of WeCom.
#[derive(Debug, Clone, PartialEq)]
pub struct WecomBotConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The robot's address with its key. Set unless `webhook_url_file` is.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds it.
    pub webhook_url_file: String,
    /// The message's form.
    pub message_type: WecomMessage,
    /// One line in plain text.
    pub title: String,
    /// The message: WeCom's Markdown, or plain text.
    pub text: String,
    /// Members who are called, by their user ids.
    pub mentioned_list: Vec<String>,
    /// Members who are called, by their mobile numbers; `@all` for everybody. For plain text.
    pub mentioned_mobile_list: Vec<String>,
}

/// The form of a message to WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WecomMessage {
    /// Markdown.
    Markdown,
    /// Plain text.
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
    "mentioned_list",
    "mentioned_mobile_list",
];

impl WecomBotConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "wecom_bot_configs", KEYS)?;
        let (webhook_url, webhook_url_file) = secret_url(&f, "webhook_url")?;
        let types = [
            ("markdown", WecomMessage::Markdown),
            ("text", WecomMessage::Text),
        ];
        let message_type = choice(&f, "message_type", &types)?;
        let text = match message_type {
            WecomMessage::Markdown => r#"{{ template "wecom_bot.default.text" . }}"#,
            WecomMessage::Text => r#"{{ template "wecom_bot.default.plain" . }}"#,
        };
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            message_type,
            title: f.text_or("title", r#"{{ template "wecom_bot.default.title" . }}"#)?,
            text: f.text_or("text", text)?,
            mentioned_list: texts(&f, "mentioned_list")?,
            mentioned_mobile_list: texts(&f, "mentioned_mobile_list")?,
        };
        if message_type == WecomMessage::Markdown && !config.mentioned_mobile_list.is_empty() {
            let error = f.error_at(
                "mentioned_mobile_list",
                "WeCom calls members by mobile number in plain text only",
            );
            return Err(error.hint("use message_type: text, or mentioned_list with user ids"));
        }
        Ok(config)
    }
}
