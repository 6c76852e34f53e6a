//! Instances that share a Redis, each through a proxy of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness::http::{Message, request_within};
use harness::program::Program;
use harness::server::{Place, binary, listening};
use harness::{PATIENCE, wait_for};

use crate::chaos::{Flow, Proxy};
use crate::feeder::balancer::Addresses;
use crate::redis;
use redis_harness::sentinel::MASTER;
use redis_harness::{RedisServer, Sentinels};

/// The scale of the protocol's times in all rows: a lease lasts 6 s, a start's grace 30 s.
pub(crate) const SCALE: f64 = 0.1;

/// A time of the protocol as it is in these rows.
pub(crate) fn scaled(time: Duration) -> Duration {
    time.mul_f64(SCALE)
}

/// The lease of a claim in these rows.
pub(crate) fn lease() -> Duration {
    scaled(Duration::from_secs(60))
}

/// Longest wait for a question about health or figures.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// What instances share.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Home {
    /// Nothing: there is one.
    Alone,
    /// A Redis with these settings, each instance through a proxy of its own.
    Redis(&'static [&'static str]),
    /// A master with a replica under three Sentinels.
    Sentinels,
}

impl Home {
    /// Whether there is a Redis.
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Self::Alone)
    }
}

/// How the instances are reached and what they share.
pub(crate) struct Shape {
    /// How many.
    pub(crate) instances: usize,
    /// Their configuration.
    pub(crate) config: String,
    /// The configuration of a second tenant.
    pub(crate) acme: Option<String>,
    /// What they share.
    pub(crate) home: Home,
    /// What chance decides.
    pub(crate) seed: u64,
}

struct Member {
    place: Place,
    proxy: Option<Proxy>,
    program: Option<Program>,
    /// What it runs through next time it starts.
    failpoint: Option<String>,
    /// Logs of earlier lives.
    logs: Vec<String>,
}

/// The instances and their Redis; all of it ends when dropped.
pub(crate) struct Cluster {
    members: Vec<Member>,
    redis: Option<RedisServer>,
    /// The Sentinels, if there are any.
    pub(crate) sentinels: Option<Sentinels>,
    has_tenants: bool,
    addresses: Addresses,
}

impl Cluster {
    /// Starts Redis; instances are started by [`Cluster::start`].
    pub(crate) fn new(shape: Shape) -> Self {
        let redis = match shape.home {
            Home::Redis(settings) => Some(RedisServer::start_with(settings)),
            Home::Alone | Home::Sentinels => None,
        };
        let sentinels = matches!(shape.home, Home::Sentinels).then(Sentinels::start);
        let target = redis.as_ref().map(redis::address);
        let place = || {
            let place = Place::new(&shape.config);
            if let Some(acme) = &shape.acme {
                place.write("acme.yml", acme);
                place.write("belfry.yaml", BELFRY_YAML);
            }
            place
        };
        let member = |n: usize| Member {
            place: place(),
            proxy: target.map(|target| Proxy::start(target, shape.seed + n as u64)),
            program: None,
            failpoint: None,
            logs: Vec::new(),
        };
        Self {
            members: (0..shape.instances).map(member).collect(),
            redis,
            sentinels,
            has_tenants: shape.acme.is_some(),
            addresses: Arc::new(Mutex::new(vec![None; shape.instances])),
        }
    }

    /// How many instances there are, up or down.
    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// Where the instances listen.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// The proxy of an instance.
    ///
    /// # Errors
    /// When the row has no Redis.
    pub(crate) fn proxy(&self, instance: usize) -> Result<&Proxy, String> {
        let proxy = self.members[instance].proxy.as_ref();
        proxy.ok_or_else(|| "this row has no Redis".to_owned())
    }

    /// Makes every proxy let bytes pass like this.
    ///
    /// # Errors
    /// When the row has no Redis.
    pub(crate) fn flow_of_all(&self, flow: Flow) -> Result<(), String> {
        (0..self.size()).try_for_each(|n| self.proxy(n).map(|proxy| proxy.flow(flow)))
    }

    /// The Redis.
    ///
    /// # Errors
    /// When the row has none.
    pub(crate) fn redis(&mut self) -> Result<&mut RedisServer, String> {
        let redis = self.redis.as_mut();
        redis.ok_or_else(|| "this row has no Redis".to_owned())
    }

    /// Another Redis is the one they share; the one before ends.
    pub(crate) fn replace_redis(&mut self, redis: RedisServer) {
        self.redis = Some(redis);
    }

    /// Starts an instance and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn start(&mut self, instance: usize) -> Result<(), String> {
        self.launch(instance)?;
        self.await_listening(instance)
    }

    /// Starts every instance that is down, at the same time.
    ///
    /// # Errors
    /// When one does not listen soon.
    pub(crate) fn start_all(&mut self) -> Result<(), String> {
        for instance in 0..self.size() {
            if self.members[instance].program.is_none() {
                self.launch(instance)?;
            }
        }
        (0..self.size()).try_for_each(|instance| self.await_listening(instance))
    }

    fn launch(&mut self, instance: usize) -> Result<(), String> {
        let by_sentinels = self.sentinels.as_ref().map(sentinel_url);
        let member = &mut self.members[instance];
        let mut command = match self.has_tenants {
            true => serve(&member.place),
            // The same links in every instance's messages: a repeat by another is the same to the byte.
            false => member.place.command(&[
                "--web.external-url=http://belfry.example.org",
                "--log.level=debug",
            ]),
        };
        command.env("BELFRY_TIMING_SCALE", SCALE.to_string());
        let through_proxy = member.proxy.as_ref().map(|proxy| {
            let address = proxy.address();
            format!("redis://{address}/0?prefix=fault")
        });
        if let Some(url) = by_sentinels.or(through_proxy) {
            command.env("BELFRY_REDIS_URL", url);
        }
        if let Some(failpoint) = &member.failpoint {
            command.env("BELFRY_FAILPOINT", failpoint);
        }
        member.program = Some(Program::start(&mut command));
        Ok(())
    }

    fn await_listening(&mut self, instance: usize) -> Result<(), String> {
        let member = &mut self.members[instance];
        let Some(program) = member.program.as_mut() else {
            return Err(format!("instance {instance} is down"));
        };
        let mut is_over = false;
        let found = wait_for(PATIENCE, || {
            is_over = program.ended().is_some();
            let address = listening(&program.stderr.text());
            (is_over || address.is_some()).then_some(address)
        });
        let Some(address) = found.flatten() else {
            // At its failpoint it may end before it listens.
            return match is_over && member.failpoint.is_some() {
                true => Ok(()),
                false => Err(format!("instance {instance} does not listen")),
            };
        };
        self.note_address(instance, Some(address));
        Ok(())
    }

    fn note_address(&self, instance: usize, address: Option<String>) {
        let mut all = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all[instance] = address;
    }

    /// Arms a failpoint for the next start of an instance, or none.
    pub(crate) fn arm(&mut self, instance: usize, failpoint: Option<&str>) {
        self.members[instance].failpoint = failpoint.map(str::to_owned);
    }

    /// Ends an instance with SIGKILL.
    pub(crate) fn kill(&mut self, instance: usize) {
        self.note_address(instance, None);
        let member = &mut self.members[instance];
        if let Some(mut program) = member.program.take() {
            program.kill();
            member.logs.push(program.stderr.text());
        }
    }

    /// Asks an instance to end with SIGTERM and waits until it did.
    ///
    /// # Errors
    /// When it goes on, or ends otherwise than well.
    pub(crate) fn stop(&mut self, instance: usize) -> Result<(), String> {
        let member = &mut self.members[instance];
        let Some(mut program) = member.program.take() else {
            return Ok(());
        };
        program.signal("TERM");
        let status = wait_for(Duration::from_secs(30), || program.ended());
        member.logs.push(program.stderr.text());
        self.note_address(instance, None);
        match status {
            Some(status) if status.success() => Ok(()),
            other => Err(format!("instance {instance} ended by SIGTERM: {other:?}")),
        }
    }

    /// Freezes an instance (SIGSTOP) or lets it go on (SIGCONT).
    pub(crate) fn freeze(&self, instance: usize, is_frozen: bool) {
        if let Some(program) = &self.members[instance].program {
            program.signal(if is_frozen { "STOP" } else { "CONT" });
        }
    }

    /// Waits until an instance ended by itself, as at a failpoint; it is down then.
    pub(crate) fn await_death(&mut self, instance: usize, patience: Duration) -> bool {
        let member = &mut self.members[instance];
        let Some(program) = member.program.as_mut() else {
            return true;
        };
        let is_dead = wait_for(patience, || program.ended()).is_some();
        if is_dead {
            self.kill(instance);
        }
        is_dead
    }

    /// Waits until an instance stopped itself at a failpoint.
    pub(crate) fn await_frozen(&self, instance: usize, patience: Duration) -> bool {
        let Some(program) = &self.members[instance].program else {
            return false;
        };
        wait_for(patience, || program.is_stopped().then_some(())).is_some()
    }

    /// Replaces the configuration of all instances and has them reload it.
    pub(crate) fn configure(&self, config: &str) {
        for member in &self.members {
            member.place.configure(config);
            if let Some(program) = &member.program {
                program.signal("HUP");
            }
        }
    }

    /// Asks an instance for a page.
    pub(crate) fn ask(
        &self,
        instance: usize,
        method: &str,
        target: &str,
        body: &str,
    ) -> Option<Message> {
        let address = crate::feeder::balancer::address(&self.addresses, instance)?;
        request_within(ASK_TIMEOUT, &address, (method, target), &[], body).ok()
    }

    /// What an instance says its mode is; empty when it does not say.
    pub(crate) fn mode(&self, instance: usize) -> String {
        let answer = self.ask(instance, "GET", "/-/ready", "");
        let mode = answer.and_then(|answer| answer.header("x-belfry-mode").map(str::to_owned));
        mode.unwrap_or_default()
    }

    /// Waits until every instance of these says so of its mode; answers how long it took.
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn await_mode(
        &self,
        instances: &[usize],
        mode: &str,
        patience: Duration,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        let has = |instance: &usize| self.mode(*instance) == mode;
        let is_there = || instances.iter().all(has).then_some(());
        if wait_for(patience, is_there).is_some() {
            return Ok(began.elapsed());
        }
        let modes: Vec<String> = instances.iter().map(|n| self.mode(*n)).collect();
        Err(format!(
            "modes are {modes:?}, not {mode}, after {patience:?}"
        ))
    }

    /// A figure of an instance's `/metrics`, summed over its labels; zero when it is not there.
    pub(crate) fn metric(&self, instance: usize, name: &str) -> f64 {
        let Some(answer) = self.ask(instance, "GET", "/metrics", "") else {
            return 0.0;
        };
        figures(&answer.body).get(name).copied().unwrap_or(0.0)
    }

    /// A figure summed over all instances.
    pub(crate) fn metric_of_all(&self, name: &str) -> f64 {
        (0..self.size()).map(|n| self.metric(n, name)).sum()
    }

    /// Most memory an instance has held in bytes, as the system counts it.
    pub(crate) fn resident_max(&self, instance: usize) -> Option<u64> {
        let program = self.members[instance].program.as_ref()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// Everything an instance logged, over all its lives.
    pub(crate) fn log(&self, instance: usize) -> String {
        let member = &self.members[instance];
        let mut text = member.logs.join("--- it ended and was started again ---\n");
        if let Some(program) = &member.program {
            text.push_str("--- it runs ---\n");
            text.push_str(&program.stderr.text());
        }
        text
    }

    /// The last lines of every instance's log, without the chatter.
    pub(crate) fn tails(&self) -> String {
        let mut text = String::new();
        for instance in 0..self.size() {
            let log = self.log(instance);
            let lines: Vec<&str> = log.lines().filter(|l| !l.contains("level=DEBUG")).collect();
            let from = lines.len().saturating_sub(15);
            let tail = lines[from..].join("\n    ");
            text.push_str(&format!("  instance {instance}:\n    {tail}\n"));
        }
        text
    }

    /// Writes all logs into a folder.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn keep_logs(&self, folder: &Path) -> std::io::Result<()> {
        for instance in 0..self.size() {
            let name = format!("instance-{instance}.log");
            std::fs::write(folder.join(name), self.log(instance))?;
        }
        if let Some(redis) = &self.redis {
            std::fs::write(folder.join("redis.log"), redis.log())?;
        }
        Ok(())
    }
}

/// belfry.yaml of instances that have two tenants.
const BELFRY_YAML: &str = "\
server: {listen: '127.0.0.1:0', external_url: 'http://belfry.example.org'}
alertmanager: {config_file: alertmanager.yml}
tenants: {acme: {config_file: acme.yml, anonymous_api: true}}
logging: {level: DEBUG, format: logfmt}
";

/// The command that starts an instance with two tenants.
fn serve(place: &Place) -> Command {
    let mut command = Command::new(binary());
    let database = place.path("belfry.db");
    command
        .arg("serve")
        .arg("--config")
        .arg(place.path("belfry.yaml"))
        .arg(format!("--database.url=sqlite://{}", database.display()));
    command
}

/// The URL that asks Sentinels for the master.
fn sentinel_url(sentinels: &Sentinels) -> String {
    let nodes = sentinels.nodes().into_iter();
    let nodes: Vec<String> = nodes.map(|(host, port)| format!("{host}:{port}")).collect();
    format!(
        "redis://{}/0?sentinel={MASTER}&prefix=fault",
        nodes.join(",")
    )
}

/// Figures by name, summed over their labels.
fn figures(text: &str) -> BTreeMap<&str, f64> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let name = series.split('{').next().unwrap_or(series);
        if let Ok(value) = value.parse::<f64>() {
            *all.entry(name).or_default() += value;
        }
    }
    all
}
