//! The end of a flush: which members leave their group, and which ends are given up.

use super::told::Told;
use super::{Claim, Finished, Group, LeaseLost};
use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::group::severity::Severity;
use crate::id::IntegrationId;
use crate::limits;
use crate::time::Timestamp;

/// A member that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Which.
    pub fingerprint: Fingerprint,
    /// When the state the flush saw was received: a member that is known better since stays. One that is known worse leaves:
    /// refreshes that change nothing are not written everywhere (protocol.md §5, coalescing).
    pub updated_at: Timestamp,
}

/// What a finished flush lets go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Farewell {
    /// Members that leave.
    pub leaves: Vec<Leave>,
    /// Owed "resolved" messages that are given up (integration, alert).
    pub given_up: Vec<(IntegrationId, Fingerprint)>,
    /// What integrations count as told from now on, if all of `leaves` leave or `is_move`.
    pub retold: Vec<(IntegrationId, Told)>,
    /// Whether what was told of them is in other groups already: then it counts here no more, whoever of them stays.
    pub is_move: bool,
}

impl Group {
    /// Decides what the flush of `claim` lets go: ended members that did not change since and whose end nobody is owed, or
    /// has been owed for too long.
    ///
    /// With `is_complete` false some integration failed, and every ended member that is owed stays for the next tick.
    pub fn farewell(&self, claim: &Claim, is_complete: bool) -> Farewell {
        let mut farewell = Farewell::default();
        for alert in claim.alerts.iter().filter(|alert| claim.is_over(alert)) {
            let member = self.member(alert.fingerprint);
            if member.is_none_or(|member| **member != **alert) {
                continue;
            }
            let is_given_up = self.is_given_up(alert, claim, &mut farewell);
            if is_given_up || (is_complete && !self.is_owed(alert.fingerprint)) {
                farewell.leaves.push(Leave {
                    fingerprint: alert.fingerprint,
                    updated_at: alert.updated_at,
                });
            }
        }
        farewell
    }

    /// Whether nobody waits any longer for the end of an alert to be accepted (G1), so that a dead receiver does not keep
    /// alerts for ever.
    fn is_given_up(&self, alert: &Alert, claim: &Claim, farewell: &mut Farewell) -> bool {
        let least = match self.identity.may_be_muted() {
            true => limits::OWED_MUTED_MIN,
            false => limits::OWED_MIN,
        };
        let patience = self.identity.repeat_interval.max(least);
        if alert.ends_at + patience > claim.now {
            return false;
        }
        let fingerprint = alert.fingerprint;
        for (integration, told) in &self.told {
            if !told.believes_firing(fingerprint) {
                continue;
            }
            farewell.given_up.push((integration.clone(), fingerprint));
            match farewell.retold.iter_mut().find(|(id, _)| id == integration) {
                Some((_, retold)) => retold.forget(fingerprint),
                None => {
                    let mut retold = told.clone();
                    retold.forget(fingerprint);
                    farewell.retold.push((integration.clone(), retold));
                }
            }
        }
        true
    }

    /// Ends the flush with this fence: gives the lease back, lets members go, and goes on to the next grid tick.
    pub fn let_go(
        &mut self,
        fence: u64,
        farewell: &Farewell,
        now: Timestamp,
    ) -> Result<Finished, LeaseLost> {
        if !self.is_held_by(fence) {
            return Err(LeaseLost);
        }
        self.lease = None;
        let is_retold = self.is_retold(farewell);
        for leave in &farewell.leaves {
            if self.may_leave(leave) {
                self.members.remove(leave.fingerprint);
            }
        }
        for (integration, told) in farewell.retold.iter().filter(|_| is_retold) {
            *self.told_mut(integration) = told.clone();
        }
        if self.members.is_empty() {
            return Ok(Finished::Gone);
        }
        let severities = self.members.values().map(|a| Severity::of(&a.labels));
        self.severity = severities.max().unwrap_or_default();
        Ok(Finished::Again {
            at: self.grid.go_on(now),
            given_up: farewell.given_up.clone(),
        })
    }

    /// Whether integrations count as told otherwise once this farewell is over.
    pub fn is_retold(&self, farewell: &Farewell) -> bool {
        farewell.is_move || farewell.leaves.iter().all(|leave| self.may_leave(leave))
    }

    /// Whether nothing newer is known of who is to leave.
    pub fn may_leave(&self, leave: &Leave) -> bool {
        let member = self.members.get(leave.fingerprint);
        member.is_none_or(|member| member.updated_at <= leave.updated_at)
    }
}
