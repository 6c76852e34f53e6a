//! `cargo xtask test [--install]`: every test of the workspace, with the peers they need.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::{peers, workspace};

#[cfg(test)]
mod tests;

/// What the closing lines of the runners add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Skipped by their own word, which the runner counts as passed.
    excused: u64,
}

/// Gets the peers, runs every test and the documentation's examples, and prints one closing line.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let install = workspace::install_flag(args)?;
    let missing = peers::ensure(install)?;
    if !missing.is_empty() {
        println!("tests that need these are skipped: {}", missing.join(", "));
        println!("to run them too: cargo xtask test --install");
    }
    // A passing test's output, and so the name of a skipped one, is seen only under cargo's own runner.
    let nextest = missing.is_empty() && has_nextest();
    let main: &[&str] = if nextest {
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--all-targets", "--no-fail-fast"]
    };
    let mut tally = Tally::default();
    let examples = &["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"];
    let examples = step(examples, install, &mut tally);
    let tests = step(main, install, &mut tally);
    println!("{}", tally.closing_line());
    examples.and(tests)?;
    if tally.passed <= tally.excused {
        bail!("no test ran");
    }
    Ok(())
}

fn has_nextest() -> bool {
    workspace::cargo(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs one cargo command, passing its output on line by line while counting.
fn step(args: &[&str], install: bool, tally: &mut Tally) -> Result<()> {
    let mut command = workspace::cargo(args);
    command.envs(peers::present());
    if install {
        command.env("BELFRY_REQUIRE_PEERS", "1");
    }
    run_counted(&mut command, tally)
}

fn run_counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", workspace::spelled(command)))?;
    let out = child.stdout.take().context("the child's output is piped")?;
    let err = child
        .stderr
        .take()
        .context("the child's errors are piped")?;
    let shared = Mutex::new(tally);
    thread::scope(|scope| {
        scope.spawn(|| pass_on(out, std::io::stdout(), &shared));
        pass_on(err, std::io::stderr(), &shared);
    });
    let status = child.wait().context("cannot wait for the child")?;
    if !status.success() {
        bail!("{} ended with {status}", workspace::spelled(command));
    }
    Ok(())
}

fn pass_on(from: impl Read, mut to: impl Write, tally: &Mutex<&mut Tally>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        // A closed terminal must not stop the tests from being counted.
        let _ = writeln!(to, "{text}");
        if let Ok(mut tally) = tally.lock() {
            tally.read(&text);
        }
    }
}

impl Tally {
    fn closing_line(&self) -> String {
        let passed = self.passed.saturating_sub(self.excused);
        let skipped = self.skipped + self.excused;
        format!(
            "tests: {passed} passed, {} failed, {skipped} skipped",
            self.failed
        )
    }

    /// Adds a runner's closing line, or a test's word that it was skipped; other lines count nothing.
    fn read(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with("skipped: ") {
            self.excused += 1;
            return;
        }
        let counts = if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ").map(|(_, counts)| counts)
        } else if line.starts_with("Summary [") {
            line.split_once(" run: ").map(|(_, counts)| counts)
        } else {
            None
        };
        for part in counts.unwrap_or_default().split([',', ';']) {
            let mut words = part.split_whitespace();
            let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next())
            else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" | "timed" => self.failed += count,
                "ignored" | "skipped" => self.skipped += count,
                _ => {}
            }
        }
    }
}
