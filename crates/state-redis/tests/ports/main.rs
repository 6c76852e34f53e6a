//! The ports for locks, sessions, query results and rates on real servers: the suites of `state`, and what only Redis can show.

mod contracts;
mod keys;
mod locks;
mod outage;
mod stopped;

use std::sync::Arc;

use redis_harness::{Cluster, RedisServer, is_missing};
use runtime::clock::SystemClock;
use runtime::tasks::TaskGroup;
use state::cache::QueryCache;
use state::lock::LockStore;
use state::rate::RateBuckets;
use state::session::Sessions;
use state_redis::cache::RedisCache;
use state_redis::link::{Link, LinkOptions, Topology};
use state_redis::lock::RedisLocks;
use state_redis::rate::RedisBuckets;
use state_redis::session::RedisSessions;

/// A link with a prefix, as in a database that others use too.
fn link_to(port: u16) -> Link {
    let topology = Topology::Single {
        host: "127.0.0.1".to_owned(),
        port,
    };
    link_over(topology, "belfry")
}

fn link_over(topology: Topology, prefix: &str) -> Link {
    let options = LinkOptions {
        topology,
        key_prefix: prefix.to_owned(),
        ..LinkOptions::default()
    };
    Link::new(options).expect("the options are in order")
}

fn locks_over(link: Link) -> Arc<dyn LockStore> {
    Arc::new(RedisLocks::new(link, Arc::new(TaskGroup::new())))
}

/// A fresh server, or `None` where there is no program for one.
fn server(suite: &str) -> Option<RedisServer> {
    (!is_missing(suite)).then(RedisServer::start)
}

mod lock_suite {
    use super::*;

    state::lock_conformance!(|| async {
        let server = server("locks on redis")?;
        Some((locks_over(link_to(server.port())), server))
    });
}

mod session_suite {
    use super::*;
    use state::session::conformance::Lab;

    state::session_conformance!(|| async {
        let server = server("sessions on redis")?;
        let sessions: Arc<dyn Sessions> = Arc::new(RedisSessions::new(link_to(server.port())));
        let clock = SystemClock::shared();
        Some((Lab { sessions, clock }, server))
    });
}

mod cache_suite {
    use super::*;

    state::cache_conformance!(|| async {
        let server = server("the query cache on redis")?;
        let link = link_to(server.port());
        let cache: Arc<dyn QueryCache> = Arc::new(RedisCache::new(link.clone()));
        Some((cache, locks_over(link), server))
    });
}

mod rate_suite {
    use super::*;

    state::rate_conformance!(|| async {
        let server = server("rates on redis")?;
        let buckets: Arc<dyn RateBuckets> = Arc::new(RedisBuckets::new(link_to(server.port())));
        Some((buckets, server))
    });
}

/// Everything again where keys live in different slots: a call that touches two would be refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ports_work_in_a_cluster() {
    if is_missing("the_ports_work_in_a_cluster") {
        return;
    }
    let cluster = Cluster::start();
    let nodes = cluster.servers.iter();
    let nodes = nodes.map(|s| ("127.0.0.1".to_owned(), s.port()));
    let topology = Topology::Cluster {
        nodes: nodes.collect(),
    };
    let with_prefix = |prefix| link_over(topology.clone(), prefix);

    use state::lock::conformance as locks;
    locks::a_lock_has_one_holder(locks_over(with_prefix("a"))).await;
    locks::fences_grow_whatever_happened_between(locks_over(with_prefix("b"))).await;
    locks::a_release_wakes_who_waits(locks_over(with_prefix("c"))).await;
    keys::names_of_all_kinds_can_be_locked(locks_over(with_prefix("d"))).await;

    use state::session::conformance as sessions;
    let lab = |prefix| sessions::Lab {
        sessions: Arc::new(RedisSessions::new(with_prefix(prefix))),
        clock: SystemClock::shared(),
    };
    sessions::random_calls_never_cross_tenants(lab("a")).await;
    sessions::a_tenant_can_be_revoked(lab("b")).await;

    let cache: Arc<dyn QueryCache> = Arc::new(RedisCache::new(with_prefix("a")));
    let store = locks_over(with_prefix("a"));
    state::cache::conformance::of_many_who_ask_at_once_one_computes(cache, store).await;
    let buckets: Arc<dyn RateBuckets> = Arc::new(RedisBuckets::new(with_prefix("a")));
    state::rate::conformance::buckets_do_not_touch_each_other(buckets).await;
}
