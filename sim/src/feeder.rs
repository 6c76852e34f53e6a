//! Feeders: they state what is true until an instance acknowledges it; some repeat themselves, as Prometheus does.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;
use engine::{Engine, PostedAlert};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::plan::ALERTS;
use crate::sky::Gate;
use crate::truth::{Statement, Truth};

/// How often a feeder that repeats itself does so.
const REPEAT: Duration = Duration::from_secs(10);

/// How long what it says holds unless repeated.
const HOLDS_SECONDS: f64 = 60.0;

/// How long a feeder takes to say what it found.
const DELAY: Duration = Duration::from_millis(2);

/// How long a feeder waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where instances can be posted to: the engines that run, by slot; clones are the same one.
#[derive(Clone, Default)]
pub struct Doors(Arc<Mutex<Vec<Option<Door>>>>);

/// An instance that answers, and what its answers meet.
type Door = (Arc<Engine>, Gate);

impl Doors {
    /// Doors for so many instances, all shut.
    pub fn new(count: usize) -> Self {
        let doors = (0..count).map(|_| None).collect();
        Self(Arc::new(Mutex::new(doors)))
    }

    /// Opens or shuts a door.
    pub fn set(&self, slot: usize, open: Option<(Arc<Engine>, Gate)>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get_mut(slot) {
            *door = open;
        }
    }

    /// What is behind a door.
    pub fn get(&self, slot: usize) -> Option<(Arc<Engine>, Gate)> {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.get(slot).cloned().flatten()
    }

    fn count(&self) -> usize {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.len()
    }
}

/// A feeder.
pub struct Feeder {
    /// Alerts whose number has this remainder are its own.
    pub number: usize,
    /// How many feeders there are.
    pub count: usize,
    /// Whether it repeats itself.
    pub is_repeating: bool,
    /// Whether it keeps to one instance while that works.
    pub is_sticky: bool,
    /// Its choices.
    pub dice: Dice,
    /// What is true.
    pub truth: Truth,
    /// Where to say it.
    pub doors: Doors,
    /// Rung when something changed.
    pub bell: Arc<Notify>,
    /// Second 0.
    pub zero: Instant,
    /// The time of second 0.
    pub start: Timestamp,
    /// Whether it says what it does.
    pub is_traced: bool,
}

impl Feeder {
    /// Feeds for ever.
    pub async fn run(mut self) {
        let mut slot = self.dice.index(self.doors.count());
        let mut said: Vec<Option<Statement>> = vec![None; ALERTS];
        let mut repeat_at = Instant::now();
        let mut has_failed = false;
        loop {
            let is_time = self.is_repeating && repeat_at <= Instant::now();
            let statements = self.statements(&said, is_time);
            if statements.is_empty() {
                if is_time {
                    repeat_at = Instant::now() + REPEAT;
                }
                let pause = repeat_at.saturating_duration_since(Instant::now());
                let pause = if self.is_repeating { pause } else { REPEAT };
                let _ = tokio::time::timeout(pause, self.bell.notified()).await;
                continue;
            }
            if !self.is_sticky && !has_failed {
                slot = self.dice.index(self.doors.count());
            }
            // Between an evaluation and its post time passes.
            tokio::time::sleep(DELAY).await;
            let is_stored = self.post(slot, &statements).await;
            if self.is_traced {
                let now = self.zero.elapsed().as_secs_f64();
                let said = statements.iter().map(|(alert, s)| (alert, s.is_firing));
                let said: Vec<_> = said.collect();
                println!(
                    "{now:9.3}   feeder {} to i{slot}: {said:?}: {is_stored}",
                    self.number
                );
            }
            if is_stored {
                has_failed = false;
                let now = self.zero.elapsed().as_secs_f64();
                for (alert, statement) in statements {
                    self.truth.acknowledge(alert, statement, now);
                    said[alert] = Some(statement);
                }
                if is_time {
                    repeat_at = Instant::now() + REPEAT;
                }
            } else {
                slot = (slot + 1) % self.doors.count();
                has_failed = true;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }

    /// What is to be said now: everything if it is time, else what was not acknowledged.
    fn statements(&self, said: &[Option<Statement>], is_time: bool) -> Vec<(usize, Statement)> {
        let ours = (0..ALERTS).filter(|alert| alert % self.count == self.number);
        let known = ours.filter_map(|alert| {
            let now = self.truth.now(alert)?;
            let is_said = said
                .get(alert)
                .copied()
                .flatten()
                .is_some_and(|s| s.at == now.at);
            (is_time || !is_said).then_some((alert, now))
        });
        known.collect()
    }

    async fn post(&self, slot: usize, statements: &[(usize, Statement)]) -> bool {
        let Some((engine, gate)) = self.doors.get(slot) else {
            return false;
        };
        let Some(tenant) = engine.tenant(&TenantId::default_tenant()) else {
            return false;
        };
        let posted = statements.iter().map(|(alert, s)| self.posted(*alert, s));
        let posted: Vec<_> = posted.collect();
        let mut post = tokio::spawn(async move {
            gate.pass().await;
            let report = engine.ingest(&tenant, posted).await;
            gate.pass().await;
            report.is_ok()
        });
        let answer = tokio::time::timeout(PATIENCE, &mut post).await;
        // A request whose sender hung up is dropped, as a server does.
        post.abort();
        matches!(answer, Ok(Ok(true)))
    }

    fn posted(&self, alert: usize, statement: &Statement) -> PostedAlert<'static> {
        let now = self.zero.elapsed().as_secs_f64();
        let ends_at = match (statement.is_firing, self.is_repeating) {
            (true, true) => now + HOLDS_SECONDS,
            (true, false) => 100_000.0,
            (false, _) => statement.at,
        };
        let text = |text: String| Cow::<'static, str>::Owned(text);
        let mut labels = vec![(Cow::Borrowed("alertname"), text(format!("n{alert}")))];
        if alert + 2 >= ALERTS {
            labels.push((Cow::Borrowed("team"), Cow::Borrowed("x")));
        }
        PostedAlert {
            labels,
            annotations: Vec::new(),
            generator_url: Cow::Borrowed("http://prometheus.example.org"),
            starts_at: Some(self.time(statement.start)),
            ends_at: Some(self.time(ends_at)),
        }
    }

    fn time(&self, seconds: f64) -> Timestamp {
        self.start + Duration::from_secs_f64(seconds.max(0.0))
    }
}
