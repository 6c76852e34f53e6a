//! `cargo xtask compare`: three instances of Belfry beside a cluster of three Alertmanagers, under the same faults.

use anyhow::{Result, bail};

use crate::{peers, workspace};

/// Builds the program, gets the peers and runs the comparison, which understands the arguments.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let missing = peers::ensure(false)?;
    if !missing.is_empty() {
        bail!(
            "missing: {}; to get them: {}",
            missing.join(", "),
            peers::INSTALL_COMMAND
        );
    }
    workspace::run(&mut workspace::cargo([
        "build",
        "--release",
        "-p",
        "belfry",
    ]))?;
    let mut cargo = workspace::cargo([
        "run",
        "--quiet",
        "-p",
        "tests",
        "--example",
        "compare",
        "--",
    ]);
    cargo.args(args).envs(peers::present()).env(
        "BELFRY_TEST_BELFRY",
        workspace::target().join("release/belfry"),
    );
    workspace::run(&mut cargo)
}
