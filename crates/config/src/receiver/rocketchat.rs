//! `rocketchat_configs`.

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// Rocket.Chat.
#[derive(Debug, Clone, PartialEq)]
pub struct RocketchatConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where it is.
    pub api_url: Option<HttpUrl>,
    /// The token's name.
    pub token_id: Option<Secret>,
    /// A file that holds it.
    pub token_id_file: String,
    /// The token.
    pub token: Option<Secret>,
    /// A file that holds it.
    pub token_file: String,
    /// The channel or user.
    pub channel: String,
    /// The colour.
    pub color: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// The text.
    pub text: String,
    /// A table.
    pub fields: Vec<RocketchatField>,
    /// Whether fields are short unless they say otherwise.
    pub short_fields: bool,
    /// An emoji as our picture.
    pub emoji: String,
    /// Our picture.
    pub icon_url: String,
    /// An image.
    pub image_url: String,
    /// A small image.
    pub thumb_url: String,
    /// Whether names are linked.
    pub link_names: bool,
    /// Buttons.
    pub actions: Vec<RocketchatAction>,
}

/// A cell of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocketchatField {
    /// Whether it may stand beside another.
    pub short: Option<bool>,
    /// The heading.
    pub title: String,
    /// The text.
    pub value: String,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocketchatAction {
    /// `button`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Where it leads.
    pub url: String,
    /// Its picture.
    pub image_url: String,
    /// Whether the link opens inside the chat.
    pub is_webview: bool,
    /// How high that view is.
    pub webview_height_ratio: String,
    /// What is sent.
    pub msg: String,
    /// Whether it is sent to the chat.
    pub msg_in_chat_window: bool,
    /// How it is sent.
    pub msg_processing_type: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "token_id",
    "token_id_file",
    "token",
    "token_file",
    "channel",
    "color",
    "title",
    "title_link",
    "text",
    "fields",
    "short_fields",
    "emoji",
    "icon_url",
    "image_url",
    "thumb_url",
    "link_names",
    "actions",
];

impl RocketchatConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "rocketchat_configs", KEYS)?;
        let global = context.global;
        let token = Credential::decode(
            &f,
            "token",
            Credential {
                text: global.rocketchat_token.clone(),
                file: global.rocketchat_token_file.clone(),
            },
        )?;
        let id = Credential::decode(
            &f,
            "token_id",
            Credential {
                text: global.rocketchat_token_id.clone(),
                file: global.rocketchat_token_id_file.clone(),
            },
        )?;
        if id.is_missing() {
            let message = "no global Rocketchat TokenID set either inline or in a file";
            return Err(f
                .error(message)
                .hint("set token_id here or rocketchat_token_id"));
        }
        if token.is_missing() {
            let message = "no global Rocketchat Token set either inline or in a file";
            return Err(f.error(message).hint("set token here or rocketchat_token"));
        }
        let default = |key: &str, name: &str| {
            f.text_or(
                key,
                &format!("{{{{ template \"rocketchat.default.{name}\" . }}}}"),
            )
        };
        let color = r#"{{ if eq .Status "firing" }}red{{ else }}green{{ end }}"#;
        let fields = f
            .list("fields", "a list of fields")?
            .iter()
            .map(|n| field(n));
        let actions = f
            .list("actions", "a list of actions")?
            .iter()
            .map(|n| action(n));
        Ok(Self {
            send_resolved: f.boolean("send_resolved", false)?,
            http_config: context.http(&f)?,
            api_url: f
                .url("api_url")?
                .or_else(|| global.rocketchat_api_url.clone()),
            token_id: id.text,
            token_id_file: id.file,
            token: token.text,
            token_file: token.file,
            channel: f.text("channel")?,
            color: f.text_or("color", color)?,
            title: default("title", "title")?,
            title_link: default("title_link", "titlelink")?,
            text: default("text", "text")?,
            fields: fields.collect::<Result<_>>()?,
            short_fields: f.boolean("short_fields", false)?,
            emoji: default("emoji", "emoji")?,
            icon_url: default("icon_url", "iconurl")?,
            image_url: f.text("image_url")?,
            thumb_url: f.text("thumb_url")?,
            link_names: f.boolean("link_names", false)?,
            actions: actions.collect::<Result<_>>()?,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .url("api_url", self.api_url.as_ref())
            .maybe_secret("token_id", self.token_id.as_ref())
            .text("token_id_file", &self.token_id_file)
            .maybe_secret("token", self.token.as_ref())
            .all_texts(&[
                ("token_file", &self.token_file),
                ("channel", &self.channel),
                ("color", &self.color),
                ("title", &self.title),
                ("title_link", &self.title_link),
                ("text", &self.text),
            ])
            .list(
                "fields",
                self.fields.iter().map(RocketchatField::print).collect(),
            )
            .value("short_fields", Value::Bool(self.short_fields))
            .all_texts(&[
                ("emoji", &self.emoji),
                ("icon_url", &self.icon_url),
                ("image_url", &self.image_url),
                ("thumb_url", &self.thumb_url),
            ])
            .value("link_names", Value::Bool(self.link_names))
            .list(
                "actions",
                self.actions.iter().map(RocketchatAction::print).collect(),
            )
            .done()
    }
}

/// A secret, or a file that holds it.
struct Credential {
    text: Option<Secret>,
    file: String,
}

impl Credential {
    /// Reads a key and its `_file`; what is not set is taken from the global settings.
    fn decode(f: &Fields, key: &str, global: Self) -> Result<Self> {
        let file_key = format!("{key}_file");
        let (text, file) = (f.maybe_secret(key)?, f.text(&file_key)?);
        f.at_most_one(key, text.is_some(), &file_key, !file.is_empty())?;
        Ok(Self {
            text: text.or(global.text),
            file: if file.is_empty() { global.file } else { file },
        })
    }

    fn is_missing(&self) -> bool {
        self.text.is_none() && self.file.is_empty()
    }
}

fn field(node: &Node) -> Result<RocketchatField> {
    let f = Fields::new(node, "fields", &["short", "title", "value"])?;
    let short = f.maybe_boolean("short")?;
    Ok(RocketchatField {
        short,
        title: f.text("title")?,
        value: f.text("value")?,
    })
}

/// The keys are as upstream's reader expects them: without underscores.
fn action(node: &Node) -> Result<RocketchatAction> {
    const KEYS: &[&str] = &[
        "type",
        "text",
        "url",
        "imageurl",
        "iswebview",
        "webviewheightratio",
        "msg",
        "msginchatwindow",
        "msgprocessingtype",
    ];
    let f = Fields::new(node, "actions", KEYS)?;
    Ok(RocketchatAction {
        kind: f.text("type")?,
        text: f.text("text")?,
        url: f.text("url")?,
        image_url: f.text("imageurl")?,
        is_webview: f.boolean("iswebview", false)?,
        webview_height_ratio: f.text("webviewheightratio")?,
        msg: f.text("msg")?,
        msg_in_chat_window: f.boolean("msginchatwindow", false)?,
        msg_processing_type: f.text("msgprocessingtype")?,
    })
}

impl RocketchatField {
    fn print(&self) -> Value {
        Block::new()
            .value("short", self.short.map_or(Value::Null, Value::Bool))
            .value("title", self.title.as_str().into())
            .value("value", self.value.as_str().into())
            .done()
    }
}

impl RocketchatAction {
    fn print(&self) -> Value {
        Block::new()
            .value("type", self.kind.as_str().into())
            .value("text", self.text.as_str().into())
            .value("url", self.url.as_str().into())
            .value("imageurl", self.image_url.as_str().into())
            .value("iswebview", Value::Bool(self.is_webview))
            .value(
                "webviewheightratio",
                self.webview_height_ratio.as_str().into(),
            )
            .value("msg", self.msg.as_str().into())
            .value("msginchatwindow", Value::Bool(self.msg_in_chat_window))
            .value(
                "msgprocessingtype",
                self.msg_processing_type.as_str().into(),
            )
            .done()
    }
}
