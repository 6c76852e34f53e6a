//! Gotify: a message of an application, in Markdown.
//!
//! Facts are of "Push messages" and "Message extras" (gotify.net/docs/pushmsg, gotify.net/docs/msgextras).

use async_trait::async_trait;
use config::GotifyConfig;
use gotmpl::markup::Dialect;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::Object;
use crate::own::{self, Links};
use crate::provider::{Composing, Provider, Wire, cut_lines, cut_runes};
use crate::template::{Failure, Markup, TemplateSet, Text};

/// Gotify has no limit; a phone shows less.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const TITLE_RUNES_MAX: usize = 300;
const PRIORITY_MAX: i64 = 10;
const PRIORITY_DEFAULT: i64 = 5;

pub(crate) struct Gotify {
    url: String,
    token: Source,
    title: Text,
    text: Text,
    priority: Text,
    links: Links,
}

impl Gotify {
    pub(crate) fn new(config: &GotifyConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let priority = r#"{{ template "gotify.default.priority" . }}"#;
        Self {
            url: format!("{}message", config.url.as_str()),
            token: own::needed_secret(&config.token, &config.token_file),
            title: text(&config.title, r#"{{ template "gotify.default.title" . }}"#),
            text: text(&config.text, r#"{{ template "gotify.default.text" . }}"#),
            priority: text(&config.priority, priority),
            links: Links::new(set),
        }
    }
}

fn priority(text: &str) -> Option<i64> {
    let number: i64 = text.trim().parse().ok()?;
    (0..=PRIORITY_MAX).contains(&number).then_some(number)
}

#[async_trait]
impl Provider for Gotify {
    type Message = String;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        vec![self.token.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let text = own::text(composing, Dialect::Markdown, "text", &self.text);
        let wanted = composing.text("priority", &self.priority);
        let priority = priority(&wanted).unwrap_or_else(|| {
            let failure = Failure::plain(format!("{wanted:?} is no priority from 0 to 10"));
            composing.rendering().note("priority", failure);
            PRIORITY_DEFAULT
        });
        let links = self.links.of(composing);
        let text = own::flagged(composing, Dialect::Markdown, text);
        let mut extras =
            Object::new().json("client::display", r#"{"contentType":"text/markdown"}"#);
        if let Some(link) = links.first() {
            let click = Object::new().text("url", &link.url).done();
            let click = Object::new().json("click", &click).done();
            extras = extras.json("client::notification", &click);
        }
        let text = own::with_breaks(&text);
        Ok(Object::new()
            .text("title", &title)
            .text("message", &cut_lines(&text, MESSAGE_BYTES_MAX))
            .number("priority", priority)
            .json("extras", &extras.done())
            .done())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let token = wire.read("token", &self.token).await?;
        let request = Request::post_json(&self.url, body).with_header("X-Gotify-Key", token);
        wire.accepted(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
