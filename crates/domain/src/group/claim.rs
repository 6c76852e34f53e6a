//! A claim: the right to flush a group, with everything the flush decides on.

use std::sync::Arc;
use std::time::Duration;

use super::told::Told;
use super::{Group, GroupIdentity, IntegrationSpec, LeaseLost};
use crate::alert::{Alert, Grace};
use crate::fingerprint::Fingerprint;
use crate::id::IntegrationId;
use crate::time::Timestamp;

/// A group as its flusher gets it: everything a flush decides on.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The group.
    pub identity: Arc<GroupIdentity>,
    /// Proves the right to begin, renew and finish.
    pub fence: u64,
    /// The grid tick this flush answers; repeat_interval counts from tick to tick.
    pub tick: Timestamp,
    /// When the claim was made: what counts as resolved, silenced or muted is judged here.
    pub now: Timestamp,
    /// When the lease lapses unless renewed.
    pub lease_until: Timestamp,
    /// The members.
    pub alerts: Vec<Arc<Alert>>,
    /// What each integration was told; absent means nothing.
    pub told: Vec<(IntegrationId, Told)>,
    /// How ends by time-out are judged.
    pub grace: Grace,
    /// What others answer for while nobody can coordinate; nothing at other times.
    pub foreign: Foreign,
}

/// What an instance leaves to the others while instances cannot coordinate (protocol.md §9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Members another instance took in last, sorted: it is not for us to say that they fire, or ended by time-out.
    pub alerts: Vec<Fingerprint>,
    /// Integrations another instance was the last to tell: repeats are not for us.
    pub repeats: Vec<IntegrationId>,
    /// For how long after its end an alert whose time ran out is not over yet: others may have heard of it meanwhile.
    pub patience: Duration,
    /// Whether senders may have gone on to another instance for good: then nobody's time runs out here, whoever took it in last.
    pub may_be_heard_elsewhere: bool,
}

impl Foreign {
    /// Whether another instance answers for this alert.
    pub fn has(&self, fingerprint: Fingerprint) -> bool {
        self.alerts.binary_search(&fingerprint).is_ok()
    }
}

impl Claim {
    /// Whether an alert counts as over in this flush.
    ///
    /// One that another instance answers for is over only when its sender said so.
    pub fn is_over(&self, alert: &Alert) -> bool {
        alert.is_resolved(self.now, self.grace)
            && (alert.is_explicit_end() || self.is_ours_to_end(alert))
    }

    fn is_ours_to_end(&self, alert: &Alert) -> bool {
        let foreign = &self.foreign;
        let has_run_out = alert.ends_at + foreign.patience <= self.now;
        has_run_out && !foreign.may_be_heard_elsewhere && !foreign.has(alert.fingerprint)
    }
}

impl Group {
    /// Whether it was given back and is not to be claimed before a later time.
    pub fn is_put_off(&self, now: Timestamp) -> bool {
        self.put_off.is_some_and(|until| now < until)
    }

    /// Makes a recorded group due if its last tick was not answered: a member that began or ended before that tick was told to
    /// nobody, because its message was held back, or the process ended first. To tell one too early is harmless.
    pub fn take_up_missed_tick(&mut self, now: Timestamp) {
        if !self.grid.has_ticked() {
            return;
        }
        let last_tick = self.grid.next() - self.grid.interval();
        let receiver = Arc::clone(&self.identity.receiver);
        let own = receiver
            .integrations
            .iter()
            .filter(|spec| !spec.is_fallback);
        let is_owed = |spec: &IntegrationSpec| {
            let told = self.told.iter().find(|(id, _)| *id == spec.id);
            let believes = |alert: &Alert| {
                let told = told.map(|(_, told)| told);
                told.is_some_and(|told| told.believes_firing(alert.fingerprint))
            };
            let mut members = self.members.values();
            members.any(|alert| match alert.is_explicit_end() {
                true => spec.send_resolved && alert.ends_at <= last_tick && believes(alert),
                false => alert.starts_at <= last_tick && !believes(alert),
            })
        };
        if own.into_iter().any(is_owed) {
            self.grid.tick_no_later_than(now);
        }
    }

    /// Renews an unexpired claim and answers it with what is known now: the same fence and tick, later members and told sets.
    ///
    /// # Errors
    /// When the claim lapsed.
    pub fn claim_again(
        &mut self,
        claim: &Claim,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, LeaseLost> {
        self.renew(claim.fence, now, lease)?;
        let now = now.max(claim.now);
        let again = self.claim_as(claim.fence, claim.tick, now, lease, claim.grace);
        Ok(Claim {
            foreign: claim.foreign.clone(),
            ..again
        })
    }
}
