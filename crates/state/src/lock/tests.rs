//! What a fresh backend does not show: one that fails, hangs, or forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Timestamp;
use runtime::clock::SimClock;
use runtime::ids::SeededIds;
use runtime::tasks::TaskGroup;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::memory::MemoryLocks;
use super::*;

const WORKS: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const FORGETS: u8 = 3;
const LOSES_REPLIES: u8 = 4;

/// A backend whose mood can be changed.
struct Moody {
    inner: MemoryLocks,
    mood: AtomicU8,
}

impl Moody {
    fn set(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    async fn before(&self) -> Result<(), StateError> {
        match self.mood.load(Ordering::SeqCst) {
            FAILS => Err(StateError::Unavailable("on purpose".to_owned())),
            HANGS => std::future::pending().await,
            _ => Ok(()),
        }
    }

    fn after<T>(&self, answer: Result<T, StateError>) -> Result<T, StateError> {
        match self.mood.load(Ordering::SeqCst) {
            LOSES_REPLIES => Err(StateError::Unavailable("the reply is lost".to_owned())),
            _ => answer,
        }
    }
}

#[async_trait]
impl LockStore for Moody {
    async fn acquire(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Granted, StateError> {
        self.before().await?;
        self.after(self.inner.acquire(name, token, lease).await)
    }

    async fn renew(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Kept, StateError> {
        self.before().await?;
        if self.mood.load(Ordering::SeqCst) == FORGETS {
            return Ok(Kept::Lost);
        }
        self.after(self.inner.renew(name, token, lease).await)
    }

    async fn extend(
        &self,
        name: &LockName,
        token: &LockToken,
        by: Duration,
    ) -> Result<Kept, StateError> {
        self.before().await?;
        self.after(self.inner.extend(name, token, by).await)
    }

    async fn release(&self, name: &LockName, token: &LockToken) -> Result<Released, StateError> {
        self.before().await?;
        self.after(self.inner.release(name, token).await)
    }

    fn releases(&self) -> broadcast::Receiver<LockName> {
        self.inner.releases()
    }
}

struct Lab {
    store: Arc<Moody>,
    locks: DistributedLock,
    name: LockName,
}

fn lab() -> Lab {
    let clock = SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000));
    let store = Arc::new(Moody {
        inner: MemoryLocks::new(clock),
        mood: AtomicU8::new(WORKS),
    });
    let ids = SeededIds::shared(7);
    let tasks = Arc::new(TaskGroup::new());
    Lab {
        locks: DistributedLock::new(Arc::clone(&store) as Arc<dyn LockStore>, ids, tasks),
        store,
        name: LockName::general("x").expect("a valid name"),
    }
}

impl Lab {
    async fn guard(&self) -> LockGuard {
        match self.locks.acquire(&self.name, Duration::ZERO).await {
            Ok(Attempt::Acquired(guard)) => guard,
            other => panic!("the lock is free, yet {other:?}"),
        }
    }

    /// What is left of the lease by the store's own reckoning.
    async fn left(&self) -> Duration {
        self.store.set(WORKS);
        let probe = LockToken::draw(&SeededIds::new(99));
        match self
            .store
            .acquire(&self.name, &probe, Duration::from_millis(1))
            .await
        {
            Ok(Granted::Held { for_at_most }) => for_at_most,
            _ => Duration::ZERO,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_fails_or_hangs_costs_the_holder_its_lock_before_the_lease_ends() {
    for mood in [FAILS, HANGS] {
        let lab = lab();
        let guard = lab.guard().await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(guard.is_held(), "renewed so far");
        lab.store.set(mood);
        assert_eq!(guard.lost().await, LockLost::Lapsing);
        let left = lab.left().await;
        assert!(
            Duration::ZERO < left && left <= Duration::from_secs(6),
            "{left:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_failed_renewals_are_made_up_for() {
    let lab = lab();
    let guard = lab.guard().await;
    for _ in 0..5 {
        lab.store.set(FAILS);
        tokio::time::sleep(Duration::from_secs(30)).await;
        lab.store.set(WORKS);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(guard.is_held());
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_lost_the_lock_is_believed_at_once() {
    let lab = lab();
    let guard = lab.guard().await;
    lab.store.set(FORGETS);
    let began = Instant::now();
    assert_eq!(
        guard.run(std::future::pending::<()>()).await,
        Err(LockLost::Gone)
    );
    assert!(
        began.elapsed() <= Duration::from_secs(21),
        "at the next renewal"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_neither_loses_nor_leaks_the_lock() {
    let lab = lab();
    lab.store.set(LOSES_REPLIES);
    let answer = lab.locks.try_acquire(&lab.name).await;
    assert!(answer.is_err(), "{answer:?}");
    // The release that follows is applied as well, though its reply is lost.
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(lab.left().await, Duration::ZERO);
    lab.store.set(LOSES_REPLIES);
    let (waited, ()) = tokio::join!(
        lab.locks.acquire(&lab.name, Duration::from_secs(30)),
        async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            lab.store.set(WORKS);
        }
    );
    assert!(matches!(waited, Ok(Attempt::Acquired(_))), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_bounded_though_the_backend_hangs() {
    let lab = lab();
    lab.store.set(HANGS);
    let began = Instant::now();
    assert!(lab.locks.try_acquire(&lab.name).await.is_err());
    assert!(began.elapsed() <= Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_guard_never_waits_for_a_backend_that_hangs() {
    let lab = lab();
    let guard = lab.guard().await;
    lab.store.set(HANGS);
    let began = Instant::now();
    drop(guard);
    assert_eq!(began.elapsed(), Duration::ZERO);
}
