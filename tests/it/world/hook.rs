//! Scripted receivers: each attempt is answered as the story says, and what was accepted is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::fingerprint::Fingerprint;
use domain::id::IntegrationId;
use notify::{
    Composed, Delivered, DeliveryError, FailureReason, Integration, Notification, RetryAdvice,
};
use tokio::time::Instant;

use super::alerts::Alert;
use super::seconds;
use super::wire::Wire;

/// How a receiver answers one attempt.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// 200, and it counts.
    Accept,
    /// 200, but the story does not count it.
    Ignore,
    /// 500: worth trying again.
    Fail,
    /// 400: not worth trying again.
    Refuse,
    /// 429 with Retry-After, in seconds.
    Later(f64),
    /// The request got out, nothing came of it, and no answer arrives: nobody can know.
    Hang,
    /// It is accepted, but the answer never arrives.
    AcceptInSilence,
    /// The integration has a bug.
    Panic,
    /// The answer takes so many seconds.
    After(f64, Box<Answer>),
}

impl Answer {
    /// This answer, after so many seconds.
    pub(crate) fn after(self, seconds: f64) -> Self {
        Self::After(seconds, Box::new(self))
    }
}

/// What a receiver accepted.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) at: f64,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) reason: &'static str,
    pub(crate) key: String,
    pub(crate) group_key: String,
    pub(crate) receiver: String,
    pub(crate) still_firing: usize,
}

/// One attempt, whatever became of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: f64,
    pub(crate) key: String,
    pub(crate) statuses: BTreeMap<Fingerprint, bool>,
}

type Script = dyn Fn(f64, usize) -> Answer + Send + Sync;

/// A receiver's end of a webhook; clones are the same one. It outlives the instances that tell it things.
#[derive(Clone)]
pub(crate) struct Hook(Arc<Inner>);

struct Inner {
    name: String,
    kind: &'static str,
    zero: OnceLock<Instant>,
    script: Mutex<Arc<Script>>,
    attempts: Mutex<Vec<Attempt>>,
    arrived: Mutex<Vec<Arrived>>,
    wire: Wire,
}

impl Hook {
    /// A receiver that accepts everything; the configuration names it as `http://NAME`.
    pub(crate) fn new(name: &str) -> Self {
        Self::scripted(name, |_, _| Answer::Accept)
    }

    /// A receiver that answers by the time of the attempt and how many there were before.
    pub(crate) fn scripted(
        name: &str,
        script: impl Fn(f64, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::of_kind(name, "webhook", script)
    }

    /// A receiver that accepts everything, and whose messages are only read: a chat.
    pub(crate) fn chat(name: &str) -> Self {
        Self::of_kind(name, "telegram", |_, _| Answer::Accept)
    }

    fn of_kind(
        name: &str,
        kind: &'static str,
        script: impl Fn(f64, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            kind,
            zero: OnceLock::new(),
            script: Mutex::new(Arc::new(script)),
            attempts: Mutex::default(),
            arrived: Mutex::default(),
            wire: Wire::default(),
        }))
    }

    /// A receiver that answers so until a moment, and accepts from then on.
    pub(crate) fn until(name: &str, moment: f64, answer: Answer) -> Self {
        Self::scripted(name, move |at, _| {
            if at < moment {
                answer.clone()
            } else {
                Answer::Accept
            }
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Everything it accepted.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        lock(&self.0.arrived).clone()
    }

    /// What goes over the wire to it, where the configuration has templates.
    pub(crate) fn wire(&self) -> &Wire {
        &self.0.wire
    }

    /// Every attempt at it.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        lock(&self.0.attempts).clone()
    }

    /// The same idempotency key means the same alerts with the same statuses (G2).
    pub(crate) fn check_keys(&self) {
        let mut known: BTreeMap<String, Attempt> = BTreeMap::new();
        for attempt in self.attempts() {
            let first = known
                .entry(attempt.key.clone())
                .or_insert_with(|| attempt.clone());
            assert_eq!(
                first.statuses,
                attempt.statuses,
                "hook {}: the key {} was used at {:.3} and at {:.3} for different messages",
                self.name(),
                attempt.key,
                first.at,
                attempt.at
            );
        }
    }

    pub(super) fn begin_at(&self, zero: Instant) {
        let _ = self.0.zero.set(zero);
    }

    /// The integration that tells this hook.
    pub(super) fn integration(&self, setup: Setup) -> Arc<dyn Integration> {
        Arc::new(Teller {
            hook: self.clone(),
            setup,
        })
    }

    fn now(&self) -> f64 {
        let zero = *self.0.zero.get().expect("the hook was handed to a world");
        let now = Instant::now();
        now.saturating_duration_since(zero).as_secs_f64()
            - zero.saturating_duration_since(now).as_secs_f64()
    }

    fn answer(&self, notification: &Notification) -> Answer {
        let at = self.now();
        let statuses = notification
            .alerts
            .iter()
            .map(|a| (a.alert.fingerprint, a.is_resolved));
        let mut attempts = lock(&self.0.attempts);
        attempts.push(Attempt {
            at,
            key: notification.idempotency_key.clone(),
            statuses: statuses.collect(),
        });
        let script = Arc::clone(&lock(&self.0.script));
        script(at, attempts.len() - 1)
    }

    fn accept(&self, notification: &Notification) {
        let alerts = notification.alerts.iter().map(|a| Alert {
            labels: texts(a.alert.labels.pairs()),
            annotations: Some(texts(a.alert.annotations.pairs())),
            start: Some(seconds(a.alert.starts_at)),
            end: Some(seconds(a.alert.ends_at)),
            is_resolved: a.is_resolved,
        });
        lock(&self.0.arrived).push(Arrived {
            at: self.now(),
            alerts: alerts.collect(),
            reason: notification.reason.as_str(),
            key: notification.idempotency_key.clone(),
            group_key: notification.group_key.clone(),
            receiver: notification.receiver.to_string(),
            still_firing: notification.still_firing,
        });
    }

    async fn play(
        &self,
        mut answer: Answer,
        notification: &Notification,
        is_alive: &AtomicBool,
    ) -> Result<(), DeliveryError> {
        while let Answer::After(seconds, then) = answer {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            answer = *then;
            live(is_alive).await;
        }
        match answer {
            Answer::Accept => self.accept(notification),
            Answer::Ignore => {}
            Answer::Panic => panic!("the story wants a panic here"),
            Answer::Fail => return Err(failed(Some(None), FailureReason::ServerError)),
            Answer::Refuse => return Err(failed(None, FailureReason::ClientError)),
            Answer::Later(after) => {
                let after = Some(Some(Duration::from_secs_f64(after)));
                return Err(failed(after, FailureReason::RateLimited));
            }
            Answer::AcceptInSilence => {
                self.accept(notification);
                std::future::pending::<()>().await;
            }
            Answer::Hang | Answer::After(..) => std::future::pending::<()>().await,
        }
        Ok(())
    }
}

/// What the configuration says of an integration.
pub(super) struct Setup {
    pub(super) id: IntegrationId,
    pub(super) send_resolved: bool,
    pub(super) timeout: Option<Duration>,
    /// Whether the instance it belongs to lives.
    pub(super) is_alive: Arc<AtomicBool>,
}

struct Teller {
    hook: Hook,
    setup: Setup,
}

#[async_trait]
impl Integration for Teller {
    fn id(&self) -> &IntegrationId {
        &self.setup.id
    }

    fn kind(&self) -> &'static str {
        self.hook.0.kind
    }

    fn send_resolved(&self) -> bool {
        self.setup.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        self.setup.timeout
    }

    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        let notification = notification.clone();
        Ok(Box::new(Telling {
            teller: self,
            notification,
        }))
    }
}

struct Telling<'a> {
    teller: &'a Teller,
    notification: Notification,
}

#[async_trait]
impl Composed for Telling<'_> {
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError> {
        let is_alive = &*self.teller.setup.is_alive;
        live(is_alive).await;
        let answer = self.teller.hook.answer(&self.notification);
        let played = self.teller.hook.play(answer, &self.notification, is_alive);
        let result = tokio::time::timeout(deadline, played).await;
        live(is_alive).await;
        let result = result.unwrap_or_else(|_| {
            let error = failed(Some(None), FailureReason::ContextDeadlineExceeded);
            Err(DeliveryError {
                is_ambiguous: true,
                ..error
            })
        });
        result.map(|()| Delivered::default())
    }
}

/// Goes on if the instance lives; a dead one gets no further, and nobody waits for it.
pub(super) async fn live(is_alive: &AtomicBool) {
    if !is_alive.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

fn failed(retry: Option<Option<Duration>>, reason: FailureReason) -> DeliveryError {
    DeliveryError {
        retry: retry.map(|after| RetryAdvice { after }),
        is_ambiguous: false,
        reason,
        detail: format!("scripted: {reason:?}"),
    }
}

fn texts<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no story panics while it holds a lock")
}
