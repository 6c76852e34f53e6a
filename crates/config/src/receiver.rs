//! Receivers: who is told, and through which integrations.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::duration::quoted;
use crate::error::{ConfigError, Mark, Result};
use crate::global::Global;
use crate::http::HttpConfig;
use crate::yaml::{Block, Fields, Node, Value};

mod aliyun_sms;
mod chat;
mod cloudevents;
mod delivery;
mod dingtalk;
mod discord;
mod email;
mod feishu;
mod forward;
mod googlechat;
mod gotify;
mod incidentio;
mod integration;
mod jira;
mod mattermost;
mod msteams;
mod ntfy;
mod opsgenie;
mod own;
mod pagerduty;
mod pushover;
mod rocketchat;
mod slack;
mod sns;
mod telegram;
mod templated;
mod twilio;
mod victorops;
mod webex;
mod webhook;
mod wechat;
mod wecom_bot;

pub use aliyun_sms::AliyunSmsConfig;
pub use cloudevents::CloudeventsConfig;
pub use delivery::{Delivery, FallbackTo, RateLimit};
pub(crate) use delivery::{check_fallbacks, own_text};
pub use dingtalk::{DingtalkConfig, DingtalkMessage};
pub use discord::DiscordConfig;
pub use email::{EmailConfig, EmailThreading, ThreadByDate};
pub use feishu::{FeishuConfig, FeishuMessage};
pub use forward::ForwardConfig;
pub use googlechat::{GooglechatConfig, GooglechatMessage};
pub use gotify::GotifyConfig;
pub use incidentio::IncidentioConfig;
pub use integration::{InboxConfig, Integration, ReceiverIntegration};
pub use jira::{JiraConfig, JiraField};
pub use mattermost::{MattermostAttachment, MattermostConfig, MattermostField, MattermostPriority};
pub use msteams::{MsteamsConfig, Msteamsv2Config};
pub use ntfy::{NtfyAction, NtfyActionKind, NtfyConfig};
pub use opsgenie::{OpsgenieConfig, OpsgenieResponder};
pub use own::Own;
pub use pagerduty::{PagerdutyConfig, PagerdutyImage, PagerdutyLink};
pub use pushover::PushoverConfig;
pub use rocketchat::{RocketchatAction, RocketchatConfig, RocketchatField};
pub use slack::{SlackAction, SlackConfig, SlackConfirmation, SlackField};
pub use sns::{SigV4, SnsConfig};
pub use telegram::TelegramConfig;
pub use templated::{INBOX_TEXT, Templated};
pub use twilio::TwilioConfig;
pub use victorops::VictoropsConfig;
pub use webex::WebexConfig;
pub use webhook::WebhookConfig;
pub use wechat::WechatConfig;
pub use wecom_bot::{WecomBotConfig, WecomMessage};

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// The name routes use; empty for a `null` element of the list.
    pub name: String,
    /// Labels to find the receiver by; `name` is always among them.
    pub labels: BTreeMap<String, String>,
    /// What it is told through, in the order in which integrations are built and told.
    pub integrations: Vec<ReceiverIntegration>,
    /// How messages are delivered, beyond what Alertmanager knows.
    pub delivery: Delivery,
    /// Where it stands in the file.
    pub line: usize,
}

/// What decoding a receiver needs to know.
pub(crate) struct Context<'a> {
    pub(crate) global: &'a Global,
    pub(crate) base: Option<&'a Path>,
    /// Global URLs that were inherited by an integration that needs a `/` at their end. Alertmanager changes the
    /// global URL then, and prints it so.
    pub(crate) slashed: RefCell<Vec<&'static str>>,
}

impl Context<'_> {
    /// The integration's own HTTP settings, or the global ones.
    fn http(&self, f: &Fields) -> Result<HttpConfig> {
        Ok(self
            .own_http(f)?
            .unwrap_or_else(|| self.global.http_config.clone()))
    }

    fn own_http(&self, f: &Fields) -> Result<Option<HttpConfig>> {
        f.some("http_config")
            .map(|node| HttpConfig::decode(node, self.base))
            .transpose()
    }

    /// The URL at a key, or the global one, ending in `/`.
    fn slashed_url(
        &self,
        f: &Fields,
        key: &str,
        global: Option<&crate::url::HttpUrl>,
        global_key: &'static str,
    ) -> Result<Option<crate::url::HttpUrl>> {
        let own = f.url(key)?;
        if own.is_none() {
            self.slashed.borrow_mut().push(global_key);
        }
        Ok(own.or_else(|| global.cloned()).map(|url| url.with_slash()))
    }
}

impl Receiver {
    pub(crate) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let line = node.mark.line;
        if node.is_null() {
            let (name, labels) = (String::new(), BTreeMap::new());
            return Ok(Self {
                name,
                labels,
                integrations: Vec::new(),
                delivery: Delivery::default(),
                line,
            });
        }
        let f = Fields::new(node, "receiver", integration::KEYS)?;
        let name = f.text("name")?;
        let mut labels = f.text_map("labels")?;
        let integrations = integration::decode_all(&f, context)?;
        if name.is_empty() {
            return Err(f.error("missing name in receiver"));
        }
        if let Some(label) = labels.get("name").filter(|label| **label != name) {
            let (name, label) = (quoted(&name), quoted(label));
            let message =
                format!("receiver label \"name\" must match receiver name {name}, got {label}");
            return Err(f.error_at("labels", message));
        }
        labels.insert("name".to_owned(), name.clone());
        let delivery = Delivery::decode(&f, &integrations)?;
        Ok(Self {
            name,
            labels,
            integrations,
            delivery,
            line,
        })
    }

    pub(crate) fn print(&self) -> Value {
        let block = Block::new()
            .value("name", self.name.as_str().into())
            .text_map("labels", &self.labels);
        integration::print_all(&self.integrations, block).done()
    }
}

/// An error when exactly one of a setting and its file must be given.
fn exactly_one(f: &Fields, key: &str, is_set: bool, file_key: &str, has_file: bool) -> Result<()> {
    if !is_set && !has_file {
        return Err(f.error(format!("one of {key} or {file_key} must be configured")));
    }
    f.at_most_one(key, is_set, file_key, has_file)
}

/// The error for an element of the list that is null.
fn missing(mark: Mark, name: &str) -> ConfigError {
    ConfigError::at(mark, format!("missing {name} config")).hint("write {} for all defaults")
}
