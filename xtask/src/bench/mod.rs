//! `cargo xtask bench`: Belfry and Alertmanager side by side on this machine.

mod http;
mod load;
mod machine;
mod measure;
mod options;
mod process;
mod program;
mod report;
mod shared;
mod sink;
mod table;
mod templates;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{peers, workspace};
use options::Options;
use program::Program;
use report::{Marks, Report};

/// Sizes at which the growth of Belfry's cost is measured, besides the main one.
const GROWTH: [usize; 2] = [1_000, 10_000];

/// Measures what was asked for and prints a table; `--write` also puts it into docs/PERFORMANCE.md.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let Some(options) = Options::parse(args)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    if cfg!(debug_assertions) && !options.dev {
        // The generator shares the machine's cores with what it measures, so it has to be cheap.
        let mut cargo =
            workspace::cargo(["run", "--release", "--quiet", "-p", "xtask", "--", "bench"]);
        return workspace::run(cargo.args(args));
    }
    let peer = (options.peer || options.redis).then(Program::peer);
    let peer = peer.transpose()?;
    if options.belfry || options.redis {
        workspace::run(&mut workspace::cargo([
            "build",
            "--release",
            "-p",
            "belfry",
        ]))?;
    }
    let folder = workspace::root().join("target/bench");
    // Left over from a run that was interrupted; a missing folder is fine.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if options.peer || options.belfry {
        single(peer.as_ref().filter(|_| options.peer), &options, &folder)?;
    }
    if options.redis {
        share(peer.as_ref(), &options, &folder)?;
    }
    if options.templates {
        hand_over(&options, &report::TEMPLATES, &templates::measure()?)?;
    }
    fs::remove_dir_all(&folder).context("cannot remove the bench's data")
}

/// Each program by itself.
fn single(peer: Option<&Program>, options: &Options, folder: &Path) -> Result<()> {
    let belfry = options.belfry.then(Program::belfry);
    let mut report = Report::new(options);
    for program in peer.into_iter().chain(&belfry) {
        eprintln!("bench: {} with {} alerts", program.name, options.alerts);
        let figures = measure::measure(program, options, options.alerts, folder)
            .with_context(|| format!("measuring {}", program.name))?;
        report.versions.push((program.name, program.version()));
        report.measured(program.name, figures);
    }
    if let Some(program) = belfry.filter(|_| options.growth) {
        for alerts in GROWTH.into_iter().filter(|alerts| *alerts < options.alerts) {
            eprintln!("bench: growth, {} with {alerts} alerts", program.name);
            report.grown(measure::measure(&program, options, alerts, folder)?);
        }
    }
    hand_over(options, &report::SINGLE, &report.markdown())
}

/// Three instances on one Redis beside one Alertmanager.
fn share(peer: Option<&Program>, options: &Options, folder: &Path) -> Result<()> {
    let Some(redis) = shared::redis_program() else {
        bail!(
            "redis-server is missing; to get it: {}",
            peers::INSTALL_COMMAND
        );
    };
    let mut versions = Vec::new();
    let mut beside = None;
    if let Some(peer) = peer {
        eprintln!("bench: one {}", peer.name);
        beside = Some(shared::measure_peer(peer, options, folder)?);
        versions.push((peer.name, peer.version()));
    }
    let belfry = Program::belfry();
    eprintln!("bench: three instances of {} on one Redis", belfry.name);
    let figures = shared::measure_belfry(&belfry, &redis, options, folder)?;
    versions.push((belfry.name, belfry.version()));
    versions.push(("Redis", program::version_of(&redis)));
    let table = shared::markdown(&versions, options.connections, beside.as_ref(), &figures);
    hand_over(options, &report::SHARED, &table)
}

/// Prints a report; `--write` also puts it into docs/PERFORMANCE.md.
fn hand_over(options: &Options, marks: &Marks, table: &str) -> Result<()> {
    println!("{table}");
    if options.write {
        let path = workspace::root().join("docs/PERFORMANCE.md");
        report::write(&path, marks, table)?;
    }
    Ok(())
}
