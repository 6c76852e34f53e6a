//! WeCom: Markdown or text from a group robot.
//!
//! Facts are of "Group robot configuration" (developer.work.weixin.qq.com/document/path/91770) and of the global error codes
//! (…/path/90313). How Markdown is escaped is not documented, and not verified against WeCom.

use async_trait::async_trait;
use config::{WecomBotConfig, WecomMessage};
use gotmpl::markup::Dialect;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::{Object, quoted};
use crate::own;
use crate::provider::{Code, Codes, Composing, Provider, Wire, cut_lines, cut_runes};
use crate::secrets::{self, either};
use crate::template::{Markup, TemplateSet, Text};

/// What WeCom takes of Markdown and of text, in bytes.
const MARKDOWN_BYTES_MAX: usize = 4096;
const TEXT_BYTES_MAX: usize = 2048;
const TITLE_RUNES_MAX: usize = 200;

/// The limit is 20 messages a minute for each robot.
const LIMITED_SECONDS: u64 = 60;

const CODES: Codes = Codes {
    provider: "WeCom",
    fields: &["errcode"],
    message: "errmsg",
    table: &[
        (-1, Code::Busy, "WeCom is busy"),
        (
            40_008,
            Code::Final,
            "the robot does not take this type of message",
        ),
        (40_058, Code::Final, "the request is malformed or too long"),
        (44_004, Code::Final, "the message is empty"),
        (45_002, Code::Final, "the message is too long"),
        (
            45_009,
            Code::Limited(LIMITED_SECONDS),
            "more than 20 messages a minute",
        ),
        (
            45_033,
            Code::Limited(LIMITED_SECONDS),
            "too many messages at once",
        ),
        (
            93_000,
            Code::Denied,
            "the robot's address is wrong, or the robot was removed",
        ),
    ],
};

pub(crate) struct WecomBot {
    webhook_url: Source,
    message_type: WecomMessage,
    title: Text,
    text: Text,
    mentioned_list: Vec<String>,
    mentioned_mobile_list: Vec<String>,
}

impl WecomBot {
    pub(crate) fn new(config: &WecomBotConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let default = match config.message_type {
            WecomMessage::Markdown => r#"{{ template "wecom_bot.default.text" . }}"#,
            WecomMessage::Text => r#"{{ template "wecom_bot.default.plain" . }}"#,
        };
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            message_type: config.message_type,
            title: text(
                &config.title,
                r#"{{ template "wecom_bot.default.title" . }}"#,
            ),
            text: text(&config.text, default),
            mentioned_list: config.mentioned_list.clone(),
            mentioned_mobile_list: config.mentioned_mobile_list.clone(),
        }
    }

    fn markdown(&self, title: &str, text: &str, is_firing: bool) -> String {
        let colour = if is_firing { "warning" } else { "info" };
        let title = Dialect::Wecom.escape(title);
        let content = match title.as_str() {
            "" => text.to_owned(),
            title => format!("### <font color=\"{colour}\">{title}</font>\n{text}"),
        };
        let called = self.mentioned_list.iter();
        let called: Vec<_> = called
            .map(|id| format!("<@{}>", id.trim_start_matches('@').replace(['<', '>'], "")))
            .collect();
        let called = called.join("");
        let room = MARKDOWN_BYTES_MAX.saturating_sub(called.len() + 1);
        let mut content = cut_lines(&content, room);
        if !called.is_empty() {
            content = format!("{content}\n{called}");
        }
        let markdown = Object::new().text("content", &content);
        Object::new()
            .text("msgtype", "markdown")
            .json("markdown", &markdown.done())
            .done()
    }

    fn text(&self, title: &str, text: &str) -> String {
        let content = format!("{title}\n{text}");
        let list = |who: &[String]| -> Vec<String> { who.iter().map(|t| quoted(t)).collect() };
        let text = Object::new()
            .text("content", &cut_lines(content.trim(), TEXT_BYTES_MAX))
            .some_list("mentioned_list", &list(&self.mentioned_list))
            .some_list("mentioned_mobile_list", &list(&self.mentioned_mobile_list));
        Object::new()
            .text("msgtype", "text")
            .json("text", &text.done())
            .done()
    }
}

#[async_trait]
impl Provider for WecomBot {
    type Message = String;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        let numbers = secrets::numbers(&self.mentioned_mobile_list);
        numbers.chain([self.webhook_url.clone()]).collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let dialect = match self.message_type {
            WecomMessage::Markdown => Dialect::Wecom,
            WecomMessage::Text => Dialect::Plain,
        };
        let text = own::text(composing, dialect, "text", &self.text);
        let text = own::flagged(composing, dialect, text);
        let text = text.trim();
        Ok(match self.message_type {
            WecomMessage::Markdown => self.markdown(&title, text, composing.is_firing()),
            WecomMessage::Text => self.text(&title, text),
        })
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("webhook_url", &self.webhook_url).await?;
        wire.accepted_by_code(Request::post_json(url, body), &CODES)
            .await
    }
}

#[cfg(test)]
mod tests;
