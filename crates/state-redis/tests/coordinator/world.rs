//! Servers as the suite's world.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use domain::limits;
use domain::time::Timestamp;
use redis_harness::{Cluster, RedisServer};
use runtime::clock::{Clock, SystemClock};
use runtime::timing::Timing;
use state::coordinator::conformance::World;
use state::coordinator::{Coordinator, GroupName, RecordVersions};
use state_redis::call::Call;
use state_redis::coordinator::RedisCoordinator;
use state_redis::link::{Link, LinkOptions, Topology};

/// By how much the times of the protocol shrink: time really passes here.
const SCALE: f64 = 0.04;

/// The cluster tests share while any of them runs: it takes seconds to start.
static CLUSTER: Mutex<Weak<Vec<RedisServer>>> = Mutex::new(Weak::new());

/// Servers, and links to them.
pub(crate) struct Servers {
    all: Arc<Vec<RedisServer>>,
    topology: Topology,
    /// Parts tests that share servers.
    prefix: String,
    timing: Timing,
}

impl Servers {
    /// One server; `None` when there is no server program.
    pub(crate) fn single(test: &str) -> Option<Self> {
        if redis_harness::is_missing(test) {
            return None;
        }
        let server = RedisServer::start();
        let topology = Topology::Single {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
        };
        Some(Self {
            all: Arc::new(vec![server]),
            topology,
            prefix: "test:".to_owned(),
            timing: Timing::scaled(SCALE),
        })
    }

    /// A cluster of three masters.
    pub(crate) fn cluster(test: &str) -> Option<Self> {
        if redis_harness::is_missing(test) {
            return None;
        }
        let mut shared = CLUSTER.lock().expect("no test panics while it starts");
        let all = shared
            .upgrade()
            .unwrap_or_else(|| Arc::new(Cluster::start().servers));
        *shared = Arc::downgrade(&all);
        let ports = all.iter().map(RedisServer::port);
        let nodes = ports.map(|port| ("127.0.0.1".to_owned(), port)).collect();
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        Some(Self {
            all,
            topology: Topology::Cluster { nodes },
            prefix: format!("test{}:", WORLDS.fetch_add(1, Ordering::Relaxed)),
            timing: Timing::scaled(SCALE),
        })
    }

    /// With times that are not scaled.
    pub(crate) fn unscaled(self) -> Self {
        Self {
            timing: Timing::default(),
            ..self
        }
    }

    pub(crate) fn link(&self) -> Link {
        let options = LinkOptions {
            topology: self.topology.clone(),
            key_prefix: self.prefix.clone(),
            ..LinkOptions::default()
        };
        Link::new(options).expect("the options are in order")
    }

    pub(crate) fn coordinator(&self, instance: &str) -> RedisCoordinator {
        let interner = Arc::default();
        RedisCoordinator::new(self.link(), instance.to_owned(), interner, self.timing)
    }

    /// Asks the first server.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.all[0].command(words)
    }
}

/// The key of a group's firing members.
pub(crate) fn firing_key(group: &GroupName) -> String {
    let (shard, tenant, key) = (group.shard(), &group.tenant, group.key);
    format!("test:alert:group:firing:{{s{shard:02}}}{tenant}:{key}")
}

/// Makes a server throw a key away: of those with an expiry the one with the nearest goes first.
pub(crate) fn evict(server: &RedisServer, key: &str) {
    let ask = |words: &[&str]| server.command(words);
    if ask(&["EXISTS", key]).contains('0') {
        ask(&["SET", key, ""]);
    }
    ask(&["PEXPIRE", key, "5000"]);
    // It has to be big enough to be all that goes.
    ask(&["CONFIG", "SET", "maxmemory-samples", "64"]);
    ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    let used = ask(&["INFO", "memory"]);
    let used = used
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let used: u64 = used
        .and_then(|used| used.trim().parse().ok())
        .expect("a number");
    let mut room = used;
    while ask(&["EXISTS", key]).contains('1') {
        room -= 64;
        ask(&["CONFIG", "SET", "maxmemory", &room.to_string()]);
    }
    ask(&["CONFIG", "SET", "maxmemory", "0"]);
    ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
}

#[async_trait]
impl World for Servers {
    async fn connect_as(&self, instance: &str, knows: RecordVersions) -> Arc<dyn Coordinator> {
        Arc::new(self.coordinator(instance).knowing(knows))
    }

    fn timing(&self) -> Timing {
        self.timing
    }

    fn now(&self) -> Timestamp {
        // What is stated has nanoseconds, what is planned has milliseconds: the suite compares them.
        Timestamp::from_unix_ms(SystemClock.now().unix_ms())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn lose_everything(&self) {
        let link = self.link();
        let keys = link.scan(&link.key("*"), usize::MAX).await;
        let keys = keys.expect("a list of keys").into_iter();
        let calls = keys.map(|key| Call::command("DEL").key(key));
        for answer in link.run_all(calls.collect()).await {
            answer.expect("deleted");
        }
    }

    async fn trim_feed(&self, shard: usize, kept: usize) {
        let link = self.link();
        let key = link.key(&format!("events:{{s{shard:02}}}"));
        let call = Call::command("XTRIM").key(key).arg("MAXLEN").arg("=");
        let kept = i64::try_from(kept).expect("a small number");
        link.run(call.arg(kept)).await.expect("trimmed");
    }

    /// The shard clock is the server's and an offset: it sees a step of the server's when that changes.
    async fn step_clock(&self, by_ms: i64) {
        let link = self.link();
        for shard in 0..limits::SHARDS {
            let key = link.key(&format!("shard:{{s{shard:02}}}"));
            let step = Call::command("HINCRBY").key(key.clone()).arg("offset");
            link.run(step.arg(by_ms)).await.expect("stepped");
            // Its server does not catch up.
            let stays = Call::command("HSET").key(key).arg("offset_at");
            let never = Timestamp::from_unix_ms(9_000_000_000_000);
            let stays = link.run(stays.arg(never.unix_ms())).await;
            stays.expect("stepped");
        }
    }

    async fn evict(&self, group: &GroupName) -> bool {
        // Other tests use a cluster at the same time.
        let [server] = &self.all[..] else {
            return false;
        };
        evict(server, &firing_key(group));
        true
    }
}
