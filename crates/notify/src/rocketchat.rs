//! Rocket.Chat: a message posted as a user who owns a token.

use std::path::PathBuf;

use async_trait::async_trait;
use config::{RocketchatAction, RocketchatConfig, Secret};
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::answer::{Answer, unreadable};
use crate::chat::Cell;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire, cut_runes};
use crate::template::{Markup, TemplateSet, Text};

/// What is shown of a title, in characters.
const TITLE_RUNES_MAX: usize = 1024;

/// The server of Rocket.Chat's makers.
const OPEN: &str = "https://open.rocket.chat/";

/// The kind of error with which Rocket.Chat says that there were too many requests, if it says so in a 200.
const TOO_MANY: &str = "error-too-many-requests";

pub(crate) struct Rocketchat {
    url: String,
    token_id: Source,
    token: Source,
    channel: Text,
    emoji: Text,
    icon_url: Text,
    title: Text,
    title_link: Text,
    text: Text,
    image_url: Text,
    thumb_url: Text,
    color: Text,
    cells: Vec<Cell>,
    actions: Vec<Action>,
}

/// A button.
struct Action {
    text: Text,
    url: Text,
    msg: Text,
}

impl Rocketchat {
    pub(crate) fn new(config: &RocketchatConfig, set: &TemplateSet) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        let read = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let server = config.api_url.as_ref().map_or(OPEN, |url| url.as_str());
        let cells = config.fields.iter().map(|c| {
            let short = c.short.or(Some(config.short_fields));
            Cell::new((&c.title, &c.value), short, set)
        });
        Self {
            url: method_of(server),
            token_id: credential(config.token_id.as_ref(), &config.token_id_file),
            token: credential(config.token.as_ref(), &config.token_file),
            channel: plain(&config.channel),
            emoji: plain(&config.emoji),
            icon_url: plain(&config.icon_url),
            title: read(
                &config.title,
                r#"{{ template "rocketchat.default.title" . }}"#,
            ),
            title_link: plain(&config.title_link),
            text: read(
                &config.text,
                r#"{{ template "rocketchat.default.text" . }}"#,
            ),
            image_url: plain(&config.image_url),
            thumb_url: plain(&config.thumb_url),
            color: plain(&config.color),
            cells: cells.collect(),
            actions: config.actions.iter().map(|a| Action::new(a, set)).collect(),
        }
    }

    fn attachment(&self, composing: &mut Composing<'_>) -> String {
        let title = composing.text("title", &self.title);
        let title_link = composing.extra("title_link", &self.title_link);
        let text = composing.text("text", &self.text);
        let image_url = composing.extra("image_url", &self.image_url);
        let thumb_url = composing.extra("thumb_url", &self.thumb_url);
        let color = composing.extra("color", &self.color);
        let cells = self.cells.iter().enumerate();
        let cells: Vec<String> = cells
            .map(|(index, cell)| {
                let (title, value, short) = cell.compose(composing, &format!("fields[{index}]"));
                Object::new()
                    .flag("short", short.unwrap_or(false))
                    .some_texts([("title", &title), ("value", &value)])
                    .done()
            })
            .collect();
        let actions = self.actions.iter().enumerate();
        let actions: Vec<String> = actions
            .map(|(index, action)| action.compose(composing, index))
            .collect();
        let text = composing.flagged(text);
        Object::new()
            .some_texts([
                ("title", &cut_runes(&title, TITLE_RUNES_MAX)),
                ("title_link", &title_link),
                ("text", &text),
                ("image_url", &image_url),
                ("thumb_url", &thumb_url),
                ("color", &color),
            ])
            .some_list("fields", &cells)
            .some_list("actions", &actions)
            .done()
    }
}

impl Action {
    fn new(config: &RocketchatAction, set: &TemplateSet) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        Self {
            text: plain(&config.text),
            url: plain(&config.url),
            msg: plain(&config.msg),
        }
    }

    /// Whatever else the configuration says of a button is not sent: Alertmanager knows this kind alone.
    fn compose(&self, composing: &mut Composing<'_>, index: usize) -> String {
        let mut say = |name: &str, text| composing.extra(&format!("actions[{index}].{name}"), text);
        let (text, url) = (say("text", &self.text), say("url", &self.url));
        let msg = say("msg", &self.msg);
        Object::new()
            .text("type", "button")
            .some_texts([("text", &text), ("url", &url)])
            .flag("is_webview", false)
            .some_text("msg", &msg)
            .flag("msg_in_chat_window", false)
            .done()
    }
}

/// A secret of the configuration; the file wins, as in Alertmanager.
fn credential(text: Option<&Secret>, file: &str) -> Source {
    match text {
        Some(text) if file.is_empty() => Source::inline(text.expose()),
        _ => Source::File(PathBuf::from(file)),
    }
}

/// The address of the method that posts, below a server's address.
fn method_of(server: &str) -> String {
    let end = server.find(['?', '#']).unwrap_or(server.len());
    let (path, rest) = server.split_at_checked(end).unwrap_or((server, ""));
    format!(
        "{}/api/v1/chat.postMessage{rest}",
        path.trim_end_matches('/')
    )
}

#[async_trait]
impl Provider for Rocketchat {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.token.clone(), self.token_id.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let channel = composing.needed("channel", &self.channel)?;
        let emoji = composing.extra("emoji", &self.emoji);
        let icon_url = composing.extra("icon_url", &self.icon_url);
        let attachment = self.attachment(composing);
        Ok(Object::new()
            .some_texts([
                ("channel", &channel),
                ("emoji", &emoji),
                ("avatar", &icon_url),
            ])
            .list("attachments", [attachment])
            .line())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let token = wire.read("token", &self.token).await?;
        let token_id = wire.read("token_id", &self.token_id).await?;
        let request = Request::post_json(&self.url, body)
            .with_header("X-Auth-Token", token)
            .with_header("X-User-Id", token_id);
        let response = wire.accepted(request).await?;
        let answer = Answer::of(&response);
        if !answer.is_json() {
            return Err(unreadable(wire, &response.body, &self.url).await);
        }
        if answer.is_set("/success") {
            return Ok(());
        }
        let said = answer.text("/error");
        let is_retried = answer.text("/errorType") == TOO_MANY || said.contains(TOO_MANY);
        let said = format!("error response from Rocket.Chat: {said}");
        Err(wire.refused(&said, &self.url, is_retried).await)
    }
}

#[cfg(test)]
mod tests;
