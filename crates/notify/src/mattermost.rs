//! Mattermost: a post through an incoming webhook.

use async_trait::async_trait;
use config::{MattermostAttachment, MattermostConfig, MattermostPriority};
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::chat::{Cell, Part, table};
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};

/// What Mattermost takes of a post's text, in characters.
const TEXT_RUNES_MAX: usize = 16_383;

const DEFAULT_TEXT: &str = r#"{{ template "mattermost.default.text" . }}"#;

pub(crate) struct Mattermost {
    webhook_url: Source,
    channel: Text,
    username: Text,
    icon_url: Text,
    icon_emoji: Text,
    kind: Text,
    card: Option<Text>,
    priority: Option<Priority>,
    /// The post's own text, when attachments are listed; otherwise there is one attachment and the text is its.
    text: Option<Text>,
    attachments: Vec<Attachment>,
}

/// A box below a post, its texts in the order in which they are sent.
struct Attachment {
    before: String,
    above: Vec<Part>,
    cells: Vec<Cell>,
    below: Vec<Part>,
}

/// An attachment with everything in it that templates say.
struct Composed {
    above: Vec<(&'static str, String)>,
    table: Vec<String>,
    below: Vec<(&'static str, String)>,
}

struct Priority {
    priority: Text,
    requested_ack: bool,
    persistent_notifications: bool,
}

impl Mattermost {
    pub(crate) fn new(config: &MattermostConfig, set: &TemplateSet) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        let username = r#"{{ template "mattermost.default.username" . }}"#;
        let is_flat = config.attachments.is_empty();
        let attachments = if is_flat {
            let flat = MattermostAttachment {
                text: config.text.clone(),
                ..config.attachment.clone()
            };
            vec![Attachment::new(&flat, String::new(), set)]
        } else {
            let listed = config.attachments.iter().enumerate();
            let attachment = |(i, a)| Attachment::new(a, format!("attachments[{i}]."), set);
            listed.map(attachment).collect()
        };
        let card = config.card.as_ref().filter(|card| !card.is_empty());
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            channel: plain(&config.channel),
            username: set.text_or(&config.username, username, Markup::Plain),
            icon_url: plain(&config.icon_url),
            icon_emoji: plain(&config.icon_emoji),
            kind: plain(&config.kind),
            card: card.map(|card| plain(card)),
            priority: config.priority.as_ref().and_then(|p| Priority::new(p, set)),
            text: (!is_flat).then(|| set.text_or(&config.text, DEFAULT_TEXT, Markup::Plain)),
            attachments,
        }
    }

    /// The post's own text and its attachments; a failed template is told of in the text that people read.
    fn content(&self, composing: &mut Composing<'_>) -> (String, Vec<String>) {
        let compose = |a: &Attachment| a.compose(composing);
        let mut attachments: Vec<Composed> = self.attachments.iter().map(compose).collect();
        let mut text = String::new();
        if let Some(own) = &self.text {
            let said = composing.text("text", own);
            text = composing.flagged_within(&said, TEXT_RUNES_MAX);
        } else {
            let texts = attachments.iter_mut().flat_map(|a| a.above.iter_mut());
            for (_, said) in texts.filter(|(name, _)| *name == "text") {
                *said = composing.flagged(std::mem::take(said));
            }
        }
        let attachments = attachments.into_iter().map(Composed::json);
        (text, attachments.collect())
    }
}

impl Attachment {
    fn new(config: &MattermostAttachment, before: String, set: &TemplateSet) -> Self {
        let read = |name, source, default| Part::read(name, source, default, set);
        let extra = |name, source| Part::extra(name, source, set);
        let fallback = r#"{{ template "mattermost.default.fallback" . }}"#;
        let title = r#"{{ template "mattermost.default.title" . }}"#;
        Self {
            above: vec![
                read("fallback", &config.fallback, fallback),
                extra("color", &config.color),
                extra("pretext", &config.pretext),
                read("text", &config.text, DEFAULT_TEXT),
                extra("author_name", &config.author_name),
                extra("author_link", &config.author_link),
                extra("author_icon", &config.author_icon),
                read("title", &config.title, title),
                extra("title_link", &config.title_link),
            ],
            cells: Cell::all(&config.fields, None, set),
            below: vec![
                extra("thumb_url", &config.thumb_url),
                extra("footer", &config.footer),
                extra("footer_icon", &config.footer_icon),
                extra("image_url", &config.image_url),
            ],
            before,
        }
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Composed {
        let mut say = |parts: &[Part]| {
            let parts = parts.iter();
            let said = parts.map(|part| (part.name, part.compose(composing, &self.before)));
            said.collect()
        };
        let (above, below) = (say(&self.above), say(&self.below));
        Composed {
            above,
            table: table(composing, &self.before, &self.cells),
            below,
        }
    }
}

impl Composed {
    fn json(self) -> String {
        let add = |object: Object, (name, text): (&str, String)| object.some_text(name, &text);
        let object = self.above.into_iter().fold(Object::new(), add);
        let object = object.some_list("fields", &self.table);
        self.below.into_iter().fold(object, add).done()
    }
}

impl Priority {
    /// Nothing when the configuration names none.
    fn new(config: &MattermostPriority, set: &TemplateSet) -> Option<Self> {
        (!config.priority.is_empty()).then(|| Self {
            priority: set.text(&config.priority, Markup::Plain),
            requested_ack: config.requested_ack,
            persistent_notifications: config.persistent_notifications,
        })
    }

    /// Mattermost refuses a post that asks for more than its priority allows.
    fn compose(&self, composing: &mut Composing<'_>) -> String {
        let priority = composing.extra("priority.priority", &self.priority);
        let (priority, is_urgent) = match priority.to_lowercase().as_str() {
            "urgent" => ("urgent", true),
            "important" => ("important", false),
            _ => ("standard", false),
        };
        let flags = [
            (
                "requested_ack",
                self.requested_ack && priority != "standard",
            ),
            (
                "persistent_notifications",
                self.persistent_notifications && is_urgent,
            ),
        ];
        let set = flags.into_iter().filter(|(_, is_set)| *is_set);
        let object = Object::new().text("priority", priority);
        set.fold(object, |object, (name, _)| object.flag(name, true))
            .done()
    }
}

#[async_trait]
impl Provider for Mattermost {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.webhook_url.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let channel = composing.needed("channel", &self.channel)?;
        let username = composing.text("username", &self.username);
        let icon_url = composing.extra("icon_url", &self.icon_url);
        let icon_emoji = composing.extra("icon_emoji", &self.icon_emoji);
        let kind = composing.extra("type", &self.kind);
        let card = self.card.as_ref();
        let card = card.map(|card| composing.extra("props.card", card));
        let priority = self.priority.as_ref().map(|p| p.compose(composing));
        let (text, attachments) = self.content(composing);
        let mut post = Object::new()
            .some_texts([
                ("text", &text),
                ("channel", &channel),
                ("username", &username),
                ("icon_url", &icon_url),
                ("icon_emoji", &icon_emoji),
            ])
            .list("attachments", attachments)
            .some_text("type", &kind);
        if let Some(card) = card {
            let props = Object::new().some_text("card", &card).done();
            post = post.json("props", &props);
        }
        if let Some(priority) = priority {
            post = post.json("priority", &priority);
        }
        Ok(post.line())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("webhook_url", &self.webhook_url).await?;
        wire.accepted(Request::post_json(url, body)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
