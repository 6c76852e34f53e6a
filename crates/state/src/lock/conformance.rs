//! One suite for every backend of [`LockStore`], and for [`DistributedLock`] on it.
//!
//! [`lock_conformance!`](crate::lock_conformance!) stamps out one test per function. Leases are short and measured by tokio's
//! clock: with time paused for a backend in memory, in real time for one that has a clock of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::ids::{IdSource, RandomIds, SeededIds};
use runtime::tasks::TaskGroup;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Attempt, DistributedLock, Extended, Fence, Granted, Kept, LockGuard, LockLost, LockName,
    LockOptions, LockStore, LockToken, Released,
};

/// Stamps out the suite; the argument is an async closure that answers a fresh backend and whatever has to live as long,
/// or `None` if there can be none here.
#[macro_export]
macro_rules! lock_conformance {
    ($factory:expr) => {
        $crate::lock_conformance!($factory;
            a_lock_has_one_holder,
            a_repeat_by_the_holder_gets_the_same_fence_and_no_more_time,
            fences_grow_whatever_happened_between,
            only_the_holder_renews_extends_and_releases,
            a_lapsed_lease_is_not_revived,
            renewal_never_shortens_and_extension_adds,
            releases_are_heard,
            a_dropped_guard_releases_by_itself,
            a_waiting_attempt_ends_at_its_deadline,
            a_release_wakes_who_waits,
            a_held_lock_is_renewed,
            a_holder_is_told_before_the_lock_can_go_to_others,
            an_extension_lasts_without_renewal_up_to_the_cap,
            a_dropped_attempt_leaves_no_lock,
            stopping_ends_renewal,
            sections_never_overlap_and_fences_only_grow,
        );
    };
    ($factory:expr; $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some((locks, _keep)) = ($factory)().await {
                    $crate::lock::conformance::$name(locks).await;
                }
            }
        )*
    };
}

type Backend = Arc<dyn LockStore>;

/// Long enough that a slow machine gets its requests in, short enough to wait for.
const LEASE: Duration = Duration::from_millis(900);
const LONG: Duration = Duration::from_secs(60);

fn name(text: &str) -> LockName {
    LockName::general(text).expect("a valid name")
}

fn token() -> LockToken {
    LockToken::draw(&RandomIds)
}

async fn take(locks: &Backend, name: &LockName, token: &LockToken, lease: Duration) -> Fence {
    match locks.acquire(name, token, lease).await.expect("available") {
        Granted::Yes { fence, lasts } => {
            assert!(lasts <= lease, "{lasts:?} of {lease:?}");
            fence
        }
        held @ Granted::Held { .. } => panic!("`{name}` is free, yet {held:?}"),
    }
}

async fn is_held(locks: &Backend, name: &LockName) -> bool {
    let probe = token();
    match locks.acquire(name, &probe, LEASE).await.expect("available") {
        Granted::Held { for_at_most } => {
            assert!(!for_at_most.is_zero(), "a held lock has time left");
            true
        }
        Granted::Yes { .. } => {
            locks.release(name, &probe).await.expect("available");
            false
        }
    }
}

fn distributed(locks: &Backend, tasks: &Arc<TaskGroup>) -> DistributedLock {
    let options = LockOptions::default().with_lease(LEASE);
    DistributedLock::new(Arc::clone(locks), RandomIds::shared(), Arc::clone(tasks)).with(options)
}

async fn acquired(locks: &DistributedLock, name: &LockName) -> LockGuard {
    match locks.try_acquire(name).await.expect("available") {
        Attempt::Acquired(guard) => guard,
        Attempt::Held { for_at_most } => panic!("`{name}` is held for {for_at_most:?}"),
    }
}

/// Two instances cannot hold one lock, and names do not touch each other.
pub async fn a_lock_has_one_holder(locks: Backend) {
    let (first, second) = (token(), token());
    let (lock, other) = (name("migrations"), name("seeding"));
    let fence = take(&locks, &lock, &first, LONG).await;
    let refused = locks
        .acquire(&lock, &second, LONG)
        .await
        .expect("available");
    let Granted::Held { for_at_most } = refused else {
        panic!("two holders: {refused:?}")
    };
    assert!(for_at_most <= LONG && LONG / 2 < for_at_most);
    take(&locks, &other, &second, LONG).await;
    assert_eq!(locks.release(&lock, &first).await, Ok(Released::Now));
    assert!(fence < take(&locks, &lock, &second, LONG).await);
}

/// A lost reply costs nothing: the same request is answered again.
pub async fn a_repeat_by_the_holder_gets_the_same_fence_and_no_more_time(locks: Backend) {
    let (holder, lock) = (token(), name("x"));
    let fence = take(&locks, &lock, &holder, LEASE).await;
    sleep(LEASE / 3).await;
    let again = locks
        .acquire(&lock, &holder, LEASE)
        .await
        .expect("available");
    let Granted::Yes { fence: same, lasts } = again else {
        panic!("the holder is refused: {again:?}")
    };
    assert_eq!(fence, same);
    assert!(lasts <= LEASE * 2 / 3 + LEASE / 10, "{lasts:?} is left");
}

/// After a release and after a lapse alike.
pub async fn fences_grow_whatever_happened_between(locks: Backend) {
    let lock = name("x");
    let mut last = Fence(0);
    for round in 0..20 {
        let holder = token();
        let is_released = round % 10 != 0;
        let lease = if is_released {
            LONG
        } else {
            Duration::from_millis(50)
        };
        let fence = take(&locks, &lock, &holder, lease).await;
        assert!(last < fence, "{fence} follows {last}");
        last = fence;
        if is_released {
            locks.release(&lock, &holder).await.expect("available");
        } else {
            sleep(lease * 2).await;
        }
    }
}

/// Everybody else changes nothing.
pub async fn only_the_holder_renews_extends_and_releases(locks: Backend) {
    let (holder, stranger, lock) = (token(), token(), name("x"));
    take(&locks, &lock, &holder, LONG).await;
    assert_eq!(locks.renew(&lock, &stranger, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.extend(&lock, &stranger, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.release(&lock, &stranger).await, Ok(Released::WasLost));
    assert!(is_held(&locks, &lock).await);
    let elsewhere = name("y");
    assert_eq!(locks.renew(&elsewhere, &holder, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.release(&lock, &holder).await, Ok(Released::Now));
    assert_eq!(locks.release(&lock, &holder).await, Ok(Released::WasLost));
    assert!(!is_held(&locks, &lock).await);
}

/// Somebody may have worked between the lapse and the renewal.
pub async fn a_lapsed_lease_is_not_revived(locks: Backend) {
    let (holder, lock) = (token(), name("x"));
    let lease = Duration::from_millis(50);
    take(&locks, &lock, &holder, lease).await;
    sleep(lease * 2).await;
    assert_eq!(locks.renew(&lock, &holder, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.extend(&lock, &holder, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.release(&lock, &holder).await, Ok(Released::WasLost));
    assert!(!is_held(&locks, &lock).await);
}

/// A lease that was extended is not cut by the next renewal.
pub async fn renewal_never_shortens_and_extension_adds(locks: Backend) {
    let (holder, lock) = (token(), name("x"));
    let lasts = |kept| match kept {
        Ok(Kept::Yes { lasts }) => lasts,
        other => panic!("the holder keeps it, yet {other:?}"),
    };
    take(&locks, &lock, &holder, LONG).await;
    let extended = lasts(locks.extend(&lock, &holder, LONG).await);
    assert!(LONG < extended && extended <= LONG * 2, "{extended:?}");
    let renewed = lasts(locks.renew(&lock, &holder, LEASE).await);
    assert!(LONG < renewed, "{renewed:?}");
    let renewed = lasts(locks.renew(&lock, &holder, LONG * 3).await);
    assert!(LONG * 2 < renewed, "{renewed:?}");
}

/// Waiters need not ask again and again.
pub async fn releases_are_heard(locks: Backend) {
    let (holder, lock) = (token(), name("x"));
    let mut releases = locks.releases();
    // A backend may need a moment until it listens; releases are repeated until one is heard.
    for _ in 0..50 {
        take(&locks, &lock, &holder, LONG).await;
        locks.release(&lock, &holder).await.expect("available");
        if let Ok(heard) = timeout(Duration::from_millis(100), releases.recv()).await {
            assert_eq!(heard, Ok(lock));
            return;
        }
    }
    panic!("no release was heard");
}

/// The scope guard of M7.
pub async fn a_dropped_guard_releases_by_itself(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let (all, lock) = (distributed(&locks, &tasks), name("x"));
    let guard = acquired(&all, &lock).await;
    let fence = guard.fence();
    assert!(is_held(&locks, &lock).await && guard.is_held());
    let next = all.with(LockOptions::default());
    drop(guard);
    let next = next.acquire(&lock, LEASE / 2).await.expect("available");
    let Attempt::Acquired(next) = next else {
        panic!("a dropped guard still holds: {next:?}")
    };
    assert!(fence < next.fence());
    assert_eq!(next.release().await, Ok(Released::Now));
    assert!(tasks.shutdown(LEASE).await.is_clean());
}

/// Blocking with a timeout (M7).
pub async fn a_waiting_attempt_ends_at_its_deadline(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let (all, lock) = (distributed(&locks, &tasks), name("x"));
    let _held = acquired(&all, &lock).await;
    let began = Instant::now();
    let waited = all.acquire(&lock, LEASE * 2).await.expect("available");
    assert!(matches!(waited, Attempt::Held { .. }), "{waited:?}");
    assert!(LEASE * 2 <= began.elapsed() && began.elapsed() < LEASE * 4);
    let at_once = all.try_acquire(&lock).await.expect("available");
    assert!(matches!(at_once, Attempt::Held { .. }), "{at_once:?}");
}

/// The lease is long, the pauses are long, yet the lock changes hands at once.
pub async fn a_release_wakes_who_waits(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let options = LockOptions::default().with_lease(Duration::from_secs(3000));
    let all = distributed(&locks, &tasks).with(options);
    let lock = name("x");
    let guard = acquired(&all, &lock).await;
    let waiting = tokio::join!(
        async {
            let waited = all.acquire(&lock, LONG).await.expect("available");
            assert!(matches!(waited, Attempt::Acquired(_)), "{waited:?}");
            Instant::now()
        },
        async {
            sleep(Duration::from_millis(500)).await;
            let released_at = Instant::now();
            guard.release().await.expect("available");
            released_at
        }
    );
    let took = waiting.0.saturating_duration_since(waiting.1);
    assert!(took < Duration::from_secs(3), "woken after {took:?}");
}

/// Work that takes longer than the lease keeps the lock.
pub async fn a_held_lock_is_renewed(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let (all, lock) = (distributed(&locks, &tasks), name("x"));
    let guard = acquired(&all, &lock).await;
    for _ in 0..6 {
        sleep(LEASE / 2).await;
        assert!(guard.is_held());
        assert!(is_held(&locks, &lock).await);
    }
    assert_eq!(guard.run(async { 42 }).await, Ok(42));
    assert_eq!(guard.release().await, Ok(Released::Now));
}

/// The cap on holding: the holder's work is cut off while the lock is still its own.
pub async fn a_holder_is_told_before_the_lock_can_go_to_others(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let options = LockOptions::default()
        .with_lease(LEASE)
        .with_hold_max(LEASE * 2);
    let (all, lock) = (distributed(&locks, &tasks).with(options), name("x"));
    let began = Instant::now();
    let guard = acquired(&all, &lock).await;
    let cut = guard.run(sleep(LONG)).await;
    assert_eq!(cut, Err(LockLost::HeldTooLong));
    assert!(LEASE < began.elapsed() && began.elapsed() < LEASE * 2);
    assert!(!guard.is_held());
    assert!(is_held(&locks, &lock).await, "told before it lapsed");
    assert_eq!(guard.lost().await, LockLost::HeldTooLong);
    // The holder hangs on to its guard, yet blocks nobody.
    sleep(LEASE).await;
    assert!(!is_held(&locks, &lock).await);
}

/// `extend` buys time for a step that must not be cut, within the cap.
pub async fn an_extension_lasts_without_renewal_up_to_the_cap(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let options = LockOptions::default().with_lease(LEASE).with_hold_max(LONG);
    let all = distributed(&locks, &tasks).with(options);
    let guard = acquired(&all, &name("x")).await;
    let remaining = |extended| match extended {
        Ok(Extended::Held { remaining }) => remaining,
        other => panic!("the lock is held, yet {other:?}"),
    };
    let once = remaining(guard.extend(LEASE * 10).await);
    assert!(LEASE * 10 < once && once < LEASE * 11, "{once:?}");
    let capped = remaining(guard.extend(LONG * 10).await);
    assert!(capped < LONG && LONG * 8 / 10 < capped, "{capped:?}");
    assert_eq!(guard.release().await, Ok(Released::Now));
}

/// Also when it is dropped between the request and its answer.
pub async fn a_dropped_attempt_leaves_no_lock(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let options = LockOptions::default();
    let (all, lock) = (distributed(&locks, &tasks).with(options), name("x"));
    for wait_us in [0, 1, 50, 200, 500, 1000, 2000] {
        let attempt = all.acquire(&lock, LONG);
        // Whether this got the lock or not is left to chance; it is dropped either way.
        drop(timeout(Duration::from_micros(wait_us), attempt).await);
    }
    let began = Instant::now();
    while is_held(&locks, &lock).await {
        assert!(began.elapsed() < LEASE * 5, "somebody left the lock behind");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A process that stops lets its leases run out, and says so.
pub async fn stopping_ends_renewal(locks: Backend) {
    let tasks = Arc::new(TaskGroup::new());
    let (all, lock) = (distributed(&locks, &tasks), name("x"));
    let guard = acquired(&all, &lock).await;
    tasks.trigger().stop();
    assert_eq!(guard.lost().await, LockLost::Stopping);
    assert!(all.try_acquire(&name("y")).await.is_err());
    drop(guard);
    assert!(tasks.shutdown(LEASE * 2).await.is_clean());
}

/// Several instances, short sections, holders that stop renewing and come back: nobody writes with an older fence, and
/// nobody believes to hold the lock while somebody else does.
pub async fn sections_never_overlap_and_fences_only_grow(locks: Backend) {
    let lock = name("x");
    let tasks = Arc::new(TaskGroup::new());
    let register = Arc::new(Register::default());
    let workers = (0..6_u64).map(|seed| {
        let (locks, lock) = (Arc::clone(&locks), lock.clone());
        let (tasks, register) = (Arc::clone(&tasks), Arc::clone(&register));
        async move {
            let choices = SeededIds::new(seed);
            for _ in 0..30 {
                if choices.nonce().is_multiple_of(8) {
                    stopped_holder(&locks, &lock, &register).await;
                } else {
                    section(&distributed(&locks, &tasks), &lock, &register, &choices).await;
                }
            }
        }
    });
    let mut all = tokio::task::JoinSet::new();
    for worker in workers {
        all.spawn(worker);
    }
    while let Some(ended) = all.join_next().await {
        ended.expect("no worker panics");
    }
    assert!(60 < register.sections.load(Ordering::SeqCst));
}

/// What the lock protects in [`sections_never_overlap_and_fences_only_grow`].
#[derive(Default)]
struct Register {
    inside: AtomicU64,
    fence: AtomicU64,
    sections: AtomicU64,
}

impl Register {
    fn enter(&self, fence: Fence) {
        assert_eq!(self.inside.swap(fence.0, Ordering::SeqCst), 0, "two inside");
        let before = self.fence.swap(fence.0, Ordering::SeqCst);
        assert!(before < fence.0, "{} after {before}", fence.0);
        self.sections.fetch_add(1, Ordering::SeqCst);
    }

    fn leave(&self, fence: Fence) {
        assert_eq!(self.inside.swap(0, Ordering::SeqCst), fence.0, "one's own");
    }
}

async fn section(all: &DistributedLock, lock: &LockName, register: &Register, choices: &SeededIds) {
    let Ok(Attempt::Acquired(guard)) = all.acquire(lock, LONG).await else {
        panic!("within a minute everybody has had a turn")
    };
    register.enter(guard.fence());
    sleep(Duration::from_millis(choices.nonce() % 4)).await;
    let is_held = guard.is_held();
    register.leave(guard.fence());
    assert!(is_held, "renewed while held");
    if choices.nonce().is_multiple_of(2) {
        guard.release().await.expect("available");
    }
}

/// A process that takes the lock and is stopped: it neither renews nor releases, and by its own clock knows when to be out.
async fn stopped_holder(locks: &Backend, lock: &LockName, register: &Register) {
    let lease = Duration::from_millis(60);
    let asked_at = Instant::now();
    let holder = token();
    let Ok(Granted::Yes { fence, lasts }) = locks.acquire(lock, &holder, lease).await else {
        return;
    };
    let safe_until = asked_at + lasts - lease / 4;
    if Instant::now() < safe_until {
        register.enter(fence);
        // Judged at the very end of what it may believe; the scheduler's delay comes after the section.
        register.leave(fence);
    }
    tokio::time::sleep_until(asked_at + lasts * 2).await;
    assert_eq!(locks.renew(lock, &holder, LONG).await, Ok(Kept::Lost));
    assert_eq!(locks.release(lock, &holder).await, Ok(Released::WasLost));
}
