//! `cargo xtask bench`: Belfry and Alertmanager side by side on this machine.

mod http;
mod load;
mod machine;
mod measure;
mod options;
mod process;
mod program;
mod report;
mod sink;
#[cfg(test)]
mod tests;

use std::fs;

use anyhow::{Context, Result};

use crate::workspace;
use options::Options;
use program::Program;
use report::Report;

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
    let mut programs = Vec::new();
    if options.peer {
        programs.push(Program::peer()?);
    }
    if options.belfry {
        workspace::run(&mut workspace::cargo([
            "build",
            "--release",
            "-p",
            "belfry",
        ]))?;
        programs.push(Program::belfry());
    }
    let folder = workspace::root().join("target/bench");
    // Left over from a run that was interrupted; a missing folder is fine.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    let mut report = Report::new(&options);
    for program in &programs {
        eprintln!("bench: {} with {} alerts", program.name, options.alerts);
        let figures = measure::measure(program, &options, options.alerts, &folder)
            .with_context(|| format!("measuring {}", program.name))?;
        report.versions.push((program.name, program.version()));
        report.measured(program.name, figures);
    }
    if options.belfry && options.growth {
        let program = Program::belfry();
        for alerts in GROWTH.into_iter().filter(|alerts| *alerts < options.alerts) {
            eprintln!("bench: growth, {} with {alerts} alerts", program.name);
            report.grown(measure::measure(&program, &options, alerts, &folder)?);
        }
    }
    let table = report.markdown();
    println!("{table}");
    if options.write {
        report::write(&workspace::root().join("docs/PERFORMANCE.md"), &table)?;
    }
    fs::remove_dir_all(&folder).context("cannot remove the bench's data")
}
