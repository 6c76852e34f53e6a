//! One suite for every backend of [`QueryCache`], and for [`Queries`] on it.
//!
//! [`cache_conformance!`](crate::cache_conformance!) stamps out one test per function.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::id::TenantId;
use runtime::ids::RandomIds;
use runtime::tasks::TaskGroup;
use tokio::time::{Instant, sleep, timeout};

use super::{Put, Queries, QueryCache, QueryKey, Source, VALUE_BYTES_MAX};
use crate::lock::{DistributedLock, LockStore};

/// Stamps out the suite; the argument is an async closure that answers a fresh cache, a fresh store of locks, and whatever
/// has to live as long, or `None` if there can be none here.
#[macro_export]
macro_rules! cache_conformance {
    ($factory:expr) => {
        $crate::cache_conformance!($factory;
            what_was_put_is_read_until_it_ends,
            tenants_share_nothing,
            large_results_are_not_kept,
            of_many_who_ask_at_once_one_computes,
            a_failure_is_not_kept,
            who_waits_too_long_computes,
            a_dropped_computation_holds_up_nobody,
        );
    };
    ($factory:expr; $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some((cache, locks, _keep)) = ($factory)().await {
                    $crate::cache::conformance::$name(cache, locks).await;
                }
            }
        )*
    };
}

type Cache = Arc<dyn QueryCache>;
type Locks = Arc<dyn LockStore>;

const TTL: Duration = Duration::from_secs(30);

fn key(tenant: &str, text: &str) -> QueryKey {
    let tenant: TenantId = tenant.parse().expect("a valid tenant");
    QueryKey::new(&tenant, text)
}

async fn get(cache: &Cache, key: &QueryKey) -> Option<Vec<u8>> {
    let found = cache.get(key).await.expect("available");
    found.map(|value| value.to_vec())
}

/// One instance.
fn instance(cache: &Cache, locks: &Locks) -> Queries {
    let tasks = Arc::new(TaskGroup::new());
    let locks = DistributedLock::new(Arc::clone(locks), RandomIds::shared(), Arc::clone(&tasks));
    Queries::new(Arc::clone(cache), &locks)
}

/// Bytes of any kind, and nothing for longer than asked.
pub async fn what_was_put_is_read_until_it_ends(cache: Cache, _: Locks) {
    let short = Duration::from_millis(200);
    let values: [&[u8]; 3] = [b"", b"{\"a\":1}", &[0, 255, 10, 13].repeat(1000)];
    for (n, value) in values.iter().enumerate() {
        let key = key("acme", &n.to_string());
        assert_eq!(get(&cache, &key).await, None);
        assert_eq!(cache.put(&key, value, TTL).await, Ok(Put::Stored));
        assert_eq!(get(&cache, &key).await.as_deref(), Some(*value));
        assert_eq!(cache.put(&key, b"newer", short).await, Ok(Put::Stored));
        assert_eq!(get(&cache, &key).await.as_deref(), Some(&b"newer"[..]));
    }
    sleep(short * 2).await;
    assert_eq!(get(&cache, &key("acme", "0")).await, None);
}

/// Not even when they ask the same, or what looks the same (S28).
pub async fn tenants_share_nothing(cache: Cache, locks: Locks) {
    let (ours, theirs) = (key("acme", "up"), key("other", "up"));
    cache.put(&ours, b"ours", TTL).await.expect("available");
    assert_eq!(get(&cache, &theirs).await, None);
    assert_ne!(key("ab", "c"), key("a", "bc"));
    let queries = instance(&cache, &locks);
    let answer = queries.get_or_compute(&theirs, TTL, || async { Ok::<_, ()>(b"theirs".to_vec()) });
    assert_eq!(&*answer.await.expect("computed").value, b"theirs");
    assert_eq!(get(&cache, &ours).await.as_deref(), Some(&b"ours"[..]));
}

/// Reaching the bound is an outcome.
pub async fn large_results_are_not_kept(cache: Cache, _: Locks) {
    let key = key("acme", "everything");
    let most = vec![b'x'; VALUE_BYTES_MAX];
    assert_eq!(cache.put(&key, &most, TTL).await, Ok(Put::Stored));
    assert_eq!(get(&cache, &key).await, Some(most));
    let more = vec![b'x'; VALUE_BYTES_MAX + 1];
    assert_eq!(cache.put(&key, &more, TTL).await, Ok(Put::TooLarge));
}

/// In one process and across several.
pub async fn of_many_who_ask_at_once_one_computes(cache: Cache, locks: Locks) {
    let computed = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let queries = instance(&cache, &locks);
        for _ in 0..20 {
            let (queries, computed) = (queries.clone(), Arc::clone(&computed));
            callers.spawn(async move {
                let compute = || async {
                    computed.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(300)).await;
                    Ok::<_, ()>(b"42".to_vec())
                };
                queries
                    .get_or_compute(&key("acme", "up"), TTL, compute)
                    .await
            });
        }
    }
    let answers = callers.join_all().await;
    assert_eq!(computed.load(Ordering::SeqCst), 1);
    let of = |source| {
        let all = answers.iter().flatten();
        all.filter(|a| a.source == source && &*a.value == b"42")
            .count()
    };
    let found = (of(Source::Computed), of(Source::Cache), of(Source::Shared));
    assert_eq!(
        found,
        (1, 2, 57),
        "one computed, two instances read, the rest shared"
    );
}

/// The next one tries again.
pub async fn a_failure_is_not_kept(cache: Cache, locks: Locks) {
    let queries = instance(&cache, &locks);
    let key = key("acme", "up");
    let failing = |_| async { Err::<Vec<u8>, _>("no such source") };
    let (first, second) = tokio::join!(
        queries.get_or_compute(&key, TTL, || failing(1)),
        queries.get_or_compute(&key, TTL, || failing(2)),
    );
    assert_eq!(
        (first, second),
        (Err("no such source"), Err("no such source"))
    );
    assert_eq!(get(&cache, &key).await, None);
    let answer = queries.get_or_compute(&key, TTL, || async { Ok::<_, ()>(vec![1]) });
    assert_eq!(answer.await.map(|a| a.source), Ok(Source::Computed));
    let answer = queries.get_or_compute(&key, TTL, || async { Ok::<_, ()>(vec![2]) });
    assert_eq!(
        answer.await.map(|a| (a.source, a.value[0])),
        Ok((Source::Cache, 1))
    );
}

/// In this process as on another instance.
pub async fn who_waits_too_long_computes(cache: Cache, locks: Locks) {
    let patience = Duration::from_millis(200);
    let slow = instance(&cache, &locks);
    let here = slow.clone().waiting(patience);
    let there = instance(&cache, &locks).waiting(patience);
    let key = key("acme", "up");
    let quick = || async { Ok::<_, ()>(b"quick".to_vec()) };
    let began = Instant::now();
    let stuck = async {
        let endless = || async { std::future::pending::<Result<Vec<u8>, ()>>().await };
        timeout(patience * 10, slow.get_or_compute(&key, TTL, endless)).await
    };
    let waiting = async {
        sleep(patience / 2).await;
        let (here, there) = tokio::join!(
            here.get_or_compute(&key, TTL, quick),
            there.get_or_compute(&key, TTL, quick)
        );
        assert_eq!(here.map(|a| a.source), Ok(Source::Computed));
        assert_eq!(there.map(|a| a.source), Ok(Source::Computed));
        began.elapsed()
    };
    let (stuck, took) = tokio::join!(stuck, waiting);
    assert!(stuck.is_err() && took < patience * 8, "{took:?}");
}

/// A caller that goes away takes its flight and its lock with it.
pub async fn a_dropped_computation_holds_up_nobody(cache: Cache, locks: Locks) {
    let (here, there) = (instance(&cache, &locks), instance(&cache, &locks));
    let key = key("acme", "up");
    let endless = || async { std::future::pending::<Result<Vec<u8>, ()>>().await };
    let brief = Duration::from_millis(100);
    assert!(
        timeout(brief, here.get_or_compute(&key, TTL, endless))
            .await
            .is_err()
    );
    for queries in [there, here] {
        let quick = || async { Ok::<_, ()>(b"quick".to_vec()) };
        let soon = timeout(
            Duration::from_secs(5),
            queries.get_or_compute(&key, TTL, quick),
        );
        assert!(soon.await.is_ok(), "a dropped computation holds up others");
    }
}
