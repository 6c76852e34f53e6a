//! `ntfy_configs`. A key of our own.

use super::Context;
use super::own::{choice, needed, secret};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Fields, Node};

/// Where topics are when no other server is named.
const SERVER: &str = "https://ntfy.sh/";

/// A topic of an ntfy server.
#[derive(Debug, Clone, PartialEq)]
pub struct NtfyConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect; `basic_auth` for servers with users.
    pub http_config: HttpConfig,
    /// The server, without a topic.
    pub url: HttpUrl,
    /// The topic; a template. Whoever knows it can read it.
    pub topic: String,
    /// An access token.
    pub token: Secret,
    /// A file that holds it.
    pub token_file: String,
    /// One line.
    pub title: String,
    /// The message.
    pub text: String,
    /// 1 (min) to 5 (max); a template.
    pub priority: String,
    /// Tags and emoji, separated by commas; a template.
    pub tags: String,
    /// What a tap opens; a template.
    pub click: String,
    /// The picture beside the message; a template.
    pub icon: String,
    /// Buttons; `None` for our own.
    pub actions: Option<Vec<NtfyAction>>,
    /// Whether the message is Markdown.
    pub markdown: bool,
}

/// A button of a message to ntfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfyAction {
    /// What it does.
    pub kind: NtfyActionKind,
    /// What stands on it; a template.
    pub label: String,
    /// What it opens or calls; a template.
    pub url: String,
    /// Whether the message goes away then.
    pub clear: bool,
}

/// What a button of a message to ntfy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NtfyActionKind {
    /// Opens the URL.
    View,
    /// Sends a POST to the URL.
    Http,
}

/// What ntfy takes of buttons.
const ACTIONS_MAX: usize = 3;

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "url",
    "topic",
    "token",
    "token_file",
    "title",
    "text",
    "priority",
    "tags",
    "click",
    "icon",
    "actions",
    "markdown",
];

impl NtfyConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "ntfy_configs", KEYS)?;
        let (token, token_file) = secret(&f, "token", false)?;
        let topic = needed(&f, "topic", "the last part of the topic's address")?;
        if topic.contains('/') && !topic.contains("{{") {
            let error = f.error_at("topic", "a topic is a name, not an address");
            return Err(error.hint("the server goes into `url`, its last part into `topic`"));
        }
        let markdown = f.boolean("markdown", false)?;
        let text = if markdown {
            r#"{{ template "ntfy.default.markdown" . }}"#
        } else {
            r#"{{ template "ntfy.default.text" . }}"#
        };
        let url = match f.url("url")? {
            Some(url) => url,
            None => HttpUrl::parse(SERVER).map_err(|error| f.error(error.to_string()))?,
        };
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            url: url.with_slash(),
            topic,
            token,
            token_file,
            title: f.text_or("title", r#"{{ template "ntfy.default.title" . }}"#)?,
            text: f.text_or("text", text)?,
            priority: f.text_or("priority", r#"{{ template "ntfy.default.priority" . }}"#)?,
            tags: f.text_or("tags", r#"{{ template "ntfy.default.tags" . }}"#)?,
            click: f.text_or("click", r#"{{ template "ntfy.default.click" . }}"#)?,
            icon: f.text("icon")?,
            actions: actions(&f)?,
            markdown,
        })
    }

    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        let texts: [(&str, &str); 7] = [
            ("topic", &self.topic),
            ("title", &self.title),
            ("text", &self.text),
            ("priority", &self.priority),
            ("tags", &self.tags),
            ("click", &self.click),
            ("icon", &self.icon),
        ];
        let mut found: Vec<_> = texts.map(|(key, text)| (key.to_owned(), text)).into();
        for (index, action) in self.actions.iter().flatten().enumerate() {
            found.push((format!("actions[{index}].label"), &action.label));
            found.push((format!("actions[{index}].url"), &action.url));
        }
        found
    }
}

fn actions(f: &Fields) -> Result<Option<Vec<NtfyAction>>> {
    if f.some("actions").is_none() {
        return Ok(None);
    }
    let nodes = f.list("actions", "a list of actions")?;
    if ACTIONS_MAX < nodes.len() {
        let message = format!("ntfy shows {ACTIONS_MAX} actions at most");
        return Err(f.error_at("actions", message).hint("remove some of them"));
    }
    let actions = nodes
        .iter()
        .map(|node| action(node))
        .collect::<Result<_>>()?;
    Ok(Some(actions))
}

fn action(node: &Node) -> Result<NtfyAction> {
    let f = Fields::new(node, "actions", &["action", "label", "url", "clear"])?;
    let kinds = [
        ("view", NtfyActionKind::View),
        ("http", NtfyActionKind::Http),
    ];
    Ok(NtfyAction {
        kind: choice(&f, "action", &kinds)?,
        label: needed(&f, "label", "what stands on the button")?,
        url: needed(&f, "url", "what the button opens")?,
        clear: f.boolean("clear", false)?,
    })
}
