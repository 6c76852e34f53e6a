use std::time::Duration;

use async_trait::async_trait;
use domain::label::Interner;
use runtime::clock::SystemClock;
use runtime::metrics::Metrics;

use super::*;
use crate::conformance::{self, Backend, alert_record};
use crate::{NewMessage, Record, Replayed};

struct Files(tempfile::TempDir, AtomicU64);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"), AtomicU64::new(0))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data/belfry.db")
    }
}

async fn open_at(path: &Path, options: &Options) -> Result<Store, StoreError> {
    let url = format!("sqlite://{}", path.display());
    Store::open(
        &url,
        options,
        SystemClock::shared(),
        Metrics::default().journal,
    )
    .await
}

async fn open_file(path: &Path) -> Store {
    open_at(path, &Options::default()).await.expect("opens")
}

async fn replay(store: &Store) -> Result<(Replayed, Vec<Record>), StoreError> {
    let mut records = Vec::new();
    let replayed = store
        .journal
        .replay(&Interner::default(), &mut |record| records.push(record))
        .await?;
    Ok((replayed, records))
}

#[async_trait]
impl Backend for Files {
    async fn fresh(&self, clock: SharedClock) -> Store {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        let url = format!("sqlite://{}/fresh-{number}.db", self.0.path().display());
        Store::open(&url, &Options::default(), clock, Metrics::default().journal)
            .await
            .expect("opens")
    }
}

#[tokio::test]
async fn sqlite_conforms() {
    conformance::run(&Files::new()).await;
}

#[test]
fn urls_name_a_place() {
    let file = |path: &str| Place::File(PathBuf::from(path));
    assert_eq!(parse_url("sqlite::memory:").unwrap(), Place::Memory);
    assert_eq!(
        parse_url("sqlite://data/belfry.db").unwrap(),
        file("data/belfry.db")
    );
    assert_eq!(
        parse_url("sqlite:///var/lib/belfry.db").unwrap(),
        file("/var/lib/belfry.db")
    );
    assert_eq!(parse_url("sqlite:belfry.db").unwrap(), file("belfry.db"));
    for bad in [
        "",
        "sqlite://",
        "sqlite://data/",
        "sqlite://a.db?mode=ro",
        "postgres://me:secret@db.example.org/x",
    ] {
        let error = parse_url(bad).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let files = Files::new();
    let store = open_file(&files.path()).await;
    store
        .journal
        .append((0..250).map(alert_record).collect())
        .await
        .unwrap();
    let message = conformance::message("acme", "k1", "{}");
    assert_eq!(store.inbox.append(message.clone()).await.unwrap(), 1);
    store.close().await;

    let store = open_file(&files.path()).await;
    let (replayed, records) = replay(&store).await.unwrap();
    assert_eq!((replayed.records, records.len()), (250, 250));
    assert_eq!(store.inbox.append(message.clone()).await.unwrap(), 1);
    let page = store.inbox.list(&message.tenant, None, 10).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(
        (page[0].body.as_str(), page[0].at.unix_ms()),
        ("{}", message.at.unix_ms())
    );
    store.close().await;
}

#[tokio::test]
async fn a_second_process_is_refused_and_told_who_holds_the_file() {
    let files = Files::new();
    let store = open_file(&files.path()).await;
    let error = open_at(&files.path(), &Options::default())
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    store.close().await;
    open_file(&files.path()).await.close().await;
}

#[tokio::test]
async fn a_full_disk_is_answered_and_writing_goes_on_when_there_is_room() {
    let files = Files::new();
    let options = Options {
        pages_max: Some(200),
        ..Options::default()
    };
    let store = open_at(&files.path(), &options).await.unwrap();
    let batch = || (0..100).map(alert_record).collect::<Vec<_>>();
    let mut written = 0;
    let error = loop {
        match store.journal.append(batch()).await {
            Ok(()) => written += 100,
            Err(error) => break error,
        }
        assert!(written < 100_000, "the limit was never reached");
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("full"), "{error}");
    // Several at once go through a transaction, which must not be left open either.
    let message = || conformance::message("acme", "k", "{}");
    let (append, _message) =
        tokio::join!(store.journal.append(batch()), store.inbox.append(message()));
    assert!(append.is_err());
    assert!(store.journal.append(batch()).await.is_err());
    assert_eq!(replay(&store).await.unwrap().0.records, written);
    // Nothing needs to be restated here, so compaction frees everything.
    let mark = store.journal.begin_compaction().await.unwrap();
    store.journal.finish_compaction(mark).await.unwrap();
    store.journal.append(batch()).await.unwrap();
    store.inbox.append(message()).await.unwrap();
    assert_eq!(replay(&store).await.unwrap().0.records, 100);
    store.close().await;
}

/// Changes the file behind the store's back.
async fn tamper(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_row_is_a_clear_error_and_can_be_left_out() {
    for sql in [
        "UPDATE journal SET body = SUBSTR(body, 1, LENGTH(body) - 7) WHERE seq = 2",
        "UPDATE journal SET body = ZEROBLOB(LENGTH(body)) WHERE seq = 2",
        "UPDATE journal SET records = records + 1 WHERE seq = 2",
        "UPDATE journal SET version = 0 WHERE seq = 2",
    ] {
        let files = Files::new();
        let store = open_file(&files.path()).await;
        for number in 0..3 {
            store
                .journal
                .append(vec![alert_record(number)])
                .await
                .unwrap();
        }
        store.close().await;
        tamper(&files.path(), sql).await;
        let store = open_file(&files.path()).await;
        let error = replay(&store).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{sql}: {error}"
        );
        let text = error.to_string();
        assert!(
            text.contains("belfry.db") && text.contains("row 2") && text.contains("move it"),
            "{text}"
        );
        store.close().await;
        if sql.contains("records +") {
            // Its records were handed over before the count was compared; they are real.
            continue;
        }
        let options = Options {
            skip_damaged: true,
            ..Options::default()
        };
        let store = open_at(&files.path(), &options).await.unwrap();
        let (replayed, records) = replay(&store).await.unwrap();
        assert_eq!((replayed.damaged_rows, records.len()), (1, 2), "{sql}");
        store.close().await;
    }
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_refused() {
    for sql in [
        "UPDATE journal SET version = 99",
        "PRAGMA user_version = 99",
    ] {
        let files = Files::new();
        let store = open_file(&files.path()).await;
        store.journal.append(vec![alert_record(1)]).await.unwrap();
        store.close().await;
        tamper(&files.path(), sql).await;
        let error = match open_at(&files.path(), &Options::default()).await {
            Ok(store) => replay(&store).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(
            matches!(error, StoreError::TooNew { found: 99, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_not_overwritten() {
    let files = Files::new();
    std::fs::create_dir_all(files.path().parent().unwrap()).unwrap();
    let text = "this is somebody's diary\n".repeat(100);
    std::fs::write(files.path(), &text).unwrap();
    let error = open_at(&files.path(), &Options::default())
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(files.path()).unwrap(), text);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_a_clear_error() {
    let files = Files::new();
    let blocked = files.0.path().join("file");
    std::fs::write(&blocked, "x").unwrap();
    let error = open_at(&blocked.join("belfry.db"), &Options::default())
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn compaction_gives_space_back_and_keeps_the_log_small() {
    let files = Files::new();
    let store = open_file(&files.path()).await;
    let size = |suffix: &str| {
        let path = format!("{}{suffix}", files.path().display());
        std::fs::metadata(path).map_or(0, |meta| meta.len())
    };
    for _ in 0..150 {
        store
            .journal
            .append((0..1000).map(alert_record).collect())
            .await
            .unwrap();
    }
    assert!(store.journal.wants_compaction());
    let before = size("");
    assert!(before > 16 << 20, "{before}");
    let mark = store.journal.begin_compaction().await.unwrap();
    assert!(!store.journal.wants_compaction());
    store
        .journal
        .append((0..1000).map(alert_record).collect())
        .await
        .unwrap();
    store.journal.finish_compaction(mark).await.unwrap();
    assert!(size("") < before / 2, "{} of {before}", size(""));
    assert_eq!(size("-wal"), 0);
    assert!(!store.journal.wants_compaction());
    assert_eq!(replay(&store).await.unwrap().0.records, 1000);
    store.close().await;
    // The size after the last compaction is remembered.
    let store = open_file(&files.path()).await;
    assert!(!store.journal.wants_compaction());
    store.close().await;
}

#[tokio::test]
async fn pages_beyond_memory_come_from_the_file() {
    let files = Files::new();
    let store = open_file(&files.path()).await;
    let body = "x".repeat(1 << 20);
    let mut tenant = None;
    for number in 0..12 {
        let message: NewMessage = conformance::message("acme", &format!("k{number}"), &body);
        tenant = Some(message.tenant.clone());
        store.inbox.append(message).await.unwrap();
    }
    let tenant = tenant.unwrap();
    let check = async |store: &Store| {
        let first = store.inbox.list(&tenant, None, 5).await.unwrap();
        let rest = store
            .inbox
            .list(&tenant, Some(first[4].id), 100)
            .await
            .unwrap();
        let ids: Vec<u64> = first
            .iter()
            .chain(&rest)
            .map(|message| message.id)
            .collect();
        assert_eq!(ids, (1..=12).rev().collect::<Vec<u64>>());
    };
    check(&store).await;
    store.close().await;
    let store = open_file(&files.path()).await;
    check(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_dropped_store_lets_go_by_itself() {
    let files = Files::new();
    let store = open_file(&files.path()).await;
    let commit = store.journal.submit(vec![alert_record(1)]);
    drop(store);
    assert!(commit.await.is_ok());
    for _ in 0..200 {
        if let Ok(store) = open_at(&files.path(), &Options::default()).await {
            assert_eq!(replay(&store).await.unwrap().0.records, 1);
            store.close().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the lock was never let go");
}
