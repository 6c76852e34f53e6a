//! The inbox: the built-in receiver, so that the first alert is seen without setting anything up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::IntegrationId;
use domain::time::Timestamp;

use crate::body;
use crate::data::{Data, title};
use crate::go_json::push_text;
use crate::{Delivered, DeliveryError, FailureReason, Integration, Notification, RetryAdvice};

/// Most alerts one message lists; ten thousand messages are kept, so each must stay small.
const ALERTS_MAX: usize = 1000;

/// A message as the inbox keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// The same for every repeat of the same message: the second one must not be kept.
    pub idempotency_key: String,
    /// When the message was decided.
    pub at: Timestamp,
    /// The receiver's name.
    pub receiver: String,
    /// The group key's text.
    pub group_key: String,
    /// `firing` or `resolved`.
    pub status: &'static str,
    /// Why it was sent, in Alertmanager's words.
    pub reason: &'static str,
    /// One line for people; the body has it too.
    pub title: String,
    /// The facts: JSON, `title` and then the fields of the webhook's body.
    pub body: String,
}

/// Where messages of the inbox go; one per tenant.
#[async_trait]
pub trait InboxSink: Send + Sync {
    /// Keeps a message, once per idempotency key.
    ///
    /// # Errors
    /// It could not be kept; the text says why.
    async fn put(&self, message: InboxEntry) -> Result<(), String>;
}

/// Delivers to the inbox.
pub struct Inbox {
    id: IntegrationId,
    send_resolved: bool,
    sink: Arc<dyn InboxSink>,
}

impl Inbox {
    /// An integration that puts its messages into `sink`.
    pub fn new(id: IntegrationId, send_resolved: bool, sink: Arc<dyn InboxSink>) -> Self {
        Self {
            id,
            send_resolved,
            sink,
        }
    }
}

/// Makes the inbox's form of a notification.
pub fn entry(notification: &Notification) -> InboxEntry {
    let mut data = Data::new(notification, &notification.alerts);
    let title = title(&data);
    let (status, reason) = (data.status(), data.reason);
    let listed = data.alerts.get(..ALERTS_MAX).unwrap_or(data.alerts);
    let truncated = data.alerts.len() - listed.len();
    // Unlike the webhook's, a cut list still says what is true of all.
    data.alerts = listed;
    let facts = body::version_4(&data, status, &notification.group_key, truncated);
    let mut body = String::with_capacity(facts.len() + title.len() + 16);
    body.push_str("{\"title\":");
    push_text(&mut body, &title);
    body.push(',');
    body.push_str(facts.strip_prefix('{').unwrap_or(&facts));
    InboxEntry {
        idempotency_key: notification.idempotency_key.clone(),
        at: notification.at,
        receiver: notification.receiver.to_string(),
        group_key: notification.group_key.clone(),
        status,
        reason,
        title,
        body,
    }
}

#[async_trait]
impl Integration for Inbox {
    fn id(&self) -> &IntegrationId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "inbox"
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }

    async fn deliver(
        &self,
        notification: &Notification,
        deadline: Duration,
    ) -> Result<Delivered, DeliveryError> {
        let put = self.sink.put(entry(notification));
        let (reason, detail) = match tokio::time::timeout(deadline, put).await {
            Ok(Ok(())) => return Ok(Delivered::default()),
            Ok(Err(cause)) => (FailureReason::Other, format!("inbox: {cause}")),
            Err(_) => (
                FailureReason::ContextDeadlineExceeded,
                format!("inbox: the message was not kept within {deadline:?}"),
            ),
        };
        // A repeat is kept once, so it is always safe.
        Err(DeliveryError {
            retry: Some(RetryAdvice { after: None }),
            is_ambiguous: false,
            reason,
            detail,
        })
    }
}

#[cfg(test)]
mod tests;
