//! The home on SQLite: one file, one process, one writer.
//!
//! All changes go through one task ([`writer`]) that commits whatever has queued up meanwhile in one transaction
//! (group commit): a lone append costs one disk flush, a thousand concurrent ones share it. Reads use connections of
//! their own, which WAL mode lets run beside the writer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::id::TenantId;
use runtime::clock::SharedClock;
use runtime::metrics::JournalMetrics;
use runtime::tasks::TaskGroup;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::inbox::Rings;
use crate::{Durability, Options, Store, StoreError};

mod compaction;
mod deliveries;
mod inbox;
mod journal;
mod lock;
mod migrations;
mod writer;

use deliveries::{SqliteDeliveries, Waiting};
use inbox::SqliteInbox;
use journal::SqliteJournal;
use lock::FileLock;
use writer::{Work, Writer};

/// Appends wait while this much is queued, in KiB.
const QUEUE_KIB_MAX: usize = 64 * 1024;
/// Submits are refused past this many queued bytes: they cannot wait, and memory is not endless.
const SUBMIT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows a reading connection holds ready; a row is 4 MiB at most.
const READ_AHEAD_ROWS: usize = 4;
/// How long to wait for somebody else's lock: only a tool like `sqlite3` can hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows are tens of kilobytes, so larger pages than the usual 4 KiB spare chains of them.
const PAGE_BYTES: u32 = 8192;
/// The write-ahead log is folded into the file every so many pages (16 MiB) and cut back to this size.
const WAL_PAGES: &str = "2048";
const WAL_BYTES: &str = "16777216";
/// How long a close waits for the writer.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
}

/// Reads `sqlite://path`, `sqlite:path` and `sqlite::memory:`.
pub(crate) fn parse_url(url: &str) -> Result<Place, StoreError> {
    // Whatever stands before an `@` may be a password.
    let shown = || match url.split_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    };
    let refuse = |detail| {
        Err(StoreError::Url {
            url: shown(),
            detail,
        })
    };
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return refuse("`sqlite://path/to/file.db` is expected; PostgreSQL and MySQL come later");
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path == ":memory:" {
        return Ok(Place::Memory);
    }
    if path.contains('?') {
        return refuse("parameters after `?` are not known");
    }
    if path.is_empty() || path.ends_with('/') {
        return refuse("the path of a file is expected");
    }
    Ok(Place::File(PathBuf::from(path)))
}

/// What the ports and the writer share.
struct Shared {
    file: Arc<str>,
    queue: mpsc::UnboundedSender<Work>,
    room: Arc<Semaphore>,
    queued_bytes: AtomicU64,
    /// Bytes of all rows of the journal.
    live_bytes: AtomicU64,
    /// The same right after the last compaction.
    baseline_bytes: AtomicU64,
    is_compacting: Arc<AtomicBool>,
    rings: Mutex<Rings>,
    /// Attempts for the delivery log that are not written yet.
    attempts: Waiting,
    read_options: SqliteConnectOptions,
    skip_damaged: bool,
    tasks: TaskGroup,
}

impl Shared {
    fn unavailable(&self, cause: impl ToString) -> StoreError {
        StoreError::Unavailable {
            file: Arc::clone(&self.file),
            cause: cause.to_string(),
        }
    }

    fn wants_compaction(&self) -> bool {
        let live = self.live_bytes.load(Ordering::Relaxed);
        let baseline = self.baseline_bytes.load(Ordering::Relaxed);
        !self.is_compacting.load(Ordering::Acquire)
            && live > 2 * baseline + crate::journal::COMPACTION_SLACK_BYTES
    }

    /// Gives work to the writer and waits for its answer.
    async fn ask<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Work,
    ) -> Result<T, StoreError> {
        let (done, answer) = oneshot::channel();
        self.queue
            .send(work(done))
            .map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Opens a file, making it and its directory when missing.
pub(crate) async fn open(
    path: &Path,
    options: &Options,
    clock: SharedClock,
    metrics: JournalMetrics,
) -> Result<Store, StoreError> {
    let file: Arc<str> = path.display().to_string().into();
    let unavailable = |cause: String| StoreError::Unavailable {
        file: Arc::clone(&file),
        cause,
    };
    if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(|e| unavailable(e.to_string()))?;
    }
    let lock = FileLock::take(path, &file)?;
    let write_options = write_options(path, options);
    let mut connection = SqliteConnection::connect_with(&write_options)
        .await
        .map_err(|e| not_opened(&file, &e))?;
    migrations::run(&mut connection, &file).await?;
    let live_bytes = live_bytes(&mut connection)
        .await
        .map_err(|e| not_opened(&file, &e))?;
    let baseline = compaction::read_baseline(&mut connection)
        .await
        .map_err(|e| not_opened(&file, &e))?;
    let rings = inbox::load(&mut connection)
        .await
        .map_err(|e| not_opened(&file, &e))?;

    let (queue, work) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        file,
        queue,
        room: Arc::new(Semaphore::new(QUEUE_KIB_MAX)),
        queued_bytes: AtomicU64::new(0),
        live_bytes: AtomicU64::new(live_bytes),
        baseline_bytes: AtomicU64::new(baseline),
        is_compacting: Arc::default(),
        rings: Mutex::new(rings),
        attempts: Waiting::default(),
        read_options: read_options(path),
        skip_damaged: options.skip_damaged,
        tasks: TaskGroup::new(),
    });
    metrics
        .size_bytes
        .set(i64::try_from(live_bytes).unwrap_or(i64::MAX));
    let writer = Writer::new(
        Arc::downgrade(&shared),
        connection,
        write_options,
        clock,
        metrics,
        lock,
    );
    shared.tasks.spawn("journal writer", |_| writer.run(work));
    Ok(Store {
        journal: Arc::new(SqliteJournal::new(Arc::clone(&shared))),
        inbox: Arc::new(SqliteInbox::new(Arc::clone(&shared))),
        deliveries: Arc::new(SqliteDeliveries::new(shared)),
    })
}

/// Deletes with `statement`, whose parameters are a tenant and a count, what lies beyond the newest so many of each tenant.
async fn delete_older(
    connection: &mut SqliteConnection,
    statement: &'static str,
    tenants: &[TenantId],
    kept_max: usize,
) -> Result<(), sqlx::Error> {
    for tenant in tenants {
        sqlx::query(statement)
            .bind(tenant.as_str())
            .bind(i64::try_from(kept_max).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn write_options(path: &Path, options: &Options) -> SqliteConnectOptions {
    let synchronous = match options.durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Process => SqliteSynchronous::Normal,
    };
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", WAL_PAGES)
        .pragma("journal_size_limit", WAL_BYTES)
        .thread_name(|_| "journal".to_owned())
        .disable_statement_logging();
    match options.pages_max {
        None => connect,
        Some(pages) => connect.pragma("max_page_count", pages.to_string()),
    }
}

fn read_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(READ_AHEAD_ROWS)
        .thread_name(|_| "journal-read".to_owned())
        .disable_statement_logging()
}

/// An error of the first statements, when a file that is no database or a torn one shows itself.
fn not_opened(file: &Arc<str>, error: &sqlx::Error) -> StoreError {
    if is_damage(error) {
        return StoreError::Damaged {
            file: Arc::clone(file),
            detail: error.to_string(),
        };
    }
    StoreError::Unavailable {
        file: Arc::clone(file),
        cause: error.to_string(),
    }
}

/// SQLite's own codes: 11 is CORRUPT, 26 NOTADB; the low byte is the primary code.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(11 | 26))
}

/// SQLite's code 13: the disk (or the allowed size) is full.
fn is_full(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(13)
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xFF)
}

async fn live_bytes(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT COALESCE(SUM(LENGTH(body)), 0) FROM journal")
        .fetch_one(connection)
        .await?;
    row.try_get::<i64, _>(0).map(i64::unsigned_abs)
}

#[cfg(test)]
mod tests;
