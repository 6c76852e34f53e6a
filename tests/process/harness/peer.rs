//! Programs of other projects that run beside Belfry (xtask/README.md, "Peers").

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A program that may be there.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    variable: &'static str,
    place: &'static str,
}

/// Prometheus.
pub const PROMETHEUS: Peer = Peer {
    variable: "BELFRY_TEST_PROMETHEUS",
    place: "stable/usr/bin/prometheus",
};

/// amtool 0.33.1.
pub const AMTOOL: Peer = Peer {
    variable: "BELFRY_TEST_AMTOOL",
    place: "sid/usr/bin/amtool",
};

/// amtool 0.25.
pub const AMTOOL_025: Peer = Peer {
    variable: "BELFRY_TEST_AMTOOL_025",
    place: "stable/usr/bin/amtool",
};

/// Alertmanager 0.33.1.
pub const ALERTMANAGER: Peer = Peer {
    variable: "BELFRY_TEST_ALERTMANAGER",
    place: "sid/usr/bin/prometheus-alertmanager",
};

impl Peer {
    /// The program, or a line that names the test as skipped.
    ///
    /// # Panics
    /// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
    #[must_use]
    pub fn find(self, test: &str) -> Option<PathBuf> {
        let path = match std::env::var_os(self.variable) {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../target/peers")
                .join(self.place),
        };
        if path.is_file() {
            return Some(path.canonicalize().unwrap_or(path));
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
}
