//! Receivers: they answer by the dice, and keep what they accepted. They outlive the instances that tell them things.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::id::IntegrationId;
use notify::{
    Composed, Delivered, DeliveryError, FailureReason, Integration, Notification, RetryAdvice,
};
use runtime::departure::Departure;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::plan::QUIET;
use crate::profile::Profile;
use crate::sky::Gate;

/// A message that was offered.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it arrived, in seconds of the run.
    pub at: f64,
    /// Which instance sent it, and in which of its lives.
    pub from: (usize, usize),
    /// Its idempotency key.
    pub key: String,
    /// The group it speaks of.
    pub group_key: String,
    /// Names of alerts it calls firing, sorted.
    pub firing: Vec<usize>,
    /// Names of alerts it calls resolved, sorted.
    pub resolved: Vec<usize>,
    /// Why it was sent.
    pub reason: &'static str,
    /// Whether it was accepted.
    pub is_accepted: bool,
    /// Whether its sender never hears that.
    pub is_silent: bool,
    /// Whether its sender was told that it is not.
    pub is_refused: bool,
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Accept,
    Fail,
    Refuse,
    Hang,
    AcceptInSilence,
}

/// A receiver; clones are the same one.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    name: &'static str,
    zero: Instant,
    profile: Profile,
    dice: Mutex<Dice>,
    offered: Mutex<Vec<Message>>,
}

impl Receiver {
    /// A receiver of this name; the configuration names it as `http://NAME`.
    pub fn new(name: &'static str, profile: Profile, seed: u64, zero: Instant) -> Self {
        Self(Arc::new(Inner {
            name,
            zero,
            profile,
            dice: Mutex::new(Dice::new(seed, name)),
            offered: Mutex::default(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Everything it was offered, in order.
    pub fn offered(&self) -> Vec<Message> {
        lock(&self.0.offered).clone()
    }

    /// The integration by which one life of an instance tells it things.
    pub fn integration(&self, setup: Setup) -> Arc<dyn Integration> {
        Arc::new(Teller {
            receiver: self.clone(),
            setup,
        })
    }

    fn roll(&self) -> (Answer, Duration) {
        let mut dice = lock(&self.0.dice);
        let profile = self.0.profile;
        let mut takes = Duration::from_millis(1 + dice.below(40));
        if self.0.zero.elapsed().as_secs_f64() >= QUIET {
            return (Answer::Accept, takes);
        }
        let roll = dice.below(100);
        let is_slow = profile.has_refusals() || profile.has_silence();
        if is_slow && dice.permille(150) {
            takes = Duration::from_millis(dice.below(12_000));
        }
        let answer = match roll {
            0..12 if profile.has_refusals() => Answer::Fail,
            12..20 if profile.has_refusals() => Answer::Refuse,
            20..28 if profile.has_silence() => Answer::Hang,
            28..40 if profile.has_silence() => Answer::AcceptInSilence,
            _ => Answer::Accept,
        };
        (answer, takes)
    }

    /// Whether a process that stood still had looked at its gate before.
    fn is_past_the_gate(&self) -> bool {
        lock(&self.0.dice).permille(150)
    }

    /// Notes an attempt; answers its place.
    fn note(&self, message: Message) -> usize {
        let mut offered = lock(&self.0.offered);
        offered.push(message);
        offered.len() - 1
    }

    fn refuse(&self, place: usize) {
        if let Some(message) = lock(&self.0.offered).get_mut(place) {
            message.is_refused = true;
        }
    }

    fn accept(&self, place: usize, is_silent: bool) {
        let at = self.0.zero.elapsed().as_secs_f64();
        if let Some(message) = lock(&self.0.offered).get_mut(place) {
            message.is_accepted = true;
            message.is_silent = is_silent;
            message.at = at;
        }
    }
}

/// What an integration belongs to.
pub struct Setup {
    /// Its identity.
    pub id: IntegrationId,
    /// Whether it wants to hear of ends.
    pub send_resolved: bool,
    /// The instance, and which of its lives.
    pub from: (usize, usize),
    /// Whether that lives.
    pub gate: Gate,
}

struct Teller {
    receiver: Receiver,
    setup: Setup,
}

impl Teller {
    fn message(&self, notification: &Notification) -> Message {
        let named = |is_resolved: bool| {
            let alerts = notification.alerts.iter();
            let named = alerts.filter(move |alert| alert.is_resolved == is_resolved);
            let numbers = named.filter_map(|alert| {
                let name = alert.alert.labels.get("alertname")?;
                name.strip_prefix('n')?.parse().ok()
            });
            let mut numbers: Vec<usize> = numbers.collect();
            numbers.sort_unstable();
            numbers
        };
        Message {
            at: self.receiver.0.zero.elapsed().as_secs_f64(),
            from: self.setup.from,
            key: notification.idempotency_key.clone(),
            group_key: notification.group_key.clone(),
            firing: named(false),
            resolved: named(true),
            reason: notification.reason.as_str(),
            is_accepted: false,
            is_silent: false,
            is_refused: false,
        }
    }

    async fn play(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let receiver = &self.receiver;
        let place = receiver.note(self.message(notification));
        let (answer, takes) = receiver.roll();
        tokio::time::sleep(takes).await;
        match answer {
            Answer::Accept => receiver.accept(place, false),
            Answer::Fail => {
                receiver.refuse(place);
                return Err(failed(true, FailureReason::ServerError));
            }
            Answer::Refuse => {
                receiver.refuse(place);
                return Err(failed(false, FailureReason::ClientError));
            }
            Answer::AcceptInSilence => {
                receiver.accept(place, true);
                std::future::pending::<()>().await;
            }
            Answer::Hang => std::future::pending::<()>().await,
        }
        Ok(())
    }
}

#[async_trait]
impl Integration for Teller {
    fn id(&self) -> &IntegrationId {
        &self.setup.id
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        self.setup.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        None
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
        let was_open = self.teller.setup.gate.is_open();
        self.teller.setup.gate.pass().await;
        // A process that stands still does not think either: what would look at the gate while it does, looks when it goes on. A few
        // were stopped between their look and the request, which goes out now.
        if !was_open && !self.teller.receiver.is_past_the_gate() {
            return Err(failed(true, FailureReason::Other));
        }
        Departure::awaited().note();
        let result = tokio::time::timeout(deadline, self.teller.play(&self.notification)).await;
        self.teller.setup.gate.pass().await;
        let result = result.unwrap_or_else(|_| {
            let error = failed(true, FailureReason::ContextDeadlineExceeded);
            Err(DeliveryError {
                is_ambiguous: true,
                ..error
            })
        });
        result.map(|()| Delivered::default())
    }
}

fn failed(is_worth_retrying: bool, reason: FailureReason) -> DeliveryError {
    DeliveryError {
        retry: is_worth_retrying.then_some(RetryAdvice { after: None }),
        is_ambiguous: false,
        reason,
        detail: format!("the plan wants {reason:?}"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
