//! What an integration is due, and the message in words.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::group::{IntegrationSpec, key};
use domain::label::Labels;
use domain::notification::{Reason, why_notify};
use domain::time::Timestamp;
use notify::{Notification, NotifiedAlert};

use super::{Flush, Scope};
use crate::channel::Channel;
use crate::judge::sort_by_job_and_instance;

/// What changed since the message before, and how many alerts still fire beside that; everything if nothing did.
fn changes(alerts: Vec<NotifiedAlert>, before: &ToldMessage) -> (Vec<NotifiedAlert>, usize) {
    let is_change = |notified: &NotifiedAlert| {
        let fingerprint = notified.alert.fingerprint;
        match notified.is_resolved {
            true => before.believes(fingerprint),
            false => before.firing.binary_search(&fingerprint).is_err(),
        }
    };
    let (changed, rest): (Vec<_>, Vec<_>) = alerts.into_iter().partition(is_change);
    if changed.is_empty() {
        return (rest, 0);
    }
    let still_firing = rest.iter().filter(|notified| !notified.is_resolved).count();
    (changed, still_firing)
}

/// An alert that fires again, as a repeated message tells of it whose tick found it over: it says nothing of what came after
/// that tick, and says the same however often the alert is refreshed meanwhile.
fn ended_by(alert: &Alert, tick: Timestamp) -> Arc<Alert> {
    Arc::new(Alert {
        starts_at: alert.starts_at.min(tick),
        ends_at: alert.ends_at.min(tick),
        ..alert.clone()
    })
}

impl Flush<'_> {
    /// The message this integration is due, if any.
    pub(super) fn news(
        &self,
        spec: &IntegrationSpec,
        told: &Told,
        scope: Scope,
    ) -> Option<Pending> {
        let judged = self.judged;
        let foreign = &self.claim.foreign;
        let tick = self.claim.tick;
        let elsewhere = self.elsewhere(spec, told, scope);
        let repeat = elsewhere.repeat_interval(self.claim.identity.repeat_interval);
        // That an alert another instance answers for fires is for that one to say; here only what was told before is kept up.
        // So it is with a fallback that is not needed any more.
        let may_begin =
            |f: &Fingerprint| scope == Scope::All && !foreign.has(*f) && !elsewhere.has_heard(*f);
        let is_ours = |f: &&Fingerprint| may_begin(f) || told.firing().binary_search(f).is_ok();
        let mut firing: Vec<Fingerprint> = judged.firing.iter().filter(is_ours).copied().collect();
        // Nor does a fallback hear the end of what it never heard of, or of what it was told is over: members stay as long as the
        // receiver it stands in for was not told.
        let believed = told.last.as_ref();
        let is_due = |f: &&Fingerprint| {
            (!spec.is_fallback && !elsewhere.may_hear(**f))
                || believed.is_some_and(|last| last.believes(**f))
        };
        let resolved: Vec<Fingerprint> = judged.resolved.iter().filter(is_due).copied().collect();
        let why = why_notify(told, &firing, &resolved, spec.send_resolved, repeat, tick);
        let reason = match why {
            Ok(Reason::RepeatInterval) if foreign.repeats.contains(&spec.id) => {
                tracing::trace!(integration = %spec.id, "Repeats are for the instance that told it last");
                return None;
            }
            Ok(Reason::RepeatInterval) => {
                firing.retain(|f| scope == Scope::All || elsewhere.keeps_up(*f));
                if firing.is_empty() || elsewhere.reminds_of(&firing) {
                    tracing::trace!(integration = %spec.id, "Nobody reminds it, or another group does");
                    return None;
                }
                Reason::RepeatInterval
            }
            Ok(reason) => reason,
            Err(quiet) => {
                tracing::trace!(integration = %spec.id, reason = quiet.as_str(), "Nothing to tell");
                return None;
            }
        };
        let resolved = if spec.send_resolved {
            resolved
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

    /// What a message in flight names and is no member any more: who told that an alert is over while it was alone saw it off
    /// for all, once they heard of each other. What is repeated says the same all the same.
    fn left_since(&self, message: &Pending) -> Vec<Arc<Alert>> {
        let members: BTreeSet<_> = self.claim.alerts.iter().map(|a| a.fingerprint).collect();
        let named = message.firing.iter().chain(&message.resolved);
        let left = named.filter(|fingerprint| !members.contains(fingerprint));
        let mirror = self.tenant.mirror();
        let known = left.filter_map(|fingerprint| mirror.known(*fingerprint));
        known.map(|known| known.alert).collect()
    }

    /// The message in words: the frozen alerts, with what is known of them now.
    ///
    /// `before` is what was told before it: a receiver that wants changes only gets what is new since then.
    pub(super) fn notification(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        message: &Pending,
        before: Option<&ToldMessage>,
    ) -> Option<Notification> {
        let wanted = |fingerprint: Fingerprint| {
            let is_resolved = message.resolved.binary_search(&fingerprint).is_ok();
            (is_resolved || message.firing.binary_search(&fingerprint).is_ok())
                .then_some(is_resolved)
        };
        let since = before.filter(|_| channel.is_delta && message.reason != Reason::RepeatInterval);
        // A repeat of a message in flight may name alerts that are suppressed by now: take them from the claim.
        let left = self.left_since(message);
        let alerts: Vec<NotifiedAlert> = (self.claim.alerts.iter().chain(&left))
            .filter_map(|alert| {
                let is_resolved = wanted(alert.fingerprint)?;
                let alert = match is_resolved && !self.claim.is_over(alert) {
                    true => ended_by(alert, message.tick),
                    false => Arc::clone(alert),
                };
                Some(NotifiedAlert { alert, is_resolved })
            })
            .collect();
        let (alerts, still_firing) = match since {
            Some(before) => changes(alerts, before),
            None => (alerts, 0),
        };
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
            receiver: Arc::clone(&channel.receiver),
            instead_of: spec.is_fallback.then(|| Arc::clone(&group.receiver.name)),
            group_key: group.text.clone(),
            group_labels: group.labels.clone(),
            route_labels: Labels::empty(),
            alerts,
            still_firing,
            reason: message.reason,
            external_url: Arc::clone(&self.settings.external_url),
            receiver_data: message.receiver_data.clone(),
            idempotency_key: key::sha256_hex(&key),
            at: self.claim.now,
        })
    }
}
