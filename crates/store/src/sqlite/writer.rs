//! The one task that writes: it commits together what arrived together.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;
use runtime::clock::SharedClock;
use runtime::metrics::JournalMetrics;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::lock::FileLock;
use super::{Shared, deliveries, inbox, is_full};
use crate::StoreError;
use crate::deliveries::Attempt;
use crate::inbox::{InboxMessage, NewMessage, RING_BYTES_MAX};
use crate::record::{BODY_MAX, Frame, VERSION, checksum, join_frames};

/// Attempts wait at most so long for a commit they can be written with.
const ATTEMPTS_WAIT: Duration = Duration::from_secs(1);
/// Most bytes one transaction takes in; what waits longer goes into the next.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The inbox is cut back to its size after so many new messages: the count costs more than a message does.
const INBOX_TRIM_EVERY: usize = 64;

type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub(super) enum Work {
    /// Append encoded records.
    Append {
        frames: Vec<Frame>,
        bytes: u64,
        done: Done<()>,
        room: Option<OwnedSemaphorePermit>,
    },
    /// Take a message into the inbox.
    Message {
        message: Box<NewMessage>,
        done: Done<u64>,
    },
    /// Attempts wait to be written.
    Attempts,
    /// Write the attempts that wait.
    WriteAttempts { done: Done<()> },
    /// Answer the position after everything so far.
    Mark { done: Done<i64> },
    /// Delete some rows before a position; answers whether there are more.
    Trim { before: i64, done: Done<bool> },
    /// Note the size after a compaction.
    Settle { done: Done<()> },
    /// Give some free space back; answers whether there is more.
    Shrink { done: Done<bool> },
    /// Stop after what was queued before.
    Close { done: oneshot::Sender<()> },
}

/// The works of one transaction.
#[derive(Default)]
struct Batch {
    rows: Vec<Frame>,
    bytes: usize,
    records: u64,
    appends: Vec<(Done<()>, u64, Option<OwnedSemaphorePermit>)>,
    messages: Vec<(Box<NewMessage>, Done<u64>)>,
}

impl Batch {
    /// Takes work in, or gives it back when it must run by itself.
    fn take(&mut self, work: Work) -> Option<Work> {
        match work {
            Work::Append {
                frames,
                bytes,
                done,
                room,
            } => {
                self.bytes += frames.iter().map(|frame| frame.body.len()).sum::<usize>();
                self.records += frames
                    .iter()
                    .map(|frame| u64::from(frame.records))
                    .sum::<u64>();
                join_frames(&mut self.rows, frames);
                self.appends.push((done, bytes, room));
                None
            }
            Work::Message { message, done } => {
                self.bytes += message.body.len();
                self.messages.push((message, done));
                None
            }
            other => Some(other),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX || self.messages.len() >= INBOX_TRIM_EVERY
    }

    fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.messages.is_empty()
    }
}

pub(super) struct Writer {
    pub(super) shared: Weak<Shared>,
    /// `None` after an error that may have left the connection unusable.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    clock: SharedClock,
    pub(super) metrics: JournalMetrics,
    /// Tenants that got messages since the inbox was last cut back, one entry per message.
    inbox_tenants: Vec<TenantId>,
    /// The same of attempts and the delivery log.
    attempt_tenants: Vec<TenantId>,
    /// When attempts that wait are written at the latest.
    attempts_due: Option<Instant>,
    _lock: FileLock,
}

impl Writer {
    pub(super) fn new(
        shared: Weak<Shared>,
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        clock: SharedClock,
        metrics: JournalMetrics,
        lock: FileLock,
    ) -> Self {
        Self {
            shared,
            connection: Some(connection),
            options,
            clock,
            metrics,
            inbox_tenants: Vec::new(),
            attempt_tenants: Vec::new(),
            attempts_due: None,
            _lock: lock,
        }
    }

    /// Works until it is closed, or until nobody can ask any more.
    pub(super) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Work>) {
        let mut closed = None;
        while closed.is_none() {
            let work = match self.attempts_due {
                None => queue.recv().await,
                Some(due) => match tokio::time::timeout_at(due, queue.recv()).await {
                    Ok(work) => work,
                    Err(_) => {
                        let _ = self.write_attempts().await;
                        continue;
                    }
                },
            };
            let Some(work) = work else {
                break;
            };
            let mut batch = Batch::default();
            let mut next = batch.take(work);
            while next.is_none() && !batch.is_full() {
                match queue.try_recv() {
                    Ok(work) => next = batch.take(work),
                    Err(_) => break,
                }
            }
            if !batch.is_empty() {
                self.commit(batch).await;
                self.trim().await;
            }
            if let Some(work) = next {
                closed = self.alone(work).await;
            }
        }
        let _ = self.write_attempts().await;
        queue.close();
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the journal was not closed cleanly; the next start recovers it");
        }
        drop(self);
        if let Some(done) = closed {
            let _ = done.send(());
        }
    }

    /// Work that does not join a batch; answers whom to tell when this was a close.
    async fn alone(&mut self, work: Work) -> Option<oneshot::Sender<()>> {
        match work {
            Work::Mark { done } => {
                let answer = self.mark().await;
                let _ = done.send(self.checked(answer));
            }
            Work::Trim { before, done } => {
                let answer = self.trim_journal(before).await;
                let _ = done.send(self.checked(answer));
            }
            Work::Settle { done } => {
                let answer = self.settle().await;
                let _ = done.send(self.checked(answer));
            }
            Work::Shrink { done } => {
                let answer = self.shrink().await;
                let _ = done.send(self.checked(answer));
            }
            Work::Attempts => {
                self.attempts_due
                    .get_or_insert(Instant::now() + ATTEMPTS_WAIT);
            }
            Work::WriteAttempts { done } => {
                let answer = self.write_attempts().await;
                let _ = done.send(answer);
            }
            Work::Close { done } => return Some(done),
            // A batch takes these.
            Work::Append { .. } | Work::Message { .. } => {}
        }
        None
    }

    async fn commit(&mut self, mut batch: Batch) {
        let started = Instant::now();
        let answer = self.write(&mut batch).await;
        let answer = self.checked(answer);
        self.metrics
            .commit_duration
            .observe(started.elapsed().as_secs_f64());
        let written: usize = batch.rows.iter().map(|row| row.body.len()).sum();
        let written = u64::try_from(written).unwrap_or(u64::MAX);
        let shared = self.shared.upgrade();
        if answer.is_ok() {
            self.metrics.commits.inc();
            self.metrics.records.inc_by(batch.records);
            self.metrics.written_bytes.inc_by(written);
            if let Some(shared) = &shared {
                let live = shared.live_bytes.fetch_add(written, Ordering::Relaxed) + written;
                self.metrics
                    .size_bytes
                    .set(i64::try_from(live).unwrap_or(i64::MAX));
            }
        }
        self.answer_messages(batch.messages, &answer);
        for (done, bytes, room) in batch.appends {
            if let Some(shared) = &shared {
                shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            drop(room);
            // Whoever asked may have gone; the records are written all the same.
            let _ = done.send(answer.as_ref().map(|_| ()).map_err(Clone::clone));
        }
    }

    /// Puts committed messages where readers look, then tells who sent them.
    fn answer_messages(
        &mut self,
        messages: Vec<(Box<NewMessage>, Done<u64>)>,
        answer: &Result<Vec<inbox::Written>, StoreError>,
    ) {
        let ids = match answer {
            Ok(ids) => ids,
            Err(error) => {
                for (_, done) in messages {
                    let _ = done.send(Err(error.clone()));
                }
                return;
            }
        };
        for ((message, done), written) in messages.into_iter().zip(ids) {
            let id = written.id;
            if written.is_new
                && let Some(shared) = self.shared.upgrade()
            {
                self.inbox_tenants.push(message.tenant.clone());
                let message = Arc::new(InboxMessage::numbered(id, *message));
                let mut rings = shared.rings.lock().unwrap_or_else(PoisonError::into_inner);
                rings.push(message, RING_BYTES_MAX);
            }
            let _ = done.send(Ok(id));
        }
    }

    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn write(&mut self, batch: &mut Batch) -> Result<Vec<inbox::Written>, sqlx::Error> {
        let now = self.clock.now();
        let attempts = self.take_attempts();
        let connection = self.connection().await?;
        // The usual case is one row, which is a transaction by itself: one round trip instead of three.
        if let ([row], [], true) = (
            batch.rows.as_slice(),
            batch.messages.as_slice(),
            attempts.is_empty(),
        ) {
            insert_row(connection, row, now).await?;
            return Ok(Vec::new());
        }
        let mut transaction = connection.begin().await?;
        for row in &batch.rows {
            insert_row(&mut transaction, row, now).await?;
        }
        let mut written = Vec::with_capacity(batch.messages.len());
        for (message, _) in &batch.messages {
            written.push(inbox::insert(&mut transaction, message).await?);
        }
        deliveries::insert(&mut transaction, &attempts).await?;
        transaction.commit().await?;
        Ok(written)
    }

    /// Attempts that wait, which are on their way to the disk now.
    fn take_attempts(&mut self) -> VecDeque<Attempt> {
        let shared = self.shared.upgrade();
        let attempts = shared.as_ref().map(|shared| shared.attempts.take());
        let attempts = attempts.unwrap_or_default();
        let is_empty = shared.is_none_or(|shared| shared.attempts.is_empty());
        self.attempts_due = (!is_empty).then(|| Instant::now() + ATTEMPTS_WAIT);
        let tenants = attempts.iter().map(|attempt| attempt.tenant.clone());
        self.attempt_tenants.extend(tenants);
        attempts
    }

    /// Writes the attempts that wait, in a transaction of their own.
    async fn write_attempts(&mut self) -> Result<(), StoreError> {
        loop {
            let attempts = self.take_attempts();
            if attempts.is_empty() {
                return Ok(());
            }
            let answer = self.insert_attempts(&attempts).await;
            self.checked(answer)?;
            self.trim().await;
        }
    }

    async fn insert_attempts(&mut self, attempts: &VecDeque<Attempt>) -> Result<(), sqlx::Error> {
        let mut transaction = self.connection().await?.begin().await?;
        deliveries::insert(&mut transaction, attempts).await?;
        transaction.commit().await
    }

    /// Cuts inbox and delivery log back now and then; that it could not is no reason to refuse anything.
    async fn trim(&mut self) {
        if let Some(tenants) = grown(&mut self.inbox_tenants, INBOX_TRIM_EVERY) {
            let answer = match self.connection().await {
                Ok(connection) => inbox::trim(connection, &tenants).await,
                Err(error) => Err(error),
            };
            let _ = self.checked(answer);
        }
        if let Some(tenants) = grown(&mut self.attempt_tenants, deliveries::TRIM_EVERY) {
            let answer = match self.connection().await {
                Ok(connection) => deliveries::trim(connection, &tenants).await,
                Err(error) => Err(error),
            };
            let _ = self.checked(answer);
        }
    }

    /// Turns a database error into what the caller can do, and lets go of a connection that may be broken.
    fn checked<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.metrics.errors.inc();
            if !is_full(&error) {
                self.connection = None;
            }
            let Some(shared) = self.shared.upgrade() else {
                return StoreError::Closed;
            };
            let error = shared.unavailable(error);
            tracing::error!(%error, "the journal was not written");
            error
        })
    }
}

/// The tenants that got something, once each, when that is enough to cut back for.
fn grown(tenants: &mut Vec<TenantId>, enough: usize) -> Option<Vec<TenantId>> {
    if tenants.len() < enough {
        return None;
    }
    let mut grown = std::mem::take(tenants);
    grown.sort_unstable();
    grown.dedup();
    Some(grown)
}

async fn insert_row(
    connection: &mut SqliteConnection,
    row: &Frame,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    debug_assert!(row.records == 1 || row.body.len() <= BODY_MAX);
    sqlx::query("INSERT INTO journal (version, written_at_ms, records, checksum, body) VALUES (?, ?, ?, ?, ?)")
        .bind(VERSION)
        .bind(now.unix_ms())
        .bind(row.records)
        .bind(checksum(&row.body).cast_signed())
        .bind(row.body.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
