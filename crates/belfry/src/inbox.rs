//! Where the built-in receiver's messages go: from the integration to the store.

use std::sync::Arc;

use async_trait::async_trait;
use domain::id::TenantId;
use notify::inbox::{InboxEntry, InboxSink};
use runtime::metrics::Metrics;
use store::NewMessage;
use tokio::sync::mpsc;

/// One who watches messages come in; the demo does.
pub(crate) type Watcher = mpsc::Sender<InboxEntry>;

/// One tenant's way into the inbox.
pub(crate) struct TenantInbox {
    pub(crate) tenant: TenantId,
    pub(crate) inbox: Arc<dyn store::Inbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watcher: Option<Watcher>,
}

#[async_trait]
impl InboxSink for TenantInbox {
    async fn put(&self, message: InboxEntry) -> Result<(), String> {
        let watched = self
            .watcher
            .as_ref()
            .map(|watcher| (watcher, message.clone()));
        let message = NewMessage {
            tenant: self.tenant.clone(),
            idempotency_key: message.idempotency_key,
            at: message.at,
            receiver: message.receiver,
            status: message.status.to_owned(),
            group_key: message.group_key,
            reason: message.reason.to_owned(),
            body: message.body,
        };
        self.inbox
            .append(message)
            .await
            .map_err(|error| error.to_string())?;
        self.metrics.inbox_messages.inc();
        if let Some((watcher, message)) = watched {
            // A watcher that is slow or gone misses messages; the inbox has them.
            let _ = watcher.try_send(message);
        }
        Ok(())
    }
}
