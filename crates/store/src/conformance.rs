//! What every home of the store must do: one suite, run by the tests of each.
//!
//! The functions panic where a home fails; they are for tests only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::{Interner, Labels};
use domain::matcher::{MatchOp, Matcher};
use domain::notification::Reason;
use domain::silence::Silence;
use domain::time::Timestamp;
use runtime::clock::{Clock, SharedClock, SystemClock};

use crate::inbox::{MESSAGES_MAX, PAGE_MAX};
use crate::{NewMessage, Record, Replayed, Store, StoreError};

/// Makes stores of one kind.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A new, empty store.
    async fn fresh(&self, clock: SharedClock) -> Store;
}

/// Runs every case.
///
/// # Panics
/// Where the home fails.
pub async fn run(backend: &dyn Backend) {
    replays_what_was_appended(backend).await;
    notes_when_the_last_row_was_written(backend).await;
    keeps_the_order_of_submits(backend).await;
    takes_concurrent_appends(backend).await;
    takes_more_than_a_row_holds(backend).await;
    compaction_keeps_what_was_restated(backend).await;
    compacts_once_at_a_time(backend).await;
    wants_compaction_when_it_pays(backend).await;
    answers_after_the_close(backend).await;
    inbox_pages_and_tenants(backend).await;
    inbox_keeps_the_newest(backend).await;
}

/// A record of the `number`-th alert, of a common size.
pub fn alert_record(number: u64) -> Record {
    Record::Alert {
        tenant: TenantId::default_tenant(),
        alert: Arc::new(alert(number)),
    }
}

fn alert(number: u64) -> Alert {
    let instance = format!("host-{number:07}.example.org:9100");
    let labels = Labels::from_pairs([
        ("alertname", "InstanceDown"),
        ("cluster", "eu-central"),
        ("instance", instance.as_str()),
        ("job", "node"),
        ("severity", "critical"),
    ]);
    let at = Timestamp::new(1_700_000_000, 123_456_789, 60);
    Alert {
        annotations: Labels::from_pairs([
            (
                "description",
                "The instance has not answered for five minutes; see the runbook.",
            ),
            ("summary", "Instance is down"),
        ]),
        generator_url: "https://prometheus.example.org/graph?g0.expr=up+%3D%3D+0".into(),
        starts_at: at,
        ends_at: at + Duration::from_secs(300),
        updated_at: at + Duration::from_secs(1),
        fingerprint: labels.fingerprint(),
        is_timeout: number.is_multiple_of(2),
        labels,
    }
}

/// One record of every kind, with every field filled.
pub fn every_kind() -> Vec<Record> {
    let tenant: TenantId = "acme-1".parse().expect("a valid tenant");
    let key = GroupKey([7; 16]);
    let at = Timestamp::new(1_700_000_000, 5, -330);
    let prints: Vec<Fingerprint> = [1, 2, u64::MAX].map(Fingerprint).into();
    let told = Told {
        seq: 1_700_000_000_001,
        last: Some(ToldMessage {
            firing: prints.clone(),
            tick: at,
            sent_at: at + Duration::from_millis(20),
            reason: Reason::RepeatInterval,
        }),
        pending: Some(Pending {
            seq: 1_700_000_000_002,
            firing: prints.clone(),
            resolved: prints,
            tick: at,
            reason: Reason::SomeResolved,
        }),
    };
    let silence = Silence {
        id: "0b6fe3a4-9d2b-4a54-8f0e-2f4f8f1f7a10".into(),
        matchers: vec![
            Matcher::equal("job", "node"),
            Matcher::new(MatchOp::NotRegex, "instance", "db.*|héllo").expect("a valid expression"),
        ],
        starts_at: at,
        ends_at: at + Duration::from_secs(3600),
        updated_at: at,
        created_by: "someone@example.org".to_owned(),
        comment: "maintenance\nof the \"big\" one".to_owned(),
        annotations: Labels::from_pairs([("ticket", "42")]),
    };
    let integration = IntegrationId::new("team/a", "webhook", 3);
    vec![
        Record::Group {
            tenant: tenant.clone(),
            key,
            first_tick: at,
        },
        Record::Alert {
            tenant: tenant.clone(),
            alert: Arc::new(alert(1)),
        },
        Record::Told {
            tenant: tenant.clone(),
            key,
            integration: integration.clone(),
            told: Arc::new(told),
        },
        Record::Told {
            tenant: tenant.clone(),
            key,
            integration,
            told: Arc::default(),
        },
        Record::Silence {
            tenant: tenant.clone(),
            silence: Arc::new(silence),
        },
        Record::SilenceGone {
            tenant: tenant.clone(),
            id: "gone".into(),
        },
        Record::GroupGone { tenant, key },
    ]
}

/// A message of a tenant under a key.
///
/// # Panics
/// When `tenant` is not a valid tenant.
pub fn message(tenant: &str, key: &str, body: &str) -> NewMessage {
    NewMessage {
        tenant: tenant.parse().expect("a valid tenant"),
        idempotency_key: key.to_owned(),
        at: Timestamp::from_unix_ms(1_700_000_000_123),
        receiver: "inbox".to_owned(),
        status: "firing".to_owned(),
        group_key: "{}:{alertname=\"X\"}".to_owned(),
        reason: "first notification".to_owned(),
        body: body.to_owned(),
    }
}

/// A record as text: some parts compare by identity or not at all.
pub fn shown(record: &Record) -> String {
    format!("{record:?}")
}

async fn replay(store: &Store) -> (Replayed, Vec<Record>) {
    let mut records = Vec::new();
    let interner = Interner::default();
    let replayed = store
        .journal
        .replay(&interner, &mut |record| records.push(record))
        .await;
    (replayed.expect("the journal is readable"), records)
}

async fn fresh(backend: &dyn Backend) -> Store {
    backend.fresh(SystemClock::shared()).await
}

async fn replays_what_was_appended(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let (replayed, records) = replay(&store).await;
    assert_eq!((replayed, records.len()), (Replayed::default(), 0));
    let mut expected = every_kind();
    store
        .journal
        .append(expected.clone())
        .await
        .expect("is written");
    store
        .journal
        .append(Vec::new())
        .await
        .expect("nothing is fine");
    let more: Vec<Record> = (10..200).map(alert_record).collect();
    store
        .journal
        .append(more.clone())
        .await
        .expect("is written");
    expected.extend(more);
    let (replayed, records) = replay(&store).await;
    assert_eq!(replayed.records, 197);
    assert!(
        records.iter().map(shown).eq(expected.iter().map(shown)),
        "the same records in the same order"
    );
    for (found, wanted) in records.iter().zip(&expected) {
        if let (Record::Alert { alert: found, .. }, Record::Alert { alert: wanted, .. }) =
            (found, wanted)
        {
            assert_eq!(found, wanted);
            assert_eq!(
                found.starts_at.offset_minutes(),
                wanted.starts_at.offset_minutes()
            );
        }
    }
    store.close().await;
}

async fn notes_when_the_last_row_was_written(backend: &dyn Backend) {
    struct Fixed(Timestamp);
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            self.0
        }
    }
    let at = Timestamp::from_unix_ms(1_234_567_890_123);
    let store = backend.fresh(Arc::new(Fixed(at))).await;
    store
        .journal
        .append(vec![alert_record(1)])
        .await
        .expect("is written");
    assert_eq!(replay(&store).await.0.last_written_at, Some(at));
    store.close().await;
}

async fn keeps_the_order_of_submits(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let commits: Vec<_> = (0..500)
        .map(|number| store.journal.submit(vec![alert_record(number)]))
        .collect();
    for commit in commits {
        commit.await.expect("is written");
    }
    let (_, records) = replay(&store).await;
    assert!(
        records
            .iter()
            .map(shown)
            .eq((0..500).map(|number| shown(&alert_record(number))))
    );
    store.close().await;
}

async fn takes_concurrent_appends(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let append = |first: u64| {
        let store = store.clone();
        async move {
            for batch in 0..10 {
                let from = first + batch * 10;
                store
                    .journal
                    .append((from..from + 10).map(alert_record).collect())
                    .await
                    .expect("is written");
            }
        }
    };
    tokio::join!(
        append(0),
        append(100),
        append(200),
        append(300),
        append(400)
    );
    let (_, records) = replay(&store).await;
    let mut texts: Vec<String> = records.iter().map(shown).collect();
    texts.sort();
    let mut expected: Vec<String> = (0..500)
        .map(|number| shown(&alert_record(number)))
        .collect();
    expected.sort();
    assert_eq!(texts, expected);
    store.close().await;
}

async fn takes_more_than_a_row_holds(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let mut large = alert(1);
    large.annotations = Labels::from_pairs([("blob", "x".repeat(5 << 20).as_str())]);
    let large = Record::Alert {
        tenant: TenantId::default_tenant(),
        alert: Arc::new(large),
    };
    let mut expected: Vec<Record> = (0..12_000).map(alert_record).collect();
    expected.push(large);
    expected.extend((0..100).map(alert_record));
    store
        .journal
        .append(expected.clone())
        .await
        .expect("is written");
    let (replayed, records) = replay(&store).await;
    assert_eq!(replayed.records, 12_101);
    assert!(records.iter().map(shown).eq(expected.iter().map(shown)));
    store.close().await;
}

async fn compaction_keeps_what_was_restated(backend: &dyn Backend) {
    let store = fresh(backend).await;
    for round in 0..5 {
        store
            .journal
            .append((0..100).map(|n| alert_record(n + round * 100)).collect())
            .await
            .expect("is written");
    }
    let early = store.journal.submit(vec![alert_record(9_000)]);
    let mark = store
        .journal
        .begin_compaction()
        .await
        .expect("nothing else compacts");
    early.await.expect("is written");
    store
        .journal
        .append(vec![alert_record(1), alert_record(2)])
        .await
        .expect("is written");
    let (finished, added) = tokio::join!(
        store.journal.finish_compaction(mark),
        store.journal.append(vec![alert_record(3)])
    );
    finished.expect("compacts");
    added.expect("is written");
    let texts: Vec<String> = replay(&store).await.1.iter().map(shown).collect();
    assert_eq!(texts, [1, 2, 3].map(|number| shown(&alert_record(number))));
    store.close().await;
}

async fn compacts_once_at_a_time(backend: &dyn Backend) {
    let store = fresh(backend).await;
    store
        .journal
        .append(vec![alert_record(1)])
        .await
        .expect("is written");
    let mark = store
        .journal
        .begin_compaction()
        .await
        .expect("nothing else compacts");
    let second = store.journal.begin_compaction().await;
    assert!(matches!(second, Err(StoreError::Compacting)));
    drop(mark);
    assert_eq!(replay(&store).await.0.records, 1, "giving up loses nothing");
    let mark = store
        .journal
        .begin_compaction()
        .await
        .expect("the first was given up");
    store
        .journal
        .finish_compaction(mark)
        .await
        .expect("compacts");
    assert_eq!(replay(&store).await.0.records, 0);
    store.close().await;
}

async fn wants_compaction_when_it_pays(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let mut appends = 0;
    while !store.journal.wants_compaction() {
        assert!(appends < 1_000, "never asks");
        store
            .journal
            .append((0..1_000).map(alert_record).collect())
            .await
            .expect("is written");
        appends += 1;
    }
    assert!(appends > 5, "asks too early");
    let mark = store
        .journal
        .begin_compaction()
        .await
        .expect("nothing else compacts");
    assert!(!store.journal.wants_compaction());
    store
        .journal
        .finish_compaction(mark)
        .await
        .expect("compacts");
    assert!(!store.journal.wants_compaction());
    store.close().await;
}

async fn answers_after_the_close(backend: &dyn Backend) {
    let store = fresh(backend).await;
    store.close().await;
    assert!(matches!(
        store.journal.append(vec![alert_record(1)]).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(
        store.journal.submit(vec![alert_record(1)]).await,
        Err(StoreError::Closed)
    ));
    store.close().await;
}

async fn inbox_pages_and_tenants(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = format!("{{\"n\":{number}}}");
        ids.push(
            store
                .inbox
                .append(message("acme", &format!("k{number}"), &body))
                .await
                .expect("is written"),
        );
    }
    let other = store
        .inbox
        .append(message("other", "k0", "{}"))
        .await
        .expect("is written");
    assert!(ids.is_sorted() && other > ids[4], "ids grow");
    let again = store
        .inbox
        .append(message("acme", "k3", "{\"changed\":true}"))
        .await
        .expect("is written");
    assert_eq!(again, ids[3], "a repeat is the same message");

    let acme = "acme".parse().expect("a valid tenant");
    let newest = store.inbox.list(&acme, None, 2).await.expect("is readable");
    assert_eq!(
        newest.iter().map(|m| m.id).collect::<Vec<_>>(),
        [ids[4], ids[3]]
    );
    assert_eq!(newest[1].body, "{\"n\":3}");
    let rest = store
        .inbox
        .list(&acme, Some(ids[3]), 50)
        .await
        .expect("is readable");
    assert_eq!(
        rest.iter().map(|m| m.id).collect::<Vec<_>>(),
        [ids[2], ids[1], ids[0]]
    );
    assert!(
        store
            .inbox
            .list(&acme, Some(ids[0]), 50)
            .await
            .expect("is readable")
            .is_empty()
    );
    assert!(
        store
            .inbox
            .list(&acme, None, 0)
            .await
            .expect("is readable")
            .is_empty()
    );
    let nobody = "nobody".parse().expect("a valid tenant");
    assert!(
        store
            .inbox
            .list(&nobody, None, 50)
            .await
            .expect("is readable")
            .is_empty()
    );
    store.close().await;
}

async fn inbox_keeps_the_newest(backend: &dyn Backend) {
    /// How far past its size the inbox may be for a moment.
    const SLACK: usize = 64;
    let store = fresh(backend).await;
    let total = MESSAGES_MAX + 300;
    for first in (0..total).step_by(50) {
        let appends = (first..first + 50)
            .map(|n| store.inbox.append(message("acme", &format!("k{n}"), "{}")));
        for id in futures::future::join_all(appends).await {
            id.expect("is written");
        }
    }
    let tenant = "acme".parse().expect("a valid tenant");
    let (mut kept, mut before) = (0, None);
    loop {
        let page = store
            .inbox
            .list(&tenant, before, usize::MAX)
            .await
            .expect("is readable");
        assert!(page.len() <= PAGE_MAX);
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        kept += page.len();
    }
    assert!(
        (MESSAGES_MAX..=MESSAGES_MAX + SLACK).contains(&kept),
        "{kept} messages are kept"
    );
    store.close().await;
}
