//! `cargo run -p sim -- --seeds 10000`: plays runs and prints what came of them; exit code 1 if a promise was broken.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sim::Run;
use sim::oracle::Verdict;
use sim::profile::Profile;
use state::coordinator::model::hole::Hole;
use tokio::time::Instant;

const USAGE: &str = "\
usage: cargo run -p sim -- [--seeds N] [--from N] [--profile NAME] [--seed N --trace]

--seeds N       runs of each profile (100)
--from N        the first seed (0)
--profile NAME  only this one
--seed N        one seed
--trace         print everything that happens
--jobs N        runs at a time (2)
--hole NAME     with this rule of the protocol broken";

/// What is asked for.
struct Asked {
    seeds: u64,
    from: u64,
    profiles: Vec<Profile>,
    is_traced: bool,
    jobs: u64,
    holes: Vec<Hole>,
}

/// A row of the table.
#[derive(Default)]
struct Row {
    messages: usize,
    repeats: usize,
    no_news: usize,
    false_resolved: usize,
    lost: usize,
    late: usize,
    failed: Vec<(u64, String)>,
}

impl Row {
    fn add(&mut self, seed: u64, verdict: Verdict) {
        self.messages += verdict.messages;
        self.repeats += verdict.repeats;
        self.no_news += verdict.no_news;
        self.false_resolved += verdict.false_resolved;
        self.lost += verdict.lost;
        self.late += verdict.late;
        if let Some(first) = verdict.violations.into_iter().next() {
            self.failed.push((seed, first));
        }
    }
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked {
        seeds: 100,
        from: 0,
        profiles: Profile::ALL.to_vec(),
        is_traced: false,
        jobs: 2,
        holes: Vec::new(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        let number = |text: String| {
            text.parse::<u64>()
                .map_err(|error| format!("`{text}`: {error}"))
        };
        match arg.as_str() {
            "--seeds" => asked.seeds = number(value()?)?,
            "--from" => asked.from = number(value()?)?,
            "--jobs" => asked.jobs = number(value()?)?.max(1),
            "--profile" => asked.profiles = vec![value()?.parse()?],
            "--seed" => (asked.from, asked.seeds) = (number(value()?)?, 1),
            "--hole" => asked.holes.push(hole(&value()?)?),
            "--trace" => asked.is_traced = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(asked)
}

fn hole(name: &str) -> Result<Hole, String> {
    let found = Hole::ALL
        .into_iter()
        .find(|hole| format!("{hole:?}") == name);
    found.ok_or_else(|| format!("no hole `{name}`; there are {:?}", Hole::ALL))
}

/// Plays every seed of a profile, some at a time.
fn play(asked: &Asked, profile: Profile) -> Row {
    let next = AtomicU64::new(asked.from);
    let row = Mutex::new(Row::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= asked.from + asked.seeds {
                return;
            }
            let run = Run {
                is_traced: asked.is_traced,
                holes: asked.holes.clone(),
                ..Run::new(profile, seed)
            };
            let verdict = run.play();
            let mut row = row.lock().unwrap_or_else(PoisonError::into_inner);
            row.add(seed, verdict);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..asked.jobs.min(asked.seeds) {
            scope.spawn(work);
        }
    });
    let mut row = row.into_inner().unwrap_or_else(PoisonError::into_inner);
    row.failed.sort();
    row
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    println!(
        "profile     seeds  messages  repeats  no news  false resolved  lost  late  failed  seconds"
    );
    let mut has_failed = false;
    for profile in &asked.profiles {
        let began = Instant::now();
        let row = play(&asked, *profile);
        let took: Duration = began.elapsed();
        println!(
            "{:10} {:>6} {:>9} {:>8} {:>8} {:>15} {:>5} {:>5} {:>7} {:>8.1}",
            profile.as_str(),
            asked.seeds,
            row.messages,
            row.repeats,
            row.no_news,
            row.false_resolved,
            row.lost,
            row.late,
            row.failed.len(),
            took.as_secs_f64()
        );
        for (seed, first) in row.failed.iter().take(10) {
            has_failed = true;
            println!(
                "  {first}\n    cargo run -p sim -- --profile {profile} --seed {seed} --trace"
            );
        }
    }
    ExitCode::from(u8::from(has_failed))
}
