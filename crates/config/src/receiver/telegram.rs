//! `telegram_configs`.

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// Telegram.
#[derive(Debug, Clone, PartialEq)]
pub struct TelegramConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where it is.
    pub api_url: HttpUrl,
    /// The bot's token.
    pub bot_token: Secret,
    /// A file that holds it.
    pub bot_token_file: String,
    /// The chat; 0 when a file holds it.
    pub chat_id: i64,
    /// A file that holds the chat.
    pub chat_id_file: String,
    /// The topic within the chat; 0: none.
    pub message_thread_id: i64,
    /// The message.
    pub message: String,
    /// Whether the message makes no sound.
    pub disable_notifications: bool,
    /// `HTML`, `Markdown`, `MarkdownV2`, or empty for plain text.
    pub parse_mode: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "bot_token",
    "bot_token_file",
    "chat_id",
    "chat_id_file",
    "message_thread_id",
    "message",
    "disable_notifications",
    "parse_mode",
];

impl TelegramConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "telegram_configs", KEYS)?;
        let global = context.global;
        let (own_token, own_file) = (f.secret("bot_token")?, f.text("bot_token_file")?);
        f.at_most_one(
            "bot_token",
            !own_token.is_empty(),
            "bot_token_file",
            !own_file.is_empty(),
        )?;
        let (chat_id, chat_id_file) = (f.signed("chat_id", 0)?, f.text("chat_id_file")?);
        if chat_id == 0 && chat_id_file.is_empty() {
            return Err(f.error("missing chat_id or chat_id_file on telegram_config"));
        }
        f.at_most_one(
            "chat_id",
            chat_id != 0,
            "chat_id_file",
            !chat_id_file.is_empty(),
        )?;
        let parse_mode = f.text_or("parse_mode", "HTML")?;
        if !["", "Markdown", "MarkdownV2", "HTML"].contains(&parse_mode.as_str()) {
            let message = "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string";
            return Err(f.error_at("parse_mode", message));
        }
        let (bot_token, bot_token_file) = if own_token.is_empty() && own_file.is_empty() {
            (
                global.telegram_bot_token.clone(),
                global.telegram_bot_token_file.clone(),
            )
        } else {
            (own_token, own_file)
        };
        if bot_token.is_empty() && bot_token_file.is_empty() {
            let message = "missing bot_token or bot_token_file on telegram_config";
            return Err(f
                .error(message)
                .hint("set it here or telegram_bot_token in global"));
        }
        let url = f
            .url("api_url")?
            .or_else(|| global.telegram_api_url.clone());
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_url: url.ok_or_else(|| f.error("no global Telegram URL set"))?,
            bot_token,
            bot_token_file,
            chat_id,
            chat_id_file,
            message_thread_id: f.signed("message_thread_id", 0)?,
            message: f.text_or("message", r#"{{ template "telegram.default.message" . }}"#)?,
            disable_notifications: f.boolean("disable_notifications", false)?,
            parse_mode,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .value("api_url", self.api_url.as_str().into())
            .secret("bot_token", &self.bot_token)
            .text("bot_token_file", &self.bot_token_file)
            .number("chat_id", self.chat_id.into())
            .text("chat_id_file", &self.chat_id_file)
            .number("message_thread_id", self.message_thread_id.into())
            .text("message", &self.message)
            .flag("disable_notifications", self.disable_notifications)
            .text("parse_mode", &self.parse_mode)
            .done()
    }
}
