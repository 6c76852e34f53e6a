//! `cargo xtask vectors [DIR]`: checks the vector files of a folder.

use anyhow::{Context, Result};

use crate::workspace;

/// Launches the vector checker; a relative folder is meant from where the command was typed.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut cargo = workspace::cargo(["run", "--quiet", "-p", "vectors", "--"]);
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    cargo.args(args.iter().map(|dir| here.join(dir)));
    workspace::run(&mut cargo)
}
