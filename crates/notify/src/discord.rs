//! Discord: an embed posted to a webhook.

use async_trait::async_trait;
use config::DiscordConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire, cut_runes};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};

/// What Discord takes of a message outside of its embed, of the embed's title, and of its text, in characters.
const CONTENT_RUNES_MAX: usize = 2000;
const TITLE_RUNES_MAX: usize = 256;
const DESCRIPTION_RUNES_MAX: usize = 4096;

const RED: u32 = 0x0099_2D22;
const GREEN: u32 = 0x002E_CC71;

pub(crate) struct Discord {
    webhook_url: Source,
    content: Text,
    title: Text,
    message: Text,
    /// No templates, as with Alertmanager.
    username: String,
    avatar_url: String,
}

impl Discord {
    pub(crate) fn new(config: &DiscordConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            content: set.text(&config.content, Markup::Plain),
            title: text(&config.title, r#"{{ template "discord.default.title" . }}"#),
            message: text(
                &config.message,
                r#"{{ template "discord.default.message" . }}"#,
            ),
            username: config.username.clone(),
            avatar_url: config.avatar_url.clone(),
        }
    }
}

#[async_trait]
impl Provider for Discord {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.webhook_url.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let content = composing.extra("content", &self.content);
        let title = composing.text("title", &self.title);
        let message = composing.text("message", &self.message);
        let message = composing.flagged_within(&message, DESCRIPTION_RUNES_MAX);
        let colour = if composing.is_firing() { RED } else { GREEN };
        let embed = Object::new()
            .text("title", &cut_runes(&title, TITLE_RUNES_MAX))
            .text("description", &message)
            .number("color", colour)
            .done();
        Ok(Object::new()
            .text("content", &cut_runes(&content, CONTENT_RUNES_MAX))
            .list("embeds", [embed])
            .some_text("username", &self.username)
            .some_text("avatar_url", &self.avatar_url)
            .line())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("webhook_url", &self.webhook_url).await?;
        wire.accepted(Request::post_json(url, body)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
