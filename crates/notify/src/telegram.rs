//! Telegram: a message of a bot in a chat. The bot's token is part of the path.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use config::TelegramConfig;
use outbound::{Request, Response, Source};

use crate::answer::{Answer, unreadable};
use crate::classify::rejected;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire, escape};
use crate::secrets::key_or_file;
use crate::template::{Markup, TemplateSet, Text};
use crate::{DeliveryError, RetryAdvice};

/// What Telegram takes of a message, in characters.
const MESSAGE_RUNES_MAX: usize = 4096;

/// What is said in place of a page that is too long, which cannot be cut without breaking its tags; Alertmanager's words.
const TOO_LONG: &str = "Alertmanager notification could not be sent: message length exceeds Telegram limits.\n\t\t\t\
                        Please check the template used for producing the message content.";

/// How Telegram's error begins about markup it cannot read.
const UNREADABLE: &str = "can't parse entities";

pub(crate) struct Telegram {
    api_url: String,
    bot_token: Source,
    chat_id: Source,
    message_thread_id: i64,
    message: Text,
    disable_notifications: bool,
    parse_mode: String,
}

#[derive(Clone)]
pub(crate) struct Message {
    text: String,
    /// Empty for a text without markup.
    parse_mode: String,
}

impl Telegram {
    pub(crate) fn new(config: &TelegramConfig, set: &TemplateSet) -> Self {
        let markup = match config.parse_mode.as_str() {
            "HTML" => Markup::Html,
            _ => Markup::Plain,
        };
        let default = r#"{{ template "telegram.default.message" . }}"#;
        Self {
            api_url: config.api_url.as_str().to_owned(),
            bot_token: key_or_file(&config.bot_token, &config.bot_token_file),
            chat_id: match config.chat_id {
                0 => Source::File(PathBuf::from(&config.chat_id_file)),
                chat_id => Source::inline(&chat_id.to_string()),
            },
            message_thread_id: config.message_thread_id,
            message: set.text_or(&config.message, default, markup),
            disable_notifications: config.disable_notifications,
            parse_mode: config.parse_mode.clone(),
        }
    }

    fn page(&self, composing: &mut Composing<'_>) -> Message {
        let text = composing.text("message", &self.message);
        let text = composing.flagged_html(text);
        let is_too_long = text.chars().nth(MESSAGE_RUNES_MAX).is_some();
        Message {
            text: if is_too_long {
                composing.flagged_html(TOO_LONG.to_owned())
            } else {
                text
            },
            parse_mode: self.parse_mode.clone(),
        }
    }

    fn text(&self, composing: &mut Composing<'_>) -> Message {
        let text = composing.text("message", &self.message);
        // The default text was not written as Markdown: its underscores alone would have it refused.
        let parse_mode = match composing.fallback() {
            Some(_) => String::new(),
            None => self.parse_mode.clone(),
        };
        Message {
            text: composing.flagged_within(&text, MESSAGE_RUNES_MAX),
            parse_mode,
        }
    }

    fn body(&self, message: &Message, chat_id: i64) -> String {
        let mut body = Object::new().text("chat_id", &chat_id.to_string());
        if self.disable_notifications {
            body = body.text("disable_notification", "true");
        }
        body = body.text("disable_web_page_preview", "true");
        if self.message_thread_id != 0 {
            body = body.text("message_thread_id", &self.message_thread_id.to_string());
        }
        body.some_text("parse_mode", &message.parse_mode)
            .text("text", &message.text)
            .line()
    }

    async fn attempt(&self, mut message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let token = wire.read("bot_token", &self.bot_token).await?;
        wire.confide(&token);
        let chat_id = wire.read("chat_id", &self.chat_id).await?;
        let chat_id = chat_id
            .parse()
            .map_err(|_| rejected("chat_id_file does not hold a number".to_owned()))?;
        let url = format!("{}/bot{token}/sendMessage", self.api_url);
        let request = Request::post_json(url, self.body(&message, chat_id));
        let mut response = wire.exchange(request.clone()).await?;
        if !message.parse_mode.is_empty() && is_unreadable(&response) {
            let mode = std::mem::take(&mut message.parse_mode);
            let plain = Request {
                body: self.body(&message, chat_id).into(),
                ..request.clone()
            };
            response = wire.exchange(plain).await?;
            wire.fall_short(format!(
                "Telegram cannot read the message as {mode}: it was sent as plain text"
            ));
        }
        judged(&request, &response, wire).await
    }
}

fn is_unreadable(response: &Response) -> bool {
    response.status == 400
        && Answer::of(response)
            .text("/description")
            .contains(UNREADABLE)
}

/// Telegram says in the body how long it wants to be left alone, and whether it accepted.
async fn judged(
    request: &Request,
    response: &Response,
    wire: &Wire<'_>,
) -> Result<(), DeliveryError> {
    let answer = Answer::of(response);
    let judged = wire.judged(request, response, |_| true).await;
    let after = answer.number("/parameters/retry_after");
    let after = after
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs);
    match judged {
        Err(error) if after.is_some() => Err(DeliveryError {
            retry: Some(RetryAdvice { after }),
            ..error
        }),
        Ok(()) if answer.at("/ok") == Some(&false.into()) => {
            let said = format!("refused: {}", answer.shown("/description"));
            Err(wire.refused(&said, &request.url, true).await)
        }
        // Whatever Telegram answers is JSON: nobody knows what became of a message otherwise.
        Ok(()) if !answer.is_json() => Err(unreadable(wire, &response.body, &request.url).await),
        judged => judged,
    }
}

#[async_trait]
impl Provider for Telegram {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.bot_token.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let is_page = self.parse_mode == "HTML";
        let mut message = match is_page {
            true => self.page(composing),
            false => self.text(composing),
        };
        // Telegram takes no empty message.
        if message.text.trim().is_empty() {
            let title = composing.title();
            message.text = if is_page { escape::html(&title) } else { title };
        }
        Ok(message)
    }

    /// Whatever goes wrong is worth another attempt, as with Alertmanager.
    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let sent = self.attempt(message, wire).await;
        sent.map_err(|error| DeliveryError {
            retry: error.retry.or(Some(RetryAdvice { after: None })),
            ..error
        })
    }
}

#[cfg(test)]
mod tests;
