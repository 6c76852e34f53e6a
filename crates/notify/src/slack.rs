//! Slack: a message through an incoming webhook, or as an app, which can change the message it sent before.

mod attachment;

use std::time::Duration;

use async_trait::async_trait;
use config::SlackConfig;
use domain::group::told::ReceiverData;
use outbound::{Request, Response, Source};

use crate::DeliveryError;
use crate::answer::{Answer, unreadable};
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};
use attachment::Attachment;

/// Where messages are changed.
const UPDATE: &str = "https://slack.com/api/chat.update";

/// Under which names the last message is kept, as in Alertmanager.
const THREAD_TS: &str = "threadTs";
const CHANNEL_ID: &str = "channelId";

/// Errors that pass.
const PASSING: [&str; 7] = [
    "fatal_error",
    "internal_error",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
];

/// Errors after which Slack itself does not know whether there is a message.
const UNSURE: [&str; 2] = ["fatal_error", "internal_error"];

/// The message that was to be changed is gone, or may not be changed any more.
const GONE: [&str; 3] = [
    "cant_update_message",
    "edit_window_closed",
    "message_not_found",
];

pub(crate) struct Slack {
    api_url: Source,
    channel: Text,
    username: Text,
    icon_emoji: Text,
    icon_url: Text,
    link_names: bool,
    message_text: Text,
    attachment: Attachment,
    update_message: bool,
    timeout: Option<Duration>,
}

/// A message, and the same as a change of the one before, if that is known.
#[derive(Clone)]
pub(crate) struct Message {
    channel: String,
    body: String,
    change: Option<String>,
}

impl Slack {
    pub(crate) fn new(config: &SlackConfig, set: &TemplateSet) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        let username = r#"{{ template "slack.default.username" . }}"#;
        Self {
            api_url: either(config.api_url.as_ref(), &config.api_url_file),
            channel: plain(&config.channel),
            username: set.text_or(&config.username, username, Markup::Plain),
            icon_emoji: plain(&config.icon_emoji),
            icon_url: plain(&config.icon_url),
            link_names: config.link_names,
            message_text: plain(&config.message_text),
            attachment: Attachment::new(config, set),
            update_message: config.update_message,
            timeout: config.timeout.positive(),
        }
    }

    /// Posts a message, or changes one, and keeps where it is.
    async fn post(&self, url: &str, body: String, wire: &Wire<'_>) -> Result<(), Refusal> {
        let response = wire.accepted(Request::post_json(url, body)).await?;
        if !is_json(&response) {
            let said = String::from_utf8_lossy(&response.body);
            return match said.trim() {
                "ok" => Ok(()),
                said if is_word(said) && !response.body_is_cut => {
                    Err(Refusal::Code(said.to_owned()))
                }
                _ => Err(unreadable(wire, &response.body, url).await.into()),
            };
        }
        let answer = Answer::of(&response);
        if !answer.is_json() {
            return Err(unreadable(wire, &response.body, url).await.into());
        }
        if !answer.is_set("/ok") {
            return Err(Refusal::Code(answer.text("/error").to_owned()));
        }
        let (ts, channel) = (answer.text("/ts"), answer.text("/channel"));
        if self.update_message && !ts.is_empty() && !channel.is_empty() {
            let kept = ReceiverData::new([(THREAD_TS, ts), (CHANNEL_ID, channel)]);
            wire.keep(kept.unwrap_or_default());
        }
        Ok(())
    }
}

/// Why a message was not taken.
enum Refusal {
    /// Slack's word for it.
    Code(String),
    /// What else went wrong.
    Error(DeliveryError),
}

impl From<DeliveryError> for Refusal {
    fn from(error: DeliveryError) -> Self {
        Self::Error(error)
    }
}

impl Refusal {
    fn is_gone(&self) -> bool {
        matches!(self, Self::Code(code) if GONE.contains(&&**code))
    }

    async fn error(self, channel: &str, url: &str, wire: &Wire<'_>) -> DeliveryError {
        let code = match self {
            Self::Code(code) => code,
            Self::Error(error) => return error,
        };
        let said = format!("channel `{channel}`: error response from Slack: {code}");
        let is_retried = PASSING.contains(&&*code);
        DeliveryError {
            is_ambiguous: UNSURE.contains(&&*code),
            ..wire.refused(&said, url, is_retried).await
        }
    }
}

/// Whether an answer is meant to be JSON: those of webhooks are one word.
fn is_json(response: &Response) -> bool {
    let kind = response.header("content-type").unwrap_or_default();
    kind.starts_with("application/json") || response.body.starts_with(b"{")
}

/// Whether a text is one of the words with which webhooks refuse a message, such as `no_service`.
fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_part)
}

#[async_trait]
impl Provider for Slack {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.api_url.clone()]
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let channel = composing.needed("channel", &self.channel)?;
        let username = composing.text("username", &self.username);
        let icon_emoji = composing.extra("icon_emoji", &self.icon_emoji);
        let icon_url = composing.extra("icon_url", &self.icon_url);
        let text = composing.extra("message_text", &self.message_text);
        let attachment = self.attachment.compose(composing);
        let message = |channel: &str, ts: &str| {
            let mut message = Object::new().some_texts([
                ("channel", channel),
                ("ts", ts),
                ("username", &username),
                ("icon_emoji", &icon_emoji),
                ("icon_url", &icon_url),
            ]);
            if self.link_names {
                message = message.flag("link_names", true);
            }
            message
                .some_text("text", &text)
                .list("attachments", [&attachment])
                .line()
        };
        let kept = &composing.notification.receiver_data;
        let kept = kept.get(CHANNEL_ID).zip(kept.get(THREAD_TS));
        let kept = kept.filter(|_| self.update_message);
        Ok(Message {
            change: kept.map(|(channel, ts)| message(channel, ts)),
            body: message(&channel, ""),
            channel,
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let channel = &message.channel;
        let url = wire.read("api_url", &self.api_url).await?;
        if let Some(change) = message.change {
            match self.post(UPDATE, change, wire).await {
                // Somebody deleted it: people must be told all the same.
                Err(refusal) if refusal.is_gone() => {}
                Err(refusal) => return Err(refusal.error(channel, UPDATE, wire).await),
                Ok(()) => return Ok(()),
            }
        }
        match self.post(&url, message.body, wire).await {
            Err(refusal) => Err(refusal.error(channel, &url, wire).await),
            Ok(()) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
