//! The inbox port on SQLite: the newest messages from memory, older pages from the file.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};
use tokio::sync::Mutex;

use super::writer::Work;
use super::{Shared, delete_older};
use crate::StoreError;
use crate::inbox::{
    Inbox, InboxMessage, MESSAGES_MAX, NewMessage, PAGE_MAX, RING_BYTES_MAX, Rings,
};

/// Most messages read into memory at the start, for all tenants together.
const LOADED_MAX: usize = 20_000;

const COLUMNS_OF_PAGE: &str = "SELECT id, tenant, at_ms, receiver, status, group_key, reason, body FROM inbox \
     WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?";

pub(super) struct SqliteInbox {
    shared: Arc<Shared>,
    /// Opened by the first page that memory does not hold.
    reader: Mutex<Option<SqliteConnection>>,
}

/// A message's place in the file.
pub(super) struct Written {
    pub(super) id: u64,
    /// Whether this call wrote it, rather than an earlier one with the same key.
    pub(super) is_new: bool,
}

impl SqliteInbox {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            reader: Mutex::default(),
        }
    }

    async fn read(
        &self,
        tenant: &TenantId,
        before: i64,
        limit: usize,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut reader = self.reader.lock().await;
        let mut connection = match reader.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.shared.read_options).await?,
        };
        let rows = sqlx::query(COLUMNS_OF_PAGE)
            .bind(tenant.as_str())
            .bind(before)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut connection)
            .await?;
        // Kept only when it worked: a broken connection is not used twice.
        *reader = Some(connection);
        Ok(rows)
    }
}

#[async_trait]
impl Inbox for SqliteInbox {
    async fn append(&self, message: NewMessage) -> Result<u64, StoreError> {
        self.shared
            .ask(|done| Work::Message {
                message: Box::new(message),
                done,
            })
            .await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Arc<InboxMessage>>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        let page = {
            let rings = self
                .shared
                .rings
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            rings.page(tenant, before, limit)
        };
        let mut messages = page.messages;
        if !page.may_continue {
            return Ok(messages);
        }
        let below = messages.last().map(|message| message.id).or(before);
        let below = below.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let rows = self.read(tenant, below, limit - messages.len()).await;
        for row in rows.map_err(|error| self.shared.unavailable(error))? {
            let message = message_of(&row).map_err(|error| self.shared.unavailable(error))?;
            messages.extend(message.map(Arc::new));
        }
        Ok(messages)
    }
}

/// Writes a message unless its key is there already.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    message: &NewMessage,
) -> Result<Written, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO inbox (tenant, idempotency_key, at_ms, receiver, status, group_key, reason, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, idempotency_key) DO NOTHING RETURNING id",
    )
    .bind(message.tenant.as_str())
    .bind(message.idempotency_key.as_str())
    .bind(message.at.unix_ms())
    .bind(message.receiver.as_str())
    .bind(message.status.as_str())
    .bind(message.group_key.as_str())
    .bind(message.reason.as_str())
    .bind(message.body.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = inserted {
        return Ok(Written {
            id: row.try_get::<i64, _>(0)?.unsigned_abs(),
            is_new: true,
        });
    }
    let row = sqlx::query("SELECT id FROM inbox WHERE tenant = ? AND idempotency_key = ?")
        .bind(message.tenant.as_str())
        .bind(message.idempotency_key.as_str())
        .fetch_one(connection)
        .await?;
    Ok(Written {
        id: row.try_get::<i64, _>(0)?.unsigned_abs(),
        is_new: false,
    })
}

/// Deletes what lies beyond the newest [`MESSAGES_MAX`] of each of these tenants.
pub(super) async fn trim(
    connection: &mut SqliteConnection,
    tenants: &[TenantId],
) -> Result<(), sqlx::Error> {
    const OLDER: &str = "DELETE FROM inbox WHERE tenant = ?1 AND id <= \
         (SELECT id FROM inbox WHERE tenant = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    delete_older(connection, OLDER, tenants, MESSAGES_MAX).await
}

/// Reads the newest messages into memory.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Rings, sqlx::Error> {
    let tenants = sqlx::query("SELECT DISTINCT tenant FROM inbox")
        .fetch_all(&mut *connection)
        .await?;
    let texts = tenants
        .iter()
        .map(|row| row.try_get::<&str, _>(0))
        .collect::<Result<Vec<_>, _>>()?;
    let tenants: Vec<TenantId> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    trim(connection, &tenants).await?;
    let mut rings = Rings::default();
    let share = LOADED_MAX / tenants.len().max(1);
    for tenant in tenants {
        rings.has_older(&tenant);
        let mut newest = Vec::new();
        let mut bytes = 0;
        let mut before = i64::MAX;
        // In pages, because only the bytes that fit are wanted and bodies can be large.
        while newest.len() < share && bytes <= RING_BYTES_MAX {
            let rows = sqlx::query(COLUMNS_OF_PAGE)
                .bind(tenant.as_str())
                .bind(before)
                .bind(100_i64);
            let page = rows.fetch_all(&mut *connection).await?;
            let Some(last) = page.last() else { break };
            before = last.try_get(0)?;
            for row in &page {
                if let Some(message) = message_of(row)? {
                    bytes += message.body.len();
                    newest.push(Arc::new(message));
                }
            }
        }
        for message in newest.into_iter().rev() {
            rings.push(message, RING_BYTES_MAX);
        }
    }
    Ok(rings)
}

/// Reads a row; `None` for a tenant no version of Belfry would have written.
fn message_of(row: &SqliteRow) -> Result<Option<InboxMessage>, sqlx::Error> {
    let Ok(tenant) = row.try_get::<&str, _>(1)?.parse::<TenantId>() else {
        return Ok(None);
    };
    Ok(Some(InboxMessage {
        id: row.try_get::<i64, _>(0)?.unsigned_abs(),
        tenant,
        at: Timestamp::from_unix_ms(row.try_get(2)?),
        receiver: row.try_get(3)?,
        status: row.try_get(4)?,
        group_key: row.try_get(5)?,
        reason: row.try_get(6)?,
        body: row.try_get(7)?,
    }))
}
