//! A master and a replica under three sentinels.

use std::time::Duration;

use crate::{PATIENCE, RedisServer, holds_within};

/// The name the sentinels know the master by.
pub const MASTER: &str = "belfry";

/// The servers; the first master is `servers[0]`.
pub struct Sentinels {
    /// Master and replica, in the order they began with.
    pub servers: Vec<RedisServer>,
    /// The sentinels.
    pub sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts them; a master that is silent for two seconds counts as down, which a busy machine alone does not cause. An
    /// election that nobody won is held again after four.
    ///
    /// # Panics
    /// When they do not find each other.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let master = RedisServer::start();
        let port = master.port();
        let replica = RedisServer::start_with(&["--replicaof", &format!("127.0.0.1 {port}")]);
        let configuration = format!(
            "bind 127.0.0.1\n\
             sentinel monitor {MASTER} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {MASTER} 2000\n\
             sentinel failover-timeout {MASTER} 2000\n\
             sentinel parallel-syncs {MASTER} 1\n"
        );
        let sentinels = (0..3)
            .map(|_| RedisServer::sentinel(&configuration))
            .collect();
        let servers = vec![master, replica];
        let all = Self { servers, sentinels };
        assert!(
            holds_within(PATIENCE, || all.is_settled()),
            "the sentinels do not find each other"
        );
        all
    }

    /// HOST and port of each sentinel.
    #[must_use]
    pub fn nodes(&self) -> Vec<(String, u16)> {
        let ports = self.sentinels.iter().map(RedisServer::port);
        ports.map(|port| ("127.0.0.1".to_owned(), port)).collect()
    }

    /// The port of the master, as the first sentinel that answers says.
    #[must_use]
    pub fn master_port(&self) -> Option<u16> {
        self.sentinels.iter().find_map(|sentinel| {
            let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
            let answer = sentinel.try_command(&words).ok()?;
            answer.lines().nth(1)?.parse().ok()
        })
    }

    /// Which of the servers is the master by its own word; the earlier one if several say so.
    #[must_use]
    pub fn master(&self) -> Option<usize> {
        self.servers.iter().position(|server| {
            let role = server.try_command(&["ROLE"]).unwrap_or_default();
            role.starts_with("master")
        })
    }

    /// Waits until the sentinels name this server the master and it says so itself.
    #[must_use]
    pub fn has_moved_to(&self, index: usize) -> bool {
        let server = &self.servers[index];
        holds_within(PATIENCE, || {
            let role = server.try_command(&["ROLE"]).unwrap_or_default();
            self.master_port() == Some(server.port()) && role.starts_with("master")
        })
    }

    /// Makes the replica the master, the old master its replica, and waits until both agree.
    ///
    /// # Panics
    /// When it does not happen.
    #[track_caller]
    pub fn fail_over(&self) {
        let before = self.master_port();
        let is_begun = holds_within(PATIENCE, || {
            self.sentinels[0].command(&["SENTINEL", "FAILOVER", MASTER]) == "OK"
        });
        assert!(is_begun, "no sentinel begins a failover");
        let is_done = holds_within(PATIENCE, || self.master_port() != before);
        assert!(is_done, "the sentinels keep the old master");
        let after = self.master_port();
        let is_obeyed = holds_within(PATIENCE, || {
            let master = self.master().map(|index| self.servers[index].port());
            master == after
        });
        assert!(is_obeyed, "the old master stays one");
    }

    /// Whether every sentinel knows the others and the replica, and the replica is in step.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let agree = |sentinel: &RedisServer| {
            let answer = sentinel.try_command(&["SENTINEL", "MASTER", MASTER]);
            let text = answer.unwrap_or_default();
            field(&text, "num-other-sentinels") == Some("2")
                && field(&text, "num-slaves") == Some("1")
        };
        let info = self.servers[1].try_command(&["INFO", "replication"]);
        let is_in_step = info.is_ok_and(|info| {
            info.contains("master_link_status:up") || info.contains("role:master")
        });
        is_in_step && self.sentinels.iter().all(agree)
    }

    /// Waits until the servers agree on this many connected replicas of the master.
    #[must_use]
    pub fn has_replica(&self, patience: Duration) -> bool {
        holds_within(patience, || {
            self.servers.iter().any(|server| {
                let info = server
                    .try_command(&["INFO", "replication"])
                    .unwrap_or_default();
                info.contains("role:master") && info.contains("state=online")
            })
        })
    }
}

/// The line after a name, as flat answers of sentinels have it.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.by_ref().find(|line| *line == name)?;
    lines.next()
}
