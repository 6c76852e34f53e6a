//! `cargo xtask compare`: three instances of Belfry that share a Redis beside a cluster of three Alertmanagers, under the same
//! load and the same faults, and what came of every event. README of xtask, "Compare".

mod cluster;
mod fault;
mod feeder;
mod ground;
mod oracle;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use cluster::{Cluster, Kind, Programs};
use fault::{FAULTS, Fault};
use feeder::{Feeder, Schedule};
use harness::peer::{ALERTMANAGER, NGINX, REDIS_SERVER};
use oracle::Verdict;
use report::Row;

const USAGE: &str = "\
usage: cargo xtask compare [OPTIONS]

  --only NAME   run one fault (may be repeated)
  --seed N      another load (default 1)
  --write       put the table into docs/RELIABILITY.md";

/// What was asked for.
struct Options {
    only: Vec<String>,
    seed: u64,
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        only: Vec::new(),
        seed: 1,
        report: None,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => options.only.extend(args.next()),
            "--seed" => {
                let seed = args.next().and_then(|text| text.parse().ok());
                options.seed = seed.ok_or("--seed takes a number")?;
            }
            "--write" => options.report = Some(report::place()),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let unknown = |name: &&String| FAULTS.iter().all(|fault| fault.name != name.as_str());
    match options.only.iter().find(unknown) {
        Some(name) => Err(format!("there is no fault {name:?}; {}", names())),
        None => Ok(options),
    }
}

fn names() -> String {
    let names: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
    format!("faults: {}", names.join(", "))
}

fn run(options: &Options) -> Result<(), String> {
    let found = |peer: harness::peer::Peer| {
        peer.find("compare")
            .ok_or("run `cargo xtask peers --install` first")
    };
    let programs = Programs {
        belfry: harness::server::binary().to_owned(),
        alertmanager: found(ALERTMANAGER)?,
        redis: found(REDIS_SERVER)?,
        nginx: found(NGINX)?,
    };
    let mut rows = Vec::new();
    for fault in FAULTS {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == fault.name) {
            continue;
        }
        eprintln!("compare: {}: {}", fault.name, fault.what);
        let ours = || side(Kind::Belfry, fault, &programs, options.seed);
        let theirs = || side(Kind::Alertmanager, fault, &programs, options.seed);
        // Both at the same time: what disturbs the machine disturbs both.
        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(theirs);
            (
                ours(),
                theirs.join().unwrap_or(Err("it panicked".to_owned())),
            )
        });
        let row = Row {
            fault,
            ours: ours?,
            theirs: theirs?,
        };
        eprintln!("{}", row.lines());
        rows.push(row);
    }
    let text = report::markdown(&rows, &programs, options.seed);
    println!("{text}");
    match &options.report {
        Some(path) => report::write(path, &text),
        None => Ok(()),
    }
}

/// Runs one system under one fault; `None` when the fault cannot be had here.
fn side(
    kind: Kind,
    fault: &'static Fault,
    programs: &Programs,
    seed: u64,
) -> Result<Option<Verdict>, String> {
    if !fault.applies(kind) {
        return Ok(None);
    }
    let mut cluster = Cluster::start(kind, programs);
    if fault.needs_network && !cluster.can_cut() {
        return Ok(None);
    }
    thread::sleep(cluster::SETTLE);
    let schedule = Schedule::seeded(seed);
    let feeder = Feeder::start(&schedule, &cluster.doors());
    (fault.happens)(&mut cluster, feeder.began());
    feeder.wait(schedule.ends() + QUIET);
    let events = feeder.stop();
    let verdict = oracle::judge(&events, &cluster.sink.told());
    for line in verdict.details.iter().take(12) {
        eprintln!("  {}: {}: {line}", kind.name(), fault.name);
    }
    Ok(Some(verdict))
}

/// After the last change, until the count: whatever is owed has had its ticks by then.
const QUIET: Duration = Duration::from_secs(30);
