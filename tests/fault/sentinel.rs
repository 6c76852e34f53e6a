//! Three Sentinels that watch a master, and a replica to promote.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use harness::program::Program;
use harness::wait_for;
use tempfile::TempDir;

use crate::redis::{Answer, Redis, ask, free_port};

/// The name the Sentinels know the master by.
const NAME: &str = "belfry";

/// Longest wait for replication or an election.
const PATIENCE: Duration = Duration::from_secs(30);

/// What runs beside the master; all of it is killed when dropped.
pub(crate) struct Sentinels {
    /// Named so that it lives as long.
    _folder: TempDir,
    ports: Vec<u16>,
    _programs: Vec<Program>,
    replica: Redis,
}

impl Sentinels {
    /// Starts a replica of this master and three Sentinels.
    ///
    /// # Panics
    /// When their files cannot be written.
    pub(crate) fn start(master: SocketAddr) -> Self {
        let replica = Redis::start(&["--appendonly", "yes", "--save", ""]);
        let port = master.port().to_string();
        // An answer other than OK shows as a replica that never comes.
        let _ = replica.ask(&["REPLICAOF", "127.0.0.1", &port]);
        let folder = tempfile::tempdir().expect("a folder");
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let programs = ports.iter().map(|own| {
            let path = folder.path().join(format!("sentinel-{own}.conf"));
            let text = format!(
                "port {own}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {port} 2\n\
                 sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
            );
            std::fs::write(&path, text).expect("the file is written");
            Program::start(Command::new("redis-server").arg(path).arg("--sentinel"))
        });
        let programs = programs.collect();
        Self {
            _folder: folder,
            ports,
            _programs: programs,
            replica,
        }
    }

    /// The URL that asks the Sentinels for the master.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self
            .ports
            .iter()
            .map(|p| format!("127.0.0.1:{p}"))
            .collect();
        format!("redis://{}/0?sentinel={NAME}&prefix=fault", hosts.join(","))
    }

    /// Waits until the replica is in step and every Sentinel knows it and the others.
    ///
    /// # Errors
    /// When that does not happen.
    pub(crate) fn await_replica(&self) -> Result<(), String> {
        let knows = |port: &u16, what: &str| {
            let answer = self.ask(*port, &["SENTINEL", what, NAME]);
            matches!(answer, Some(Answer::List(all)) if all.len() == if what == "REPLICAS" { 1 } else { 2 })
        };
        let is_ready = || {
            let all = self.ports.iter();
            let is_known = all.clone().all(|port| knows(port, "REPLICAS"));
            let is_peered = { all }.all(|port| knows(port, "SENTINELS"));
            let replication = self.replica.ask(&["INFO", "replication"]).ok();
            let is_up = matches!(replication, Some(Answer::Text(text)) if text.contains("master_link_status:up"));
            (is_known && is_peered && is_up).then_some(())
        };
        wait_for(PATIENCE, is_ready).ok_or_else(|| "the Sentinels do not get ready".to_owned())
    }

    /// Waits until the replica is the master.
    ///
    /// # Errors
    /// When it does not become that.
    pub(crate) fn await_failover(&mut self) -> Result<(), String> {
        let is_master = || {
            let role = self.replica.ask(&["ROLE"]).ok()?;
            matches!(role.texts().first(), Some(role) if role == "master").then_some(())
        };
        wait_for(PATIENCE, is_master).ok_or_else(|| "the replica is not promoted".to_owned())
    }

    fn ask(&self, port: u16, words: &[&str]) -> Option<Answer> {
        ask(SocketAddr::from(([127, 0, 0, 1], port)), words).ok()
    }
}
