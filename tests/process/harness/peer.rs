//! Programs of other projects that run beside Belfry (xtask/README.md, "Peers").

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A program that may be there.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    variable: &'static str,
    place: &'static str,
    /// The machine's own, where any version will do.
    installed: Option<&'static str>,
}

/// Prometheus.
pub const PROMETHEUS: Peer = Peer {
    variable: "BELFRY_TEST_PROMETHEUS",
    place: "stable/usr/bin/prometheus",
    installed: None,
};

/// amtool 0.33.1.
pub const AMTOOL: Peer = Peer {
    variable: "BELFRY_TEST_AMTOOL",
    place: "sid/usr/bin/amtool",
    installed: None,
};

/// amtool 0.25.
pub const AMTOOL_025: Peer = Peer {
    variable: "BELFRY_TEST_AMTOOL_025",
    place: "stable/usr/bin/amtool",
    installed: None,
};

/// Alertmanager 0.33.1.
pub const ALERTMANAGER: Peer = Peer {
    variable: "BELFRY_TEST_ALERTMANAGER",
    place: "sid/usr/bin/prometheus-alertmanager",
    installed: None,
};

/// Alertmanager 0.25.
pub const ALERTMANAGER_025: Peer = Peer {
    variable: "BELFRY_TEST_ALERTMANAGER_025",
    place: "stable/usr/bin/prometheus-alertmanager",
    installed: None,
};

/// promtool.
pub const PROMTOOL: Peer = Peer {
    variable: "BELFRY_TEST_PROMTOOL",
    place: "stable/usr/bin/promtool",
    installed: None,
};

/// A Redis server.
pub const REDIS_SERVER: Peer = Peer {
    variable: "BELFRY_TEST_REDIS_SERVER",
    place: "servers/bin/redis-server",
    installed: Some("/usr/bin/redis-server"),
};

/// A Redis sentinel.
pub const REDIS_SENTINEL: Peer = Peer {
    variable: "BELFRY_TEST_REDIS_SENTINEL",
    place: "servers/bin/redis-sentinel",
    installed: Some("/usr/bin/redis-sentinel"),
};

/// The operator's door to Redis.
pub const REDIS_CLI: Peer = Peer {
    variable: "BELFRY_TEST_REDIS_CLI",
    place: "servers/bin/redis-cli",
    installed: Some("/usr/bin/redis-cli"),
};

/// nginx.
pub const NGINX: Peer = Peer {
    variable: "BELFRY_TEST_NGINX",
    place: "servers/bin/nginx",
    installed: Some("/usr/sbin/nginx"),
};

/// aiosmtpd, a mail server; its library lies beside it and runs on the machine's Python.
pub const AIOSMTPD: Peer = Peer {
    variable: "BELFRY_TEST_AIOSMTPD",
    place: "mail/usr/bin/aiosmtpd",
    installed: Some("/usr/bin/aiosmtpd"),
};

impl Peer {
    /// The program, or a line that names the test as skipped.
    ///
    /// # Panics
    /// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
    #[must_use]
    pub fn find(self, test: &str) -> Option<PathBuf> {
        let path = self.path();
        if path.is_file() {
            return Some(absolute(path));
        }
        let is_required =
            std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !is_required,
            "{test} needs {}; run `cargo xtask peers --install`",
            path.display()
        );
        // Written past the test runner's capture, so that it is seen.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {test}: no {} (cargo xtask peers --install, or set {})",
            path.display(),
            self.variable
        );
        None
    }
    fn path(self) -> PathBuf {
        if let Some(path) = std::env::var_os(self.variable) {
            return path.into();
        }
        let unpacked = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/peers")
            .join(self.place);
        match self.installed.map(PathBuf::from) {
            Some(installed) if !unpacked.is_file() && installed.is_file() => installed,
            _ => unpacked,
        }
    }
}

/// The path from the root, its last part as it is: Redis' programs are one file that looks at the name it is called by.
fn absolute(path: PathBuf) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}
