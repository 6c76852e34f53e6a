//! `cargo xtask peers [--install]`: the programs that tests and benches run beside Belfry.
//!
//! They are Debian's packages, unpacked under `target/peers` and never installed, so no service starts. Debian's
//! Alertmanager reads its default templates from one fixed place, so these alone are copied there.

mod apt;
mod sources;
#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One program: the variable that tests look in, the suite it comes from, and its file there.
struct Peer {
    variable: &'static str,
    suite: &'static Suite,
    file: &'static str,
    /// The machine's own, which serves as well when it is there: these do not depend on one version.
    installed: Option<&'static str>,
}

/// Packages of one Debian suite.
struct Suite {
    folder: &'static str,
    name: &'static str,
    packages: &'static [&'static str],
    /// Programs that need libraries of these packages: started through `bin/NAME`, a script that names their folder.
    wrapped: &'static [&'static str],
}

static STABLE: Suite = Suite {
    folder: "stable",
    name: "bookworm",
    packages: &["prometheus", "prometheus-alertmanager"],
    wrapped: &[],
};
static SID: Suite = Suite {
    folder: "sid",
    name: "sid",
    packages: &["prometheus-alertmanager"],
    wrapped: &[],
};
// nginx-light is nothing but this nginx with one more module.
static SERVERS: Suite = Suite {
    folder: "servers",
    name: "bookworm",
    packages: &[
        "redis-server",
        "redis-sentinel",
        "redis-tools",
        "libatomic1",
        "libjemalloc2",
        "liblzf1",
        "nginx",
        "libpcre2-8-0",
    ],
    wrapped: &[
        "usr/bin/redis-server",
        "usr/bin/redis-sentinel",
        "usr/bin/redis-cli",
        "usr/sbin/nginx",
    ],
};

// What Valkey's packages depend on is among the servers' packages.
static VALKEY: Suite = Suite {
    folder: "valkey",
    name: "bookworm-backports",
    packages: &["valkey-server", "valkey-tools"],
    wrapped: &["usr/bin/valkey-server"],
};

// Python itself is the machine's.
static MAIL: Suite = Suite {
    folder: "mail",
    name: "bookworm",
    packages: &[
        "python3-aiosmtpd",
        "python3-attr",
        "python3-pkg-resources",
        "python3-public",
        "python3-typing-extensions",
    ],
    wrapped: &[],
};

static PEERS: [Peer; 12] = [
    Peer::new("BELFRY_TEST_PROMETHEUS", &STABLE, "usr/bin/prometheus"),
    Peer::new("BELFRY_TEST_PROMTOOL", &STABLE, "usr/bin/promtool"),
    Peer::new("BELFRY_TEST_AMTOOL_025", &STABLE, "usr/bin/amtool"),
    Peer::new("BELFRY_TEST_AMTOOL", &SID, "usr/bin/amtool"),
    Peer::new("BELFRY_TEST_ALERTMANAGER", &SID, ALERTMANAGER),
    Peer::new("BELFRY_TEST_ALERTMANAGER_025", &STABLE, ALERTMANAGER),
    Peer::new("BELFRY_TEST_REDIS_SERVER", &SERVERS, "bin/redis-server").or("/usr/bin/redis-server"),
    Peer::new("BELFRY_TEST_REDIS_SENTINEL", &SERVERS, "bin/redis-sentinel")
        .or("/usr/bin/redis-sentinel"),
    Peer::new("BELFRY_TEST_REDIS_CLI", &SERVERS, "bin/redis-cli").or("/usr/bin/redis-cli"),
    Peer::new("BELFRY_TEST_NGINX", &SERVERS, "bin/nginx").or("/usr/sbin/nginx"),
    Peer::new("BELFRY_TEST_VALKEY_SERVER", &VALKEY, "bin/valkey-server"),
    Peer::new("BELFRY_TEST_AIOSMTPD", &MAIL, "usr/bin/aiosmtpd").or("/usr/bin/aiosmtpd"),
];

const ALERTMANAGER: &str = "usr/bin/prometheus-alertmanager";

/// Where Debian's builds of Alertmanager and amtool look for the default templates.
const TEMPLATES: &str = "/usr/share/prometheus/alertmanager";

/// The command that gets what is missing, as messages name it.
pub(crate) const INSTALL_COMMAND: &str = "cargo xtask peers --install";

impl Peer {
    const fn new(variable: &'static str, suite: &'static Suite, file: &'static str) -> Self {
        Self {
            variable,
            suite,
            file,
            installed: None,
        }
    }

    const fn or(self, installed: &'static str) -> Self {
        Self {
            installed: Some(installed),
            ..self
        }
    }

    /// The program the variable names when it is set, else the one under `target/peers`, else the machine's own.
    fn path(&self) -> PathBuf {
        if let Some(path) = std::env::var_os(self.variable) {
            return path.into();
        }
        let unpacked = self.unpacked();
        match self.installed.map(PathBuf::from) {
            Some(installed) if !unpacked.is_file() && installed.is_file() => installed,
            _ => unpacked,
        }
    }

    fn unpacked(&self) -> PathBuf {
        self.suite.root().join(self.file)
    }

    /// Whether it is there with what it cannot start without.
    fn is_there(&self) -> bool {
        let own = std::env::var_os(self.variable).is_none();
        let reads_templates = own && self.file == ALERTMANAGER;
        self.path().is_file() && (!reads_templates || have_templates())
    }
}

impl Suite {
    fn root(&self) -> PathBuf {
        workspace::root().join("target/peers").join(self.folder)
    }

    /// Writes the scripts that start programs with the libraries unpacked beside them.
    fn wrap(&self) -> Result<()> {
        for file in self.wrapped {
            let name = file.rsplit('/').next().unwrap_or(file);
            let path = self.root().join("bin").join(name);
            let script = format!(
                "#!/bin/sh\n\
                 # Becomes Debian's {name} with the libraries that were unpacked beside it, or with the servers.\n\
                 here=$(cd \"$(dirname \"$0\")/..\" && pwd)\n\
                 own=$(echo \"$here\"/usr/lib/*-linux-gnu)\n\
                 shared=$(echo \"$here\"/../servers/usr/lib/*-linux-gnu)\n\
                 export LD_LIBRARY_PATH=\"$own:$shared\"\n\
                 exec \"$here/{file}\" \"$@\"\n"
            );
            let write = || -> std::io::Result<()> {
                fs::create_dir_all(self.root().join("bin"))?;
                fs::write(&path, script)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            };
            write().with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
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
    for suite in [&STABLE, &SID, &SERVERS, &VALKEY, &MAIL] {
        let lacks = |peer: &Peer| std::ptr::eq(peer.suite, suite) && !peer.path().is_file();
        if PEERS.iter().any(lacks) {
            eprintln!(
                "peers: fetching {} of suite {}",
                suite.packages.join(", "),
                suite.name
            );
            apt::unpack(suite.name, suite.packages, &suite.root())
                .with_context(|| format!("cannot fetch the packages of suite {}", suite.name))?;
            suite.wrap()?;
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
