//! `cargo xtask crash [N]`: the crash test with many rounds.

use anyhow::{Context, Result};

use crate::workspace;

const DEFAULT_ROUNDS: u32 = 500;

/// Runs the crash test with the given number of rounds and shows its output.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let rounds = match args.first() {
        Some(text) => text
            .parse::<u32>()
            .with_context(|| format!("{text:?} is no number of rounds"))?,
        None => DEFAULT_ROUNDS,
    };
    workspace::run(
        workspace::cargo([
            "test",
            "-p",
            "tests",
            "--test",
            "crash",
            "--",
            "--nocapture",
        ])
        .env("BELFRY_CRASH_ROUNDS", rounds.to_string()),
    )
}
