//! `msteams_configs` and `msteamsv2_configs`.

use super::{Context, exactly_one};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// Microsoft Teams by the old connectors.
#[derive(Debug, Clone, PartialEq)]
pub struct MsteamsConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where messages go.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds the URL.
    pub webhook_url_file: String,
    /// The title.
    pub title: String,
    /// The summary.
    pub summary: String,
    /// The text.
    pub text: String,
}

/// Microsoft Teams by workflows.
#[derive(Debug, Clone, PartialEq)]
pub struct Msteamsv2Config {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where messages go.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds the URL.
    pub webhook_url_file: String,
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "title",
    "summary",
    "text",
];

const KEYS_V2: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "title",
    "text",
];

fn webhook(f: &Fields) -> Result<(Option<SecretUrl>, String)> {
    let (url, file) = (f.secret_url("webhook_url")?, f.text("webhook_url_file")?);
    exactly_one(
        f,
        "webhook_url",
        url.is_some(),
        "webhook_url_file",
        !file.is_empty(),
    )?;
    Ok((url, file))
}

impl MsteamsConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "msteams_configs", KEYS)?;
        let (webhook_url, webhook_url_file) = webhook(&f)?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            title: f.text_or("title", r#"{{ template "msteams.default.title" . }}"#)?,
            summary: f.text_or("summary", r#"{{ template "msteams.default.summary" . }}"#)?,
            text: f.text_or("text", r#"{{ template "msteams.default.text" . }}"#)?,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("webhook_url", self.webhook_url.as_ref())
            .all_texts(&[
                ("webhook_url_file", &self.webhook_url_file),
                ("title", &self.title),
                ("summary", &self.summary),
                ("text", &self.text),
            ])
            .done()
    }
}

impl Msteamsv2Config {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "msteamsv2_configs", KEYS_V2)?;
        let (webhook_url, webhook_url_file) = webhook(&f)?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            title: f.text_or("title", r#"{{ template "msteamsv2.default.title" . }}"#)?,
            text: f.text_or("text", r#"{{ template "msteamsv2.default.text" . }}"#)?,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("webhook_url", self.webhook_url.as_ref())
            .all_texts(&[
                ("webhook_url_file", &self.webhook_url_file),
                ("title", &self.title),
                ("text", &self.text),
            ])
            .done()
    }
}
