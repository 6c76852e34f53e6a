//! DingTalk: Markdown or an action card from a custom robot.
//!
//! Facts are of "Custom robot access" (open.dingtalk.com/document/orgapp/custom-robot-access) and of the error codes of "Custom robots
//! send group messages" (…/orgapp/custom-robots-send-group-messages). 130101 and 300001 are in neither; users' reports show them. How
//! Markdown is escaped is not documented, and not verified against DingTalk.

use async_trait::async_trait;
use config::{DingtalkConfig, DingtalkMessage};
use gotmpl::markup::Dialect;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::form;
use crate::go_json::{Object, quoted};
use crate::own::{self, Link, Links};
use crate::provider::{Code, Codes, Composing, Provider, Wire, cut_runes};
use crate::secrets::{self, either};
use crate::sign::hmac_sha256_base64;
use crate::template::{Markup, TemplateSet, Text};

/// What DingTalk takes of a message, in bytes (not verified).
const BODY_BYTES_MAX: usize = 20_000;
const TITLE_RUNES_MAX: usize = 200;

/// A robot that said too much (20 messages a minute) is not heard for a while; asking again at once does not help.
const LIMITED_SECONDS: u64 = 60;

const CODES: Codes = Codes {
    provider: "DingTalk",
    fields: &["errcode"],
    message: "errmsg",
    table: &[
        (-1, Code::Busy, "DingTalk is busy"),
        (40035, Code::Final, "the request is malformed"),
        (43004, Code::Final, "the request is malformed"),
        (300_001, Code::Denied, "the robot's access_token is wrong"),
        (
            310_000,
            Code::Denied,
            "the robot's security settings refuse it: check `secret` and this machine's clock, its keywords against `title`, its IP list",
        ),
        (400_013, Code::Final, "the group was dissolved"),
        (400_101, Code::Denied, "the robot's access_token is wrong"),
        (400_102, Code::Denied, "the robot was switched off"),
        (
            400_105,
            Code::Final,
            "the robot does not take this type of message",
        ),
        (400_106, Code::Denied, "the robot does not exist"),
        (
            130_101,
            Code::Limited(LIMITED_SECONDS),
            "more than 20 messages a minute",
        ),
        (
            410_100,
            Code::Limited(LIMITED_SECONDS),
            "more than 20 messages a minute",
        ),
        (430_101, Code::Final, "DingTalk does not like a link in it"),
        (430_102, Code::Final, "DingTalk does not like its text"),
        (
            430_103,
            Code::Final,
            "DingTalk does not like a picture in it",
        ),
        (430_104, Code::Final, "DingTalk does not like its content"),
    ],
};

pub(crate) struct Dingtalk {
    webhook_url: Source,
    secret: Option<Source>,
    message_type: DingtalkMessage,
    title: Text,
    text: Text,
    links: Links,
    at_mobiles: Vec<String>,
    at_user_ids: Vec<String>,
    at_all: bool,
}

impl Dingtalk {
    pub(crate) fn new(config: &DingtalkConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        Self {
            webhook_url: either(config.webhook_url.as_ref(), &config.webhook_url_file),
            secret: own::secret(&config.secret, &config.secret_file),
            message_type: config.message_type,
            title: text(
                &config.title,
                r#"{{ template "dingtalk.default.title" . }}"#,
            ),
            text: text(&config.text, r#"{{ template "dingtalk.default.text" . }}"#),
            links: Links::new(set),
            at_mobiles: config.at_mobiles.clone(),
            at_user_ids: config.at_user_ids.clone(),
            at_all: config.at_all,
        }
    }

    /// Markdown, and who is called by it. Only numbers and ids of the settings are in those lists, so no text can call anybody.
    fn markdown(&self, title: &str, text: &str) -> String {
        let called = self.at_mobiles.iter().chain(&self.at_user_ids);
        let called: Vec<_> = called.map(|who| format!("@{who}")).collect();
        // DingTalk shows a call where the text has it.
        let text = match called.is_empty() {
            true => text.to_owned(),
            false => format!("{text}  \n{}", called.join(" ")),
        };
        let texts = |list: &[String]| -> Vec<String> { list.iter().map(|t| quoted(t)).collect() };
        let at = Object::new()
            .list("atMobiles", texts(&self.at_mobiles))
            .list("atUserIds", texts(&self.at_user_ids))
            .flag("isAtAll", self.at_all);
        let markdown = Object::new().text("title", title).text("text", &text);
        Object::new()
            .text("msgtype", "markdown")
            .json("markdown", &markdown.done())
            .json("at", &at.done())
            .done()
    }
}

fn action_card(title: &str, text: &str, links: &[Link]) -> String {
    let buttons = links.iter().map(|link| {
        Object::new()
            .text("title", link.label)
            .text("actionURL", &link.url)
            .done()
    });
    let card = Object::new()
        .text("title", title)
        .text("text", text)
        .text("btnOrientation", "1")
        .list("btns", buttons);
    Object::new()
        .text("msgtype", "actionCard")
        .json("actionCard", &card.done())
        .done()
}

#[async_trait]
impl Provider for Dingtalk {
    type Message = String;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        let url = Some(self.webhook_url.clone());
        let own = url.into_iter().chain(self.secret.clone());
        own.chain(secrets::numbers(&self.at_mobiles)).collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let mut title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let dialect = Dialect::Dingtalk;
        let text = own::text(composing, dialect, "text", &self.text);
        let links = self.links.of(composing);
        let text = own::flagged(composing, dialect, text);
        // Its Markdown has no colours that are documented.
        let mark = if composing.is_firing() {
            "🔴"
        } else {
            "🟢"
        };
        let text = match title.as_str() {
            "" => text,
            title => format!("### {mark} {}\n{text}", dialect.escape(title)),
        };
        if title.is_empty() {
            // It is what lists of chats show, and must not be empty.
            title = cut_runes(&composing.title(), TITLE_RUNES_MAX);
        }
        let body = |text: &str, links: &[Link]| match self.message_type {
            DingtalkMessage::ActionCard if !links.is_empty() => action_card(&title, text, links),
            _ => self.markdown(&title, text),
        };
        let text = own::with_breaks(&text);
        Ok(own::fitted(&text, &links, BODY_BYTES_MAX, body))
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let mut url = wire.read("webhook_url", &self.webhook_url).await?;
        if let Some(secret) = &self.secret {
            let secret = wire.read("secret", secret).await?;
            let timestamp = wire.now().unix_ms().to_string();
            let sign = signature(&timestamp, &secret);
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&form::encode([
                ("timestamp", &*timestamp),
                ("sign", &*sign),
            ]));
        }
        wire.accepted_by_code(Request::post_json(url, body), &CODES)
            .await
    }
}

/// The secret is the key; time and secret are signed.
fn signature(timestamp: &str, secret: &str) -> String {
    let signed = format!("{timestamp}\n{secret}");
    hmac_sha256_base64(secret.as_bytes(), signed.as_bytes())
}

#[cfg(test)]
mod tests;
