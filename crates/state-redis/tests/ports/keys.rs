//! What an operator sees (M18), and what a thief of a dump does (S12).

use std::sync::Arc;
use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;
use redis_harness::RedisServer;
use state::cache::{QueryCache, QueryKey};
use state::lock::{Granted, LockName, LockStore, LockToken};
use state::rate::{Rate, RateBuckets};
use state::session::{NewSession, SessionChange, SessionId, Sessions};
use state_redis::cache::RedisCache;
use state_redis::rate::RedisBuckets;
use state_redis::session::RedisSessions;

use super::{link_to, locks_over, server};

const LONG: Duration = Duration::from_secs(60);

/// What `redis-cli --scan --pattern` prints.
fn scan(server: &RedisServer, pattern: &str) -> Vec<String> {
    let answer = server.command(&["KEYS", pattern]);
    let lines = answer
        .lines()
        .filter(|line| !line.is_empty() && *line != "(nil)");
    let mut names: Vec<_> = lines.map(str::to_owned).collect();
    names.sort();
    names
}

fn token() -> LockToken {
    LockToken::draw(&runtime::ids::RandomIds)
}

fn new(tenant: &TenantId, token: &str) -> NewSession {
    let id = SessionId::of_token(token);
    let session = NewSession::new(id, tenant.clone(), "u-1", "mia");
    session
        .and_then(|s| s.with("role", "admin"))
        .expect("valid")
}

/// One after the other, each with its fence.
pub(crate) async fn names_of_all_kinds_can_be_locked(locks: Arc<dyn LockStore>) {
    let tenant = TenantId::default_tenant();
    let mut names = vec![LockName::general("migrations").expect("valid")];
    for n in 0..8 {
        names.push(LockName::group(&tenant, GroupKey([n; 16])));
        names.push(LockName::alert(&tenant, Fingerprint(u64::from(n) << 50)));
    }
    for name in names {
        let holder = token();
        let granted = locks.acquire(&name, &holder, LONG).await;
        assert!(
            matches!(granted, Ok(Granted::Yes { .. })),
            "{name}: {granted:?}"
        );
        locks.renew(&name, &holder, LONG).await.expect("available");
        locks.release(&name, &holder).await.expect("available");
    }
}

#[tokio::test]
async fn keys_are_named_as_promised_and_counts_are_true() {
    let Some(server) = server("keys_are_named_as_promised_and_counts_are_true") else {
        return;
    };
    let link = link_to(server.port());
    let tenant = TenantId::default_tenant();
    let locks = locks_over(link.clone());
    let group = LockName::group(&tenant, GroupKey([0xAB; 16]));
    let alert = LockName::alert(&tenant, Fingerprint(0xFEED));
    let general = LockName::general("seeding").expect("valid");
    let holder = token();
    for name in [&group, &alert, &general] {
        locks.acquire(name, &holder, LONG).await.expect("available");
    }
    let mut want = [&alert, &group, &general].map(|name| format!("belfry:lock:{name}"));
    want.sort();
    assert_eq!(scan(&server, "belfry:lock:*"), want);
    locks.release(&group, &holder).await.expect("available");
    assert_eq!(scan(&server, "belfry:lock:*").len(), 2);

    let sessions = RedisSessions::new(link.clone());
    for n in 0..5 {
        let session = new(&tenant, &format!("token-{n}"));
        sessions
            .create(session, Timestamp::ZERO)
            .await
            .expect("available");
    }
    let one = SessionId::of_token("token-1");
    assert_eq!(
        sessions.delete(&tenant, one, Timestamp::ZERO).await,
        Ok(true)
    );
    let mut want: Vec<_> = [0, 2, 3, 4]
        .map(|n| SessionId::of_token(&format!("token-{n}")))
        .map(|id| format!("belfry:session:{id}"))
        .into();
    want.sort();
    assert_eq!(scan(&server, "belfry:session:*"), want);
    assert_eq!(
        scan(&server, "belfry:sessions:*"),
        ["belfry:sessions:default"]
    );

    let cache = RedisCache::new(link.clone());
    let key = QueryKey::new(&tenant, "up");
    cache.put(&key, b"[]", LONG).await.expect("available");
    assert_eq!(
        scan(&server, "belfry:cache:query:*"),
        [format!("belfry:cache:query:{key}")]
    );

    let buckets = RedisBuckets::new(link);
    let rate = Rate::new(10, 1, LONG).expect("valid");
    let integration = IntegrationId::new("team \"x\"}", "slack", 0);
    let taken = buckets.take(&tenant, &integration, 1, rate).await;
    taken.expect("available");
    let names = scan(&server, "belfry:rate:*");
    assert!(
        names.len() == 1 && names[0].starts_with("belfry:rate:default:"),
        "{names:?}"
    );
    every_key_expires(&server);
}

/// M20: an expiry on every key.
fn every_key_expires(server: &RedisServer) {
    for name in scan(server, "*") {
        let left = server.command(&["PTTL", &name]);
        let left: i64 = left
            .trim_start_matches("(integer) ")
            .trim()
            .parse()
            .expect("a number");
        assert!(0 < left, "{name} stays for ever: {left}");
    }
}

#[tokio::test]
async fn a_dump_logs_nobody_in() {
    let Some(server) = server("a_dump_logs_nobody_in") else {
        return;
    };
    let sessions = RedisSessions::new(link_to(server.port()));
    let tenant = TenantId::default_tenant();
    let secret = "c2VjcmV0LXRva2VuLW9mLTI1Ni1iaXRz";
    sessions
        .create(new(&tenant, secret), Timestamp::ZERO)
        .await
        .expect("available");
    let id = SessionId::of_token(secret);
    sessions
        .get(&tenant, id, Timestamp::ZERO)
        .await
        .expect("available")
        .expect("it is there");
    let change = SessionChange::default()
        .set("theme", "dark")
        .expect("valid");
    sessions
        .update(&tenant, id, change, Timestamp::ZERO)
        .await
        .expect("available");
    let mut dump = String::new();
    for name in scan(&server, "*") {
        dump.push_str(&name);
        let read = if name.contains(":session:") {
            vec!["HGETALL", &name]
        } else {
            vec!["ZRANGE", &name, "0", "-1", "WITHSCORES"]
        };
        dump.push_str(&server.command(&read));
    }
    assert!(
        dump.contains("mia") && dump.contains(&id.to_string()),
        "{dump}"
    );
    assert!(!dump.contains(secret), "the token is in the dump");
    // What is in the dump, used as a token, opens nothing.
    let stolen = SessionId::of_token(&id.to_string());
    assert_eq!(
        sessions.get(&tenant, stolen, Timestamp::ZERO).await,
        Ok(None)
    );
}

/// What the index says of a session is never less than what is true, and what is left behind hurts nobody.
#[tokio::test]
async fn the_index_heals() {
    let Some(server) = server("the_index_heals") else {
        return;
    };
    let sessions = RedisSessions::new(link_to(server.port()));
    let tenant = TenantId::default_tenant();
    let id = SessionId::of_token("t");
    sessions
        .create(new(&tenant, "t"), Timestamp::ZERO)
        .await
        .expect("available");
    server.command(&["DEL", "belfry:sessions:default"]);
    assert_eq!(sessions.count(&tenant, Timestamp::ZERO).await, Ok(0));
    sessions
        .get(&tenant, id, Timestamp::ZERO)
        .await
        .expect("available")
        .expect("it is there");
    assert_eq!(sessions.count(&tenant, Timestamp::ZERO).await, Ok(1));
    assert_eq!(
        sessions.revoke_tenant(&tenant, Timestamp::ZERO).await,
        Ok(1)
    );

    sessions
        .create(new(&tenant, "u"), Timestamp::ZERO)
        .await
        .expect("available");
    let left = SessionId::of_token("u");
    server.command(&["DEL", &format!("belfry:session:{left}")]);
    let listed = sessions
        .list(&tenant, None, 10, Timestamp::ZERO)
        .await
        .expect("available");
    assert!(listed.sessions.is_empty());
    let found = sessions
        .statistics(&tenant, Timestamp::ZERO)
        .await
        .expect("available");
    assert_eq!(found.sessions, 0);
    assert_eq!(
        sessions.revoke_user(&tenant, "u-1", Timestamp::ZERO).await,
        Ok(0)
    );
}

/// What somebody else wrote under our key is a miss: the tenant is checked in the value too (S28).
#[tokio::test]
async fn a_cached_value_is_its_tenants_or_nobodys() {
    let Some(server) = server("a_cached_value_is_its_tenants_or_nobodys") else {
        return;
    };
    let cache = RedisCache::new(link_to(server.port()));
    let ours = QueryKey::new(&TenantId::default_tenant(), "up");
    let theirs = QueryKey::new(&"other".parse().expect("a valid tenant"), "up");
    cache.put(&ours, b"ours", LONG).await.expect("available");
    let name = |key: &QueryKey| format!("belfry:cache:query:{key}");
    server.command(&["COPY", &name(&ours), &name(&theirs)]);
    assert_eq!(cache.get(&theirs).await, Ok(None));
    assert!(cache.get(&ours).await.is_ok_and(|found| found.is_some()));
    server.command(&["SET", &name(&ours), "rubbish"]);
    assert_eq!(cache.get(&ours).await, Ok(None));
}
