//! The measurements, the same for every program.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::http::Client;
use super::load::Fleet;
use super::machine::{self, timestamp};
use super::options::Options;
use super::process::Process;
use super::program::Program;
use super::sink::Sink;

/// Alerts last long enough that none ends during the bench.
pub(super) const LASTS: u64 = 3 * 3_600;
/// What one round of re-sending moves the end by, as Prometheus does every minute.
pub(super) const MOVED: u64 = 60;
const READS: usize = 5;
const EXACT_READS: usize = 21;
const READS_WITH_NEW_SILENCE: usize = 11;
const RESTART_LIMIT: Duration = Duration::from_secs(120);

/// What one program needed for one number of alerts.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) alerts: usize,
    pub(super) groups: usize,
    /// CPU seconds per alert, and alerts per second, on the first post.
    pub(super) new_cpu: f64,
    pub(super) new_rate: f64,
    /// The same for alerts that were sent again.
    pub(super) again_cpu: f64,
    pub(super) again_rate: f64,
    /// Resident bytes after the alerts, and after all the reads.
    pub(super) resident: f64,
    pub(super) resident_after_reads: f64,
    pub(super) all: Read,
    pub(super) by_group: Read,
    /// One alert by its instance, and one group's alerts by their pod.
    pub(super) exact: Read,
    pub(super) few: Read,
    /// All alerts of one name, a twentieth of all.
    pub(super) named: Read,
    /// First reads after many new silences: one alert, those of one name, all; and reads of one
    /// alert with one new silence before each.
    pub(super) silenced_exact: f64,
    pub(super) silenced_named: f64,
    pub(super) silenced_all: f64,
    pub(super) silenced_again: f64,
    pub(super) silence_cpu: f64,
    /// After `kill -9`: seconds until ready, and until every alert is listed.
    pub(super) restart: Option<(f64, f64)>,
}

/// One kind of read: the median time in seconds and the size of the last answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    pub(super) seconds: f64,
    pub(super) bytes: f64,
}

/// Starts the program afresh and takes every figure.
pub(super) fn measure(
    program: &Program,
    options: &Options,
    alerts: usize,
    folder: &Path,
) -> Result<Figures> {
    let storage = folder.join(format!("{}-{alerts}", program.name));
    fs::create_dir_all(&storage).with_context(|| format!("cannot make {}", storage.display()))?;
    let sink = Sink::start()?;
    let config = folder.join(format!("{}-{alerts}.yml", program.name));
    fs::write(&config, configuration(sink.address)).context("cannot write the configuration")?;

    let process = program.start(&config, &storage, None)?;
    let mut client = Client::connect(process.address)?;
    let fleet = Fleet {
        alerts,
        starts: machine::now(),
    };
    let mut figures = Figures {
        alerts,
        groups: fleet.groups(),
        ..Figures::default()
    };
    writes(&process, fleet, options, &mut figures)?;
    reads(&mut client, fleet, &mut figures)?;
    silences(&process, &mut client, fleet, options.silences, &mut figures)?;
    figures.resident_after_reads = process.resident()?;
    if sink.received() > 0 {
        bail!(
            "{} notifications were sent in a bench that has none due",
            sink.received()
        );
    }
    drop(process);
    if program.durable {
        figures.restart = Some(restart(program, &config, &storage, alerts)?);
    }
    fs::remove_dir_all(&storage).context("cannot remove the program's data")?;
    Ok(figures)
}

/// One route whose groups are never due during the bench, and one webhook.
fn configuration(sink: SocketAddr) -> String {
    format!(
        "route:\n  receiver: sink\n  group_by: [alertname, cluster, job]\n  group_wait: 10h\n  group_interval: 10h\n  \
         repeat_interval: 24h\nreceivers:\n  - name: sink\n    webhook_configs:\n      - url: http://{sink}/\n"
    )
}

fn writes(process: &Process, fleet: Fleet, options: &Options, figures: &mut Figures) -> Result<()> {
    let count = fleet.alerts as f64;
    let ends = fleet.starts + LASTS;
    process.settle()?;
    let before = process.cpu()?;
    let took = fleet.post(&[process.address], options.connections, ends)?;
    process.settle()?;
    figures.new_cpu = (process.cpu()? - before).as_secs_f64() / count;
    figures.new_rate = count / took.as_secs_f64();
    step("new alerts", took);

    let before = process.cpu()?;
    let mut took = Duration::ZERO;
    for round in 1..=options.rounds as u64 {
        took += fleet.post(
            &[process.address],
            options.connections,
            ends + round * MOVED,
        )?;
    }
    process.settle()?;
    let sent = count * options.rounds as f64;
    figures.again_cpu = (process.cpu()? - before).as_secs_f64() / sent;
    figures.again_rate = sent / took.as_secs_f64();
    step("re-sent alerts", took);

    std::thread::sleep(Duration::from_secs(5));
    process.settle()?;
    figures.resident = process.resident()?;
    Ok(())
}

fn reads(client: &mut Client, fleet: Fleet, figures: &mut Figures) -> Result<()> {
    let listed = count_alerts(client.get("/api/v2/alerts")?);
    if listed != fleet.alerts {
        bail!("{listed} alerts are listed of {} posted", fleet.alerts);
    }
    figures.all = read(client, READS, |_| "/api/v2/alerts".to_owned())?;
    figures.by_group = read(client, READS, |_| "/api/v2/alerts/groups".to_owned())?;
    figures.exact = read(client, EXACT_READS, |n| exact(fleet, n))?;
    let found = count_alerts(client.get(&exact(fleet, 0))?);
    if found != 1 {
        bail!("a matcher of one instance selected {found} alerts");
    }
    figures.few = read(client, EXACT_READS, |n| {
        filter("pod", &Fleet::pod(spread(n, fleet.groups())))
    })?;
    figures.named = read(client, READS, |n| filter("alertname", Fleet::name(n)))?;
    Ok(())
}

fn silences(
    process: &Process,
    client: &mut Client,
    fleet: Fleet,
    count: usize,
    figures: &mut Figures,
) -> Result<()> {
    let before = process.cpu()?;
    let started = Instant::now();
    for n in 0..count {
        add_silence(client, fleet, n)?;
    }
    step("silences", started.elapsed());
    figures.silence_cpu = (process.cpu()? - before).as_secs_f64() / count as f64;
    figures.silenced_exact = timed_get(client, &exact(fleet, 1))?;
    figures.silenced_named = timed_get(client, &filter("alertname", Fleet::name(1)))?;
    let mut times = Vec::new();
    for n in 0..READS_WITH_NEW_SILENCE {
        add_silence(client, fleet, count + n)?;
        times.push(timed_get(client, &exact(fleet, n + 2))?);
    }
    figures.silenced_again = median(times);
    figures.silenced_all = timed_get(client, "/api/v2/alerts")?;
    step(
        "all alerts after the silences",
        Duration::from_secs_f64(figures.silenced_all),
    );
    Ok(())
}

fn timed_get(client: &mut Client, path: &str) -> Result<f64> {
    let started = Instant::now();
    client.get(path)?;
    Ok(started.elapsed().as_secs_f64())
}

fn add_silence(client: &mut Client, fleet: Fleet, n: usize) -> Result<()> {
    let now = machine::now();
    let silence = format!(
        concat!(
            r#"{{"matchers":[{{"name":"instance","value":"{}","isRegex":false,"isEqual":true}}],"#,
            r#""startsAt":"{}","endsAt":"{}","createdBy":"bench","comment":"maintenance window {}"}}"#
        ),
        Fleet::instance(spread(n, fleet.alerts)),
        timestamp(now),
        timestamp(now + LASTS),
        n
    );
    client.post("/api/v2/silences", silence.as_bytes())?;
    Ok(())
}

/// Starts the killed program on its data: seconds until ready, and until every alert is listed.
fn restart(program: &Program, config: &Path, storage: &Path, alerts: usize) -> Result<(f64, f64)> {
    let started = Instant::now();
    let process = program.start(config, storage, None)?;
    let mut ready = None;
    while started.elapsed() < RESTART_LIMIT {
        let mut client = Client::connect(process.address)?;
        if client.get("/-/ready").is_err() {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let ready = *ready.get_or_insert(started.elapsed().as_secs_f64());
        let listed = count_alerts(client.get("/api/v2/alerts")?);
        if listed == alerts {
            step("restart", started.elapsed());
            return Ok((ready, started.elapsed().as_secs_f64()));
        }
        if listed > alerts {
            bail!("{listed} alerts are listed after the restart, {alerts} were posted");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("after the restart not all alerts came back within {RESTART_LIMIT:?}")
}

fn read(client: &mut Client, times: usize, path: impl Fn(usize) -> String) -> Result<Read> {
    let mut seconds = Vec::with_capacity(times);
    let mut bytes = 0.0;
    for n in 0..times {
        let path = path(n);
        let started = Instant::now();
        bytes = client.get(&path)?.len() as f64;
        seconds.push(started.elapsed().as_secs_f64());
    }
    let seconds = median(seconds);
    step(&path(0), Duration::from_secs_f64(seconds));
    Ok(Read { seconds, bytes })
}

pub(super) fn exact(fleet: Fleet, n: usize) -> String {
    filter("instance", &Fleet::instance(spread(n, fleet.alerts)))
}

fn filter(label: &str, value: &str) -> String {
    let value = value.replace(':', "%3A");
    format!("/api/v2/alerts?filter={label}%3D%22{value}%22")
}

/// The `n`th of numbers below `size` that lie far apart and do not repeat while `n` is below `size`.
pub(super) fn spread(n: usize, size: usize) -> usize {
    // A prime larger than any size used here divides none of them.
    n.wrapping_mul(15_485_863) % size
}

/// How many alerts an answer lists.
pub(super) fn count_alerts(body: &[u8]) -> usize {
    let key = b"\"fingerprint\"";
    body.windows(key.len())
        .filter(|window| window == key)
        .count()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

pub(super) fn step(what: &str, took: Duration) {
    eprintln!("bench:   {what}: {:.3} s", took.as_secs_f64());
}
