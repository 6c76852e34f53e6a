//! The journal port on SQLite.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use domain::label::Interner;
use domain::time::Timestamp;
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::writer::Work;
use super::{CLOSE_DEADLINE, QUEUE_KIB_MAX, SUBMIT_BYTES_MAX, Shared, is_damage};
use crate::StoreError;
use crate::journal::{Commit, CompactionMark, Journal, Record, Replayed, Running};
use crate::record::{Decoder, Frame, VERSION, checksum, encode};

pub(super) struct SqliteJournal {
    shared: Arc<Shared>,
}

impl SqliteJournal {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn encoded(&self, records: &[Record]) -> Result<(Vec<Frame>, u64), StoreError> {
        let frames = encode(records).map_err(|bad| self.shared.unavailable(bad))?;
        let bytes = frames.iter().map(|frame| frame.body.len()).sum::<usize>();
        Ok((frames, u64::try_from(bytes).unwrap_or(u64::MAX)))
    }

    fn queue(&self, frames: Vec<Frame>, bytes: u64, room: Option<OwnedSemaphorePermit>) -> Commit {
        if frames.is_empty() {
            return Commit::done(Ok(()));
        }
        let (done, answer) = oneshot::channel();
        self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.shared.queue.send(Work::Append {
            frames,
            bytes,
            done,
            room,
        }) {
            Ok(()) => Commit::waiting(answer),
            Err(_) => Commit::done(Err(StoreError::Closed)),
        }
    }

    fn damaged(&self, seq: i64, detail: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged {
            file: Arc::clone(&self.shared.file),
            detail: format!("journal row {seq}: {detail}"),
        }
    }

    /// Reads one row; answers its time and how many records it held.
    fn visit_row(
        &self,
        row: &SqliteRow,
        decoder: &mut Decoder<'_>,
        visit: &mut dyn FnMut(Record),
    ) -> Result<(Timestamp, u32), StoreError> {
        let read = |error: sqlx::Error| self.shared.unavailable(error);
        let seq: i64 = row.try_get(0).map_err(read)?;
        let version: i64 = row.try_get(1).map_err(read)?;
        let written_at_ms: i64 = row.try_get(2).map_err(read)?;
        let records: i64 = row.try_get(3).map_err(read)?;
        let sum: i64 = row.try_get(4).map_err(read)?;
        let body: &[u8] = row.try_get(5).map_err(read)?;
        if version > VERSION {
            let file = Arc::clone(&self.shared.file);
            return Err(StoreError::TooNew {
                file,
                found: version,
                known: VERSION,
            });
        }
        if version < 1 {
            return Err(self.damaged(seq, format_args!("version `{version}` is unknown")));
        }
        if checksum(body).cast_signed() != sum {
            return Err(self.damaged(seq, "its checksum does not match"));
        }
        let found = decoder
            .decode(body, visit)
            .map_err(|bad| self.damaged(seq, bad))?;
        if i64::from(found) != records {
            return Err(self.damaged(
                seq,
                format_args!("it holds {found} records instead of {records}"),
            ));
        }
        Ok((Timestamp::from_unix_ms(written_at_ms), found))
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let (frames, bytes) = self.encoded(&records)?;
        let kib = usize::try_from(bytes / 1024)
            .unwrap_or(QUEUE_KIB_MAX)
            .clamp(1, QUEUE_KIB_MAX);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.shared.room).acquire_many_owned(kib).await;
        self.queue(frames, bytes, room.ok()).await
    }

    fn submit(&self, records: Vec<Record>) -> Commit {
        if self.shared.queued_bytes.load(Ordering::Relaxed) > SUBMIT_BYTES_MAX {
            return Commit::done(Err(self.shared.unavailable("too much waits to be written")));
        }
        match self.encoded(&records) {
            Ok((frames, bytes)) => self.queue(frames, bytes, None),
            Err(error) => Commit::done(Err(error)),
        }
    }

    async fn replay(
        &self,
        interner: &Interner,
        visit: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Replayed, StoreError> {
        let failed = |error: sqlx::Error| {
            if is_damage(&error) {
                let file = Arc::clone(&self.shared.file);
                return StoreError::Damaged {
                    file,
                    detail: error.to_string(),
                };
            }
            self.shared.unavailable(error)
        };
        let mut connection = SqliteConnection::connect_with(&self.shared.read_options)
            .await
            .map_err(failed)?;
        let mut decoder = Decoder::new(interner);
        let mut replayed = Replayed::default();
        {
            // The database hands over a few rows at a time, so memory stays bounded however long the journal is.
            let mut rows = sqlx::query(
                "SELECT seq, version, written_at_ms, records, checksum, body FROM journal ORDER BY seq",
            )
            .fetch(&mut connection);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                match self.visit_row(&row, &mut decoder, visit) {
                    Ok((written_at, records)) => {
                        replayed.records += u64::from(records);
                        replayed.last_written_at = Some(written_at);
                    }
                    Err(error @ StoreError::Damaged { .. }) if self.shared.skip_damaged => {
                        tracing::warn!(%error, "a journal row was left out");
                        replayed.damaged_rows += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        // Nothing was written through it, so there is nothing a failed close could lose.
        let _ = connection.close().await;
        Ok(replayed)
    }

    fn wants_compaction(&self) -> bool {
        self.shared.wants_compaction()
    }

    async fn begin_compaction(&self) -> Result<CompactionMark, StoreError> {
        let running = Running::claim(&self.shared.is_compacting)?;
        let before = self.shared.ask(|done| Work::Mark { done }).await?;
        Ok(CompactionMark::new(before, running))
    }

    async fn finish_compaction(&self, mark: CompactionMark) -> Result<(), StoreError> {
        while self
            .shared
            .ask(|done| Work::Trim {
                before: mark.before,
                done,
            })
            .await?
        {}
        self.shared.ask(|done| Work::Settle { done }).await?;
        while self.shared.ask(|done| Work::Shrink { done }).await? {}
        Ok(())
    }

    async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.shared.queue.send(Work::Close { done }).is_ok()
            && tokio::time::timeout(CLOSE_DEADLINE, closed).await.is_err()
        {
            tracing::warn!(file = %self.shared.file, "the journal was still writing when it had to close");
        }
        self.shared.tasks.shutdown(CLOSE_DEADLINE).await;
    }
}
