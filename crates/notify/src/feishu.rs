//! Feishu and Lark: a card or a text from a custom bot.
//!
//! Facts are of "Custom bot usage guide" (open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN) and of "Rich text (Markdown)" of
//! cards; the signature's vector in the tests was computed from the guide's words, not taken from Feishu.

use async_trait::async_trait;
use config::{FeishuConfig, FeishuMessage};
use gotmpl::markup::Dialect;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::Object;
use crate::own::{self, Link, Links};
use crate::provider::{Code, Codes, Composing, Provider, Wire, cut_runes};
use crate::secrets::either;
use crate::sign::hmac_sha256_base64;
use crate::template::{Markup, TemplateSet, Text};

/// What Feishu takes of a request is 20 KB; what stands around the card, and the signature, take less than the rest.
const CONTENT_BYTES_MAX: usize = 19_500;
/// A header shows two lines or so.
const TITLE_RUNES_MAX: usize = 300;

/// Codes of the guide, with its words; of 9499, which has several meanings, the words count. The limit is 100 messages a minute and 5 a second for each bot.
const CODES: Codes = Codes {
    provider: "Feishu",
    fields: &["code", "StatusCode"],
    message: "msg",
    table: &[
        (
            9499,
            Code::LimitedIfSaid("too many"),
            "the request is malformed, longer than 20 KB, or one of too many",
        ),
        (
            19001,
            Code::Denied,
            "the bot's address is wrong, or the bot was removed",
        ),
        (19002, Code::Final, "the message has no type or no content"),
        (
            19021,
            Code::Denied,
            "check `secret`, and that this machine's clock is right to the hour",
        ),
        (
            19022,
            Code::Denied,
            "this machine's address is not on the bot's IP list",
        ),
        (
            19024,
            Code::Final,
            "no keyword of the bot is in the message: put one into `title`",
        ),
        (11232, Code::Limited(0), "too many messages"),
    ],
};

pub(crate) struct Feishu {
    webhook_url: Source,
    secret: Option<Source>,
    message_type: FeishuMessage,
    title: Text,
    text: Text,
    links: Links,
    /// The mentions that the settings ask for, each in the markup of the message's form.
    mentions: String,
}

/// A message and its form.
#[derive(Clone)]
pub(crate) struct Message {
    msg_type: &'static str,
    field: &'static str,
    content: String,
}

impl Feishu {
    pub(crate) fn new(config: &FeishuConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let default = match config.message_type {
            FeishuMessage::Card => r#"{{ template "feishu.default.text" . }}"#,
            FeishuMessage::Text => r#"{{ template "feishu.default.plain" . }}"#,
        };
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            secret: own::secret(&config.secret, &config.secret_file),
            message_type: config.message_type,
            title: text(&config.title, r#"{{ template "feishu.default.title" . }}"#),
            text: text(&config.text, default),
            links: Links::new(set),
            mentions: mentions(config),
        }
    }
}

fn mentions(config: &FeishuConfig) -> String {
    let everybody = config.at_all.then_some("all");
    let users = config.at_user_ids.iter().map(String::as_str);
    let calls = everybody.into_iter().chain(users).map(|id| {
        // An id comes from the configuration; it still must not end the tag.
        let id = id.replace(['<', '>', '"', ' ', '\n'], "");
        match config.message_type {
            FeishuMessage::Card => format!("<at id={id}></at>"),
            FeishuMessage::Text => format!("<at user_id=\"{id}\"></at>"),
        }
    });
    calls.collect::<Vec<_>>().join(" ")
}

/// A card; its header is red while anything fires, and green when all is over.
fn card(title: &str, text: &str, links: &[Link], is_firing: bool) -> String {
    let plain = |text: &str| {
        Object::new()
            .text("tag", "plain_text")
            .text("content", text)
            .done()
    };
    let header = Object::new()
        .json("title", &plain(title))
        .text("template", if is_firing { "red" } else { "green" });
    let markdown = Object::new().text("tag", "markdown").text("content", text);
    let buttons = links.iter().map(|link| {
        Object::new()
            .text("tag", "button")
            .json("text", &plain(link.label))
            .text("type", "default")
            .text("url", &link.url)
            .done()
    });
    let actions = Object::new().text("tag", "action").list("actions", buttons);
    let mut elements = vec![markdown.done()];
    elements.extend((!links.is_empty()).then(|| actions.done()));
    Object::new()
        .json("config", r#"{"wide_screen_mode":true}"#)
        .json("header", &header.done())
        .list("elements", elements)
        .done()
}

#[async_trait]
impl Provider for Feishu {
    type Message = Message;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        let url = Some(self.webhook_url.clone());
        url.into_iter().chain(self.secret.clone()).collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let dialect = match self.message_type {
            FeishuMessage::Card => Dialect::Feishu,
            FeishuMessage::Text => Dialect::Plain,
        };
        let text = own::text(composing, dialect, "text", &self.text);
        let links = self.links.of(composing);
        let text = own::flagged(composing, dialect, text);
        let with_mentions = |text: &str| match self.mentions.as_str() {
            "" => text.to_owned(),
            mentions => format!("{text}\n{mentions}"),
        };
        let is_firing = composing.is_firing();
        let content = |text: &str, links: &[Link]| match self.message_type {
            FeishuMessage::Card => card(&title, &with_mentions(text), links, is_firing),
            FeishuMessage::Text => {
                let text = with_mentions(format!("{title}\n{text}").trim());
                Object::new().text("text", &text).done()
            }
        };
        let (msg_type, field) = match self.message_type {
            FeishuMessage::Card => ("interactive", "card"),
            FeishuMessage::Text => ("text", "content"),
        };
        Ok(Message {
            msg_type,
            field,
            content: own::fitted(text.trim(), &links, CONTENT_BYTES_MAX, content),
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("webhook_url", &self.webhook_url).await?;
        let mut body = Object::new();
        if let Some(secret) = &self.secret {
            let secret = wire.read("secret", secret).await?;
            let timestamp = wire.now().unix_seconds().to_string();
            let sign = signature(&timestamp, &secret);
            body = body.text("timestamp", &timestamp).text("sign", &sign);
        }
        let body = body
            .text("msg_type", message.msg_type)
            .json(message.field, &message.content)
            .done();
        wire.accepted_by_code(Request::post_json(url, body), &CODES)
            .await
    }
}

/// Time and secret are the key; what is signed is empty.
fn signature(timestamp: &str, secret: &str) -> String {
    hmac_sha256_base64(format!("{timestamp}\n{secret}").as_bytes(), b"")
}

#[cfg(test)]
mod tests;
