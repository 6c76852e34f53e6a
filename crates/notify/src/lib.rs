//! Integrations: how a notification becomes a message in somebody's channel.
//!
//! One small file per integration: notification → request (mostly pure), then the answer is classified. Nothing here reads a
//! clock, retries or remembers: the engine decides when and whether, `outbound` opens the connections.
//!
//! Start reading at [`Integration`], then [`webhook`], the simplest one.

mod aliyun_sms;
mod answer;
mod body;
mod chat;
mod classify;
mod cloudevents;
pub mod data;
pub mod defaults;
mod dingtalk;
mod discord;
mod email;
mod feishu;
mod forward;
mod go_json;
mod googlechat;
mod gotify;
pub mod http_options;
pub mod inbox;
mod incidentio;
mod jira;
mod mattermost;
mod msteams;
mod ntfy;
mod opsgenie;
mod own;
mod pagerduty;
mod payload;
mod provider;
mod pushover;
pub mod receiver;
pub mod rehearsal;
mod rocketchat;
mod secrets;
mod sign;
mod slack;
mod sns;
mod telegram;
pub mod template;
mod twilio;
mod victorops;
mod webex;
pub mod webhook;
mod wechat;
mod wecom_bot;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod trial;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::Alert;
use domain::group::told::ReceiverData;
use domain::id::IntegrationId;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use outbound::form;

/// One alert of a message, with what the message says about it.
#[derive(Clone, Debug)]
pub struct NotifiedAlert {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Whether the message calls it resolved; firing otherwise.
    pub is_resolved: bool,
}

/// A message to one integration, before it takes that integration's form.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// The receiver that could not be told, when this one is told in its place.
    pub instead_of: Option<Arc<str>>,
    /// Alertmanager's group key text.
    pub group_key: String,
    /// The labels the group's alerts share by group_by.
    pub group_labels: Labels,
    /// The labels of the group's route, rendered.
    pub route_labels: Labels,
    /// The alerts in Alertmanager's order (job, instance, label set); never empty. With `send_resolved: false` the resolved
    /// ones are left out already.
    pub alerts: Vec<NotifiedAlert>,
    /// How many alerts fire beside those listed, because they were told before (`delta: true`).
    pub still_firing: usize,
    /// Why it is sent.
    pub reason: Reason,
    /// What the integration kept of the last message it accepted; nothing when this is the first one.
    pub receiver_data: ReceiverData,
    /// Where people reach this server, without a trailing slash.
    pub external_url: Arc<str>,
    /// The same for every repeat of the same message: hex SHA-256 of tenant, group key, integration and sequence number.
    pub idempotency_key: String,
    /// When it was decided.
    pub at: Timestamp,
}

impl Notification {
    /// Whether any alert of it fires; it is "resolved" otherwise.
    pub fn is_firing(&self) -> bool {
        0 < self.still_firing || self.alerts.iter().any(|a| !a.is_resolved)
    }
}

pub use runtime::metrics::FailureReason;

/// A message that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Which templates failed and why, if some did: the message said something else in their place. Or what the provider would not
    /// take of a message that it accepted.
    pub fallback: Option<String>,
    /// What the integration keeps of it; `None` to keep what it has.
    pub receiver_data: Option<ReceiverData>,
    /// What the receiver answered, the beginning of it, free of secrets; empty where nobody answers in words.
    pub answer: String,
}

/// A delivery that failed: what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DeliveryError {
    /// Whether another attempt with the same message can succeed; no earlier than the given delay if there is one.
    pub retry: Option<RetryAdvice>,
    /// Whether the receiver may have accepted the message although no answer says so.
    pub is_ambiguous: bool,
    /// How it is counted.
    pub reason: FailureReason,
    /// What happened, for logs and Explain; free of secrets.
    pub detail: String,
}

/// When another attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAdvice {
    /// The provider named this delay (429 with Retry-After).
    pub after: Option<Duration>,
}

/// Types of integrations whose messages are only read. Others may keep something open for each group until that group says that it
/// is over: an incident, an issue, a message that is changed; of a webhook nobody knows.
const READ: [&str; 20] = [
    "aliyun_sms",
    "dingtalk",
    "discord",
    "email",
    "feishu",
    "googlechat",
    "gotify",
    "inbox",
    "mattermost",
    "msteams",
    "msteamsv2",
    "ntfy",
    "pushover",
    "rocketchat",
    "sns",
    "telegram",
    "twilio",
    "webex",
    "wechat",
    "wecom_bot",
];

/// One way to deliver, configured.
#[async_trait]
pub trait Integration: Send + Sync {
    /// Its identity, `<receiver>/<type>[<index>]`.
    fn id(&self) -> &IntegrationId;

    /// Its type as metrics name it (`webhook`, `inbox`, …).
    fn kind(&self) -> &'static str;

    /// Whether whoever is told may keep something open for each group until that group says that it is over.
    fn keeps_open(&self) -> bool {
        !READ.contains(&self.kind())
    }

    /// Whether it wants to hear of ends.
    fn send_resolved(&self) -> bool;

    /// How long one attempt may take, when its configuration says so.
    fn timeout(&self) -> Option<Duration>;

    /// Puts a notification in its form: templates are executed here, which may take seconds, and nothing is sent.
    ///
    /// # Errors
    /// There is nothing to send, or nowhere to send it to.
    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError>;

    /// Composes a message and makes one attempt to send it, which must end within `deadline`.
    ///
    /// # Errors
    /// It could not be composed, or was not accepted.
    async fn deliver(
        &self,
        notification: &Notification,
        deadline: Duration,
    ) -> Result<Delivered, DeliveryError> {
        self.compose(notification).await?.send(deadline).await
    }
}

/// A message in an integration's form; every attempt sends the same.
#[async_trait]
pub trait Composed: Send + Sync {
    /// Makes one attempt, which must end within `deadline`.
    ///
    /// # Errors
    /// It was refused, or nobody can know whether it was accepted.
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError>;
}
