//! The integrations that only we have. Their keys are left out of the printed configuration, which other programs read.

use super::{
    AliyunSmsConfig, CloudeventsConfig, Context, DingtalkConfig, FeishuConfig, ForwardConfig,
    GooglechatConfig, GotifyConfig, NtfyConfig, TwilioConfig, WecomBotConfig,
};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::{Secret, SecretUrl};
use crate::yaml::{Fields, Node};

/// One of our own integrations, with its effective settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Own {
    /// Feishu and Lark, custom bots.
    Feishu(FeishuConfig),
    /// DingTalk, custom robots.
    Dingtalk(DingtalkConfig),
    /// WeCom, group robots.
    WecomBot(WecomBotConfig),
    /// ntfy.
    Ntfy(NtfyConfig),
    /// Gotify.
    Gotify(GotifyConfig),
    /// Google Chat, incoming webhooks.
    Googlechat(GooglechatConfig),
    /// SMS by Twilio.
    Twilio(TwilioConfig),
    /// SMS by Alibaba Cloud.
    AliyunSms(AliyunSmsConfig),
    /// CloudEvents over HTTP.
    Cloudevents(CloudeventsConfig),
    /// Another Alertmanager.
    Forward(ForwardConfig),
}

/// The keys of our own integrations in a receiver, without `_configs`; the inbox is the oldest of them.
pub(super) const NAMES: [&str; 11] = [
    "inbox",
    "feishu",
    "dingtalk",
    "wecom_bot",
    "ntfy",
    "gotify",
    "googlechat",
    "twilio",
    "aliyun_sms",
    "cloudevents",
    "forward",
];

/// How one of our own integrations is read.
pub(super) type DecodeOwn = fn(&Node, &Context<'_>) -> Result<Own>;

/// Our own integrations but the inbox, in the order in which they are told.
pub(super) const DECODE: [(&str, DecodeOwn); 10] = [
    ("feishu", |n, c| FeishuConfig::decode(n, c).map(Own::Feishu)),
    ("dingtalk", |n, c| {
        DingtalkConfig::decode(n, c).map(Own::Dingtalk)
    }),
    ("wecom_bot", |n, c| {
        WecomBotConfig::decode(n, c).map(Own::WecomBot)
    }),
    ("ntfy", |n, c| NtfyConfig::decode(n, c).map(Own::Ntfy)),
    ("gotify", |n, c| GotifyConfig::decode(n, c).map(Own::Gotify)),
    ("googlechat", |n, c| {
        GooglechatConfig::decode(n, c).map(Own::Googlechat)
    }),
    ("twilio", |n, c| TwilioConfig::decode(n, c).map(Own::Twilio)),
    ("aliyun_sms", |n, c| {
        AliyunSmsConfig::decode(n, c).map(Own::AliyunSms)
    }),
    ("cloudevents", |n, c| {
        CloudeventsConfig::decode(n, c).map(Own::Cloudevents)
    }),
    ("forward", |n, c| {
        ForwardConfig::decode(n, c).map(Own::Forward)
    }),
];

impl Own {
    /// The type's name in metrics and in the record of what was told.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Feishu(_) => "feishu",
            Self::Dingtalk(_) => "dingtalk",
            Self::WecomBot(_) => "wecom_bot",
            Self::Ntfy(_) => "ntfy",
            Self::Gotify(_) => "gotify",
            Self::Googlechat(_) => "googlechat",
            Self::Twilio(_) => "twilio",
            Self::AliyunSms(_) => "aliyun_sms",
            Self::Cloudevents(_) => "cloudevents",
            Self::Forward(_) => "forward",
        }
    }

    /// Whether the end of alerts is told.
    pub fn send_resolved(&self) -> bool {
        self.common().0
    }

    /// How we connect.
    pub fn http_config(&self) -> &HttpConfig {
        self.common().1
    }

    fn common(&self) -> (bool, &HttpConfig) {
        match self {
            Self::Feishu(c) => (c.send_resolved, &c.http_config),
            Self::Dingtalk(c) => (c.send_resolved, &c.http_config),
            Self::WecomBot(c) => (c.send_resolved, &c.http_config),
            Self::Ntfy(c) => (c.send_resolved, &c.http_config),
            Self::Gotify(c) => (c.send_resolved, &c.http_config),
            Self::Googlechat(c) => (c.send_resolved, &c.http_config),
            Self::Twilio(c) => (c.send_resolved, &c.http_config),
            Self::AliyunSms(c) => (c.send_resolved, &c.http_config),
            Self::Cloudevents(c) => (c.send_resolved, &c.http_config),
            Self::Forward(c) => (c.send_resolved, &c.http_config),
        }
    }

    /// Its texts that may be templates, by field.
    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        match self {
            Self::Feishu(c) => two(&c.title, &c.text),
            Self::Dingtalk(c) => two(&c.title, &c.text),
            Self::WecomBot(c) => two(&c.title, &c.text),
            Self::Ntfy(c) => c.texts(),
            Self::Gotify(c) => {
                let mut texts = two(&c.title, &c.text);
                texts.push(("priority".to_owned(), &c.priority));
                texts
            }
            Self::Googlechat(c) => two(&c.title, &c.text),
            Self::Twilio(c) => vec![("text".to_owned(), &c.text)],
            Self::AliyunSms(c) => {
                let params = c.template_params.iter();
                params
                    .map(|(name, text)| (format!("template_params.{name}"), text.as_str()))
                    .collect()
            }
            Self::Cloudevents(c) => vec![("type".to_owned(), &c.kind)],
            Self::Forward(_) => Vec::new(),
        }
    }
}

fn two<'a>(title: &'a str, text: &'a str) -> Vec<(String, &'a str)> {
    vec![("title".to_owned(), title), ("text".to_owned(), text)]
}

/// A URL that is a secret, or the file that holds it; exactly one of them.
pub(super) fn secret_url(f: &Fields, key: &str) -> Result<(Option<SecretUrl>, String)> {
    let file_key = format!("{key}_file");
    let (url, file) = (f.secret_url(key)?, f.text(&file_key)?);
    super::exactly_one(f, key, url.is_some(), &file_key, !file.is_empty())?;
    Ok((url, file))
}

/// A secret, or the file that holds it; one of them if it `is_needed`, never both.
pub(super) fn secret(f: &Fields, key: &str, is_needed: bool) -> Result<(Secret, String)> {
    let file_key = format!("{key}_file");
    let (secret, file) = (f.secret(key)?, f.text(&file_key)?);
    if is_needed {
        super::exactly_one(f, key, !secret.is_empty(), &file_key, !file.is_empty())?;
    } else {
        f.at_most_one(key, !secret.is_empty(), &file_key, !file.is_empty())?;
    }
    Ok((secret, file))
}

/// One word of several; the first is the default.
pub(super) fn choice<T: Copy>(f: &Fields, key: &str, known: &[(&str, T)]) -> Result<T> {
    let default = known.first().map_or("", |(word, _)| word);
    let word = f.text_or(key, default)?;
    let found = known.iter().find(|(known, _)| *known == word);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        let error = f.error_at(key, format!("unknown {key} {word:?}"));
        error.hint(format!("known are {}", words.join(", ")))
    })
}

/// A list of texts; empty when the key is absent.
pub(super) fn texts(f: &Fields, key: &str) -> Result<Vec<String>> {
    Ok(f.texts(key)?.unwrap_or_default())
}

/// An error when a text that must be there is not.
pub(super) fn needed(f: &Fields, key: &str, hint: &str) -> Result<String> {
    let text = f.text(key)?;
    if text.is_empty() {
        return Err(f.error(format!("missing {key}")).hint(hint));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
