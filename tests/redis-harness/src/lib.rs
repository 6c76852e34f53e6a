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
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use cluster::Cluster;
pub use sentinel::Sentinels;
pub use server::RedisServer;

/// Longest wait for anything a server does at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where `cargo xtask peers` unpacks programs.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers");

/// Names the server program: what `BELFRY_TEST_REDIS_SERVER` says, else a `redis-server` of the machine, else the one
/// that `cargo xtask peers` fetched.
#[must_use]
pub fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("BELFRY_TEST_REDIS_SERVER") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .chain([Path::new(PEERS).join("servers/bin/redis-server")])
        .find(|path| path.is_file())
}

/// Names Valkey's server program: what `BELFRY_TEST_VALKEY_SERVER` says, else the one that `cargo xtask peers` fetched.
#[must_use]
pub fn valkey_program() -> Option<PathBuf> {
    let path = match std::env::var_os("BELFRY_TEST_VALKEY_SERVER") {
        Some(path) => PathBuf::from(path),
        None => Path::new(PEERS).join("valkey/bin/valkey-server"),
    };
    path.is_file().then_some(path)
}

/// Names the library that shows a program another time (Debian's `faketime`), if it is installed.
#[must_use]
pub fn clock_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
}

/// Whether there is no server program; a line then names the test as skipped.
///
/// # Panics
/// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
#[must_use]
pub fn is_missing(test: &str) -> bool {
    let is_missing = program().is_none();
    if is_missing {
        skip(test, "redis-server", "BELFRY_TEST_REDIS_SERVER");
    }
    is_missing
}

/// Writes that a test is skipped for want of a program.
///
/// # Panics
/// When `BELFRY_REQUIRE_PEERS` demands the program.
pub fn skip(test: &str, program: &str, variable: &str) {
    let is_required = std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(
        !is_required,
        "{test} needs {program}; run `cargo xtask peers --install`"
    );
    // Written past the test runner's capture, so that it is seen.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test}: no {program} (cargo xtask peers --install, or set {variable})"
    );
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
