//! One run of one row: everything is set up, the fault happens under load, and when all is quiet again the oracle judges.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::random::Random;
use harness::wait_for;

use crate::chronicle::Chronicle;
use crate::cluster::{Cluster, Shape};
use crate::feeder::truth::percentile;
use crate::feeder::{Feeder, Load};
use crate::oracle::{Breach, Evidence, Judgement, Timing, judge};
use crate::row::{Fault, NEVER, Row, Verdict};
use crate::sink::{Message, Sink};
use crate::tenant::ACME;

/// Webhooks of the load: two integrations hear of every group.
pub(crate) const PATHS: [&str; 2] = ["/a", "/b"];

/// The same of the second tenant.
const ACME_PATHS: [&str; 2] = ["/acme/a", "/acme/b"];

/// Most breaches whose history is told.
const EXPLAINED_MAX: usize = 3;

/// How long the feeder may need until the last change is acknowledged.
const SAYING: Duration = Duration::from_secs(60);

/// How often the oracle is asked while all settles.
const JUDGE_EVERY: Duration = Duration::from_millis(500);

/// The routes' times in every row.
pub(crate) const TIMING: Timing = Timing {
    group_wait: Duration::from_secs(1),
    group_interval: Duration::from_secs(5),
    repeat: Duration::from_secs(60),
};

/// The configuration of every instance; `group_by_b` are the labels the second route groups by, `more` are routes after it.
pub(crate) fn config(sink: &Sink, group_by_b: &str, more: &str) -> String {
    config_of(sink, PATHS, group_by_b, more)
}

fn config_of(sink: &Sink, paths: [&str; 2], group_by_b: &str, more: &str) -> String {
    let [a, b] = paths.map(|path| sink.url(path));
    format!(
        "route:\n  receiver: nobody\n  group_by: [cluster]\n  group_wait: {}s\n  group_interval: {}s\n  \
         repeat_interval: {}s\n  routes:\n  \
         - {{matchers: ['load=\"yes\"'], receiver: a, continue: true}}\n  \
         - {{matchers: ['load=\"yes\"'], receiver: b, group_by: [{group_by_b}]}}\n{more}\
         receivers:\n- name: nobody\n- name: a\n  webhook_configs: [{{url: '{a}'}}]\n\
         - name: b\n  webhook_configs: [{{url: '{b}'}}]\n",
        TIMING.group_wait.as_secs(),
        TIMING.group_interval.as_secs(),
        TIMING.repeat.as_secs(),
    )
}

/// A row on stage.
pub(crate) struct Scene {
    /// The instances and their Redis.
    pub(crate) cluster: Cluster,
    /// The webhooks.
    pub(crate) sink: Sink,
    /// The senders.
    pub(crate) feeder: Feeder,
    /// What chance decides.
    pub(crate) random: Random,
    /// Whether it takes its time.
    pub(crate) is_full: bool,
    /// Names of alerts somebody silences.
    pub(crate) exempt: BTreeSet<String>,
    faults: Vec<Fault>,
    complaints: Vec<String>,
    notes: Vec<String>,
}

impl Scene {
    /// Sets everything up and waits until every alert was told.
    fn open(row: &Row, is_full: bool, seed: u64, began: Instant) -> Result<Self, String> {
        let random = Random::seeded(seed);
        let sink = Sink::start(random.part(1).next());
        let mut cluster = Cluster::new(Shape {
            instances: row.instances,
            config: config(&sink, "cluster", ""),
            acme: row
                .has_tenants
                .then(|| config_of(&sink, ACME_PATHS, "cluster", "")),
            home: row.home,
            seed,
        });
        let all: Vec<usize> = (0..row.instances).collect();
        let started = cluster
            .start_all()
            .and_then(|()| match row.home.is_shared() {
                true => cluster.await_mode(&all, "coordinated", Duration::from_secs(20)),
                false => Ok(Duration::ZERO),
            });
        started.map_err(|error| format!("{error}\n{}", cluster.tails()))?;
        let load = if is_full { row.full } else { row.quick };
        let tenants: &[_] = if row.has_tenants {
            &[None, Some(ACME)]
        } else {
            &[None]
        };
        let feeder = Feeder::start(cluster.addresses(), load, tenants, &random.part(2));
        let scene = Self {
            cluster,
            sink,
            feeder,
            random: random.part(3),
            is_full,
            exempt: BTreeSet::new(),
            faults: Vec::new(),
            complaints: Vec::new(),
            notes: Vec::new(),
        };
        match scene.settle(Duration::from_secs(60)) {
            true => Ok(scene),
            false => Err(format!(
                "at first: {}\n{}{}",
                scene.unsettled(),
                scene.keep_logs(row, seed, began),
                scene.cluster.tails()
            )),
        }
    }

    /// The first time in a quick run, the second in a full one, in seconds.
    pub(crate) fn either(&self, quick: u64, full: u64) -> Duration {
        Duration::from_secs(if self.is_full { full } else { quick })
    }

    /// The first number in a quick run, the second in a full one.
    pub(crate) fn times(&self, quick: usize, full: usize) -> usize {
        if self.is_full { full } else { quick }
    }

    /// All instances.
    pub(crate) fn everybody(&self) -> Vec<usize> {
        (0..self.cluster.size()).collect()
    }

    /// An instance by chance.
    pub(crate) fn anybody(&mut self) -> usize {
        let index = self.random.below(self.cluster.size() as u64);
        usize::try_from(index).unwrap_or(0)
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Waits a random time up to this.
    pub(crate) fn pass_up_to(&mut self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let drawn = self.random.below(millis + 1);
        std::thread::sleep(Duration::from_millis(drawn));
    }

    /// Notes that a fault was in force from then until now: what excuses allow hangs on that.
    pub(crate) fn fault_since(&mut self, from: Instant) {
        let to = Instant::now();
        self.faults.push(Fault { from, to });
    }

    /// Something besides the oracle's letters that must hold.
    pub(crate) fn claim(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.complaints.push(otherwise.into());
        }
    }

    /// A figure worth a word in the table.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// How many streams there are: groups times integrations.
    pub(crate) fn streams(&self) -> usize {
        let statements = self.feeder.truth().statements;
        let groups: BTreeSet<_> = statements.iter().map(|s| s.group.clone()).collect();
        groups.len() * PATHS.len()
    }

    /// Waits until an alert is acknowledged for the first time; answers when.
    pub(crate) fn acknowledged(&self, name: &str) -> Option<Instant> {
        wait_for(SAYING, || {
            let statements = self.feeder.truth().statements;
            let first = statements.iter().find(|said| &*said.name == name)?;
            first.acked
        })
    }

    /// What the sink got since a moment.
    pub(crate) fn messages_since(&self, from: Instant) -> Vec<Message> {
        let mut all = self.sink.messages();
        all.retain(|message| from <= message.at);
        all
    }

    /// The oracle's word on everything so far.
    pub(crate) fn judgement(&self) -> Judgement {
        let truth = self.feeder.truth();
        judge(&Evidence {
            statements: &truth.statements,
            messages: &self.sink.messages(),
            cuts: &self.sink.cuts(),
            paths: &[PATHS, ACME_PATHS].concat(),
            exempt: &self.exempt,
            timing: TIMING,
        })
    }

    /// Waits until everything stated is acknowledged and everybody knows it.
    fn settle(&self, patience: Duration) -> bool {
        if !self.feeder.wait_said(SAYING) {
            return false;
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.judgement().count('L') == 0 {
                return true;
            }
            std::thread::sleep(JUDGE_EVERY);
        }
        false
    }

    fn unsettled(&self) -> String {
        let lost = self.judgement().count('L');
        let said = self.feeder.wait_said(Duration::ZERO);
        let posts = self.feeder.truth().posts;
        let acked = posts.iter().filter(|p| p.status == Some(200)).count();
        format!(
            "not settled: {lost} not told, all acknowledged: {said}, {acked} of {} POSTs",
            posts.len()
        )
    }
}

/// Runs a row once.
pub(crate) fn run(row: &Row, is_full: bool, seed: u64) -> Verdict {
    let began = Instant::now();
    let mut scene = match Scene::open(row, is_full, seed, began) {
        Ok(scene) => scene,
        Err(error) => return Verdict::unplayed(row, seed, began, error),
    };
    scene.feeder.churn(true);
    if let Err(error) = (row.act)(&mut scene) {
        scene.complaints.push(error);
    }
    scene.feeder.churn(false);
    if !scene.settle(row.settling) {
        let found = scene.unsettled();
        scene.complaints.push(found);
    }
    // Who has something superfluous to say says it by the next tick, or when a lease ends.
    std::thread::sleep(TIMING.group_interval.max(crate::cluster::lease()) + Duration::from_secs(1));
    scene.close(row, seed, began)
}

impl Scene {
    fn close(self, row: &Row, seed: u64, began: Instant) -> Verdict {
        let judgement = self.judgement();
        let truth = self.feeder.truth();
        let mut complaints = self.complaints.clone();
        complaints.extend(row.allowed.judge(&judgement, &self.faults, &truth));
        let mut notes = self.notes.clone();
        let ingest = percentile(&truth.ingest_times(), 99).unwrap_or_default();
        notes.push(format!("ingest p99 {} ms", ingest.as_millis()));
        if judgement.unheard_repeats > 0 {
            notes.push(format!(
                "{} repeats after no answer",
                judgement.unheard_repeats
            ));
        }
        let waits = judgement.all_waits();
        let p99 = percentile(&waits, 99).unwrap_or_default();
        if let Some(limit) = row.p99_max
            && is_tenfold(p99, limit)
            && self.is_full
        {
            complaints.push(format!("T p99 {p99:?} is ten times {limit:?}"));
        }
        let mut verdict = Verdict {
            id: row.id,
            what: row.what,
            counts: ['L', 'D', 'N', 'F', 'X'].map(|letter| judgement.count(letter)),
            p50: percentile(&waits, 50).unwrap_or_default(),
            p99,
            seconds: began.elapsed().as_secs(),
            seed,
            complaints,
            notes,
            story: String::new(),
        };
        if !verdict.complaints.is_empty() {
            verdict.story = self.story(&judgement, row, seed, began);
        }
        verdict
    }

    /// What a reader needs to find out what happened; whole logs are kept in a folder it names.
    fn story(&self, judgement: &Judgement, row: &Row, seed: u64, began: Instant) -> String {
        let mut story = String::new();
        let since = |at: Instant| at.saturating_duration_since(began).as_secs_f64();
        for fault in &self.faults {
            let (from, to) = (since(fault.from), since(fault.to));
            let _ = writeln!(story, "  fault from {from:.2} s to {to:.2} s");
        }
        // What nothing excuses comes first.
        let mut breaches: Vec<&Breach> = judgement.breaches.iter().collect();
        breaches.sort_by_key(|breach| !NEVER.contains(&breach.kind));
        let lines = breaches
            .iter()
            .map(|b| format!("  {:.3} s {b}\n", since(b.at)));
        let lines: Vec<String> = lines.collect();
        lines.iter().take(20).for_each(|line| story.push_str(line));
        let chronicle = self.chronicle();
        for breach in breaches.iter().take(EXPLAINED_MAX) {
            let _ = writeln!(story, "  {:.3} s, before that:", since(breach.at));
            story.push_str(&chronicle.about(breach, began));
        }
        self.keep(row, seed, "breaches.log", &lines.concat());
        story.push_str(&self.keep_logs(row, seed, began));
        story.push_str(&self.cluster.tails());
        story
    }

    /// Writes a text beside the logs.
    fn keep(&self, row: &Row, seed: u64, name: &str, text: &str) {
        let folder = kept(row, seed);
        let _ = std::fs::create_dir_all(&folder);
        let _ = std::fs::write(folder.join(name), text);
    }

    /// What was stated and what came so far.
    fn chronicle(&self) -> Chronicle {
        let truth = self.feeder.truth();
        Chronicle::of(&truth.statements, &self.sink.messages(), &self.sink.cuts())
    }

    /// Writes whole logs into a folder and says where.
    fn keep_logs(&self, row: &Row, seed: u64, began: Instant) -> String {
        let folder = kept(row, seed);
        self.keep(row, seed, "sink.log", &self.chronicle().whole(began));
        match self.cluster.keep_logs(&folder) {
            Ok(()) => format!("  logs are in {}\n", folder.display()),
            Err(error) => format!("  logs could not be kept: {error}\n"),
        }
    }
}

fn is_tenfold(time: Duration, limit: Duration) -> bool {
    limit * 10 < time
}

/// Where the logs of a failed run are kept.
fn kept(row: &Row, seed: u64) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/faults");
    target.join(format!("{}-{seed}", row.id))
}

/// The load of a quick run unless a row says otherwise.
pub(crate) const QUICK: Load = Load {
    alerts: 100,
    groups: 20,
    changes_per_10s: 30,
    resend: Duration::from_secs(3),
    resolved_for: Duration::from_secs(30),
};

/// W1: the standard load.
pub(crate) const W1: Load = Load {
    alerts: 2_000,
    groups: 200,
    changes_per_10s: 200,
    resend: Duration::from_secs(6),
    resolved_for: Duration::from_secs(90),
};
