//! Locks when Redis forgets, or its clock does.

use std::sync::Arc;
use std::time::Duration;

use runtime::ids::RandomIds;
use runtime::tasks::TaskGroup;
use state::lock::{
    Attempt, DistributedLock, Fence, Granted, LockGuard, LockLost, LockName, LockOptions, LockToken,
};
use state_redis::lock::RedisLocks;

use super::{link_to, locks_over, server};

const LEASE: Duration = Duration::from_millis(900);

fn name() -> LockName {
    LockName::general("x").expect("valid")
}

fn instance(port: u16) -> DistributedLock {
    let tasks = Arc::new(TaskGroup::new());
    let store = Arc::new(RedisLocks::new(link_to(port), Arc::clone(&tasks)));
    let options = LockOptions::default().with_lease(LEASE);
    DistributedLock::new(store, RandomIds::shared(), tasks).with(options)
}

async fn acquired(locks: &DistributedLock) -> LockGuard {
    match locks.acquire(&name(), Duration::from_secs(20)).await {
        Ok(Attempt::Acquired(guard)) => guard,
        other => panic!("the lock becomes free, yet {other:?}"),
    }
}

#[tokio::test]
async fn fences_grow_though_redis_lost_everything() {
    let Some(server) = server("fences_grow_though_redis_lost_everything") else {
        return;
    };
    let locks = locks_over(link_to(server.port()));
    let mut last = Fence(0);
    for _ in 0..200 {
        let holder = LockToken::draw(&RandomIds);
        let granted = locks.acquire(&name(), &holder, LEASE).await;
        let Ok(Granted::Yes { fence, .. }) = granted else {
            panic!("an empty server has no locks, yet {granted:?}")
        };
        assert!(last < fence, "{fence} follows {last}");
        last = fence;
        server.command(&["FLUSHALL"]);
    }
    // A counter ahead of the clock, as after a step back of the server's, counts on.
    let ahead = last.0 + 3_600_000_000;
    server.command(&["SET", "belfry:fence:{belfry:lock:x}", &ahead.to_string()]);
    let granted = locks
        .acquire(&name(), &LockToken::draw(&RandomIds), LEASE)
        .await;
    let Ok(Granted::Yes { fence, .. }) = granted else {
        panic!("the lock is free, yet {granted:?}")
    };
    assert_eq!(fence, Fence(ahead + 1));
}

#[tokio::test]
async fn a_holder_learns_that_redis_lost_its_lock() {
    let Some(server) = server("a_holder_learns_that_redis_lost_its_lock") else {
        return;
    };
    let (here, there) = (instance(server.port()), instance(server.port()));
    let guard = acquired(&here).await;
    server.command(&["FLUSHALL"]);
    let next = acquired(&there).await;
    assert!(
        guard.fence() < next.fence(),
        "what the first still writes is refused"
    );
    let lost = tokio::time::timeout(LEASE, guard.lost()).await;
    assert_eq!(lost, Ok(LockLost::Gone));
    drop(guard);
    tokio::time::sleep(LEASE).await;
    assert!(
        next.is_held(),
        "the first one's release is not the second one's"
    );
}

#[tokio::test]
async fn a_lock_outlives_the_loss_of_scripts_and_connections() {
    let Some(server) = server("a_lock_outlives_the_loss_of_scripts_and_connections") else {
        return;
    };
    let locks = instance(server.port());
    let guard = acquired(&locks).await;
    for _ in 0..10 {
        server.command(&["SCRIPT", "FLUSH"]);
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        tokio::time::sleep(LEASE / 5).await;
        assert!(guard.is_held());
    }
    // Waiters hear of the release although their subscription was cut.
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    drop(guard);
    acquired(&locks).await;
}

/// Renewal and release go on where new keys are refused.
#[tokio::test]
async fn a_lock_is_renewed_and_released_though_redis_is_full() {
    let Some(server) = server("a_lock_is_renewed_and_released_though_redis_is_full") else {
        return;
    };
    let locks = instance(server.port());
    let guard = acquired(&locks).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = locks
        .try_acquire(&LockName::general("y").expect("valid"))
        .await;
    assert!(refused.is_err(), "{refused:?}");
    tokio::time::sleep(LEASE * 2).await;
    assert!(guard.is_held());
    guard.release().await.expect("available");
    assert_eq!(
        server
            .command(&["EXISTS", "belfry:lock:x"])
            .trim_start_matches("(integer) "),
        "0"
    );
}
