//! What every journal must do.

use std::sync::Arc;

use domain::id::TenantId;
use domain::time::Timestamp;
use runtime::clock::Clock;

use super::{Backend, alert, alert_record, every_kind, fresh, replay, shown};
use crate::{Record, Replayed, StoreError};

pub(super) async fn replays_what_was_appended(backend: &dyn Backend) {
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
    assert_eq!(replayed.records, 207);
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

pub(super) async fn notes_when_the_last_row_was_written(backend: &dyn Backend) {
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

pub(super) async fn keeps_the_order_of_submits(backend: &dyn Backend) {
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

pub(super) async fn takes_concurrent_appends(backend: &dyn Backend) {
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

pub(super) async fn takes_more_than_a_row_holds(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let mut large = alert(1);
    large.annotations =
        domain::annotations::Annotations::from_pairs([("blob", "x".repeat(5 << 20).as_str())]);
    let large = Record::Alert {
        tenant: TenantId::default_tenant(),
        alert: Arc::new(large),
        is_own: true,
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

pub(super) async fn compaction_keeps_what_was_restated(backend: &dyn Backend) {
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

pub(super) async fn compacts_once_at_a_time(backend: &dyn Backend) {
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

pub(super) async fn wants_compaction_when_it_pays(backend: &dyn Backend) {
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

pub(super) async fn answers_after_the_close(backend: &dyn Backend) {
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
