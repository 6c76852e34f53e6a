//! Redis servers for tests: one, a master with a replica under three sentinels, a cluster of three masters.
//!
//! Everything runs on free ports of the loopback in folders of its own and is killed by its process id when dropped.
//! A test begins with [`is_missing`], which says that it is skipped where there is no `redis-server`.
//!
//! Start reading at [`RedisServer`].

pub mod cluster;
pub mod resp;
pub mod sentinel;
pub mod server;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use cluster::Cluster;
pub use sentinel::Sentinels;
pub use server::RedisServer;

/// Longest wait for anything a server does at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Names the server program: `redis-server`, or what `BELFRY_TEST_REDIS_SERVER` says (a Valkey, say).
#[must_use]
pub fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("BELFRY_TEST_REDIS_SERVER") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .find(|path| path.is_file())
}

/// Whether there is no server program; a line then names the test as skipped.
///
/// # Panics
/// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
#[must_use]
pub fn is_missing(test: &str) -> bool {
    if program().is_some() {
        return false;
    }
    let is_required = std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{test} needs redis-server");
    // Written past the test runner's capture, so that it is seen.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test}: no redis-server (install it, or set BELFRY_TEST_REDIS_SERVER)"
    );
    true
}

/// Asks again and again until it holds; answers whether it did in time.
#[must_use]
pub fn holds_within(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds() {
            return true;
        }
        if deadline <= Instant::now() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::{Cluster, RedisServer, Sentinels, is_missing};

    #[test]
    fn a_server_is_killed_and_comes_back_on_its_port() {
        if is_missing("a_server_is_killed_and_comes_back_on_its_port") {
            return;
        }
        let mut server = RedisServer::start();
        assert_eq!(server.command(&["SET", "a", "1"]), "OK");
        server.kill();
        assert!(server.try_command(&["PING"]).is_err());
        server.restart();
        assert_eq!(server.command(&["GET", "a"]), "(nil)");
    }

    #[test]
    fn sentinels_and_clusters_settle() {
        if is_missing("sentinels_and_clusters_settle") {
            return;
        }
        let sentinels = Sentinels::start();
        assert_eq!(sentinels.master_port(), Some(sentinels.servers[0].port()));
        sentinels.fail_over();
        assert_eq!(sentinels.master_port(), Some(sentinels.servers[1].port()));
        let cluster = Cluster::start();
        assert!(cluster.is_settled());
    }
}
