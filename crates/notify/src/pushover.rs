//! Pushover: a message whose parts are the query of an empty POST.

use std::collections::BTreeMap;

use async_trait::async_trait;
use config::PushoverConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::answer::Answer;
use crate::form;
use crate::provider::{Composing, Provider, SecretText, Wire, cut_runes};
use crate::template::{Markup, TemplateSet, Text};

const URL: &str = "https://api.pushover.net/1/messages.json";

/// What Pushover takes of a message's parts, in characters.
const TITLE_RUNES_MAX: usize = 250;
const MESSAGE_RUNES_MAX: usize = 1024;
const URL_RUNES_MAX: usize = 512;

/// Pushover takes no empty message.
const EMPTY: &str = "(no details)";

pub(crate) struct Pushover {
    user_key: SecretText,
    token: SecretText,
    title: Text,
    message: Text,
    url: Text,
    url_title: Text,
    device: Text,
    sound: Text,
    priority: Text,
    /// What is the same in every message.
    fixed: Vec<(&'static str, String)>,
    is_html: bool,
}

impl Pushover {
    pub(crate) fn new(config: &PushoverConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let text_or = |source: &str, default, markup| set.text_or(source, default, markup);
        let markup = match config.html {
            true => Markup::Html,
            false => Markup::Plain,
        };
        Self {
            user_key: SecretText::new(&config.user_key, &config.user_key_file, set),
            token: SecretText::new(&config.token, &config.token_file, set),
            title: text_or(
                &config.title,
                r#"{{ template "pushover.default.title" . }}"#,
                Markup::Plain,
            ),
            message: text_or(
                &config.message,
                r#"{{ template "pushover.default.message" . }}"#,
                markup,
            ),
            url: text(&config.url),
            url_title: text(&config.url_title),
            device: text(&config.device),
            sound: text(&config.sound),
            priority: text_or(
                &config.priority,
                r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#,
                Markup::Plain,
            ),
            fixed: fixed(config),
            is_html: config.html,
        }
    }

    fn message(&self, composing: &mut Composing<'_>) -> String {
        let message = composing.text("message", &self.message);
        let message = match self.is_html {
            true => cut_runes(&composing.flagged_html(message), MESSAGE_RUNES_MAX),
            false => composing.flagged_within(&message, MESSAGE_RUNES_MAX),
        };
        match message.trim() {
            "" => EMPTY.to_owned(),
            message => message.to_owned(),
        }
    }
}

fn fixed(config: &PushoverConfig) -> Vec<(&'static str, String)> {
    let seconds = |nanos: i64| (nanos / 1_000_000_000).to_string();
    let mut fixed = vec![
        ("retry", seconds(config.retry.0)),
        ("expire", seconds(config.expire.0)),
    ];
    if 1_000_000_000 <= config.ttl.0 {
        fixed.push(("ttl", seconds(config.ttl.0)));
    }
    for (name, is_set) in [("html", config.html), ("monospace", config.monospace)] {
        if is_set {
            fixed.push((name, "1".to_owned()));
        }
    }
    fixed
}

#[async_trait]
impl Provider for Pushover {
    /// The query.
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.user_key.source(), self.token.source()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let user_key = composing.secret("user_key", &self.user_key)?;
        let token = composing.secret("token", &self.token)?;
        let fixed = self.fixed.iter();
        let mut parts: BTreeMap<&str, String> =
            fixed.map(|(name, value)| (*name, value.clone())).collect();
        parts.insert("user", user_key);
        parts.insert("token", token);
        let title = composing.text("title", &self.title);
        parts.insert("title", cut_runes(&title, TITLE_RUNES_MAX));
        let url = composing.extra("url", &self.url);
        parts.insert("url", cut_runes(&url, URL_RUNES_MAX));
        parts.insert("url_title", composing.extra("url_title", &self.url_title));
        parts.insert("device", composing.extra("device", &self.device));
        parts.insert("sound", composing.extra("sound", &self.sound));
        parts.insert("priority", composing.text("priority", &self.priority));
        parts.insert("message", self.message(composing));
        Ok(form::encode(&parts))
    }

    async fn send(&self, query: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = format!("{URL}?{query}");
        let request = Request {
            headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
            ..Request::post_json(url.clone(), "")
        };
        let response = wire.accepted(request).await?;
        let answer = Answer::of(&response);
        if answer.number("/status").is_some_and(|status| status != 1) {
            let said = format!("refused: {}", answer.shown("/errors"));
            return Err(wire.refused(&said, &url, false).await);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
