//! Plays a plan: instances, feeders and receivers on one paused clock.

use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use domain::label::Labels;
use domain::silence::edit::{PostMatcher, SilencePost};
use domain::time::Timestamp;
use runtime::clock::{SharedClock, SimClock};
use runtime::timing::Timing;
use state::coordinator::Coordinator;
use state::coordinator::model::{Model, Snapshot};
use store::Store;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Run;
use crate::dice::Dice;
use crate::feeder::{Doors, Feeder};
use crate::instance::{Counted, Instance, Surroundings};
use crate::oracle::{self, Evidence, Verdict};
use crate::plan::{Act, END, Plan, QUIET};
use crate::receiver::Receiver;
use crate::sky::Sky;
use crate::truth::Truth;
use crate::upgrade;

/// Something that has to be undone later.
#[derive(Clone)]
enum Later {
    Start(usize),
    Thaw(usize),
    Uncut(usize),
    UncutAll,
    Go,
    Work,
    RollBack(Box<Snapshot>),
    Configure(usize),
    Upgrade(usize),
}

/// When an instance died, or stood still.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absence {
    /// Which.
    pub slot: usize,
    /// Which of its lives.
    pub life: usize,
    /// When it began.
    pub from: f64,
    /// When it was over.
    pub until: f64,
    /// Whether it stood still, and goes on.
    pub is_sleep: bool,
}

pub(crate) struct Stage<'a> {
    pub(crate) run: &'a Run,
    pub(crate) around: Surroundings,
    zero: Instant,
    truth: Truth,
    doors: Doors,
    bells: Vec<Arc<Notify>>,
    stores: Vec<Store>,
    pub(crate) instances: Vec<Option<Instance>>,
    lives: Vec<usize>,
    is_by_name: bool,
    later: Vec<(f64, Later)>,
    silences: Vec<(usize, Arc<str>)>,
    /// Since when an old build runs by mistake.
    pub(crate) set_back_at: Vec<Option<f64>>,
    feeders: Vec<JoinHandle<()>>,
    pub(crate) evidence: Evidence,
}

fn yaml(is_by_name: bool) -> String {
    let group_by = if is_by_name { "[alertname]" } else { "[]" };
    format!(
        "
route:
  receiver: default
  group_by: {group_by}
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 4h
  routes: [{{matchers: ['team=x'], receiver: team}}]
receivers:
- name: default
  webhook_configs: [{{url: 'http://a'}}, {{url: 'http://b', send_resolved: false}}]
- {{name: team, webhook_configs: [{{url: 'http://c'}}]}}
inhibit_rules: [{{source_matchers: [alertname=n0], target_matchers: [alertname=n1]}}]
"
    )
}

/// Plays a run and judges it.
pub async fn play(run: &Run) -> Verdict {
    let plan = Plan::new(run.profile, run.seed);
    let mut stage = Stage::new(run, &plan).await;
    stage.act_all(&plan).await;
    stage.settle().await;
    stage.close().await
}

impl<'a> Stage<'a> {
    async fn new(run: &'a Run, plan: &Plan) -> Self {
        let start = Timestamp::new(1_767_607_200, 0, 0);
        let (clock, zero): (SharedClock, _) = (SimClock::shared(start), Instant::now());
        let model = Model::new(Arc::clone(&clock), Timing::default());
        run.holes.iter().for_each(|hole| model.open(*hole));
        let weather = run.profile.weather_permille();
        let sky = Sky::new(Dice::new(run.seed, "sky"), weather, plan.instances);
        let receivers =
            ["a", "b", "c"].map(|name| Receiver::new(name, run.profile, run.seed, zero));
        let slots = 0..plan.instances;
        let stores = slots.clone().map(|_| Store::memory(Arc::clone(&clock)));
        let mut stage = Self {
            run,
            stores: stores.collect(),
            around: Surroundings {
                machines: Surroundings::machines(&clock, plan.instances),
                builds: vec![upgrade::OLD; plan.instances],
                clock,
                model,
                sky,
                receivers: receivers.to_vec(),
            },
            zero,
            truth: Truth::default(),
            doors: Doors::new(plan.instances),
            bells: Vec::new(),
            instances: slots.map(|_| None).collect(),
            lives: vec![0; plan.instances],
            is_by_name: run.seed.is_multiple_of(3),
            later: Vec::new(),
            silences: Vec::new(),
            set_back_at: vec![None; plan.instances],
            feeders: Vec::new(),
            evidence: Evidence::default(),
        };
        if run.is_traced {
            let model = stage.around.model.clone();
            let printed = tokio::spawn(crate::trace::print_changes(model, zero));
            stage.feeders.push(printed);
        }
        for slot in 0..plan.instances {
            stage.start(slot).await;
        }
        for number in 0..plan.feeders {
            stage.feed(plan, number, start);
        }
        stage
    }

    fn feed(&mut self, plan: &Plan, number: usize, start: Timestamp) {
        let bell = Arc::new(Notify::new());
        self.bells.push(Arc::clone(&bell));
        let feeder = Feeder {
            number,
            count: plan.feeders,
            is_repeating: plan.is_repeating,
            is_sticky: plan.is_sticky,
            dice: Dice::new(self.run.seed, &format!("feeder {number}")),
            truth: self.truth.clone(),
            doors: self.doors.clone(),
            bell,
            zero: self.zero,
            start,
            is_traced: self.run.is_traced,
        };
        self.feeders.push(tokio::spawn(feeder.run()));
    }

    pub(crate) fn now(&self) -> f64 {
        self.zero.elapsed().as_secs_f64()
    }

    fn log(&self, text: impl AsRef<str>) {
        if self.run.is_traced {
            println!("{:9.3} {}", self.now(), text.as_ref());
        }
    }

    async fn sleep_until(&self, seconds: f64) {
        tokio::time::sleep_until(self.zero + Duration::from_secs_f64(seconds)).await;
    }

    async fn act_all(&mut self, plan: &Plan) {
        let mut acts = plan.acts.iter().copied().peekable();
        loop {
            self.later.sort_by(|a, b| a.0.total_cmp(&b.0));
            let later_at = self.later.first().map(|(at, _)| *at);
            let act_at = acts.peek().map(|(at, _)| *at);
            let next = [later_at, act_at]
                .into_iter()
                .flatten()
                .min_by(f64::total_cmp);
            let Some(next) = next.filter(|next| *next < QUIET) else {
                return;
            };
            self.sleep_until(next).await;
            if later_at == Some(next) {
                let (_, what) = self.later.remove(0);
                self.undo(what).await;
            } else if let Some((_, act)) = acts.next() {
                self.log(format!("{act:?}"));
                self.act(act).await;
            }
        }
    }

    async fn act(&mut self, act: Act) {
        let now = self.now();
        match act {
            Act::Fire(alert) | Act::End(alert) => {
                let is_firing = matches!(act, Act::Fire(_));
                if self.truth.state(alert, is_firing, now) {
                    self.bells.iter().for_each(|bell| bell.notify_one());
                }
            }
            Act::Silence(alert, seconds, slot) => self.silence(alert, seconds, slot).await,
            Act::Unsilence(slot) => self.unsilence(slot).await,
            Act::Kill(slot, seconds) => self.kill(slot, seconds),
            Act::KillAll(seconds) => {
                (0..self.instances.len()).for_each(|slot| self.kill(slot, seconds));
            }
            Act::Stop(slot, seconds) => self.stop(slot, seconds).await,
            Act::Freeze(slot, seconds) => self.freeze(slot, seconds),
            Act::Flush => {
                self.around.model.flush_all();
                self.evidence.losses.push(now);
            }
            Act::Rollback(seconds) => {
                let snapshot = Box::new(self.around.model.snapshot());
                self.later.push((now + seconds, Later::RollBack(snapshot)));
            }
            Act::Cut(slot, seconds) => {
                self.around.sky.cut(slot, true);
                self.evidence.outages.push((now, now + seconds));
                self.later.push((now + seconds, Later::Uncut(slot)));
            }
            Act::CutAll(seconds) => {
                self.around.sky.cut_all(true);
                self.evidence.outages.push((now, now + seconds));
                self.later.push((now + seconds, Later::UncutAll));
            }
            Act::Stall(seconds) => {
                self.around.model.stop();
                self.evidence.outages.push((now, now + seconds));
                self.later.push((now + seconds, Later::Go));
            }
            Act::Refuse(seconds) => {
                self.around.sky.refuse(true);
                self.evidence.outages.push((now, now + seconds));
                self.later.push((now + seconds, Later::Work));
            }
            Act::Upgrade(slot, seconds) => self.upgrade(slot, seconds).await,
            Act::Downgrade(slot, seconds) => {
                self.set_back(slot).await;
                self.later
                    .push((self.now() + seconds, Later::Upgrade(slot)));
            }
            Act::Reload(gap) => {
                self.is_by_name = !self.is_by_name;
                for slot in 0..self.instances.len() {
                    let steps = u32::try_from(slot).unwrap_or(0);
                    let at = now + gap * f64::from(steps);
                    self.later.push((at, Later::Configure(slot)));
                }
            }
        }
    }

    async fn undo(&mut self, what: Later) {
        match what {
            Later::Start(slot) if self.instances[slot].is_none() => self.start(slot).await,
            Later::Start(_) => {}
            Later::Thaw(slot) => {
                if let Some(instance) = &self.instances[slot] {
                    self.log(format!("i{slot} goes on"));
                    instance.gate.freeze(false);
                }
            }
            Later::Uncut(slot) => {
                self.log(format!("i{slot} is no longer cut off"));
                self.around.sky.cut(slot, false);
            }
            Later::UncutAll => {
                self.log("nobody is cut off");
                self.around.sky.cut_all(false);
            }
            Later::Go => {
                self.log("the server goes on");
                self.around.model.cont();
            }
            Later::Work => {
                self.log("the server works again");
                self.around.sky.refuse(false);
            }
            Later::RollBack(snapshot) => {
                self.log("the server lost its last writes");
                self.around.model.rollback(&snapshot);
                self.evidence.losses.push(self.now());
            }
            Later::Upgrade(slot) => {
                self.log(format!("i{slot} is upgraded again"));
                self.upgrade(slot, 0.5).await;
            }
            Later::Configure(slot) => {
                self.log(format!("i{slot} takes the configuration over"));
                self.configure(slot).await;
            }
        }
    }

    async fn configure(&self, slot: usize) {
        if let Some(instance) = self.instances[slot].as_ref().filter(|i| i.gate.is_open()) {
            let yaml = yaml(self.is_by_name);
            let configured = instance.configure(&self.around, &yaml);
            // One that dies or stands still meanwhile is not waited for.
            let _ = tokio::time::timeout(Duration::from_secs(20), configured).await;
        }
    }

    async fn start(&mut self, slot: usize) {
        let life = self.lives[slot];
        self.lives[slot] += 1;
        self.log(format!("i{slot} starts its life {life}"));
        let (store, yaml) = (&self.stores[slot], yaml(self.is_by_name));
        let instance = Instance::start(&self.around, (slot, life), store, &yaml).await;
        let door = (Arc::clone(&instance.engine), instance.gate.clone());
        self.doors.set(slot, Some(door));
        self.instances[slot] = Some(instance);
    }

    fn kill(&mut self, slot: usize, seconds: f64) {
        let now = self.now();
        if let Some(instance) = self.instances[slot].take() {
            self.doors.set(slot, None);
            instance.kill();
            self.gone(&instance, now, now + seconds);
            self.later.push((now + seconds, Later::Start(slot)));
        }
    }

    pub(crate) async fn stop(&mut self, slot: usize, seconds: f64) {
        if let Some(mut instance) = self.instances[slot].take() {
            self.doors.set(slot, None);
            let began = self.now();
            instance.stop().await;
            let back = self.now() + seconds;
            self.gone(&instance, began, back);
            self.later.push((back, Later::Start(slot)));
        }
    }

    fn freeze(&mut self, slot: usize, seconds: f64) {
        let now = self.now();
        if let Some(instance) = &self.instances[slot] {
            instance.gate.freeze(true);
            let life = instance.from.1;
            self.later.push((now + seconds, Later::Thaw(slot)));
            self.evidence.absences.push(Absence {
                slot,
                life,
                from: now,
                until: now + seconds,
                is_sleep: true,
            });
        }
    }

    fn gone(&mut self, instance: &Instance, from: f64, until: f64) {
        let (slot, life) = instance.from;
        self.count(instance.counted());
        self.evidence.absences.push(Absence {
            slot,
            life,
            from,
            until,
            is_sleep: false,
        });
    }

    fn count(&mut self, counted: Counted) {
        self.evidence.repaired += counted.repaired;
        self.evidence.mode_changes += counted.mode_changes;
    }

    async fn silence(&mut self, alert: usize, seconds: f64, slot: usize) {
        let now = self.now();
        let Some((engine, gate)) = self.doors.get(slot).filter(|(_, gate)| gate.is_open()) else {
            return;
        };
        let Some(tenant) = engine.tenant(&TenantId::default_tenant()) else {
            return;
        };
        let start = self.around.clock.now();
        let post = SilencePost {
            id: None,
            matchers: vec![PostMatcher {
                name: "alertname".to_owned(),
                value: format!("n{alert}"),
                is_regex: false,
                is_equal: true,
            }],
            starts_at: start,
            ends_at: start + Duration::from_secs_f64(seconds.min(QUIET - now).max(0.1)),
            created_by: "sim".to_owned(),
            comment: "quiet please".to_owned(),
            annotations: Labels::empty(),
        };
        let put = tokio::spawn(async move {
            let put = engine.put_silence(&tenant, post).await;
            gate.pass().await;
            put
        });
        let put = tokio::time::timeout(Duration::from_secs(5), put).await;
        if let Ok(Ok(Ok(id))) = put {
            self.truth.silence(alert, now, (now + seconds).min(QUIET));
            self.silences.push((alert, id));
        }
    }

    async fn unsilence(&mut self, slot: usize) {
        let Some((engine, gate)) = self.doors.get(slot).filter(|(_, gate)| gate.is_open()) else {
            return;
        };
        let Some(tenant) = engine.tenant(&TenantId::default_tenant()) else {
            return;
        };
        let Some((_, id)) = self.silences.pop() else {
            return;
        };
        let deleted = tokio::spawn(async move {
            let _ = engine.delete_silence(&tenant, &id).await;
            gate.pass().await;
        });
        let _ = tokio::time::timeout(Duration::from_secs(5), deleted).await;
        // Whether it is in force from now on is not known for sure.
        self.evidence.unsilenced_at.push(self.now());
    }

    /// Ends everything that is wrong, and waits until everybody must know everything.
    async fn settle(&mut self) {
        self.sleep_until(QUIET.max(self.now())).await;
        self.log("all is well from now on");
        self.around.sky.clear();
        self.around.model.cont();
        self.upgrade_all().await;
        for slot in 0..self.instances.len() {
            match &self.instances[slot] {
                Some(instance) => instance.gate.freeze(false),
                None => self.start(slot).await,
            }
        }
        for slot in 0..self.instances.len() {
            self.configure(slot).await;
        }
        self.sleep_until(END).await;
    }

    /// Collects what is left, and judges.
    async fn close(mut self) -> Verdict {
        for instance in std::mem::take(&mut self.instances).into_iter().flatten() {
            self.count(instance.counted());
            self.evidence.groups.push(instance.engine.group_count());
            instance.kill();
        }
        self.feeders.iter().for_each(JoinHandle::abort);
        let client = self.around.model.connect("oracle").knowing(upgrade::NEW);
        for shard in 0..domain::limits::SHARDS {
            let (_, groups) = client.shard(shard).await.expect("calm weather");
            self.evidence.shared_groups += groups.len();
            let lost = client.audit(shard, &[]).await.expect("calm weather");
            self.evidence.repaired += u64::try_from(lost).unwrap_or(u64::MAX);
        }
        self.evidence.is_by_name = self.is_by_name;
        let verdict = oracle::judge(
            self.run,
            &self.truth,
            &self.around.receivers,
            &self.evidence,
        );
        if self.run.is_traced {
            verdict.print(&self.around.receivers);
        }
        verdict
    }
}
