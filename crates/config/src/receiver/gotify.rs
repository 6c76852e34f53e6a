//! `gotify_configs`. A key of our own.

use super::Context;
use super::own::secret;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Fields, Node};

/// An application of a Gotify server.
#[derive(Debug, Clone, PartialEq)]
pub struct GotifyConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The server.
    pub url: HttpUrl,
    /// The application's token.
    pub token: Secret,
    /// A file that holds it.
    pub token_file: String,
    /// One line.
    pub title: String,
    /// The message in Markdown.
    pub text: String,
    /// How urgent it is, 0 to 10; a template.
    pub priority: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "url",
    "token",
    "token_file",
    "title",
    "text",
    "priority",
];

impl GotifyConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "gotify_configs", KEYS)?;
        let (token, token_file) = secret(&f, "token", true)?;
        let url = f.url("url")?.ok_or_else(|| {
            let error = f.error("missing url");
            error.hint("the address of the Gotify server")
        })?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            url: url.with_slash(),
            token,
            token_file,
            title: f.text_or("title", r#"{{ template "gotify.default.title" . }}"#)?,
            text: f.text_or("text", r#"{{ template "gotify.default.text" . }}"#)?,
            priority: f.text_or("priority", r#"{{ template "gotify.default.priority" . }}"#)?,
        })
    }
}
