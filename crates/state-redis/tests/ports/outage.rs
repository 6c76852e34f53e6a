//! Redis gone, empty, or hanging: nobody gets access, nobody gets a lock, and everything else goes on.

use std::sync::Arc;
use std::time::Duration;

use domain::id::{IntegrationId, TenantId};
use domain::time::Timestamp;
use runtime::ids::RandomIds;
use runtime::tasks::TaskGroup;
use state::StateError;
use state::cache::{Queries, QueryKey, Source};
use state::lock::{DistributedLock, LockName};
use state::rate::{Hold, Rate, RateBuckets};
use state::session::{Created, NewSession, SessionChange, SessionId, Sessions};
use state_redis::cache::RedisCache;
use state_redis::rate::RedisBuckets;
use state_redis::session::RedisSessions;
use tokio::time::Instant;

use super::{link_to, locks_over, server};

const NOW: Timestamp = Timestamp::ZERO;

fn new(token: &str) -> NewSession {
    let tenant = TenantId::default_tenant();
    NewSession::new(SessionId::of_token(token), tenant, "u-1", "mia").expect("valid")
}

#[track_caller]
fn is_unavailable<T: std::fmt::Debug>(answer: Result<T, StateError>) {
    match answer {
        Err(StateError::Unavailable(why)) => assert!(!why.is_empty()),
        other => panic!("nobody can know, yet {other:?}"),
    }
}

/// M19: log in again, and that is all.
#[tokio::test]
async fn sessions_of_an_emptied_redis_are_simply_not_there() {
    let Some(mut server) = server("sessions_of_an_emptied_redis_are_simply_not_there") else {
        return;
    };
    let sessions = RedisSessions::new(link_to(server.port()));
    let (tenant, id) = (TenantId::default_tenant(), SessionId::of_token("t"));
    for loss in ["flush", "restart"] {
        let made = sessions.create(new("t"), NOW).await;
        assert!(matches!(made, Ok(Created::Stored(_))), "{made:?}");
        if loss == "flush" {
            server.command(&["FLUSHALL"]);
        } else {
            server.kill();
            server.restart();
            // The first to ask may meet the connection that died with the server.
            let _ = sessions.count(&tenant, NOW).await;
        }
        let change = SessionChange::default()
            .set("role", "admin")
            .expect("valid");
        assert_eq!(sessions.get(&tenant, id, NOW).await, Ok(None), "{loss}");
        let updated = sessions.update(&tenant, id, change, NOW).await;
        assert_eq!(updated, Ok(state::session::Updated::Absent));
        assert_eq!(sessions.delete(&tenant, id, NOW).await, Ok(false));
        assert_eq!(sessions.count(&tenant, NOW).await, Ok(0));
    }
}

/// S21: an outage never opens a door.
#[tokio::test]
async fn without_redis_no_session_is_made_up() {
    let Some(mut server) = server("without_redis_no_session_is_made_up") else {
        return;
    };
    let sessions = RedisSessions::new(link_to(server.port()));
    let (tenant, id) = (TenantId::default_tenant(), SessionId::of_token("t"));
    sessions.create(new("t"), NOW).await.expect("available");
    server.kill();
    is_unavailable(sessions.get(&tenant, id, NOW).await);
    is_unavailable(sessions.create(new("u"), NOW).await);
    is_unavailable(sessions.delete(&tenant, id, NOW).await);
    is_unavailable(sessions.list(&tenant, None, 10, NOW).await);
    is_unavailable(sessions.count(&tenant, NOW).await);
    is_unavailable(sessions.statistics(&tenant, NOW).await);
    is_unavailable(sessions.revoke_tenant(&tenant, NOW).await);
}

#[tokio::test]
async fn without_redis_locks_and_rates_say_so() {
    let Some(mut server) = server("without_redis_locks_and_rates_say_so") else {
        return;
    };
    let link = link_to(server.port());
    server.kill();
    let tasks = Arc::new(TaskGroup::new());
    let locks = DistributedLock::new(locks_over(link.clone()), RandomIds::shared(), tasks);
    let name = LockName::general("x").expect("valid");
    is_unavailable(locks.try_acquire(&name).await);
    is_unavailable(locks.acquire(&name, Duration::from_millis(500)).await);
    let rate = Rate::new(10, 1, Duration::from_secs(1)).expect("valid");
    let integration = IntegrationId::new("r", "webhook", 0);
    let (buckets, tenant) = (RedisBuckets::new(link), TenantId::default_tenant());
    is_unavailable(buckets.take(&tenant, &integration, 1, rate).await);
}

#[tokio::test]
async fn without_redis_queries_are_computed() {
    let Some(mut server) = server("without_redis_queries_are_computed") else {
        return;
    };
    let link = link_to(server.port());
    let tasks = Arc::new(TaskGroup::new());
    let locks = DistributedLock::new(locks_over(link.clone()), RandomIds::shared(), tasks);
    let queries = Queries::new(Arc::new(RedisCache::new(link)), &locks);
    let key = QueryKey::new(&TenantId::default_tenant(), "up");
    let ttl = Duration::from_secs(30);
    let sources = async || {
        let compute = || async { Ok::<_, ()>(b"42".to_vec()) };
        let answer = queries.get_or_compute(&key, ttl, compute).await;
        answer.map(|answer| answer.source)
    };
    assert_eq!(sources().await, Ok(Source::Computed));
    assert_eq!(sources().await, Ok(Source::Cache));
    server.kill();
    let began = Instant::now();
    assert_eq!(sources().await, Ok(Source::Computed));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    server.restart();
    let _ = sources().await;
    let _ = sources().await;
    assert_eq!(sources().await, Ok(Source::Cache));
}

/// What a provider asked of one instance is heard by the others, over a connection that is made again when it was lost.
#[tokio::test]
async fn a_hold_is_heard_by_all() {
    let Some(mut server) = server("a_hold_is_heard_by_all") else {
        return;
    };
    let here = RedisBuckets::new(link_to(server.port()));
    let there = Arc::new(RedisBuckets::new(link_to(server.port())));
    let hold = |seconds| Hold {
        tenant: TenantId::default_tenant(),
        integration: IntegrationId::new("team a", "slack", 0),
        span: Duration::from_secs(seconds),
    };
    for seconds in [30, 60] {
        let hearing = Arc::clone(&there);
        let wanted = hold(seconds);
        let heard = tokio::spawn(async move { while hearing.next_hold().await != wanted {} });
        // Nobody is told when the other one listens, so it is said until it was heard.
        while !heard.is_finished() {
            let _ = here.hold(hold(seconds)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        heard.await.expect("it was heard");
        server.kill();
        server.restart();
    }
    server.kill();
    is_unavailable(here.hold(hold(1)).await);
}
