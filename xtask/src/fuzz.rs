//! `cargo xtask fuzz [--minutes N]`: texts, templates and data made at random for lexer, parser, escaper and executor of templates.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace;

const DEFAULT_MINUTES: u64 = 10;

/// Cases that each property is tried on in one round.
const CASES: &str = "20000";

/// A round takes half a minute or so; one that takes this long hangs.
const ROUND_MAX: Duration = Duration::from_secs(600);

/// Runs the properties of `gotmpl`, optimised and on one thread, round after round with other cases until the time is over.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let minutes = minutes(args)?;
    workspace::run(&mut workspace::cargo(properties(&["--no-run"])))?;
    let begin = Instant::now();
    let mut rounds = 0;
    while begin.elapsed() < Duration::from_secs(minutes * 60) {
        let mut cargo = workspace::cargo(properties(&["--", "--test-threads=1"]));
        let round = cargo.env("PROPTEST_CASES", CASES).spawn();
        wait(round.context("cannot start cargo")?)?;
        rounds += 1;
    }
    let seconds = begin.elapsed().as_secs();
    println!(
        "fuzz: {rounds} rounds of {CASES} cases for each property in {seconds} s, no panic and no hang"
    );
    Ok(())
}

fn minutes(args: &[String]) -> Result<u64> {
    match args {
        [] => Ok(DEFAULT_MINUTES),
        [flag, number] if flag == "--minutes" => {
            let number = number.parse();
            number.context("--minutes takes a number")
        }
        _ => bail!("usage: cargo xtask fuzz [--minutes N]"),
    }
}

fn properties<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec![
        "test",
        "--release",
        "--quiet",
        "-p",
        "gotmpl",
        "--lib",
        "properties",
    ];
    words.extend(rest);
    words
}

fn wait(mut round: Child) -> Result<()> {
    let begin = Instant::now();
    loop {
        match round.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("a property does not hold ({status}); its case is above"),
            None if ROUND_MAX < begin.elapsed() => {
                round.kill()?;
                bail!("a round did not end within {ROUND_MAX:?}");
            }
            None => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}
