//! `dingtalk_configs`: a custom robot of DingTalk. A key of our own.

use super::Context;
use super::own::{choice, secret, secret_url, texts};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::{Secret, SecretUrl};
use crate::yaml::{Fields, Node};

/// A custom robot of DingTalk.
#[derive(Debug, Clone, PartialEq)]
pub struct DingtalkConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The robot's address with its token. Set unless `webhook_url_file` is.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds it.
    pub webhook_url_file: String,
    /// The key requests are signed with (`SEC…`), when the robot asks for signatures.
    pub secret: Secret,
    /// A file that holds it.
    pub secret_file: String,
    /// The message's form.
    pub message_type: DingtalkMessage,
    /// One line in plain text.
    pub title: String,
    /// The message in DingTalk's Markdown.
    pub text: String,
    /// Members who are called, by their mobile numbers.
    pub at_mobiles: Vec<String>,
    /// Members who are called, by their user ids.
    pub at_user_ids: Vec<String>,
    /// Whether everybody is called.
    pub at_all: bool,
}

/// The form of a message to DingTalk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DingtalkMessage {
    /// Markdown.
    Markdown,
    /// Markdown with buttons.
    ActionCard,
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
    "at_mobiles",
    "at_user_ids",
    "at_all",
];

impl DingtalkConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "dingtalk_configs", KEYS)?;
        let (webhook_url, webhook_url_file) = secret_url(&f, "webhook_url")?;
        let (secret, secret_file) = secret(&f, "secret", false)?;
        let types = [
            ("markdown", DingtalkMessage::Markdown),
            ("action_card", DingtalkMessage::ActionCard),
        ];
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            secret,
            secret_file,
            message_type: choice(&f, "message_type", &types)?,
            title: f.text_or("title", r#"{{ template "dingtalk.default.title" . }}"#)?,
            text: f.text_or("text", r#"{{ template "dingtalk.default.text" . }}"#)?,
            at_mobiles: texts(&f, "at_mobiles")?,
            at_user_ids: texts(&f, "at_user_ids")?,
            at_all: f.boolean("at_all", false)?,
        };
        let calls = [
            ("at_mobiles", !config.at_mobiles.is_empty()),
            ("at_user_ids", !config.at_user_ids.is_empty()),
            ("at_all", config.at_all),
        ];
        let called = calls.iter().find(|(_, is_set)| *is_set);
        match (config.message_type, called) {
            (DingtalkMessage::ActionCard, Some((key, _))) => {
                let message = format!("{key} has no effect in an action card");
                Err(f.error_at(key, message).hint("use message_type: markdown"))
            }
            _ => Ok(config),
        }
    }
}
