//! `mattermost_configs`.

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::SecretUrl;
use crate::yaml::{Block, Fields, Node, Value};

pub use super::chat::Field as MattermostField;

/// Mattermost.
#[derive(Debug, Clone, PartialEq)]
pub struct MattermostConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where messages go.
    pub webhook_url: Option<SecretUrl>,
    /// A file that holds the URL.
    pub webhook_url_file: String,
    /// The channel or user.
    pub channel: String,
    /// Who we say we are.
    pub username: String,
    /// The text outside of the attachment.
    pub text: String,
    /// The attachment that the flat settings make; its `text` is always empty.
    pub attachment: MattermostAttachment,
    /// Our picture.
    pub icon_url: String,
    /// An emoji as our picture.
    pub icon_emoji: String,
    /// Attachments instead of the one above.
    pub attachments: Vec<MattermostAttachment>,
    /// The type of post.
    pub kind: String,
    /// Text shown beside the post; `None` when no properties are set.
    pub card: Option<String>,
    /// How urgent it is.
    pub priority: Option<MattermostPriority>,
}

/// An attachment; everything in it is a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MattermostAttachment {
    /// The text where attachments cannot be shown.
    pub fallback: String,
    /// The colour.
    pub color: String,
    /// The text before.
    pub pretext: String,
    /// The text.
    pub text: String,
    /// The author.
    pub author_name: String,
    /// Where the author leads.
    pub author_link: String,
    /// The author's picture.
    pub author_icon: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// A table.
    pub fields: Vec<MattermostField>,
    /// A small image.
    pub thumb_url: String,
    /// The footer.
    pub footer: String,
    /// The footer's picture.
    pub footer_icon: String,
    /// An image.
    pub image_url: String,
}

/// How urgent a post is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MattermostPriority {
    /// `urgent`, `important` or `standard`.
    pub priority: String,
    /// Whether readers must confirm.
    pub requested_ack: bool,
    /// Whether readers are reminded.
    pub persistent_notifications: bool,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "webhook_url",
    "webhook_url_file",
    "channel",
    "username",
    "text",
    "fallback",
    "color",
    "pretext",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "fields",
    "thumb_url",
    "footer",
    "footer_icon",
    "image_url",
    "icon_url",
    "icon_emoji",
    "attachments",
    "type",
    "props",
    "priority",
];

const ATTACHMENT_KEYS: &[&str] = &[
    "fallback",
    "color",
    "pretext",
    "text",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "fields",
    "thumb_url",
    "footer",
    "footer_icon",
    "image_url",
];

impl MattermostConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "mattermost_configs", KEYS)?;
        let global = context.global;
        let (own, own_file) = (f.secret_url("webhook_url")?, f.text("webhook_url_file")?);
        f.at_most_one(
            "webhook_url",
            own.is_some(),
            "webhook_url_file",
            !own_file.is_empty(),
        )?;
        let (webhook_url, webhook_url_file) = if own.is_none() && own_file.is_empty() {
            (
                global.mattermost_webhook_url.clone(),
                global.mattermost_webhook_url_file.clone(),
            )
        } else {
            (own, own_file)
        };
        let attachments = f
            .list("attachments", "a list of attachments")?
            .iter()
            .map(|node| {
                let f = Fields::new(node, "attachments", ATTACHMENT_KEYS)?;
                let text = f.text("text")?;
                Ok(MattermostAttachment {
                    text,
                    ..MattermostAttachment::decode(&f, |_| String::new())?
                })
            });
        let card = f
            .some("props")
            .map(|node| Fields::new(node, "props", &["card"])?.text("card"));
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            webhook_url,
            webhook_url_file,
            channel: f.text("channel")?,
            username: f.text_or("username", &default("username"))?,
            text: f.text_or("text", &default("text"))?,
            attachment: MattermostAttachment::decode(&f, default)?,
            icon_url: f.text("icon_url")?,
            icon_emoji: f.text("icon_emoji")?,
            attachments: attachments.collect::<Result<_>>()?,
            kind: f.text("type")?,
            card: card.transpose()?,
            priority: f
                .some("priority")
                .map(MattermostPriority::decode)
                .transpose()?,
        };
        if config.webhook_url.is_none() && config.webhook_url_file.is_empty() {
            let message = "missing webhook_url or webhook_url_file on mattermost_config";
            return Err(f
                .error(message)
                .hint("set it here or mattermost_webhook_url in global"));
        }
        Ok(config)
    }

    pub(super) fn print(&self) -> Value {
        let block = Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("webhook_url", self.webhook_url.as_ref())
            .all_texts(&[
                ("webhook_url_file", &self.webhook_url_file),
                ("channel", &self.channel),
                ("username", &self.username),
                ("text", &self.text),
            ]);
        let props = |card: &String| Block::new().text("card", card).done();
        self.attachment
            .print(block)
            .all_texts(&[
                ("icon_url", &self.icon_url),
                ("icon_emoji", &self.icon_emoji),
            ])
            .list(
                "attachments",
                self.attachments
                    .iter()
                    .map(|a| a.print(Block::new()).done())
                    .collect(),
            )
            .text("type", &self.kind)
            .some("props", self.card.as_ref().map(props))
            .some(
                "priority",
                self.priority.as_ref().map(MattermostPriority::print),
            )
            .done()
    }
}

/// The default of a setting whose default is a template.
fn default(key: &str) -> String {
    match key {
        "username" | "text" | "fallback" | "color" | "title" | "title_link" => {
            let name = key.replace('_', "");
            format!("{{{{ template \"mattermost.default.{name}\" . }}}}")
        }
        _ => String::new(),
    }
}

impl MattermostAttachment {
    /// Reads everything but `text`, which the flat form has elsewhere.
    fn decode(f: &Fields, default: fn(&str) -> String) -> Result<Self> {
        let text = |key: &str| f.text_or(key, &default(key));
        let fields = f.list("fields", "a list of fields")?.iter();
        let fields = fields.map(|node| MattermostField::decode(node, "Mattermost"));
        Ok(Self {
            fallback: text("fallback")?,
            color: text("color")?,
            pretext: text("pretext")?,
            text: String::new(),
            author_name: text("author_name")?,
            author_link: text("author_link")?,
            author_icon: text("author_icon")?,
            title: text("title")?,
            title_link: text("title_link")?,
            fields: fields.collect::<Result<_>>()?,
            thumb_url: text("thumb_url")?,
            footer: text("footer")?,
            footer_icon: text("footer_icon")?,
            image_url: text("image_url")?,
        })
    }

    fn print(&self, block: Block) -> Block {
        block
            .all_texts(&[
                ("fallback", &self.fallback),
                ("color", &self.color),
                ("pretext", &self.pretext),
                ("text", &self.text),
                ("author_name", &self.author_name),
                ("author_link", &self.author_link),
                ("author_icon", &self.author_icon),
                ("title", &self.title),
                ("title_link", &self.title_link),
            ])
            .list(
                "fields",
                self.fields.iter().map(MattermostField::print).collect(),
            )
            .all_texts(&[
                ("thumb_url", &self.thumb_url),
                ("footer", &self.footer),
                ("footer_icon", &self.footer_icon),
                ("image_url", &self.image_url),
            ])
    }
}

impl MattermostPriority {
    fn decode(node: &Node) -> Result<Self> {
        let keys = &["priority", "requested_ack", "persistent_notifications"];
        let f = Fields::new(node, "priority", keys)?;
        Ok(Self {
            priority: f.text("priority")?,
            requested_ack: f.boolean("requested_ack", false)?,
            persistent_notifications: f.boolean("persistent_notifications", false)?,
        })
    }

    fn print(&self) -> Value {
        Block::new()
            .text("priority", &self.priority)
            .flag("requested_ack", self.requested_ack)
            .flag("persistent_notifications", self.persistent_notifications)
            .done()
    }
}
