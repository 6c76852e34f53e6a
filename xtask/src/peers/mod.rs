//! `cargo xtask peers [--install]`: the programs that tests and benches run beside Belfry.
//!
//! They are Debian's packages, unpacked under `target/peers` and never installed, so no service starts. Debian's
//! Alertmanager reads its default templates from one fixed place, so these alone are copied there.

mod apt;
mod sources;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One program: the variable that tests look in, the suite it comes from, and its file under `usr/bin`.
struct Peer {
    variable: &'static str,
    suite: &'static Suite,
    program: &'static str,
}

/// Packages of one Debian suite.
struct Suite {
    folder: &'static str,
    name: &'static str,
    packages: &'static [&'static str],
}

static STABLE: Suite = Suite {
    folder: "stable",
    name: "bookworm",
    packages: &["prometheus", "prometheus-alertmanager"],
};
static SID: Suite = Suite {
    folder: "sid",
    name: "sid",
    packages: &["prometheus-alertmanager"],
};

/// With the libraries a bare machine may lack; the tests' harness shows the way to them.
static REDIS: Suite = Suite {
    folder: "redis",
    name: "bookworm",
    packages: &[
        "redis-server",
        "redis-tools",
        "libatomic1",
        "libjemalloc2",
        "liblzf1",
    ],
};
static VALKEY: Suite = Suite {
    folder: "valkey",
    name: "bookworm-backports",
    packages: &["valkey-server", "valkey-tools"],
};

static PEERS: [Peer; 6] = [
    Peer {
        variable: "BELFRY_TEST_PROMETHEUS",
        suite: &STABLE,
        program: "prometheus",
    },
    Peer {
        variable: "BELFRY_TEST_AMTOOL_025",
        suite: &STABLE,
        program: "amtool",
    },
    Peer {
        variable: "BELFRY_TEST_AMTOOL",
        suite: &SID,
        program: "amtool",
    },
    Peer {
        variable: "BELFRY_TEST_ALERTMANAGER",
        suite: &SID,
        program: "prometheus-alertmanager",
    },
    Peer {
        variable: "BELFRY_TEST_REDIS_SERVER",
        suite: &REDIS,
        program: "redis-server",
    },
    Peer {
        variable: "BELFRY_TEST_VALKEY_SERVER",
        suite: &VALKEY,
        program: "valkey-server",
    },
];

/// Where Debian's builds of Alertmanager and amtool look for the default templates.
const TEMPLATES: &str = "/usr/share/prometheus/alertmanager";

/// The command that gets what is missing, as messages name it.
pub(crate) const INSTALL_COMMAND: &str = "cargo xtask peers --install";

impl Peer {
    /// The program the variable names when it is set, else the one under `target/peers`.
    fn path(&self) -> PathBuf {
        match std::env::var_os(self.variable) {
            Some(path) => path.into(),
            None => self.unpacked(),
        }
    }

    fn unpacked(&self) -> PathBuf {
        self.suite.root().join("usr/bin").join(self.program)
    }

    /// Whether it is there with what it cannot start without.
    fn is_there(&self) -> bool {
        let own = std::env::var_os(self.variable).is_none();
        let reads_templates = own && self.program == "prometheus-alertmanager";
        self.path().is_file() && (!reads_templates || have_templates())
    }
}

impl Suite {
    fn root(&self) -> PathBuf {
        workspace::root().join("target/peers").join(self.folder)
    }
}

/// Fetches what is missing when allowed to; otherwise prints the command that does.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let missing = ensure(workspace::install_flag(args)?)?;
    for (variable, path) in present() {
        println!("{variable}={}", path.display());
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "missing: {}; to get them: {INSTALL_COMMAND}",
        missing.join(", ")
    )
}

/// The variables and absolute paths of the peers that are there.
pub(crate) fn present() -> Vec<(&'static str, PathBuf)> {
    PEERS
        .iter()
        .filter(|peer| peer.is_there())
        .map(|peer| (peer.variable, peer.path()))
        .collect()
}

/// Fetches missing peers as root or with `install`, and returns the variables of those still missing.
///
/// With `install` a peer that cannot be had is an error.
pub(crate) fn ensure(install: bool) -> Result<Vec<&'static str>> {
    if (install || is_root()) && !missing().is_empty() {
        let fetched = fetch_missing();
        if install {
            fetched?;
        } else if let Err(error) = fetched {
            eprintln!("peers: {error:#}");
        }
    }
    let missing = missing();
    if install && !missing.is_empty() {
        bail!(
            "still missing, although everything was fetched: {} (does the variable name a file?)",
            missing.join(", ")
        );
    }
    Ok(missing)
}

fn missing() -> Vec<&'static str> {
    PEERS
        .iter()
        .filter(|peer| !peer.is_there())
        .map(|peer| peer.variable)
        .collect()
}

fn fetch_missing() -> Result<()> {
    for suite in [&STABLE, &SID, &REDIS, &VALKEY] {
        let lacks = |peer: &Peer| std::ptr::eq(peer.suite, suite) && !peer.unpacked().is_file();
        if PEERS.iter().any(lacks) {
            eprintln!(
                "peers: fetching {} of suite {}",
                suite.packages.join(", "),
                suite.name
            );
            apt::unpack(suite.name, suite.packages, &suite.root())
                .with_context(|| format!("cannot fetch the packages of suite {}", suite.name))?;
        }
    }
    if have_templates() {
        return Ok(());
    }
    copy_templates(&SID.root().join("usr/share/prometheus/alertmanager"))
}

fn have_templates() -> bool {
    Path::new(TEMPLATES).join("default.tmpl").is_file()
}

fn copy_templates(from: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(TEMPLATES)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|ext| ext == "tmpl") {
                fs::copy(entry.path(), Path::new(TEMPLATES).join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().with_context(|| {
        format!(
            "cannot put Alertmanager's default templates in place; as root, copy {}/*.tmpl to {TEMPLATES}",
            from.display()
        )
    })
}

/// Whether we run as root; where there is no /proc, we say no.
fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status
            .lines()
            .filter_map(|line| line.strip_prefix("Uid:"))
            .any(|ids| ids.split_whitespace().nth(1) == Some("0"))
    })
}
