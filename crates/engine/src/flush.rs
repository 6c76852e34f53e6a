//! One flush: from a claimed group to its receivers, and back to the grid.
//!
//! ```text
//! claim → verdict per alert → per integration, side by side: why notify? → begin → intent recorded → gate → send
//!       → told recorded → commit → (all integrations done) finish
//! ```
//!
//! What dying at each await leaves behind is protocol.md §7; the record beside the send is what keeps a message that was
//! accepted from being sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::group::{Claim, Finished, IntegrationSpec, key};
use domain::id::{GroupKey, IntegrationId};
use domain::label::Labels;
use domain::notification::{Reason, why_notify};
use domain::verdict::Verdict;
use futures::future::join_all;
use notify::{Delivered, Notification, NotifiedAlert};
use runtime::failpoint::reach;
use store::journal::Record;
use tokio::time::Instant;

use crate::deliver::{Outcome, Sending};
use crate::fallback::Fallback;
use crate::judge::{judge, judge_time, sort_by_job_and_instance};
use crate::maintenance::group_records;
use crate::settings::{Channel, Settings};
use crate::tenant::Suppressed;
use crate::{Engine, Tenant};

/// Messages one flush may send to one integration: the one that was in flight, then the news.
const MESSAGES_MAX: usize = 2;

/// How old a flush's snapshot may be when it begins to tell news: a message in flight may have been repeated for minutes
/// before that, and what was true then must not be told as news.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(500);

/// A group's alerts as this flush sees them.
struct Judged {
    /// Unsuppressed alerts that fire, sorted.
    firing: Vec<Fingerprint>,
    /// Unsuppressed alerts that are over, sorted.
    resolved: Vec<Fingerprint>,
}

/// What one flush works with from start to end: one snapshot (D5).
struct Flush<'a> {
    engine: &'a Engine,
    tenant: &'a Tenant,
    settings: &'a Settings,
    claim: &'a Claim,
    judged: &'a Judged,
    sending: &'a Sending<'a>,
    started: Instant,
    /// Whether news are left to tell that have to be judged anew.
    is_outdated: AtomicBool,
    /// Messages whose requests may be on their way.
    out: Mutex<Vec<(IntegrationId, Pending)>>,
}

impl Engine {
    /// Flushes a claimed group; the lease counts from `asked_at`, before the claim was asked for (protocol.md §4).
    pub(crate) async fn flush(&self, tenant: &Arc<Tenant>, claim: Claim, asked_at: Instant) {
        let started = Instant::now();
        let timing = self.options.timing;
        self.metrics.dispatcher.flushes.inc();
        self.metrics
            .dispatcher
            .flush_lateness
            .observe(claim.now.since(claim.tick).as_secs_f64());
        let settings = tenant.settings();
        let judged = self.judge(tenant, &settings, &claim);
        let deadline = claim.identity.group_interval.max(timing.flush_deadline_min);
        let rejected = self.metrics.dispatcher.gate_rejected.clone();
        let sending = Sending::new(
            started + deadline,
            asked_at + timing.lease,
            timing,
            || self.state.stands(&claim),
            rejected,
        );
        let flush = Flush {
            engine: self,
            tenant,
            settings: &settings,
            claim: &claim,
            judged: &judged,
            sending: &sending,
            started,
            is_outdated: AtomicBool::new(false),
            out: Mutex::default(),
        };
        let all = join_all(
            claim
                .identity
                .receiver
                .integrations
                .iter()
                .map(|spec| flush.tell(spec)),
        );
        let is_complete = tokio::select! {
            told = all => told.into_iter().all(|is_done| is_done),
            () = self.keep_lease(&claim, &sending) => false,
        };
        flush.doubt_what_is_out().await;
        // A configuration that was put in force meanwhile has moves waiting for the end of the flush.
        let may_go_back = Arc::ptr_eq(&settings, &tenant.settings());
        if flush.is_outdated.load(Ordering::Relaxed) && may_go_back {
            self.give_back(&claim, Duration::ZERO).await;
            self.wake.notify_one();
        } else {
            self.finish(tenant, &settings, &claim, is_complete).await;
        }
        self.metrics
            .dispatcher
            .flush_duration
            .observe(started.elapsed().as_secs_f64());
    }

    /// Judges every member and notes what is suppressed, and why (D2).
    fn judge(&self, tenant: &Tenant, settings: &Settings, claim: &Claim) -> Judged {
        let now = claim.now;
        let time = judge_time(settings, &claim.identity, now);
        let mut suppressed = BTreeMap::new();
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        let (mut firing, mut resolved) = (Vec::new(), Vec::new());
        {
            let mirror = tenant.mirror();
            for alert in &claim.alerts {
                match judge(&mirror, &time, &alert.labels, now) {
                    Verdict::Notify if claim.is_over(alert) => resolved.push(alert.fingerprint),
                    Verdict::Notify => firing.push(alert.fingerprint),
                    Verdict::Suppress(by) => {
                        *counts.entry(by.metric_reason()).or_default() += 1;
                        suppressed.insert(alert.fingerprint, Suppressed { at: now, by });
                    }
                }
            }
        }
        for (reason, count) in counts {
            self.metrics.notifications.suppressed(reason, count);
        }
        tenant.set_suppressed(claim.identity.key, suppressed);
        firing.sort_unstable();
        resolved.sort_unstable();
        Judged { firing, resolved }
    }

    /// Renews the lease while anything is out; answers only when it was lost.
    async fn keep_lease(&self, claim: &Claim, sending: &Sending<'_>) {
        let timing = self.options.timing;
        loop {
            tokio::time::sleep(timing.lease_renewal).await;
            // The deadline inside this instance counts from before the request that granted it (protocol.md §4).
            let asked_at = Instant::now();
            match self.state.renew(claim, self.clock.now()).await {
                Ok(Ok(_)) => sending.set_lease_until(asked_at + timing.lease),
                Ok(Err(_)) => {
                    tracing::warn!(
                        tenant = %claim.identity.tenant, group = %claim.identity.key,
                        "The lease of a group lapsed while it was being flushed; its sends are cancelled and repeated under the same key"
                    );
                    return;
                }
                // Unreachable state: the lease still stands until it lapses, and the gate watches that.
                Err(error) => tracing::debug!(%error, "A lease could not be renewed"),
            }
        }
    }

    async fn finish(
        &self,
        tenant: &Tenant,
        settings: &Arc<Settings>,
        claim: &Claim,
        is_complete: bool,
    ) {
        let group = &claim.identity;
        let finished = self
            .state
            .finish(claim, is_complete, self.clock.now())
            .await;
        let mut records = Vec::new();
        let now_in_force = tenant.settings();
        if !Arc::ptr_eq(settings, &now_in_force) {
            records = self.moved_on(&now_in_force, claim);
            self.wake.notify_one();
        }
        match finished {
            Ok(Ok(Finished::Gone)) => {
                tenant.forget_group(group.key);
                let gone = Record::GroupGone {
                    tenant: group.tenant.clone(),
                    key: group.key,
                };
                self.events_of_records(std::slice::from_ref(&gone));
                records.push(gone);
            }
            Ok(Ok(Finished::Again { given_up, .. })) => {
                for (integration, fingerprint) in given_up {
                    tracing::warn!(
                        tenant = %group.tenant, group = %group.key, %integration, %fingerprint,
                        "Gave up telling that an alert is resolved: the receiver refused it for too long"
                    );
                }
                let over = claim.alerts.iter().filter(|alert| claim.is_over(alert));
                let over = over.map(|alert| alert.fingerprint).collect();
                self.events_of_leaving(&group.tenant, group.key, over);
                self.wake.notify_one();
            }
            Ok(Err(_)) => tracing::debug!(group = %group.key, "A flush ended after its lease"),
            Err(error) => {
                tracing::warn!(%error, group = %group.key, "A flush could not be finished; it is repeated")
            }
        }
        if !records.is_empty() {
            self.record_later(records).await;
        }
    }

    /// A configuration was put in force while a group was flushed: its members' groups as they are after the moves that
    /// waited for that flush.
    fn moved_on(&self, settings: &Settings, claim: &Claim) -> Vec<Record> {
        let tenant = &claim.identity.tenant;
        let groups = claim.alerts.iter();
        let groups =
            groups.flat_map(|alert| settings.placement(tenant, &alert.labels, &self.interner));
        let keys: BTreeSet<GroupKey> = groups.map(|identity| identity.key).collect();
        let groups = keys
            .into_iter()
            .filter_map(|key| self.state.group(tenant, key));
        groups.flat_map(|group| group_records(&group)).collect()
    }

    /// Writes what an integration was told, and tells those who follow.
    async fn record_told(&self, records: Vec<Record>) {
        self.events_of_records(&records);
        self.record_later(records).await;
    }

    /// Writes records nobody waits for an answer to. If that fails the journal is restated once it works again.
    pub(crate) async fn record_later(&self, records: Vec<Record>) {
        if let Err(error) = self.journal.append(records).await {
            self.has_unrecorded.store(true, Ordering::Relaxed);
            tracing::error!(%error, "The journal could not be written; what was told is only in memory until it can");
        }
    }
}

impl Flush<'_> {
    /// Tells one integration what it does not know; answers whether nothing is left to tell it.
    async fn tell(&self, spec: &IntegrationSpec) -> bool {
        let known = self.claim.told.iter().find(|(id, _)| *id == spec.id);
        let mut told = known.map(|(_, told)| told.clone()).unwrap_or_default();
        for _ in 0..MESSAGES_MAX {
            let was_in_flight = told.pending.is_some();
            let message = match &told.pending {
                Some(in_flight) => in_flight.clone(),
                None => match self.news(spec, &told) {
                    Some(message) => message,
                    None => return true,
                },
            };
            if message.firing.is_empty() && !spec.send_resolved && !was_in_flight {
                let accepted = message.accepted(self.claim.now);
                self.settle(spec, &told, accepted).await;
                return true;
            }
            let Some(channel) = self.settings.channel(&spec.id) else {
                // A reload took the integration away after this claim; the next tick knows the new receiver.
                return false;
            };
            let sent = self.send(spec, channel, message, told).await;
            self.out().retain(|(id, _)| *id != spec.id);
            match sent {
                Some(now_told) => told = now_told,
                None => return false,
            }
            if !was_in_flight {
                return true;
            }
            if SNAPSHOT_AGE_MAX < self.started.elapsed() {
                self.is_outdated.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    }

    fn out(&self) -> MutexGuard<'_, Vec<(IntegrationId, Pending)>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sends were cancelled because the lease lapsed: requests may be on their way all the same.
    async fn doubt_what_is_out(&self) {
        let out = std::mem::take(&mut *self.out());
        for (integration, message) in out {
            self.doubt(&integration, &message).await;
        }
    }

    /// Stopped past the lease with the request on its way: it may arrive after what others said since.
    async fn doubt(&self, integration: &IntegrationId, message: &Pending) {
        let (engine, group) = (self.engine, &self.claim.identity);
        let now = engine.clock.now();
        engine
            .state
            .in_doubt(group, integration, message, now)
            .await;
    }

    /// The message this integration is due, if any.
    fn news(&self, spec: &IntegrationSpec, told: &Told) -> Option<Pending> {
        let judged = self.judged;
        let foreign = &self.claim.foreign;
        let repeat = self.claim.identity.repeat_interval;
        let tick = self.claim.tick;
        // That an alert another instance answers for fires is for that one to say; here only what was told before is kept up.
        let is_ours =
            |f: &&Fingerprint| !foreign.has(**f) || told.firing().binary_search(f).is_ok();
        let firing: Vec<Fingerprint> = judged.firing.iter().filter(is_ours).copied().collect();
        let why = why_notify(
            told,
            &firing,
            &judged.resolved,
            spec.send_resolved,
            repeat,
            tick,
        );
        let reason = match why {
            Ok(Reason::RepeatInterval) if foreign.repeats.contains(&spec.id) => {
                tracing::trace!(integration = %spec.id, "Repeats are for the instance that told it last");
                return None;
            }
            Ok(reason) => reason,
            Err(quiet) => {
                tracing::trace!(integration = %spec.id, reason = quiet.as_str(), "Nothing to tell");
                return None;
            }
        };
        let resolved = if spec.send_resolved {
            judged.resolved.clone()
        } else {
            Vec::new()
        };
        // A group whose first message this is has no earlier one to change.
        let receiver_data = match reason {
            Reason::FirstNotification => ReceiverData::default(),
            _ => told.receiver_data(),
        };
        Some(Pending {
            seq: 0,
            hidden: self.hidden(spec, told, &firing),
            firing,
            resolved,
            tick,
            reason,
            receiver_data,
        })
    }

    /// Members the integration was told of that this message does not name: their end is owed once they are seen again.
    fn hidden(
        &self,
        spec: &IntegrationSpec,
        told: &Told,
        firing: &[Fingerprint],
    ) -> Vec<Fingerprint> {
        let judged = self.judged;
        let is_named = |f: &Fingerprint| {
            firing.binary_search(f).is_ok() || judged.resolved.binary_search(f).is_ok()
        };
        let Some(last) = told.last.as_ref().filter(|_| spec.send_resolved) else {
            return Vec::new();
        };
        // Members come in fingerprint order.
        let members = self.claim.alerts.iter().map(|alert| alert.fingerprint);
        members
            .filter(|f| last.believes(*f) && !is_named(f))
            .collect()
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

    /// Sends one message until it is accepted, refused, or out of time; answers what is told then, `None` on failure.
    /// `before` is what was told, or in flight, before it.
    async fn send(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        message: Pending,
        before: Told,
    ) -> Option<Told> {
        let engine = self.engine;
        let was_in_flight = before.pending.is_some();
        reach("C6").await;
        let begun = match engine
            .state
            .begin(self.claim, &spec.id, message, engine.clock.now())
            .await
        {
            Ok(Ok(begun)) => begun,
            Ok(Err(_)) => return None,
            Err(error) => {
                tracing::warn!(%error, integration = %spec.id, "A message could not be begun; it is sent at the next tick");
                return None;
            }
        };
        let Some(notification) = self.notification(spec, &begun) else {
            // A message in flight about alerts that are gone by now: nothing is left to repeat.
            return self.take_back(spec, begun.seq).await;
        };
        let group = &self.claim.identity;
        let notification = self.settings.with_route_labels(group, notification).await;
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
        let (seq, reason) = (begun.seq, begun.reason);
        self.out().push((spec.id.clone(), begun.clone()));
        match self.sending.deliver(channel, &notification).await {
            Outcome::Accepted(delivered) => self.accepted(spec, channel, begun, delivered).await,
            Outcome::Refused(error) => {
                channel.metrics.failed(error.reason);
                self.log_failure(spec, reason, &error.detail);
                if was_in_flight {
                    // An earlier attempt may have been accepted all the same: taken back and in doubt, in one step.
                    let doubt = intent.in_doubt(&begun, engine.clock.now());
                    self.settle(spec, &intent, doubt).await;
                } else {
                    self.take_back(spec, seq).await;
                }
                None
            }
            Outcome::Unknown(error) => {
                channel.metrics.failed(error.reason);
                self.log_failure(spec, reason, &error.detail);
                if !self.sending.may_send() {
                    self.doubt(&spec.id, &begun).await;
                }
                None
            }
        }
    }

    /// Records and commits a message that was accepted; answers what is told then.
    async fn accepted(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        mut begun: Pending,
        delivered: Delivered,
    ) -> Option<Told> {
        let engine = self.engine;
        let group = &self.claim.identity;
        let (seq, reason) = (begun.seq, begun.reason);
        if let Some(kept) = delivered.receiver_data {
            begun.receiver_data = kept;
        }
        let sent_at = engine.clock.now();
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

    fn log_failure(&self, spec: &IntegrationSpec, reason: Reason, detail: &str) {
        let group = &self.claim.identity;
        tracing::error!(
            tenant = %group.tenant, group = %group.key, integration = %spec.id, why = %reason, detail,
            "Notify for alerts failed"
        );
    }

    /// The message in words: the frozen alerts, with what is known of them now.
    fn notification(&self, spec: &IntegrationSpec, message: &Pending) -> Option<Notification> {
        let wanted = |fingerprint: Fingerprint| {
            let is_resolved = message.resolved.binary_search(&fingerprint).is_ok();
            (is_resolved || message.firing.binary_search(&fingerprint).is_ok())
                .then_some(is_resolved)
        };
        // A repeat of a message in flight may name alerts that are suppressed by now: take them from the claim.
        let alerts: Vec<NotifiedAlert> = self
            .claim
            .alerts
            .iter()
            .filter_map(|alert| {
                let is_resolved = wanted(alert.fingerprint)?;
                Some(NotifiedAlert {
                    alert: Arc::clone(alert),
                    is_resolved,
                })
            })
            .collect();
        let alerts = sort_by_job_and_instance(alerts, |a| &a.alert);
        if alerts.is_empty() {
            return None;
        }
        let group = &self.claim.identity;
        let key = format!(
            "{}\u{0}{}\u{0}{}\u{0}{}",
            group.tenant, group.key, spec.id, message.seq
        );
        Some(Notification {
            receiver: Arc::clone(&group.receiver.name),
            group_key: group.text.clone(),
            group_labels: group.labels.clone(),
            route_labels: Labels::empty(),
            alerts,
            reason: message.reason,
            external_url: Arc::clone(&self.settings.external_url),
            receiver_data: message.receiver_data.clone(),
            idempotency_key: key::sha256_hex(&key),
            at: self.claim.now,
        })
    }

    fn record(&self, integration: &IntegrationId, told: Told) -> Record {
        let group = &self.claim.identity;
        Record::Told {
            tenant: group.tenant.clone(),
            key: group.key,
            integration: integration.clone(),
            told: Arc::new(told),
        }
    }
}
