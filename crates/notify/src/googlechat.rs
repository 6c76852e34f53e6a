//! Google Chat: a card or a text posted to a space's webhook.
//!
//! Facts are of "Send messages with incoming webhooks", "Format messages" and `spaces.messages.create` (developers.google.com/chat).

use async_trait::async_trait;
use config::{GooglechatConfig, GooglechatMessage};
use gotmpl::markup::Dialect;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::Object;
use crate::own::{self, Link, Links};
use crate::provider::{Composing, Provider, Wire, cut_runes};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};

/// What Google Chat takes of a message with its card, in bytes.
const BODY_BYTES_MAX: usize = 32_000;
/// Not documented; a header shows two lines.
const TITLE_RUNES_MAX: usize = 200;

/// Replies go to the thread of that key, which is made when it is new.
const REPLY: &str = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";

const RED: &str = "#d93025";
const GREEN: &str = "#188038";

pub(crate) struct Googlechat {
    webhook_url: Source,
    message_type: GooglechatMessage,
    title: Text,
    text: Text,
    links: Links,
    threads: bool,
}

impl Googlechat {
    pub(crate) fn new(config: &GooglechatConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let default = match config.message_type {
            GooglechatMessage::Card => r#"{{ template "googlechat.default.text" . }}"#,
            GooglechatMessage::Text => r#"{{ template "googlechat.default.plain" . }}"#,
        };
        let title = r#"{{ template "googlechat.default.title" . }}"#;
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            message_type: config.message_type,
            title: text(&config.title, title),
            text: text(&config.text, default),
            links: Links::new(set),
            threads: config.threads,
        }
    }
}

fn card(title: &str, text: &str, links: &[Link], is_firing: bool) -> String {
    let (colour, word) = match is_firing {
        true => (RED, "Firing"),
        false => (GREEN, "Resolved"),
    };
    let text = format!("<font color=\"{colour}\"><b>{word}</b></font>\n{text}");
    let paragraph = Object::new().text("text", &text).done();
    let mut widgets = vec![Object::new().json("textParagraph", &paragraph).done()];
    if !links.is_empty() {
        let buttons = links.iter().map(|link| {
            let open = Object::new().text("url", &link.url).done();
            let click = Object::new().json("openLink", &open).done();
            Object::new()
                .text("text", link.label)
                .json("onClick", &click)
                .done()
        });
        let list = Object::new().list("buttons", buttons).done();
        widgets.push(Object::new().json("buttonList", &list).done());
    }
    let section = Object::new().list("widgets", widgets).done();
    let header = Object::new().text("title", title).done();
    let card = Object::new()
        .json("header", &header)
        .list("sections", [section])
        .done();
    Object::new()
        .text("cardId", "alerts")
        .json("card", &card)
        .done()
}

#[async_trait]
impl Provider for Googlechat {
    type Message = String;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        vec![self.webhook_url.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let dialect = match self.message_type {
            GooglechatMessage::Card => Dialect::Html,
            GooglechatMessage::Text => Dialect::GoogleChat,
        };
        let text = own::text(composing, dialect, "text", &self.text);
        let links = self.links.of(composing);
        let text = own::flagged(composing, dialect, text);
        let is_firing = composing.is_firing();
        let thread = self.threads.then(|| {
            let thread = Object::new().text("threadKey", &composing.group_hash());
            thread.done()
        });
        let body = |text: &str, links: &[Link]| {
            let body = match self.message_type {
                GooglechatMessage::Card => {
                    Object::new().list("cardsV2", [card(&title, text, links, is_firing)])
                }
                GooglechatMessage::Text => match title.as_str() {
                    "" => Object::new().text("text", text),
                    title => {
                        let title = dialect.escape(title);
                        Object::new().text("text", &format!("*{title}*\n{text}"))
                    }
                },
            };
            match &thread {
                Some(thread) => body.json("thread", thread).done(),
                None => body.done(),
            }
        };
        Ok(own::fitted(text.trim(), &links, BODY_BYTES_MAX, body))
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let mut url = wire.read("webhook_url", &self.webhook_url).await?;
        if self.threads && !url.contains("messageReplyOption=") {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(REPLY);
        }
        let request = Request {
            headers: vec![(
                "Content-Type".to_owned(),
                "application/json; charset=UTF-8".to_owned(),
            )],
            ..Request::post_json(url, body)
        };
        wire.accepted(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
