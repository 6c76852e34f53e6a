//! Attempts: the gate before each, the backoff between them, and what is known at the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::id::{IntegrationId, TenantId};
use domain::time::Timestamp;
use notify::{Composed, Delivered, DeliveryError, FailureReason, Notification, RetryAdvice};
use runtime::backoff::Backoff;
use runtime::failpoint::reach;
use runtime::metrics::Counter;
use runtime::timing::Timing;
use state::rate::{Hold, RateBuckets, Taken};
use store::{Attempt, AttemptOutcome};
use tokio::time::Instant;

use crate::channel::Channel;

/// The longest a provider may ask us to wait before we try anyway: one bad header must not cost an hour of pages.
pub(crate) const HOLD_MAX: Duration = Duration::from_secs(300);

/// How long telling the other instances of it may take.
const HOLD_PATIENCE: Duration = Duration::from_millis(200);

/// A further attempt is made while at least this part of a send's longest time is left: a second.
const ATTEMPT_SHARE: u32 = 20;

/// What is known after the last attempt at a message.
pub(crate) enum Outcome {
    /// The receiver accepted it.
    Accepted(Delivered),
    /// It surely did not accept it: the message is taken back, and the next tick may say something newer.
    Refused(DeliveryError),
    /// Nobody can know: the message stays as it is for a repeat under the same key.
    Unknown(DeliveryError),
    /// No attempt was made: what was known of the message before is as true as it was.
    NotTried(DeliveryError),
}

impl Outcome {
    /// None of the attempts was accepted; `may_have_arrived`: one of them, all the same.
    fn failed(is_tried: bool, may_have_arrived: bool, failure: DeliveryError) -> Self {
        match (is_tried, may_have_arrived) {
            (false, _) => Self::NotTried(failure),
            (true, true) => Self::Unknown(failure),
            (true, false) => Self::Refused(failure),
        }
    }
}

/// An attempt at a message that was made.
pub(crate) struct Made<'a> {
    /// 1 for the first attempt of this flush.
    pub(crate) number: u32,
    /// How long it took.
    pub(crate) took: Duration,
    /// What came of it.
    pub(crate) result: Result<&'a Delivered, &'a DeliveryError>,
}

impl Made<'_> {
    /// What the delivery log says of it.
    pub(crate) fn logged(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        notification: &Notification,
        now: Timestamp,
    ) -> Attempt {
        let (outcome, failure, answer, fallback) = match self.result {
            Ok(delivered) => {
                let fallback = delivered.fallback.clone().unwrap_or_default();
                let answer = delivered.answer.clone();
                (AttemptOutcome::Accepted, "", answer, fallback)
            }
            Err(error) => {
                let outcome = match error.retry {
                    _ if error.is_ambiguous => AttemptOutcome::Unknown,
                    Some(_) => AttemptOutcome::Failed,
                    None => AttemptOutcome::Refused,
                };
                let detail = error.detail.clone();
                (outcome, error.reason.as_str(), detail, String::new())
            }
        };
        let status = if notification.is_firing() {
            "firing"
        } else {
            "resolved"
        };
        Attempt {
            tenant: tenant.clone(),
            at: now - self.took,
            took: self.took,
            receiver: notification.receiver.to_string(),
            integration: integration.to_string(),
            group_key: notification.group_key.clone(),
            status: status.to_owned(),
            reason: notification.reason.as_str().to_owned(),
            message_key: notification.idempotency_key.clone(),
            number: self.number,
            outcome,
            failure: failure.to_owned(),
            answer,
            fallback,
        }
    }
}

/// What a flush works with.
#[async_trait]
pub(crate) trait Ground: Send + Sync {
    /// Whether it holds still; answered within seconds.
    async fn stands(&self) -> bool;
}

/// The time a flush has for its sends.
pub(crate) struct Sending<'a> {
    deadline: Instant,
    lease_until: Mutex<Instant>,
    timing: Timing,
    /// What the flush works with.
    ground: &'a dyn Ground,
    /// Whether that did not hold any more when a message was to go out.
    has_fallen: AtomicBool,
    /// Counts messages the gate held back.
    rejected: Counter,
    /// How often integrations may be used.
    pace: Pace<'a>,
}

/// Whose rates a flush uses up.
pub(crate) struct Pace<'a> {
    /// The buckets.
    pub(crate) rates: &'a dyn RateBuckets,
    /// The tenant.
    pub(crate) tenant: &'a TenantId,
}

impl Pace<'_> {
    /// Whether the integration may be used once more now; a rate that cannot be asked holds up nobody.
    async fn allows(&self, channel: &Channel) -> bool {
        let Some(rate) = channel.rate else {
            return true;
        };
        let id = channel.integration.id();
        let taken = self.rates.take(self.tenant, id, 1, rate).await;
        !matches!(taken, Ok(Taken::Wait(_)))
    }

    /// Leaves a provider alone for so long, as it asked, and has the other instances do so.
    async fn hold(&self, channel: &Channel, span: Duration) {
        channel.hold_for(span);
        let hold = Hold {
            tenant: self.tenant.clone(),
            integration: channel.integration.id().clone(),
            span,
        };
        // Who does not hear it is asked by the provider.
        let told = tokio::time::timeout(HOLD_PATIENCE, self.rates.hold(hold)).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::debug!(
                ?told,
                "Other instances could not be told that a provider wants to be left alone"
            );
        }
    }
}

impl<'a> Sending<'a> {
    /// A flush that must end by `deadline` under a lease that lapses at `lease_until`.
    pub(crate) fn new(
        deadline: Instant,
        lease_until: Instant,
        timing: Timing,
        ground: &'a dyn Ground,
        rejected: Counter,
        pace: Pace<'a>,
    ) -> Self {
        Self {
            ground,
            has_fallen: AtomicBool::default(),
            rejected,
            pace,
            deadline,
            lease_until: Mutex::new(lease_until),
            timing,
        }
    }

    /// Notes a renewal.
    pub(crate) fn set_lease_until(&self, lease_until: Instant) {
        *self
            .lease_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = lease_until;
    }

    /// Before the gate: templates may take seconds, and the lease must still stand when the message goes out.
    async fn compose<'c>(
        &self,
        channel: &'c Channel,
        notification: &Notification,
        made: &(dyn Fn(Made<'_>) + Sync),
    ) -> Result<Box<dyn Composed + 'c>, DeliveryError> {
        let composing = channel.integration.compose(notification);
        let composed = tokio::time::timeout_at(self.deadline, composing).await;
        let Ok(composed) = composed else {
            return Err(not_attempted());
        };
        composed.inspect_err(|error| {
            channel.metrics.request(Duration::ZERO, false);
            made(Made {
                number: 1,
                took: Duration::ZERO,
                result: Err(error),
            });
        })
    }

    /// How long an attempt may take that begins now.
    fn patience(&self, channel: &Channel) -> Duration {
        let own = channel.integration.timeout();
        let left = self.deadline.saturating_duration_since(Instant::now());
        own.unwrap_or(self.timing.send_timeout).min(left)
    }

    /// Attempts a message until it is accepted, permanently refused, or out of time; `begins` hears when the message goes out,
    /// `made` of each attempt.
    pub(crate) async fn deliver(
        &self,
        channel: &Channel,
        notification: &Notification,
        begins: &(dyn Fn() + Sync),
        made: &(dyn Fn(Made<'_>) + Sync),
    ) -> Outcome {
        let seed = seed(&notification.idempotency_key);
        let mut failure = not_attempted();
        let composed = match self.compose(channel, notification, made).await {
            Ok(composed) => composed,
            Err(error) => return Outcome::NotTried(error),
        };
        let (mut is_tried, mut may_have_arrived) = (false, false);
        for (attempts, delay) in Backoff::new(seed).enumerate() {
            let next = channel.held_until().max(Some(Instant::now() + delay));
            let is_further = attempts > 0;
            let in_time = self.wait(next, is_further).await;
            // The first attempt was let out before the message was begun.
            if !in_time || is_further && !self.pace.allows(channel).await {
                break;
            }
            let permit = channel.permits.acquire();
            let Ok(Ok(_permit)) = tokio::time::timeout_at(self.deadline, permit).await else {
                break;
            };
            reach("C13").await;
            if !self.may_send().await {
                self.rejected.inc();
                failure.detail =
                    "the claim of the group lapsed before the message could be sent".to_owned();
                break;
            }
            let patience = self.patience(channel);
            reach("C8").await;
            let began = Instant::now();
            if !std::mem::replace(&mut is_tried, true) {
                begins();
            }
            let attempt = composed.send(patience).await;
            channel.metrics.request(began.elapsed(), attempt.is_ok());
            made(Made {
                number: u32::try_from(attempts).map_or(u32::MAX, |before| before + 1),
                took: began.elapsed(),
                result: attempt.as_ref(),
            });
            reach("C9").await;
            let error = match attempt {
                Ok(delivered) => {
                    reach("C14").await;
                    return Outcome::Accepted(delivered);
                }
                Err(error) => error,
            };
            tracing::debug!(integration = %channel.integration.id(), detail = %error.detail, "An attempt failed");
            may_have_arrived |= error.is_ambiguous;
            let retry = error.retry;
            failure = error;
            match retry {
                None => break,
                Some(RetryAdvice { after: None }) => {}
                Some(RetryAdvice { after: Some(span) }) => {
                    self.pace.hold(channel, span.min(HOLD_MAX)).await;
                }
            }
        }
        Outcome::failed(is_tried, may_have_arrived, failure)
    }

    /// Whether a message may be sent under the claim still, and enough of its lease is left (protocol.md §6, GATE).
    pub(crate) async fn may_send(&self) -> bool {
        if !self.ground.stands().await {
            self.has_fallen.store(true, Ordering::Relaxed);
            return false;
        }
        let lease_until = *self
            .lease_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = lease_until.saturating_duration_since(Instant::now());
        left >= self.timing.gate
    }

    /// Whether a message was held back because what the flush works with did not hold any more.
    pub(crate) fn has_fallen(&self) -> bool {
        self.has_fallen.load(Ordering::Relaxed)
    }

    /// Waits until `at`; false when that is past the deadline, or so close to it that a further attempt would be cut off:
    /// whether it arrived nobody would know, and the next tick repeats it anyway.
    async fn wait(&self, at: Option<Instant>, is_further: bool) -> bool {
        let at = at.unwrap_or_else(Instant::now);
        let needed = match is_further {
            true => self.timing.send_timeout / ATTEMPT_SHARE,
            false => Duration::ZERO,
        };
        if at + needed >= self.deadline {
            tokio::time::sleep_until(self.deadline).await;
            return false;
        }
        tokio::time::sleep_until(at).await;
        true
    }
}

fn not_attempted() -> DeliveryError {
    DeliveryError {
        retry: Some(notify::RetryAdvice { after: None }),
        is_ambiguous: false,
        reason: FailureReason::ContextDeadlineExceeded,
        detail: "the flush ended before the message could be sent".to_owned(),
    }
}

/// A number that differs from message to message, so that retries of many groups spread out.
fn seed(idempotency_key: &str) -> u64 {
    let hex = idempotency_key.get(..16).unwrap_or("0");
    u64::from_str_radix(hex, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use state::rate::memory::MemoryBuckets;

    use super::*;

    struct Known(bool);

    #[async_trait]
    impl Ground for Known {
        async fn stands(&self) -> bool {
            self.0
        }
    }

    #[tokio::test]
    async fn the_gate_is_shut_without_a_lease_and_once_the_data_was_lost() {
        let timing = Timing::default();
        let gate = async |lease, stands| {
            let now = Instant::now();
            let rejected = Counter::default();
            let (rates, tenant) = (MemoryBuckets::default(), TenantId::default_tenant());
            let pace = Pace {
                rates: &rates,
                tenant: &tenant,
            };
            Sending::new(
                now + timing.lease,
                now + lease,
                timing,
                &Known(stands),
                rejected,
                pace,
            )
            .may_send()
            .await
        };
        assert!(gate(timing.gate * 2, true).await);
        assert!(!gate(timing.gate / 2, true).await);
        assert!(!gate(timing.lease, false).await);
    }
}
