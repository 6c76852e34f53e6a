//! How long each hostile template of the corpus takes under the limits for tenants, the longest first:
//! `cargo run --release -p notify --example hostile_cost`. What a tenant writes has 50 ms.

#[path = "../../gotmpl/tests/hostile/corpus.rs"]
mod corpus;
#[path = "../../gotmpl/tests/recorded/dataset.rs"]
mod dataset;

use std::time::{Duration, Instant};

use gotmpl::Limits;

/// What one execution may take.
const GOAL: Duration = Duration::from_millis(50);

/// Each is done so often; the quickest counts, since whatever else the machine does only adds.
const ROUNDS: usize = 7;

/// How many are shown.
const SHOWN: usize = 20;

fn main() {
    let mut times: Vec<(Duration, String)> = Vec::new();
    for (name, text) in corpus::templates() {
        for engine in corpus::ENGINES {
            let rounds = (0..ROUNDS).map(|_| {
                let begin = Instant::now();
                let (_, error) = corpus::render(&text, engine, &Limits::TENANT);
                (begin.elapsed(), error)
            });
            let (time, error) = rounds.min().unwrap_or_default();
            let error = error.as_deref().unwrap_or("done");
            let end = error.rsplit(": ").next().unwrap_or(error);
            let end = &end[..end.floor_char_boundary(60)];
            times.push((time, format!("{name} | {engine:?} | {end}")));
        }
    }
    times.sort_unstable_by(|one, other| other.cmp(one));
    println!("| template | engine | how it ends | time |\n|---|---|---|---:|");
    for (time, name) in times.iter().take(SHOWN) {
        println!("| {name} | {:.1} ms |", time.as_secs_f64() * 1e3);
    }
    let over = times.iter().filter(|(time, _)| GOAL < *time).count();
    println!("\n{over} of {} take longer than {GOAL:?}.", times.len());
}
