//! `wechat_configs`.

use super::Context;
use crate::duration::quoted;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// WeChat.
#[derive(Debug, Clone, PartialEq)]
pub struct WechatConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The secret.
    pub api_secret: Secret,
    /// A file that holds it.
    pub api_secret_file: String,
    /// The corporation.
    pub corp_id: String,
    /// The message.
    pub message: String,
    /// Where it is; ends in `/`.
    pub api_url: HttpUrl,
    /// Users.
    pub to_user: String,
    /// Departments.
    pub to_party: String,
    /// Tags.
    pub to_tag: String,
    /// The agent.
    pub agent_id: String,
    /// `text` or `markdown`.
    pub message_type: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_secret",
    "api_secret_file",
    "corp_id",
    "message",
    "api_url",
    "to_user",
    "to_party",
    "to_tag",
    "agent_id",
    "message_type",
];

impl WechatConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "wechat_configs", KEYS)?;
        let global = context.global;
        let message_type = match f.text("message_type")?.as_str() {
            "" | "text" => "text".to_owned(),
            "markdown" => "markdown".to_owned(),
            other => {
                let other = quoted(other);
                let message = "does not match valid options ^(text|markdown)$";
                let message = format!("weChat message type {other} {message}");
                return Err(f.error_at("message_type", message));
            }
        };
        let (own, file) = (f.secret("api_secret")?, f.text("api_secret_file")?);
        f.at_most_one(
            "api_secret",
            !own.is_empty(),
            "api_secret_file",
            !file.is_empty(),
        )?;
        let url = global.wechat_api_url.as_ref();
        let url = context.slashed_url(&f, "api_url", url, "wechat_api_url")?;
        let (api_secret, api_secret_file) = if own.is_empty() && file.is_empty() {
            (
                global.wechat_api_secret.clone(),
                global.wechat_api_secret_file.clone(),
            )
        } else {
            (own, file)
        };
        if api_secret.is_empty() && api_secret_file.is_empty() {
            let message = "no global Wechat Api Secret set either inline or in a file";
            return Err(f
                .error(message)
                .hint("set api_secret here or wechat_api_secret"));
        }
        let corp_id = f.text("corp_id")?;
        let corp_id = if corp_id.is_empty() {
            global.wechat_api_corp_id.clone()
        } else {
            corp_id
        };
        if corp_id.is_empty() {
            let message = "no global Wechat CorpID set";
            return Err(f
                .error(message)
                .hint("set corp_id here or wechat_api_corp_id"));
        }
        Ok(Self {
            send_resolved: f.boolean("send_resolved", false)?,
            http_config: context.http(&f)?,
            api_secret,
            api_secret_file,
            corp_id,
            message: f.text_or("message", r#"{{ template "wechat.default.message" . }}"#)?,
            api_url: url.ok_or_else(|| f.error("no global Wechat URL set"))?,
            to_user: f.text_or("to_user", r#"{{ template "wechat.default.to_user" . }}"#)?,
            to_party: f.text_or("to_party", r#"{{ template "wechat.default.to_party" . }}"#)?,
            to_tag: f.text_or("to_tag", r#"{{ template "wechat.default.to_tag" . }}"#)?,
            agent_id: f.text_or("agent_id", r#"{{ template "wechat.default.agent_id" . }}"#)?,
            message_type,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret("api_secret", &self.api_secret)
            .all_texts(&[
                ("api_secret_file", &self.api_secret_file),
                ("corp_id", &self.corp_id),
                ("message", &self.message),
                ("api_url", self.api_url.as_str()),
                ("to_user", &self.to_user),
                ("to_party", &self.to_party),
                ("to_tag", &self.to_tag),
                ("agent_id", &self.agent_id),
                ("message_type", &self.message_type),
            ])
            .done()
    }
}
