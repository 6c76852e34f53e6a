//! Automation for developers and CI: `cargo xtask COMMAND`.

mod bench;
mod compare;
mod crash;
mod faults;
mod fuzz;
mod peers;
mod test;
mod vectors;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--install]       run every test; fetches the peers they need as root or with --install
  peers [--install]      fetch Prometheus, Alertmanager, amtool, Redis and nginx into target/peers
  vectors [DIR]          check every vector file of a folder (default: tests/vectors)
  crash [N]              kill -9 the server N times under load (default 500) and check what survived
  faults [ROW…] [OPTIONS]  run rows of the fault matrix; `faults --help` lists the options
  fuzz [--minutes N]     templates made at random (default 10 minutes)
  compare [OPTIONS]      three instances beside a cluster of three Alertmanagers under the same faults; `--help` likewise
  bench [OPTIONS]        measure side by side with Alertmanager; `bench --help` lists the options";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let done = match args.first().map(String::as_str) {
        Some("test") => test::run(rest),
        Some("peers") => peers::run(rest),
        Some("vectors") => vectors::run(rest),
        Some("crash") => crash::run(rest),
        Some("faults") => faults::run(rest),
        Some("fuzz") => fuzz::run(rest),
        Some("bench") => bench::run(rest),
        Some("compare") => compare::run(rest),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
