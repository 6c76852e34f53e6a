//! A cluster of three masters.

use crate::{PATIENCE, RedisServer, holds_within};

/// Slots of a cluster.
const SLOTS: usize = 16_384;

/// Three masters that share the slots.
pub struct Cluster {
    /// The masters.
    pub servers: Vec<RedisServer>,
}

impl Cluster {
    /// Starts them and waits until they serve every slot.
    ///
    /// # Panics
    /// When they do not.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(vec![Vec::new(); 3], None)
    }

    /// The same with further arguments for each master, and the port at which the first is met unless it is the plain one
    /// (the encrypted one with `--tls-cluster yes`).
    ///
    /// # Panics
    /// When they do not come up.
    #[must_use]
    #[track_caller]
    pub fn start_with(args: Vec<Vec<String>>, meet: Option<u16>) -> Self {
        let start = |more: &Vec<String>| {
            let mut args = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
            args.extend(more.iter().map(String::as_str));
            RedisServer::start_with(&args)
        };
        let servers = args.iter().map(start).collect();
        let all = Self { servers };
        for (index, server) in all.servers.iter().enumerate() {
            let epoch = (index + 1).to_string();
            server.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            let (first, end) = (index * SLOTS / 3, (index + 1) * SLOTS / 3);
            let (first, last) = (first.to_string(), (end - 1).to_string());
            let added = server.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            assert_eq!(added, "OK", "slots are given out");
            let port = meet.unwrap_or(all.servers[0].port()).to_string();
            server.command(&["CLUSTER", "MEET", "127.0.0.1", &port]);
        }
        assert!(
            holds_within(PATIENCE, || all.is_settled()),
            "the cluster does not come up:\n{}",
            all.servers[0].log()
        );
        all
    }

    /// HOST and port of each master.
    #[must_use]
    pub fn nodes(&self) -> Vec<(String, u16)> {
        let ports = self.servers.iter().map(RedisServer::port);
        ports.map(|port| ("127.0.0.1".to_owned(), port)).collect()
    }

    /// Whether every node sees all slots served by three nodes.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.servers.iter().all(|server| {
            let info = server.try_command(&["CLUSTER", "INFO"]).unwrap_or_default();
            info.contains("cluster_state:ok") && info.contains("cluster_size:3")
        })
    }

    /// Moves an empty slot from one master to another, so that clients hold an old map.
    ///
    /// # Panics
    /// When the servers refuse.
    #[track_caller]
    pub fn move_slot(&self, slot: u16, to: usize) {
        let slot = slot.to_string();
        let id = self.servers[to].command(&["CLUSTER", "MYID"]);
        // The new owner first: it then wins with a newer epoch.
        let mut order: Vec<&RedisServer> = vec![&self.servers[to]];
        order.extend(
            self.servers
                .iter()
                .filter(|s| s.port() != self.servers[to].port()),
        );
        for server in order {
            let moved = server.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
            assert_eq!(moved, "OK", "the slot moves");
        }
    }
}
