//! The delivery log on SQLite: noted in memory, written with the next commit or a second later.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::writer::Work;
use super::{Shared, delete_older};
use crate::StoreError;
use crate::deliveries::{
    ATTEMPTS_MAX, ATTEMPTS_PAGE_MAX, Attempt, AttemptOutcome, Deliveries, DeliveryQuery,
    LoggedAttempt, cut,
};

/// Most attempts that wait to be written.
const WAITING_MAX: usize = 10_000;

/// Most attempts that are written with one commit: others wait for the journal.
const COMMIT_MAX: usize = 500;

/// The log is cut back to its size after so many new attempts.
pub(super) const TRIM_EVERY: usize = 256;

const LIST: &str = "SELECT id, tenant, at_ms, took_ms, receiver, integration, group_key, status, reason, message_key, \
     attempt, outcome, failure, answer, fallback FROM deliveries WHERE tenant = ?1 AND id < ?2 \
     AND (?3 IS NULL OR receiver = ?3) AND (?4 IS NULL OR integration = ?4) AND (?5 IS NULL OR group_key = ?5) \
     AND (?6 IS NULL OR message_key = ?6) AND (?7 IS NULL OR outcome = ?7) AND at_ms >= ?8 AND at_ms < ?9 \
     ORDER BY id DESC LIMIT ?10";

const INSERT: &str = "INSERT INTO deliveries (tenant, at_ms, took_ms, receiver, integration, group_key, status, reason, \
     message_key, attempt, outcome, failure, answer, fallback) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Attempts that wait to be written.
#[derive(Default)]
pub(super) struct Waiting {
    attempts: Mutex<VecDeque<Attempt>>,
    /// Attempts that found no room.
    left_out: AtomicU64,
}

impl Waiting {
    /// Takes an attempt in; answers whether it is the first one.
    fn push(&self, attempt: Attempt) -> bool {
        let mut attempts = self.lock();
        if attempts.len() >= WAITING_MAX {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        attempts.push_back(attempt);
        attempts.len() == 1
    }

    /// Hands over the oldest, as many as one commit takes, and says how many found no room since the last time.
    pub(super) fn take(&self) -> VecDeque<Attempt> {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(
                left_out,
                "The delivery log could not keep up; attempts are missing in it"
            );
        }
        let mut attempts = self.lock();
        let count = attempts.len().min(COMMIT_MAX);
        attempts.drain(..count).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct SqliteDeliveries {
    shared: Arc<Shared>,
}

impl SqliteDeliveries {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn read(
        &self,
        tenant: &TenantId,
        query: &DeliveryQuery,
        limit: usize,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        // People ask for this, now and then: a connection for each question is cheap enough.
        let mut connection = SqliteConnection::connect_with(&self.shared.read_options).await?;
        let before = query
            .before
            .map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let rows = sqlx::query(LIST)
            .bind(tenant.as_str())
            .bind(before)
            .bind(query.receiver.as_deref())
            .bind(query.integration.as_deref())
            .bind(query.group_key.as_deref())
            .bind(query.message_key.as_deref())
            .bind(query.outcome.map(AttemptOutcome::as_str))
            .bind(query.since.map_or(i64::MIN, Timestamp::unix_ms))
            .bind(query.until.map_or(i64::MAX, Timestamp::unix_ms))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut connection)
            .await?;
        connection.close().await?;
        Ok(rows)
    }
}

#[async_trait]
impl Deliveries for SqliteDeliveries {
    fn note(&self, mut attempt: Attempt) {
        attempt.answer = cut(attempt.answer);
        attempt.fallback = cut(attempt.fallback);
        if self.shared.attempts.push(attempt) {
            // A store that is closed writes nothing any more.
            let _ = self.shared.queue.send(Work::Attempts);
        }
    }

    async fn list(
        &self,
        tenant: &TenantId,
        query: &DeliveryQuery,
        limit: usize,
    ) -> Result<Vec<LoggedAttempt>, StoreError> {
        self.shared.ask(|done| Work::WriteAttempts { done }).await?;
        let rows = self.read(tenant, query, limit.min(ATTEMPTS_PAGE_MAX)).await;
        let rows = rows.map_err(|error| self.shared.unavailable(error))?;
        let read = rows
            .iter()
            .filter_map(|row| logged(row, tenant).transpose());
        let read: Result<Vec<_>, _> = read.collect();
        read.map_err(|error| self.shared.unavailable(error))
    }
}

/// Writes attempts.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    attempts: &VecDeque<Attempt>,
) -> Result<(), sqlx::Error> {
    for attempt in attempts {
        sqlx::query(INSERT)
            .bind(attempt.tenant.as_str())
            .bind(attempt.at.unix_ms())
            .bind(i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX))
            .bind(attempt.receiver.as_str())
            .bind(attempt.integration.as_str())
            .bind(attempt.group_key.as_str())
            .bind(attempt.status.as_str())
            .bind(attempt.reason.as_str())
            .bind(attempt.message_key.as_str())
            .bind(attempt.number)
            .bind(attempt.outcome.as_str())
            .bind(attempt.failure.as_str())
            .bind(attempt.answer.as_str())
            .bind(attempt.fallback.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Deletes what lies beyond the newest [`ATTEMPTS_MAX`] of each of these tenants.
pub(super) async fn trim(
    connection: &mut SqliteConnection,
    tenants: &[TenantId],
) -> Result<(), sqlx::Error> {
    const OLDER: &str = "DELETE FROM deliveries WHERE tenant = ?1 AND id <= \
         (SELECT id FROM deliveries WHERE tenant = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    delete_older(connection, OLDER, tenants, ATTEMPTS_MAX).await
}

/// Reads a row; `None` for an outcome no version of Belfry would have written.
fn logged(row: &SqliteRow, tenant: &TenantId) -> Result<Option<LoggedAttempt>, sqlx::Error> {
    let Some(outcome) = AttemptOutcome::of(row.try_get(11)?) else {
        return Ok(None);
    };
    let took_ms: i64 = row.try_get(3)?;
    let attempt = Attempt {
        tenant: tenant.clone(),
        at: Timestamp::from_unix_ms(row.try_get(2)?),
        took: Duration::from_millis(took_ms.unsigned_abs()),
        receiver: row.try_get(4)?,
        integration: row.try_get(5)?,
        group_key: row.try_get(6)?,
        status: row.try_get(7)?,
        reason: row.try_get(8)?,
        message_key: row.try_get(9)?,
        number: row.try_get(10)?,
        outcome,
        failure: row.try_get(12)?,
        answer: row.try_get(13)?,
        fallback: row.try_get(14)?,
    };
    let id = row.try_get::<i64, _>(0)?.unsigned_abs();
    Ok(Some(LoggedAttempt { id, attempt }))
}
