//! `cargo xtask faults [ROW…]`: rows of the fault matrix against a build with failpoints.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace;

const USAGE: &str = "\
usage: cargo xtask faults [ROW…] [OPTIONS]

  ROW         F01, F02, …; all of the first tier when none is named
  --full      the whole load and duration of the matrix instead of a quick run
  --jobs N    rows at a time (default 2; 1 with --full)
  --seed N    repeat the choices of a run
  --release   an optimised build of Belfry
  --write     put the table into docs/RELIABILITY.md";

const BEGIN: &str = "<!-- written by cargo xtask faults --write -->";
const END: &str = "<!-- end of what cargo xtask faults writes -->";

#[derive(Default)]
struct Options {
    rows: Vec<String>,
    full: bool,
    jobs: Option<u32>,
    seed: Option<u64>,
    release: bool,
    write: bool,
}

impl Options {
    /// Reads the arguments; `None` when help was asked for.
    fn parse(args: &[String]) -> Result<Option<Self>> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || {
                let text = args
                    .next()
                    .with_context(|| format!("{arg} needs a number"))?;
                let number: u64 = text
                    .parse()
                    .with_context(|| format!("{arg} takes a number, not {text:?}"))?;
                anyhow::Ok(number)
            };
            match arg.as_str() {
                "--full" => options.full = true,
                "--jobs" => options.jobs = Some(u32::try_from(number()?)?),
                "--seed" => options.seed = Some(number()?),
                "--release" => options.release = true,
                "--write" => options.write = true,
                "--help" | "-h" => return Ok(None),
                row if row.starts_with('F') => options.rows.push(row.to_owned()),
                other => bail!("unknown option {other:?}\n\n{USAGE}"),
            }
        }
        Ok(Some(options))
    }
}

/// Builds Belfry with failpoints once, runs the rows, and prints the table.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let Some(options) = Options::parse(args)? else {
        println!("{USAGE}");
        return Ok(());
    };
    let target = workspace::root().join("target");
    let folder = target.join("faults");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut build = workspace::cargo(["build", "-p", "belfry", "--features", "failpoints"]);
    build.arg("--target-dir").arg(&target);
    if options.release {
        build.arg("--release");
    }
    workspace::run(&mut build)?;
    let profile = if options.release { "release" } else { "debug" };
    // A copy: the next ordinary build puts its own program into that place. Another run may be using the one there is.
    let binary = folder.join("belfry");
    let copied = folder.join(format!("belfry.{}", std::process::id()));
    fs::copy(target.join(profile).join("belfry"), &copied)
        .and_then(|_| fs::rename(&copied, &binary))
        .context("cannot copy the program")?;
    let table = folder.join("table.md");
    let _ = fs::remove_file(&table);
    let rows = match options.rows.is_empty() {
        true => "all".to_owned(),
        false => options.rows.join(","),
    };
    let jobs = options.jobs.unwrap_or(if options.full { 1 } else { 2 });
    let mut tests = workspace::cargo(["test", "--quiet", "-p", "tests", "--test", "fault", "--"]);
    tests
        .args(["--exact", "the_rows_asked_for_hold", "--nocapture"])
        .env("BELFRY_TEST_BELFRY", &binary)
        .env("BELFRY_FAULT_ROWS", rows)
        .env("BELFRY_FAULT_JOBS", jobs.to_string())
        .env("BELFRY_FAULT_TABLE", &table);
    if options.full {
        tests.env("BELFRY_FAULT_FULL", "1");
    }
    if let Some(seed) = options.seed {
        tests.env("BELFRY_FAULT_SEED", seed.to_string());
    }
    let outcome = workspace::run(&mut tests);
    if options.write {
        let text = fs::read_to_string(&table).context("the run made no table")?;
        let kind = if options.full { "full" } else { "quick" };
        let text = format!("A {kind} run, {profile} build, {jobs} rows at a time.\n\n{text}");
        write(&workspace::root().join("docs/RELIABILITY.md"), &text)?;
    }
    outcome
}

/// Puts the table between its marks and leaves the words around it.
fn write(path: &Path, table: &str) -> Result<()> {
    let shown = path.display();
    let old = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let (before, rest) = old
        .split_once(BEGIN)
        .with_context(|| format!("{shown} has no line {BEGIN}"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{shown} has no line {END}"))?;
    let new = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
    fs::write(path, new).with_context(|| format!("cannot write {shown}"))
}
