//! The feeder: it models Prometheus. Every alert is stated again each resend interval in POSTs of at most 256, firing ones
//! with an end four intervals ahead, ended ones for a while; what was not acknowledged is stated again soon, to the next
//! instance.

pub(crate) mod balancer;
pub(crate) mod truth;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use harness::alert::{self, Alert};
use harness::http::request_within;
use harness::random::Random;
use harness::wait_for;

use balancer::{Addresses, Balance, Balancer};
use truth::{Post, Statement, Truth};

use crate::tenant::{OWNER, bare, of_group, qualified};

/// Most alerts in a POST.
const BATCH_MAX: usize = 256;

/// Longest wait for the answer to a POST.
const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause of a lane after a POST that was not acknowledged.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Lanes of a tenant: each sends its own alerts one POST after the other, so that what is said of an alert keeps its order.
const LANES: usize = 3;

/// What is fed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Alerts, all firing at first.
    pub(crate) alerts: usize,
    /// Groups they are in.
    pub(crate) groups: usize,
    /// Changes in ten seconds, while there is churn.
    pub(crate) changes_per_10s: u64,
    /// How often everything is stated again.
    pub(crate) resend: Duration,
    /// How long ended alerts are stated again.
    pub(crate) resolved_for: Duration,
}

/// An alert of the feeder's.
#[derive(Debug)]
struct Subject {
    name: Arc<str>,
    group: Arc<str>,
    fires: bool,
    starts_at: SystemTime,
    ends_at: Option<SystemTime>,
    changed: Instant,
    /// Stated again from then on; `None` when it is not.
    due: Option<Instant>,
    /// Not stated again once acknowledged, and lasting for an hour by itself.
    is_one_shot: bool,
}

#[derive(Default)]
struct State {
    lanes: Vec<Vec<Subject>>,
    truth: Truth,
    /// The last statement of each alert.
    last: BTreeMap<Arc<str>, usize>,
    /// Alerts that were changed and whose change was not acknowledged yet.
    unsaid: usize,
}

struct Shared {
    state: Mutex<State>,
    balancer: Balancer,
    load: Load,
    changes_per_10s: AtomicU64,
    copies: AtomicU64,
    is_over: AtomicBool,
}

/// A running feeder; it ends when dropped.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    lanes: Vec<JoinHandle<()>>,
}

impl Feeder {
    /// Starts to feed these instances; the churn begins with [`Feeder::churn`].
    pub(crate) fn start(
        addresses: Addresses,
        load: Load,
        tenants: &[Option<&'static str>],
        random: &Random,
    ) -> Self {
        let now = Instant::now();
        let mut state = State::default();
        state.lanes.resize_with(LANES * tenants.len(), Vec::new);
        for (turn, tenant) in tenants.iter().enumerate() {
            for n in 0..load.alerts {
                let group = qualified(*tenant, &format!("g{}", n % load.groups.max(1)));
                let subject = Subject::new(&qualified(*tenant, &format!("a{n}")), &group, now);
                state.lanes[turn * LANES + n % LANES].push(subject);
            }
        }
        let lanes = state.lanes.len();
        state.unsaid = load.alerts * tenants.len();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            balancer: Balancer::start(addresses),
            load,
            changes_per_10s: AtomicU64::new(0),
            copies: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
        });
        let lane = |n: usize| {
            let (shared, random) = (shared.clone(), random.part(n as u64));
            std::thread::spawn(move || shared.run(n, random))
        };
        let lanes = (0..lanes).map(lane).collect();
        Self { shared, lanes }
    }

    /// Begins or ends the churn: alerts end and begin again at random.
    pub(crate) fn churn(&self, is_on: bool) {
        let changes = if is_on {
            self.shared.load.changes_per_10s
        } else {
            0
        };
        self.shared
            .changes_per_10s
            .store(changes, Ordering::Relaxed);
    }

    /// Chooses other instances.
    pub(crate) fn balance(&self, balance: Balance) {
        self.shared.balancer.set(balance);
    }

    /// Sends every POST so often.
    pub(crate) fn copies(&self, copies: u64) {
        self.shared.copies.store(copies, Ordering::Relaxed);
    }

    /// Ends every alert that fires.
    pub(crate) fn end_all(&self) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        for subject in state.lanes.iter_mut().flatten() {
            if subject.fires {
                state.unsaid += subject.toggle(Instant::now());
            }
        }
    }

    /// Adds an alert that is stated once.
    pub(crate) fn one_shot(&self, name: &str, group: &str) {
        let mut subject = Subject::new(name, group, Instant::now());
        subject.is_one_shot = true;
        let mut state = self.shared.lock();
        // The first lanes are the default tenant's.
        let own = state.lanes.iter_mut().take(LANES);
        let lane = own.min_by_key(|lane| lane.len());
        if let Some(lane) = lane {
            lane.push(subject);
            state.unsaid += 1;
        }
    }

    /// Waits until everything that was changed is acknowledged.
    pub(crate) fn wait_said(&self, patience: Duration) -> bool {
        let is_said = || (self.shared.lock().unsaid == 0).then_some(());
        wait_for(patience, is_said).is_some()
    }

    /// What was stated and posted so far.
    pub(crate) fn truth(&self) -> Truth {
        self.shared.lock().truth.clone()
    }

    /// States something of an alert of the feeder's as another sender would, once, at the instance whose turn it is.
    pub(crate) fn contradict(&self, name: &str, group: &str, fires: bool) {
        let mut rival = Subject::new(name, group, Instant::now());
        rival.starts_at -= Duration::from_secs(60);
        if !fires {
            rival.toggle(Instant::now());
        }
        self.shared.post(&[Said::of(&rival, self.shared.load)]);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for lane in self.lanes.drain(..) {
            let _ = lane.join();
        }
    }
}

impl Subject {
    fn new(name: &str, group: &str, now: Instant) -> Self {
        Self {
            name: name.into(),
            group: group.into(),
            fires: true,
            starts_at: SystemTime::now(),
            ends_at: None,
            changed: now,
            due: Some(now),
            is_one_shot: false,
        }
    }

    /// Ends it, or begins it again; answers how many more alerts are unsaid now.
    fn toggle(&mut self, now: Instant) -> usize {
        let wall = SystemTime::now();
        self.fires = !self.fires;
        match self.fires {
            true => (self.starts_at, self.ends_at) = (wall, None),
            false => self.ends_at = Some(wall),
        }
        // An alert whose last change is not acknowledged yet is counted already.
        let more = usize::from(self.is_said());
        self.changed = now;
        self.due = Some(now);
        more
    }

    /// Whether its last change was acknowledged: then it is due later than that.
    fn is_said(&self) -> bool {
        self.due.is_none_or(|due| self.changed < due)
    }
}

/// An alert on its way in a POST.
struct Said {
    name: Arc<str>,
    group: Arc<str>,
    fires: bool,
    changed: Instant,
    alert: Alert,
}

impl Said {
    fn of(subject: &Subject, load: Load) -> Self {
        let lasting = match subject.is_one_shot {
            true => Duration::from_secs(3600),
            false => 4 * load.resend,
        };
        let ends_at = subject
            .ends_at
            .unwrap_or_else(|| SystemTime::now() + lasting);
        let mut alert = Alert::named(bare(&subject.name))
            .label("cluster", bare(&subject.group))
            .label("load", "yes")
            .starts(subject.starts_at)
            .ends(ends_at);
        if let Some(tenant) = of_group(&subject.group) {
            alert = alert.annotation(OWNER, tenant);
        }
        Self {
            name: subject.name.clone(),
            group: subject.group.clone(),
            fires: subject.fires,
            changed: subject.changed,
            alert,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, lane: usize, mut random: Random) {
        let mut churned = Instant::now();
        while !self.is_over.load(Ordering::Relaxed) {
            self.change_some(lane, &mut churned, &mut random);
            let batch = self.batch(lane);
            if batch.is_empty() {
                std::thread::sleep(Duration::from_millis(20));
            } else if self.post(&batch) {
                self.acknowledged(lane, &batch);
            } else {
                std::thread::sleep(RETRY_AFTER);
            }
        }
    }

    /// The lane's share of the churn since the last call.
    fn change_some(&self, lane: usize, churned: &mut Instant, random: &mut Random) {
        let per_10s = self.changes_per_10s.load(Ordering::Relaxed);
        let now = Instant::now();
        if per_10s == 0 {
            *churned = now;
            return;
        }
        let pause = Duration::from_secs(10) * LANES as u32 / u32::try_from(per_10s).unwrap_or(1);
        let mut guard = self.lock();
        let state = &mut *guard;
        // What could not be changed while a POST hung is not made up for in one go.
        *churned = (*churned).max(now - pause.min(Duration::from_secs(1)) * 2);
        while *churned + pause <= now {
            *churned += pause;
            let subjects = &mut state.lanes[lane];
            let index = random.below(subjects.len() as u64);
            let subject = usize::try_from(index)
                .ok()
                .and_then(|i| subjects.get_mut(i));
            if let Some(subject) = subject.filter(|subject| !subject.is_one_shot) {
                state.unsaid += subject.toggle(now);
            }
        }
    }

    fn batch(&self, lane: usize) -> Vec<Said> {
        let now = Instant::now();
        let state = self.lock();
        let due = state.lanes[lane]
            .iter()
            .filter(|subject| subject.due.is_some_and(|due| due <= now));
        due.take(BATCH_MAX)
            .map(|subject| Said::of(subject, self.load))
            .collect()
    }

    /// Posts and keeps what came of it; whether it was acknowledged.
    fn post(&self, batch: &[Said]) -> bool {
        let alerts: Vec<Alert> = batch.iter().map(|said| said.alert.clone()).collect();
        let body = alert::body(&alerts);
        let tenant = batch.first().and_then(|said| of_group(&said.group));
        let headers: Vec<(&str, &str)> = tenant
            .map(|own| ("X-Scope-OrgID", own))
            .into_iter()
            .collect();
        let began = Instant::now();
        self.state_changes(batch, began);
        let mut is_acknowledged = false;
        for _ in 0..self.copies.load(Ordering::Relaxed) {
            let Some((instance, address)) = self.balancer.choose() else {
                return is_acknowledged;
            };
            let at = Instant::now();
            let target = ("POST", "/api/v2/alerts");
            let answer = request_within(POST_TIMEOUT, &address, target, &headers, &body);
            let status = answer.ok().map(|answer| answer.status());
            is_acknowledged |= status == Some(200);
            self.lock().truth.posts.push(Post {
                at,
                took: at.elapsed(),
                status,
                instance,
            });
        }
        if is_acknowledged {
            self.acknowledge_changes(batch);
        }
        is_acknowledged
    }

    /// A statement for each alert of which something else was said before.
    fn state_changes(&self, batch: &[Said], posted: Instant) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for said in batch {
            let last = state.last.get(&said.name);
            let last = last.and_then(|index| state.truth.statements.get(*index));
            if last.is_some_and(|last| last.fires == said.fires) {
                continue;
            }
            state
                .last
                .insert(said.name.clone(), state.truth.statements.len());
            state.truth.statements.push(Statement {
                name: said.name.clone(),
                group: said.group.clone(),
                fires: said.fires,
                posted,
                acked: None,
            });
        }
    }

    fn acknowledge_changes(&self, batch: &[Said]) {
        let now = Instant::now();
        let mut guard = self.lock();
        let state = &mut *guard;
        for said in batch {
            let last = state.last.get(&said.name).copied();
            let last = last.and_then(|index| state.truth.statements.get_mut(index));
            if let Some(last) = last.filter(|last| last.fires == said.fires) {
                last.acked.get_or_insert(now);
            }
        }
    }

    fn acknowledged(&self, lane: usize, batch: &[Said]) {
        let now = Instant::now();
        let said: BTreeMap<&str, Instant> = batch
            .iter()
            .map(|said| (&*said.name, said.changed))
            .collect();
        let mut guard = self.lock();
        let state = &mut *guard;
        for subject in &mut state.lanes[lane] {
            // What changed meanwhile stays due.
            if said.get(&*subject.name) != Some(&subject.changed) {
                continue;
            }
            state.unsaid -= usize::from(!subject.is_said());
            let is_over = match subject.fires {
                true => subject.is_one_shot,
                false => self.load.resolved_for < now - subject.changed,
            };
            subject.due = (!is_over).then(|| now + self.load.resend);
        }
    }
}
