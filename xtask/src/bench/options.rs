//! What `cargo xtask bench` can be asked for.

use anyhow::{Context, Result, bail};

/// The text of `bench --help`.
pub(super) const USAGE: &str = "\
usage: cargo xtask bench [OPTIONS]

  --alerts N          how many alerts (default 100000, in groups of 25; from 1000000 on, groups of 10)
  --only PART         belfry or peer: one program alone; redis: three instances on one Redis beside the peer;
                      templates: what rendering the default texts costs, in the process
  --rounds N          how often every alert is sent again (default 5)
  --connections N     connections that send at the same time (default 4)
  --silences N        silences made before the reads with silences (default 2000)
  --no-growth         leave out the smaller runs that show how cost grows
  --write             put the table into docs/PERFORMANCE.md
  --dev               use this build of the generator even if it is not optimised";

/// One run of the bench.
pub(super) struct Options {
    pub(super) alerts: usize,
    pub(super) rounds: usize,
    pub(super) connections: usize,
    pub(super) silences: usize,
    /// Whether Alertmanager runs, and whether Belfry does, each by itself.
    pub(super) peer: bool,
    pub(super) belfry: bool,
    /// Whether three instances on one Redis are measured beside one Alertmanager.
    pub(super) redis: bool,
    /// Whether the rendering of the default texts is measured.
    pub(super) templates: bool,
    pub(super) growth: bool,
    pub(super) write: bool,
    pub(super) dev: bool,
}

impl Options {
    /// Reads the arguments; `None` when help was asked for.
    pub(super) fn parse(args: &[String]) -> Result<Option<Self>> {
        let mut options = Self {
            alerts: 100_000,
            rounds: 5,
            connections: 4,
            silences: 2_000,
            peer: true,
            belfry: true,
            redis: true,
            templates: true,
            growth: true,
            write: false,
            dev: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--alerts" => options.alerts = number(arg, args.next(), 1_000, 10_000_000)?,
                "--rounds" => options.rounds = number(arg, args.next(), 1, 1_000)?,
                "--connections" => options.connections = number(arg, args.next(), 1, 64)?,
                "--silences" => options.silences = number(arg, args.next(), 1, 1_000_000)?,
                "--only" => {
                    let part = args.next().map(String::as_str).unwrap_or("nothing");
                    if !["belfry", "peer", "redis", "templates"].contains(&part) {
                        bail!("--only takes belfry, peer, redis or templates, not {part}");
                    }
                    options.belfry &= part == "belfry";
                    options.peer &= part == "peer";
                    options.redis &= part == "redis";
                    options.templates &= part == "templates";
                }
                "--no-growth" => options.growth = false,
                "--write" => options.write = true,
                "--dev" => options.dev = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown option {other:?}\n\n{USAGE}"),
            }
        }
        if !(options.peer || options.belfry || options.redis || options.templates) {
            bail!("--only can be given once");
        }
        Ok(Some(options))
    }
}

fn number(option: &str, text: Option<&String>, least: usize, most: usize) -> Result<usize> {
    let text = text.with_context(|| format!("{option} needs a number"))?;
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => bail!("{option} takes a number from {least} to {most}, not {text:?}"),
    }
}
