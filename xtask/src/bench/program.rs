//! The programs that are measured: where they are and how they are started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::process::Process;
use crate::{peers, workspace};

/// One of the two programs.
pub(super) struct Program {
    pub(super) name: &'static str,
    path: PathBuf,
    subcommand: Option<&'static str>,
    /// Whether alerts come back after a restart.
    pub(super) durable: bool,
}

impl Program {
    /// Alertmanager as Debian packages it, fetched when it is missing and we may.
    pub(super) fn peer() -> Result<Self> {
        peers::ensure(false)?;
        let found = peers::present()
            .into_iter()
            .find(|(variable, _)| *variable == "BELFRY_TEST_ALERTMANAGER");
        let Some((_, path)) = found else {
            bail!(
                "Alertmanager is missing; to get it: {}",
                peers::INSTALL_COMMAND
            );
        };
        Ok(Self {
            name: "Alertmanager",
            path,
            subcommand: None,
            durable: false,
        })
    }

    /// The optimised build of this workspace.
    pub(super) fn belfry() -> Self {
        Self {
            name: "Belfry",
            path: workspace::target().join("release/belfry"),
            subcommand: Some("alertmanager"),
            durable: true,
        }
    }

    /// Starts the program on a free port and waits until it listens; `redis` is the URL of the state it shares.
    pub(super) fn start(
        &self,
        config: &Path,
        storage: &Path,
        redis: Option<&str>,
    ) -> Result<Process> {
        let mut command = Command::new(&self.path);
        command
            .args(self.subcommand)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", storage.display()))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ]);
        command.env_remove("BELFRY_REDIS_URL");
        if let Some(url) = redis {
            command.env("BELFRY_REDIS_URL", url);
        }
        Process::start(command)
    }

    /// The first line of `--version`.
    pub(super) fn version(&self) -> String {
        version_of(&self.path)
    }
}

/// The first line a program says about its version.
pub(super) fn version_of(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| [output.stdout, output.stderr].concat());
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or("unknown version").to_owned()
}
