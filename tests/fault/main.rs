//! The fault matrix (spec: faults and security, §2) as black-box tests: real processes, a real redis-server, faults under
//! load, and an oracle that knows only what senders stated and what receivers got.
//!
//! `cargo test --test fault` runs a quick subset. `cargo xtask faults [ROW…] [--full]` runs rows by name; it sets
//! `BELFRY_FAULT_ROWS` (names, or `all`), `BELFRY_FAULT_FULL=1`, `BELFRY_FAULT_JOBS`, `BELFRY_FAULT_TABLE` (where the table
//! goes) and `BELFRY_TEST_BELFRY` (a build with failpoints). `BELFRY_FAULT_SEED` repeats a run's choices; moments depend
//! on the machine.

mod chaos;
mod chronicle;
mod cluster;
mod feeder;
mod oracle;
mod redis;
mod row;
mod rows;
mod scene;
mod sink;
mod subset;
mod tenant;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::row::{HEAD, Row, Verdict};

/// Rows that run at the same time: they mostly wait.
const JOBS: usize = 2;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str) -> Option<u64> {
    let text = variable(name)?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn seed() -> u64 {
    let by_clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    number("BELFRY_FAULT_SEED").unwrap_or_else(by_clock)
}

/// Whether what a row needs is there; says that it is skipped otherwise.
fn can_run(row: &Row) -> bool {
    if row.home.is_shared() && redis_harness::is_missing(row.id) {
        return false;
    }
    if row.needs_failpoints && variable("BELFRY_TEST_BELFRY").is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {}: no build with failpoints (cargo xtask faults {})",
            row.id,
            row.id
        );
        return false;
    }
    true
}

/// Rows that `cargo xtask faults` asks for.
#[test]
fn the_rows_asked_for_hold() {
    let Some(asked) = variable("BELFRY_FAULT_ROWS") else {
        return;
    };
    if asked == "all" {
        return played(&rows::all());
    }
    let found: Result<Vec<Row>, String> = asked.split(',').map(rows::named).collect();
    match found {
        Ok(rows) => played(&rows),
        Err(error) => panic!("{error}"),
    }
}

/// Plays the rows, prints the table, and fails with the story of each that failed.
fn played(rows: &[Row]) {
    let seed = seed();
    let jobs = number("BELFRY_FAULT_JOBS").and_then(|jobs| usize::try_from(jobs).ok());
    let jobs = jobs.unwrap_or(JOBS);
    harness::server::binary();
    let next = AtomicUsize::new(0);
    let verdicts: Mutex<Vec<Verdict>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = play(row, seed);
                    let mut all = verdicts.lock().expect("no job panics with it");
                    all.extend(verdict);
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().expect("no job panicked with it");
    verdicts.sort_by_key(|verdict| verdict.id);
    let lines: Vec<String> = verdicts.iter().map(Verdict::markdown).collect();
    let table = format!("{HEAD}\n{}\n", lines.join("\n"));
    if let Some(path) = variable("BELFRY_FAULT_TABLE") {
        std::fs::write(&path, &table).expect("the table is written");
    }
    say(&table);
    let failed = verdicts.iter().filter(|verdict| !verdict.has_passed());
    let failed: Vec<String> = failed.map(Verdict::failure).collect();
    assert!(
        failed.is_empty(),
        "{} of {} rows fail (seed {seed}):\n{}",
        failed.len(),
        verdicts.len(),
        failed.join("\n")
    );
}

/// Plays a row and prints its line; nothing when what it needs is missing.
fn play(row: &Row, seed: u64) -> Option<Verdict> {
    if !can_run(row) {
        return None;
    }
    let verdict = scene::run(row, variable("BELFRY_FAULT_FULL").is_some(), seed);
    say(&verdict.markdown());
    Some(verdict)
}

/// Written past the test runner's capture: a run takes minutes and people watch.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
