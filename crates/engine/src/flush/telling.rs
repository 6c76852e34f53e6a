//! Telling one integration: what holds it back, the message in flight, the news, and what is known afterwards.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use domain::fingerprint::Fingerprint;
use domain::group::IntegrationSpec;
use domain::group::severity::Severity;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::notification::Reason;
use notify::{Delivered, DeliveryError, Notification};
use runtime::failpoint::reach;
use state::rate::Taken;
use tokio::time::Instant;

use super::out::Out;
use super::{Flush, SNAPSHOT_AGE_MAX, Scope};
use crate::channel::{Channel, Held, HeldBy};
use crate::deliver::{Made, Outcome};
use crate::fallback::Fallback;

/// Messages one flush may send to one integration: the one that was in flight, then the news.
const MESSAGES_MAX: usize = 2;

/// How telling an integration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// There was nothing to tell it.
    Nothing,
    /// It was told.
    Told,
    /// It is held back until then.
    Held(Instant),
    /// Something is left to tell it, at the next tick.
    Left,
    /// It refused for good.
    Refused,
}

impl Telling {
    /// Whether nothing is left to tell.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Nothing | Self::Told)
    }

    /// Until when it is held back, if it is.
    pub(super) fn held_until(self) -> Option<Instant> {
        match self {
            Self::Held(until) => Some(until),
            _ => None,
        }
    }
}

/// How sending one message ended.
enum Sent {
    /// It was accepted, or there was nothing to repeat; so it stands now.
    Told(Box<Told>),
    /// It was not accepted, or nobody knows.
    NotAccepted,
    /// It was refused for good.
    Refused,
}

impl Sent {
    fn of(error: &DeliveryError) -> Self {
        match error.retry {
            Some(_) => Self::NotAccepted,
            None => Self::Refused,
        }
    }
}

impl Flush<'_> {
    /// What an integration was told of the group, as of this look at it.
    pub(super) fn told_of(&self, spec: &IntegrationSpec) -> Told {
        let known = self.claim.told.iter().find(|(id, _)| *id == spec.id);
        known.map(|(_, told)| told.clone()).unwrap_or_default()
    }

    /// Tells one integration what it does not know.
    pub(super) async fn tell(&self, spec: &IntegrationSpec, scope: Scope) -> Telling {
        let mut told = self.told_of(spec);
        let Some(channel) = self.settings.channel(&spec.id) else {
            // A reload took the integration away after this claim; the next tick knows the new receiver.
            return Telling::Left;
        };
        let group = self.claim.identity.key;
        if channel.was_refused(group, self.claim.tick) {
            // The group came back for somebody else; this one is tried again at the next tick.
            return Telling::Refused;
        }
        let mut telling = Telling::Nothing;
        for _ in 0..MESSAGES_MAX {
            let was_in_flight = told.pending.is_some();
            let news = match told.pending.clone() {
                Some(in_flight) => Some(in_flight),
                None => {
                    let Some(known) = self.inherit(spec, told).await else {
                        return Telling::Left;
                    };
                    let left = self.leave_to_others(spec, channel, known, scope);
                    let Some(known) = left.await else {
                        return Telling::Left;
                    };
                    told = known;
                    self.news(spec, &told, scope)
                }
            };
            let Some(message) = news else {
                // A fallback that is asked for ends only may be needed in a moment: then its place in line is still its own.
                if scope == Scope::All {
                    channel.is_quiet(group);
                }
                return telling;
            };
            if message.firing.is_empty() && !spec.send_resolved && !was_in_flight {
                let accepted = message.accepted(self.claim.now);
                self.settle(spec, &told, accepted).await;
                return Telling::Told;
            }
            if let Some(held) = self.held(spec, channel).await {
                self.note_held(spec, channel, held);
                return Telling::Held(Instant::now() + held.wait);
            }
            let sent = self.send(spec, channel, message, told).await;
            self.out().retain(|out| !out.is_of(spec));
            match sent {
                Sent::Told(now_told) => told = *now_told,
                Sent::NotAccepted => return Telling::Left,
                Sent::Refused => {
                    channel.refused(group, self.claim.tick);
                    return Telling::Refused;
                }
            }
            telling = Telling::Told;
            if !was_in_flight {
                return telling;
            }
            if SNAPSHOT_AGE_MAX < self.looked_at.elapsed() {
                self.progress.is_outdated.store(true, Ordering::Relaxed);
                return Telling::Left;
            }
        }
        telling
    }

    /// What holds back the group's message: asked before it is begun, so that it is judged anew when it is let out, and
    /// the lease is not held meanwhile.
    async fn held(&self, spec: &IntegrationSpec, channel: &Channel) -> Option<Held> {
        let group = &self.claim.identity;
        let is_urgent = self.is_urgent();
        if let Some(held) = channel.waits(group.key, is_urgent) {
            return Some(held);
        }
        let taken = self
            .engine
            .rates
            .take(&group.tenant, &spec.id, 1, channel.rate?);
        match taken.await {
            Ok(Taken::Wait(wait)) => Some(Held {
                wait: channel.line_up(group.key, is_urgent, wait),
                by: HeldBy::RateLimit,
            }),
            // A rate that cannot be asked holds up nobody.
            Ok(Taken::Now | Taken::Never) | Err(_) => {
                channel.leave_line(group.key);
                None
            }
        }
    }

    /// Whether something critical fires: that does not wait behind the rest.
    fn is_urgent(&self) -> bool {
        let firing = |f| self.judged.firing.binary_search(&f).is_ok();
        let mut firing = self
            .claim
            .alerts
            .iter()
            .filter(|alert| firing(alert.fingerprint));
        firing.any(|alert| Severity::of(&alert.labels) == Severity::Critical)
    }

    fn note_held(&self, spec: &IntegrationSpec, channel: &Channel, held: Held) {
        channel.metrics.held();
        tracing::debug!(
            group = %self.claim.identity.key, integration = %spec.id, wait = ?held.wait,
            "A message is held back by {}", held.by.as_str()
        );
    }

    /// Notes what counts as told without a message that says so: everything is over and the integration does not want to hear
    /// of it, or nobody knows what it heard.
    async fn settle(&self, spec: &IntegrationSpec, seen: &Told, accepted: ToldMessage) {
        let engine = self.engine;
        let settled = engine
            .state
            .settle(self.claim, &spec.id, seen, accepted, engine.clock.now());
        match settled.await {
            Ok(Ok(told)) => engine.record_told(vec![self.record(&spec.id, told)]).await,
            // Whoever holds the group now finds it as it was.
            Ok(Err(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "What an integration counts as told could not be stored")
            }
        }
    }

    /// Sends one message until it is accepted, refused, or out of time.
    /// `before` is what was told, or in flight, before it.
    async fn send(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        message: Pending,
        before: Told,
    ) -> Sent {
        let engine = self.engine;
        let was_in_flight = before.pending.is_some();
        reach("C6").await;
        let Some(begun) = self.begin(spec, message).await else {
            return Sent::NotAccepted;
        };
        let last = before.last.as_ref();
        let Some(notification) = self.notification(spec, channel, &begun, last) else {
            // A message in flight about alerts that are gone by now: nothing is left to repeat.
            let told = self.take_back(spec, begun.seq).await;
            return told.map_or(Sent::NotAccepted, |told| Sent::Told(Box::new(told)));
        };
        let labelled = self
            .settings
            .with_route_labels(&self.claim.identity, notification);
        let notification = labelled.await;
        reach("C7").await;
        let intent = Told {
            seq: begun.seq.max(before.seq),
            last: before.last,
            pending: Some(begun.clone()),
        };
        let recorded = engine.record_told(vec![self.record(&spec.id, intent.clone())]);
        // An intent that is not on disk by then is written later (protocol.md §6).
        let _ = tokio::time::timeout(engine.options.timing.intent_patience, recorded).await;

        channel.metrics.notification();
        let reason = begun.reason;
        // What waits for its turn, or at the gate, is not out.
        let out = self.about_to_go_out(spec, channel, &begun);
        let begins = || self.out().push(out.clone());
        let made = |made: Made<'_>| self.note_attempt(channel, &notification, &made);
        let delivery = self.sending.deliver(channel, &notification, &begins, &made);
        match out.departure.of(delivery).await {
            Outcome::Accepted(delivered) => {
                let told = self.accepted(spec, channel, (begun, delivered), &out).await;
                told.map_or(Sent::NotAccepted, |told| Sent::Told(Box::new(told)))
            }
            Outcome::Refused(error) => {
                self.note_failure(spec, channel, reason, &error);
                match was_in_flight {
                    true => self.doubt_refused(spec, &begun, &intent).await,
                    false => drop(self.take_back(spec, begun.seq).await),
                }
                Sent::of(&error)
            }
            Outcome::NotTried(error) => {
                self.note_failure(spec, channel, reason, &error);
                // What is in flight stays as it is: an earlier attempt may have been accepted (G2).
                if !was_in_flight {
                    self.take_back(spec, begun.seq).await;
                }
                Sent::of(&error)
            }
            Outcome::Unknown(error) => {
                self.note_failure(spec, channel, reason, &error);
                if !self.sending.may_send().await {
                    self.doubt(&out).await;
                }
                Sent::NotAccepted
            }
        }
    }

    /// An earlier attempt at a message that was refused now may have been accepted all the same: taken back and in doubt, in one step.
    async fn doubt_refused(&self, spec: &IntegrationSpec, begun: &Pending, intent: &Told) {
        let mut refused = begun.clone();
        self.leave_behind(&mut refused);
        let doubt = intent.in_doubt(&refused, self.engine.clock.now());
        self.settle(spec, intent, doubt).await;
    }

    /// Leaves out of what will count as told whom a configuration moved away since the message was begun: it was said again where
    /// they are now, and should they come back when they fire anew, that is news.
    fn leave_behind(&self, begun: &mut Pending) {
        let key = self.claim.identity.key;
        let members = self.claim.alerts.iter().map(|alert| alert.fingerprint);
        let members: HashSet<Fingerprint> = members.collect();
        let mirror = self.tenant.mirror();
        let is_elsewhere = |f: Fingerprint| {
            let is_member = members.contains(&f);
            let known = (!is_member).then(|| mirror.known(f)).flatten();
            known.is_some_and(|known| known.groups.iter().all(|group| group.key != key))
        };
        begun.firing.retain(|f| !is_elsewhere(*f));
        begun.hidden.retain(|f| !is_elsewhere(*f));
    }

    /// Freezes a message; `None` when the claim lapsed, or what is shared did not answer.
    async fn begin(&self, spec: &IntegrationSpec, message: Pending) -> Option<Pending> {
        let (state, now) = (&self.engine.state, self.engine.clock.now());
        match state.begin(self.claim, &spec.id, message, now).await {
            Ok(begun) => begun.ok(),
            Err(error) => {
                tracing::warn!(%error, integration = %spec.id, "A message could not be begun; it is sent at the next tick");
                None
            }
        }
    }

    /// What an attempt says of the integration, and the line of the log.
    fn note_attempt(&self, channel: &Channel, notification: &Notification, made: &Made<'_>) {
        match made.result {
            Ok(_) => channel.worked(self.claim.identity.key),
            Err(_) => channel.failed(self.claim.identity.key, self.failures_count_for()),
        }
        let (engine, tenant) = (self.engine, &self.claim.identity.tenant);
        let id = channel.integration.id();
        let attempt = made.logged(tenant, id, notification, engine.clock.now());
        engine.deliveries.note(attempt);
    }

    /// Records and commits a message that was accepted; answers what is told then.
    async fn accepted(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        (mut begun, delivered): (Pending, Delivered),
        out: &Out,
    ) -> Option<Told> {
        let engine = self.engine;
        let group = &self.claim.identity;
        let (seq, reason) = (begun.seq, begun.reason);
        if let Some(kept) = delivered.receiver_data {
            begun.receiver_data = kept;
        }
        self.leave_behind(&mut begun);
        let sent_at = self.heard_by(out);
        let told = Told {
            seq,
            last: Some(begun.clone().accepted(sent_at)),
            pending: None,
        };
        let mut records = vec![self.record(&spec.id, told)];
        let fallback = delivered
            .fallback
            .map(|failure| Fallback::new(sent_at, failure));
        let fallbacks = self.tenant.fallbacks();
        records.extend(fallbacks.note(group, &spec.id, &channel.metrics, fallback));
        reach("C10").await;
        // No compaction may begin between record and commit: it would restate the message as still in flight.
        let _recording = engine.recording.read().await;
        engine.record_told(records).await;
        tracing::debug!(tenant = %group.tenant, group = %group.key, integration = %spec.id, %reason, "Told");
        reach("C11").await;
        let told = engine.state.commit(group, &spec.id, &begun, sent_at).await;
        reach("C12").await;
        told.ok()
    }

    /// Takes back a message that was surely not accepted; answers what is told then.
    async fn take_back(&self, spec: &IntegrationSpec, seq: u64) -> Option<Told> {
        let told = self
            .engine
            .state
            .refuse(&self.claim.identity, &spec.id, seq)
            .await
            .ok()?;
        self.engine
            .record_told(vec![self.record(&spec.id, told.clone())])
            .await;
        Some(told)
    }

    fn note_failure(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        reason: Reason,
        error: &DeliveryError,
    ) {
        channel.metrics.failed(error.reason);
        let detail = &*error.detail;
        let group = &self.claim.identity;
        tracing::error!(
            tenant = %group.tenant, group = %group.key, integration = %spec.id, why = %reason, detail,
            "Notify for alerts failed"
        );
    }
}
