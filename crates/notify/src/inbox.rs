//! The inbox: the built-in receiver, so that the first alert is seen without setting anything up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::INBOX_TEXT;
use domain::id::IntegrationId;
use domain::time::Timestamp;

use crate::body::{self, flagged};
use crate::data::{Data, title};
use crate::go_json::push_text;
use crate::template::{Markup, Rendering, TemplateSet, Text, aside};
use crate::{
    Composed, Delivered, DeliveryError, FailureReason, Integration, Notification, RetryAdvice,
};

/// Most alerts one message lists; ten thousand messages are kept, so each must stay small.
const ALERTS_MAX: usize = 1000;

/// Most bytes of a text that templates make.
const TEXT_BYTES_MAX: usize = 16 << 10;

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
    /// The facts: JSON, `title` and `text` and then the fields of the webhook's body.
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
    set: Arc<TemplateSet>,
    text: Text,
}

impl Inbox {
    /// An integration that puts its messages into `sink`.
    pub fn new(
        id: IntegrationId,
        send_resolved: bool,
        sink: Arc<dyn InboxSink>,
        set: Arc<TemplateSet>,
    ) -> Self {
        Self {
            id,
            send_resolved,
            sink,
            text: set.text_or(INBOX_TEXT, INBOX_TEXT, Markup::Plain),
            set,
        }
    }

    /// The message with what its template says, and which failed.
    async fn entry(&self, notification: &Notification) -> (InboxEntry, Option<String>) {
        let (set, text, own) = (
            Arc::clone(&self.set),
            self.text.clone(),
            notification.clone(),
        );
        let made = aside(move || {
            let facts = Data::new(&own, &own.alerts);
            let mut rendering = Rendering::new(&set, &facts, own.at);
            // Above the text, where no cut reaches them.
            let mut lines = facts.remarks();
            lines.push(rendering.text("text", &text));
            let text = lines.join("\n");
            let fallback = rendering.fallback();
            (entry(&own, &text, fallback.as_deref()), fallback)
        });
        made.await.unwrap_or_else(|failure| {
            let fallback = failure.to_string();
            (entry(notification, "", Some(&fallback)), Some(fallback))
        })
    }
}

/// Makes the inbox's form of a notification with this text; `fallback` says which templates failed.
pub fn entry(notification: &Notification, text: &str, fallback: Option<&str>) -> InboxEntry {
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
    body.push_str(",\"text\":");
    push_text(&mut body, cut(text));
    body.push(',');
    let facts = flagged(facts, fallback);
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

fn cut(text: &str) -> &str {
    let mut end = TEXT_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
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

    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        let (entry, fallback) = self.entry(notification).await;
        let sink = &self.sink;
        Ok(Box::new(Put {
            sink,
            entry,
            fallback,
        }))
    }
}

/// A message ready to be put into the inbox.
struct Put<'a> {
    sink: &'a Arc<dyn InboxSink>,
    entry: InboxEntry,
    fallback: Option<String>,
}

#[async_trait]
impl Composed for Put<'_> {
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError> {
        let put = self.sink.put(self.entry.clone());
        let (reason, detail) = match tokio::time::timeout(deadline, put).await {
            Ok(Ok(())) => {
                return Ok(Delivered {
                    fallback: self.fallback.clone(),
                    ..Delivered::default()
                });
            }
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
