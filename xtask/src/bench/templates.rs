//! What parsing and rendering the default texts cost.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::machine;
use crate::workspace;

/// Runs the example that measures, optimised, and gives its tables.
pub(super) fn measure() -> Result<String> {
    eprintln!("bench: rendering of templates");
    let mut cargo = workspace::cargo([
        "run",
        "--release",
        "--quiet",
        "-p",
        "notify",
        "--example",
        "render_cost",
    ]);
    let done = cargo.stderr(Stdio::inherit()).output();
    let done = done.context("cannot start cargo")?;
    if !done.status.success() {
        bail!("{} ended with {}", workspace::spelled(&cargo), done.status);
    }
    let tables = String::from_utf8(done.stdout).context("the tables are no text")?;
    Ok(format!("Machine: {}.\n\n{tables}", machine::describe()))
}
