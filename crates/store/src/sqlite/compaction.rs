//! The writer's part in a compaction: short steps, between which appends go on.

use std::sync::atomic::Ordering;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::writer::Writer;

/// A trim deletes at most this much at once, so that appends never wait long for it.
const TRIM_ROWS: i64 = 1_000;
const TRIM_BYTES: i64 = 16 * 1024 * 1024;
/// Free pages are given back, this many (16 MiB) at once, when there are more of them than used ones.
const SHRINK_PAGES: i64 = 2048;

impl Writer {
    /// The position after everything written so far.
    pub(super) async fn mark(&mut self) -> Result<i64, sqlx::Error> {
        let connection = self.connection().await?;
        let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) FROM journal")
            .fetch_one(connection)
            .await?;
        row.try_get::<i64, _>(0).map(|last| last.saturating_add(1))
    }

    /// Deletes some rows before a position; answers whether there may be more.
    pub(super) async fn trim_journal(&mut self, before: i64) -> Result<bool, sqlx::Error> {
        let connection = self.connection().await?;
        let rows =
            sqlx::query("SELECT seq, LENGTH(body) FROM journal WHERE seq < ? ORDER BY seq LIMIT ?")
                .bind(before)
                .bind(TRIM_ROWS)
                .fetch_all(&mut *connection)
                .await?;
        let mut bytes = 0;
        let mut last = None;
        let mut taken = 0_i64;
        for row in &rows {
            bytes += row.try_get::<i64, _>(1)?;
            last = Some(row.try_get::<i64, _>(0)?);
            taken += 1;
            if bytes >= TRIM_BYTES {
                break;
            }
        }
        let Some(last) = last else { return Ok(false) };
        sqlx::query("DELETE FROM journal WHERE seq <= ?")
            .bind(last)
            .execute(connection)
            .await?;
        if let Some(shared) = self.shared.upgrade() {
            let freed = bytes.unsigned_abs();
            let live = shared
                .live_bytes
                .fetch_sub(freed, Ordering::Relaxed)
                .saturating_sub(freed);
            self.metrics
                .size_bytes
                .set(i64::try_from(live).unwrap_or(i64::MAX));
        }
        Ok(taken == TRIM_ROWS || bytes >= TRIM_BYTES)
    }

    /// Notes the size that is left.
    pub(super) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        let Some(shared) = self.shared.upgrade() else {
            return Ok(());
        };
        let live = shared.live_bytes.load(Ordering::Relaxed);
        let connection = self.connection().await?;
        sqlx::query("INSERT INTO meta (name, value) VALUES ('baseline_bytes', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(i64::try_from(live).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
        shared.baseline_bytes.store(live, Ordering::Relaxed);
        self.metrics.compactions.inc();
        Ok(())
    }

    /// Gives some free space back; answers whether there is more.
    pub(super) async fn shrink(&mut self) -> Result<bool, sqlx::Error> {
        let connection = self.connection().await?;
        let pages: i64 = sqlx::query("PRAGMA page_count")
            .fetch_one(&mut *connection)
            .await?
            .try_get(0)?;
        let free: i64 = sqlx::query("PRAGMA freelist_count")
            .fetch_one(&mut *connection)
            .await?
            .try_get(0)?;
        if free > SHRINK_PAGES && free > pages / 2 {
            sqlx::raw_sql("PRAGMA incremental_vacuum(2048)")
                .execute(connection)
                .await?;
            return Ok(true);
        }
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(connection)
            .await?;
        Ok(false)
    }
}

/// The journal's size after the last compaction, as it was noted.
pub(super) async fn read_baseline(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT value FROM meta WHERE name = 'baseline_bytes'")
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(0), |row| row.try_get::<i64, _>(0).map(i64::unsigned_abs))
}
