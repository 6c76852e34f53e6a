//! The inbox: the built-in receiver's messages, newest first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;

use crate::StoreError;

/// Messages kept per tenant; older ones are forgotten (a home may do so in steps, and keep 128 more for a moment).
pub const MESSAGES_MAX: usize = 10_000;

/// Most messages one page of a list holds.
pub const PAGE_MAX: usize = 1_000;

/// Bodies kept in memory per tenant: the pages people look at. Older ones are read from the disk when asked for,
/// so that 10,000 large messages do not cost 10,000 large bodies of memory.
pub(crate) const RING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A message as it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Whose.
    pub tenant: TenantId,
    /// Names the message within the tenant: a repeat under the same key is the same message.
    pub idempotency_key: String,
    /// When it was delivered.
    pub at: Timestamp,
    /// The receiver it was for.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The group, as Alertmanager writes group keys.
    pub group_key: String,
    /// Why it was sent.
    pub reason: String,
    /// The webhook body, JSON.
    pub body: String,
}

/// A message of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxMessage {
    /// Grows with every message of the store, whoever it is for.
    pub id: u64,
    /// Whose.
    pub tenant: TenantId,
    /// When it was delivered.
    pub at: Timestamp,
    /// The receiver it was for.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The group, as Alertmanager writes group keys.
    pub group_key: String,
    /// Why it was sent.
    pub reason: String,
    /// The webhook body, JSON.
    pub body: String,
}

impl InboxMessage {
    /// Gives an incoming message its id.
    pub(crate) fn numbered(id: u64, message: NewMessage) -> Self {
        let NewMessage {
            tenant,
            at,
            receiver,
            status,
            group_key,
            reason,
            body,
            ..
        } = message;
        Self {
            id,
            tenant,
            at,
            receiver,
            status,
            group_key,
            reason,
            body,
        }
    }

    fn bytes(&self) -> usize {
        self.body.len() + self.group_key.len() + self.receiver.len()
    }
}

/// Where the built-in receiver's messages go.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes a message in, durable when it answers, and answers its id; a repeat of a key changes nothing and
    /// answers the id it got first.
    async fn append(&self, message: NewMessage) -> Result<u64, StoreError>;

    /// The newest messages with an id below `before` (all when `None`), newest first, at most `limit`
    /// (and [`PAGE_MAX`]).
    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Arc<InboxMessage>>, StoreError>;
}

/// The newest messages of every tenant, within a budget of bytes.
#[derive(Default)]
pub(crate) struct Rings {
    tenants: HashMap<TenantId, Ring>,
}

/// The newest messages of one tenant, oldest first.
#[derive(Default)]
struct Ring {
    messages: VecDeque<Arc<InboxMessage>>,
    bytes: usize,
    /// Whether older messages exist outside memory.
    has_older: bool,
}

/// What memory knows of a page.
pub(crate) struct Page {
    pub(crate) messages: Vec<Arc<InboxMessage>>,
    /// Whether older messages may exist beyond what memory holds.
    pub(crate) may_continue: bool,
}

impl Rings {
    /// Takes the newest message in and answers the ids it pushed out; `bytes_max` bounds what is kept beside it.
    pub(crate) fn push(&mut self, message: Arc<InboxMessage>, bytes_max: usize) -> Vec<u64> {
        let ring = self.tenants.entry(message.tenant.clone()).or_default();
        ring.bytes += message.bytes();
        ring.messages.push_back(message);
        let mut pushed_out = Vec::new();
        while ring.messages.len() > MESSAGES_MAX
            || (ring.bytes > bytes_max && ring.messages.len() > 1)
        {
            let Some(oldest) = ring.messages.pop_front() else {
                break;
            };
            ring.bytes -= oldest.bytes();
            ring.has_older = true;
            pushed_out.push(oldest.id);
        }
        pushed_out
    }

    /// Notes that older messages of the tenant exist outside memory.
    pub(crate) fn has_older(&mut self, tenant: &TenantId) {
        self.tenants.entry(tenant.clone()).or_default().has_older = true;
    }

    /// The newest messages below `before`, newest first.
    pub(crate) fn page(&self, tenant: &TenantId, before: Option<u64>, limit: usize) -> Page {
        let Some(ring) = self.tenants.get(tenant) else {
            return Page {
                messages: Vec::new(),
                may_continue: false,
            };
        };
        let end = before.map_or(ring.messages.len(), |id| {
            ring.messages.partition_point(|m| m.id < id)
        });
        let start = end.saturating_sub(limit);
        let messages: Vec<_> = ring.messages.range(start..end).rev().cloned().collect();
        let may_continue = ring.has_older && messages.len() < limit;
        Page {
            messages,
            may_continue,
        }
    }
}
