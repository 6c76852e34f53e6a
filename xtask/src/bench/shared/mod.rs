//! Three instances on one Redis, alerts spread by a balancer, beside one Alertmanager.

mod late;
mod report;
mod server;
#[cfg(test)]
mod tests;
mod traffic;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::http::Client;
use super::load::Fleet;
use super::machine;
use super::measure::{LASTS, MOVED, count_alerts, exact, step};
use super::options::Options;
use super::process::Process;
use super::program::Program;
use super::sink::Sink;
use late::{Lateness, WAIT, Wave};
use server::RedisServer;
use traffic::{Counters, Traffic};

pub(super) use report::markdown;

/// How many instances share one Redis.
const INSTANCES: usize = 3;
/// Most alerts of this part of the bench.
const ALERTS_MAX: usize = 20_000;
/// Rounds of re-sending in which every alert has to be written again, and waves of groups that are due.
const WRITTEN_ROUNDS: usize = 3;
const WAVES: usize = 3;
const IDLE: Duration = Duration::from_secs(10);
const GETS: usize = 1_000;
/// What of half a second an idle site may use: three instances poll Redis every second.
const IDLE_CPU: Duration = Duration::from_millis(30);
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// What is measured: one program, or several that share a Redis.
struct Site {
    processes: Vec<Process>,
    redis: Option<RedisServer>,
}

/// Cost and speed of one way of posting.
#[derive(Debug, Clone, Copy, Default)]
struct Posting {
    rate: f64,
    /// CPU seconds per alert, and Redis's part of them.
    cpu: f64,
    redis_cpu: f64,
    traffic: Traffic,
}

/// What a site needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    alerts: usize,
    groups: usize,
    new: Posting,
    /// Ends moved by so little that what is recorded still covers them.
    covered: Posting,
    /// Ends moved by more than a quarter of the alert's span.
    written: Posting,
    at_once: Lateness,
    spread: Lateness,
    resident: f64,
    idle: Traffic,
    flush: Traffic,
    get: Traffic,
    redis_bytes: f64,
    feed_bytes: f64,
}

/// The Redis program, if this part of the bench can run.
pub(super) fn redis_program() -> Option<PathBuf> {
    RedisServer::program()
}

/// Measures one Alertmanager.
pub(super) fn measure_peer(peer: &Program, options: &Options, folder: &Path) -> Result<Figures> {
    let sink = Sink::start()?;
    let config = write_config(folder, &sink)?;
    let site = Site {
        processes: vec![peer.start(&config, &storage(folder, "peer")?, None)?],
        redis: None,
    };
    measure(&site, &sink, options)
}

/// Measures three instances on one Redis.
pub(super) fn measure_belfry(
    belfry: &Program,
    redis: &Path,
    options: &Options,
    folder: &Path,
) -> Result<Figures> {
    let sink = Sink::start()?;
    let config = write_config(folder, &sink)?;
    let redis = RedisServer::start(redis, &folder.join("redis"))?;
    let mut processes = Vec::new();
    for number in 0..INSTANCES {
        let storage = storage(folder, &format!("instance-{number}"))?;
        processes.push(belfry.start(&config, &storage, Some(&redis.url()))?);
    }
    let site = Site {
        processes,
        redis: Some(redis),
    };
    measure(&site, &sink, options)
}

fn measure(site: &Site, sink: &Sink, options: &Options) -> Result<Figures> {
    let fleet = Fleet {
        alerts: options.alerts.min(ALERTS_MAX),
        starts: machine::now(),
    };
    let mut figures = Figures {
        alerts: fleet.alerts,
        groups: fleet.groups(),
        ..Figures::default()
    };
    site.settle()?;
    let empty_bytes = site.used_memory()?;
    figures.idle = site.idle()?;

    let idle = figures.idle;
    let ends = fleet.starts + LASTS;
    let post = |rounds: &[u64]| site.post(fleet, options.connections, rounds, idle);
    figures.new = post(&[ends])?;
    figures.redis_bytes = (site.used_memory()? - empty_bytes) / fleet.alerts as f64;
    figures.feed_bytes = site.feed_memory()? / fleet.alerts as f64;
    let rounds = 1..=options.rounds as u64;
    figures.covered = post(&rounds.map(|n| ends + n * MOVED).collect::<Vec<_>>())?;
    let rounds = 1..=WRITTEN_ROUNDS as u64;
    figures.written = post(&rounds.map(|n| ends + n * LASTS).collect::<Vec<_>>())?;
    site.check_listed(fleet.alerts)?;
    figures.resident = site.resident()?;
    figures.get = site.gets(fleet, idle)?;
    if sink.received() > 0 {
        bail!("messages were sent before any was due");
    }
    let (at_once, flush) = site.waves(&late::AT_ONCE, sink, idle)?;
    (figures.at_once, figures.flush) = (at_once, flush);
    (figures.spread, _) = site.waves(&late::SPREAD, sink, idle)?;
    Ok(figures)
}

/// Routes whose groups are never due during the bench, but for those whose lateness is measured.
fn write_config(folder: &Path, sink: &Sink) -> Result<PathBuf> {
    let config = folder.join("shared.yml");
    let text = format!(
        "route:\n  receiver: sink\n  group_by: [alertname, cluster, job]\n  group_wait: 10h\n  group_interval: 10h\n  \
         repeat_interval: 24h\n  routes:\n    - matchers: ['bench=\"late\"']\n      group_by: [instance]\n      group_wait: {}s\n\
         receivers:\n  - name: sink\n    webhook_configs:\n      - url: http://{}/\n",
        WAIT.as_secs(),
        sink.address
    );
    fs::write(&config, text).context("cannot write the configuration")?;
    Ok(config)
}

fn storage(folder: &Path, name: &str) -> Result<PathBuf> {
    let storage = folder.join(format!("shared-{name}"));
    fs::create_dir_all(&storage).with_context(|| format!("cannot make {}", storage.display()))?;
    Ok(storage)
}

impl Site {
    fn addresses(&self) -> Vec<SocketAddr> {
        self.processes.iter().map(|p| p.address).collect()
    }

    fn redis_cpu(&self) -> Result<Duration> {
        self.redis.as_ref().map_or(Ok(Duration::ZERO), |r| r.cpu())
    }

    fn cpu(&self) -> Result<Duration> {
        let mut sum = self.redis_cpu()?;
        for process in &self.processes {
            sum += process.cpu()?;
        }
        Ok(sum)
    }

    fn resident(&self) -> Result<f64> {
        let mut sum = self.redis.as_ref().map_or(Ok(0.0), |r| r.resident())?;
        for process in &self.processes {
            sum += process.resident()?;
        }
        Ok(sum)
    }

    /// Waits until everything in the background is done.
    fn settle(&self) -> Result<()> {
        let started = Instant::now();
        let mut before = self.cpu()?;
        while started.elapsed() < SETTLE_LIMIT {
            thread::sleep(Duration::from_millis(500));
            let after = self.cpu()?;
            if after.saturating_sub(before) <= IDLE_CPU {
                break;
            }
            before = after;
        }
        Ok(())
    }

    fn counters(&self) -> Result<Option<Counters>> {
        self.redis.as_ref().map(Counters::read).transpose()
    }

    /// What was asked of Redis since `before` for each of so many units, without what an idle site asks.
    fn traffic(&self, before: Option<Counters>, units: usize, idle: Traffic) -> Result<Traffic> {
        let Some((before, after)) = before.zip(self.counters()?) else {
            return Ok(Traffic::default());
        };
        let units = units as f64;
        let seconds = after.since(&before).as_secs_f64() / units;
        Ok(after.per(&before, units).without(idle, seconds))
    }

    /// What is asked of Redis per second when nothing happens.
    fn idle(&self) -> Result<Traffic> {
        let Some(before) = self.counters()? else {
            return Ok(Traffic::default());
        };
        thread::sleep(IDLE);
        let after = self.counters()?.context("Redis is gone")?;
        Ok(after.per(&before, after.since(&before).as_secs_f64()))
    }

    /// Posts every alert once for each of the ends.
    fn post(
        &self,
        fleet: Fleet,
        connections: usize,
        ends: &[u64],
        idle: Traffic,
    ) -> Result<Posting> {
        let (cpu, redis_cpu) = (self.cpu()?, self.redis_cpu()?);
        let counters = self.counters()?;
        let mut took = Duration::ZERO;
        for ends in ends {
            took += fleet.post(&self.addresses(), connections, *ends)?;
        }
        step("alerts", took);
        self.settle()?;
        let posted = fleet.alerts * ends.len();
        let per_alert = |spent: Duration| spent.as_secs_f64() / posted as f64;
        Ok(Posting {
            rate: posted as f64 / took.as_secs_f64(),
            cpu: per_alert(self.cpu()? - cpu),
            redis_cpu: per_alert(self.redis_cpu()? - redis_cpu),
            traffic: self.traffic(counters, posted, idle)?,
        })
    }

    /// Every instance lists every alert.
    fn check_listed(&self, alerts: usize) -> Result<()> {
        for address in self.addresses() {
            let listed = count_alerts(Client::connect(address)?.get("/api/v2/alerts")?);
            if listed != alerts {
                bail!("{address} lists {listed} alerts of {alerts} posted");
            }
        }
        Ok(())
    }

    /// Reads one alert a time from each instance in turn.
    fn gets(&self, fleet: Fleet, idle: Traffic) -> Result<Traffic> {
        let before = self.counters()?;
        let mut reads = 0;
        for address in self.addresses() {
            let mut client = Client::connect(address)?;
            for n in 0..GETS {
                client.get(&exact(fleet, n))?;
                reads += 1;
            }
        }
        self.traffic(before, reads, idle)
    }

    /// Makes groups that are due soon, again and again; answers how late their messages were, and what one flush asked of
    /// Redis.
    fn waves(&self, wave: &Wave, sink: &Sink, idle: Traffic) -> Result<(Lateness, Traffic)> {
        let mut late = Vec::new();
        let mut flush = Traffic::default();
        for round in 0..WAVES {
            let posted = wave.post(self, round)?;
            self.settle()?;
            let before = self.counters()?;
            late.extend(wave.collect(sink, posted)?);
            self.settle()?;
            flush = self.traffic(before, late::GROUPS, idle)?;
        }
        Ok((Lateness::of(late), flush))
    }

    fn used_memory(&self) -> Result<f64> {
        let Some(redis) = &self.redis else {
            return Ok(0.0);
        };
        let text = redis.ask("INFO memory")?;
        traffic::number(&text, "used_memory").context("Redis does not tell its memory")
    }

    /// The part of Redis's memory that the feeds take.
    fn feed_memory(&self) -> Result<f64> {
        let Some(redis) = &self.redis else {
            return Ok(0.0);
        };
        let mut sum = 0.0;
        for shard in 0..16 {
            let answer = redis.ask(&format!("MEMORY USAGE events:{{s{shard:02}}} SAMPLES 0"))?;
            // A shard without changes has no feed.
            sum += answer.parse().unwrap_or(0.0);
        }
        Ok(sum)
    }
}
