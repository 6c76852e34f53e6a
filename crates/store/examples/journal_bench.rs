//! What the journal costs: CPU and time per alert, and how fast a million of them come back.
//!
//! `cargo run -p store --example journal_bench --release [-- ALERTS]`; ALERTS (default 100,000) come in batches of 100
//! from 8 tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::label::Interner;
use runtime::clock::SystemClock;
use runtime::metrics::{Format, Metrics, Sample};
use store::conformance::alert_record;
use store::{Durability, Options, Record, Store, StoreError};

const TASKS: u64 = 8;
const BATCH: u64 = 100;

/// CPU time of this process so far, all threads, in microseconds.
fn cpu_us() -> f64 {
    // 100 ticks a second are too coarse for single calls but fine for a run of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse().ok())
        .collect();
    fields.iter().sum::<f64>() * 10_000.0
}

async fn run(alerts: u64, durability: Durability) -> Result<(), StoreError> {
    let path = std::env::temp_dir().join(format!("belfry-journal-bench-{}", std::process::id()));
    let url = format!("sqlite://{}/journal.db", path.display());
    let options = Options {
        durability,
        ..Options::default()
    };
    let metrics = Metrics::default();
    let store = Store::open(
        &url,
        &options,
        SystemClock::shared(),
        metrics.journal.clone(),
    )
    .await?;
    // The records exist before the clock runs, as the engine's do.
    let mut batches: Vec<Vec<Vec<Record>>> = Vec::new();
    for task in 0..TASKS {
        let first = task * alerts / TASKS;
        let last = (task + 1) * alerts / TASKS;
        let starts = (first..last).step_by(100);
        batches.push(
            starts
                .map(|from| (from..last.min(from + BATCH)).map(alert_record).collect())
                .collect(),
        );
    }
    let (started, cpu) = (Instant::now(), cpu_us());
    let mut tasks = tokio::task::JoinSet::new();
    for batches in batches {
        let journal = Arc::clone(&store.journal);
        tasks.spawn(async move {
            let mut slowest = Duration::ZERO;
            for batch in batches {
                let asked = Instant::now();
                journal.append(batch).await?;
                slowest = slowest.max(asked.elapsed());
            }
            Ok::<_, StoreError>(slowest)
        });
    }
    let mut slowest = Duration::ZERO;
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(answer) => slowest = slowest.max(answer?),
            Err(error) => eprintln!("a task failed: {error}"),
        }
    }
    let (took, used) = (started.elapsed(), cpu_us() - cpu);
    let count = f64::from(u32::try_from(alerts).unwrap_or(u32::MAX));
    println!(
        "{durability:?}: {alerts} alerts, {:.0} alerts/s, {:.2} us CPU per alert, slowest append {slowest:?}",
        count / took.as_secs_f64(),
        used / count
    );
    for line in metrics
        .render(&Sample::default(), Format::Prometheus)
        .lines()
    {
        if line.starts_with("belfry_journal") && !line.contains("_bucket") {
            println!("  {line}");
        }
    }
    store.close().await;
    replay(&url, &options, count).await?;
    if let Err(error) = std::fs::remove_dir_all(&path) {
        eprintln!("{} is left: {error}", path.display());
    }
    Ok(())
}

async fn replay(url: &str, options: &Options, count: f64) -> Result<(), StoreError> {
    let store = Store::open(
        url,
        options,
        SystemClock::shared(),
        Metrics::default().journal,
    )
    .await?;
    let interner = Interner::default();
    let mut kept = Vec::new();
    let (started, cpu) = (Instant::now(), cpu_us());
    let replayed = store
        .journal
        .replay(&interner, &mut |record| kept.push(record))
        .await?;
    println!(
        "  replay: {} records in {:?}, {:.2} us CPU per record",
        replayed.records,
        started.elapsed(),
        (cpu_us() - cpu) / count
    );
    store.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    let alerts = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    run(alerts, Durability::Full).await?;
    run(alerts, Durability::Process).await
}
