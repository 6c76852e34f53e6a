//! Microsoft Teams: a card posted to a connector's webhook, in its old form and in its new one (workflows).

use async_trait::async_trait;
use config::{MsteamsConfig, Msteamsv2Config};
use outbound::{Request, Source};

use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};
use crate::{DeliveryError, FailureReason};

/// A webhook of either kind.
pub(crate) struct Msteams {
    webhook_url: Source,
    title: Text,
    text: Text,
    card: Card,
}

enum Card {
    /// `msteams_configs`: MessageCard.
    Message { summary: Text },
    /// `msteamsv2_configs`: AdaptiveCard.
    Adaptive,
}

impl Msteams {
    pub(crate) fn new(config: &MsteamsConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            title: text(&config.title, r#"{{ template "msteams.default.title" . }}"#),
            text: text(&config.text, r#"{{ template "msteams.default.text" . }}"#),
            card: Card::Message {
                summary: text(
                    &config.summary,
                    r#"{{ template "msteams.default.summary" . }}"#,
                ),
            },
        }
    }

    pub(crate) fn v2(config: &Msteamsv2Config, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            title: text(
                &config.title,
                r#"{{ template "msteamsv2.default.title" . }}"#,
            ),
            text: text(&config.text, r#"{{ template "msteamsv2.default.text" . }}"#),
            card: Card::Adaptive,
        }
    }
}

/// What a connector answers, with status 200, when Teams did not take the message.
const NOT_TAKEN: &str = "Webhook message delivery failed with error";

/// What comes before the status that the connector had from Teams.
const STATUS: &str = "HTTP error ";

/// Why Teams did not take a message; `None` if it did.
fn refusal(answer: &str) -> Option<FailureReason> {
    let why = answer.trim_start().strip_prefix(NOT_TAKEN)?;
    let status = why.split_once(STATUS).map_or("", |(_, status)| status);
    let digits = status.bytes().take_while(u8::is_ascii_digit).count();
    let status = status[..digits].parse::<u16>().ok();
    Some(match status {
        Some(429) => FailureReason::RateLimited,
        Some(400..500) => FailureReason::ClientError,
        _ => FailureReason::ServerError,
    })
}

/// The card that connectors show.
fn message_card(title: &str, summary: &str, text: &str, is_firing: bool) -> String {
    Object::new()
        .text("@context", "http://schema.org/extensions")
        .text("type", "MessageCard")
        .text("title", title)
        .text("summary", summary)
        .text("text", text)
        .text("themeColor", if is_firing { "8C1A1A" } else { "2DC72D" })
        .line()
}

/// The card that workflows show.
fn adaptive_card(title: &str, text: &str, is_firing: bool) -> String {
    let title = Object::new()
        .text("type", "TextBlock")
        .text("text", title)
        .text("weight", "Bolder")
        .text("size", "Medium")
        .flag("wrap", true)
        .text("style", "heading")
        .text("color", if is_firing { "Attention" } else { "Good" });
    let text = Object::new()
        .text("type", "TextBlock")
        .text("text", text)
        .flag("wrap", true);
    let content = Object::new()
        .text(
            "$schema",
            "http://adaptivecards.io/schemas/adaptive-card.json",
        )
        .text("type", "AdaptiveCard")
        .text("version", "1.2")
        .list("body", [title.done(), text.done()])
        .json("msteams", &Object::new().text("width", "full").done());
    let attachment = Object::new()
        .text("contentType", "application/vnd.microsoft.card.adaptive")
        .json("contentUrl", "null")
        .json("content", &content.done());
    Object::new()
        .text("type", "message")
        .list("attachments", [attachment.done()])
        .line()
}

#[async_trait]
impl Provider for Msteams {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.webhook_url.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let is_firing = composing.is_firing();
        let title = composing.text("title", &self.title);
        let text = composing.text("text", &self.text);
        Ok(match &self.card {
            Card::Message { summary } => {
                let summary = composing.text("summary", summary);
                message_card(&title, &summary, &composing.flagged(text), is_firing)
            }
            Card::Adaptive => adaptive_card(&title, &composing.flagged(text), is_firing),
        })
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("webhook_url", &self.webhook_url).await?;
        let response = wire.accepted(Request::post_json(&*url, body)).await?;
        let answer = String::from_utf8_lossy(&response.body);
        match refusal(&answer) {
            Some(reason) => {
                let is_retried = reason != FailureReason::ClientError;
                Err(DeliveryError {
                    reason,
                    ..wire.refused(&answer, &url, is_retried).await
                })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
