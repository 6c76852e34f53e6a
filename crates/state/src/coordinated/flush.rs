//! What is done under a claim: asked of the coordinator, or, when that is out of reach, done on the replica.

use std::time::Duration;

use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::group::{Claim, Finished, GroupIdentity, LeaseLost};
use domain::id::IntegrationId;
use domain::time::Timestamp;

use super::{Coordinated, lock};
use crate::coordinator::GroupName;
use crate::{Held, State, StateError};

impl Coordinated {
    pub(super) async fn begin_shared(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        message: Pending,
        now: Timestamp,
    ) -> Result<Held<Pending>, StateError> {
        let name = GroupName::of(&claim.identity);
        let slot = self.own_slot();
        let numbers = Numbers::shared(slot);
        let asked = self
            .attempt_or_stay(name.shard(), || {
                self.shared
                    .begin(&name, claim.fence, integration, &message, numbers)
            })
            .await;
        match asked {
            Ok(Ok(told)) => {
                self.take_told(&name, integration, &told);
                // A begin answers what it froze; without that there is nothing to send under this claim.
                Ok(told.pending.ok_or(LeaseLost))
            }
            Ok(Err(lost)) => Ok(Err(lost)),
            Err(_alone) => {
                let last = self.memory.with(&name, |group| {
                    let mut told = group.told().iter();
                    told.find(|(id, _)| id == integration)
                        .map(|(_, told)| told.seq)
                });
                // Others who are alone may begin a message about this very tick, and a number is used once. It is after what
                // was shared, whose clock may be ahead.
                let base = now.max(self.agreed.shard_at(name.shard(), now));
                let base_ms = u64::try_from(base.unix_ms()).unwrap_or_default();
                let last = last.flatten().unwrap_or_default();
                let numbers = Numbers::alone(slot);
                let number = self
                    .told_alone
                    .begin(&name, integration, numbers, last, base_ms);
                self.touch(name.clone());
                let begun = self.memory.with(&name, |group| {
                    group.number_unsent(integration, number);
                    group.begin_numbered(integration, claim.fence, message, now, number)
                });
                Ok(begun.unwrap_or(Err(LeaseLost)))
            }
        }
    }

    pub(super) async fn commit_shared(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, StateError> {
        let name = GroupName::of(group);
        // Whatever becomes of the request: it was told, and it was told by us.
        self.note_teller(&name, integration, true);
        let here = self
            .memory
            .commit(group, integration, message, sent_at)
            .await?;
        let asked = self
            .attempt_or_stay(name.shard(), || {
                self.shared.commit(&name, integration, message, sent_at)
            })
            .await;
        match asked {
            Ok(told) => {
                self.take_told(&name, integration, &told);
                let is_gone = self.memory.with(&name, |_| ()).is_none();
                if message.seq < told.seq || is_gone {
                    self.own_up_late(group, integration, message, sent_at).await;
                }
                Ok(told)
            }
            Err(_alone) => {
                self.told_alone.accept(&name, integration, message, sent_at);
                self.touch(name);
                Ok(here)
            }
        }
    }

    pub(super) async fn refuse_shared(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, StateError> {
        let name = GroupName::of(group);
        let asked = self
            .attempt_or_stay(name.shard(), || self.shared.refuse(&name, integration, seq))
            .await;
        let _alone = match asked {
            Ok(told) => {
                self.take_told(&name, integration, &told);
                return Ok(told);
            }
            Err(alone) => alone,
        };
        self.touch(name);
        self.memory.refuse(group, integration, seq).await
    }

    pub(super) async fn settle_shared(
        &self,
        claim: &Claim,
        integration: &IntegrationId,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
    ) -> Result<Held<Told>, StateError> {
        let name = GroupName::of(&claim.identity);
        let asked = self
            .attempt_or_stay(name.shard(), || {
                self.shared
                    .settle(&name, claim.fence, integration, seen, &message)
            })
            .await;
        let _alone = match asked {
            Ok(Ok(told)) => {
                self.take_told(&name, integration, &told);
                return Ok(Ok(told));
            }
            Ok(Err(lost)) => return Ok(Err(lost)),
            Err(alone) => alone,
        };
        self.touch(name);
        let settled = self.memory.settle(claim, integration, seen, message, now);
        settled.await
    }

    pub(super) async fn renew_shared(
        &self,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Held<Timestamp>, StateError> {
        let name = GroupName::of(&claim.identity);
        let asked = self
            .attempt(name.shard(), || self.shared.renew(&name, claim.fence))
            .await;
        match asked {
            Ok(Ok(_)) => {
                // The replica's own lease keeps this instance from claiming the group a second time.
                let until = self.memory.renew(claim, now).await?;
                Ok(Ok(until.unwrap_or(now + self.timing.lease)))
            }
            Ok(Err(lost)) => Ok(Err(lost)),
            Err(_) => self.memory.renew(claim, now).await,
        }
    }

    /// Renews a claim, and answers it with what the replica knows once it has seen all that was shared by then.
    pub(super) async fn claim_again_shared(
        &self,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Held<Claim>, StateError> {
        let name = GroupName::of(&claim.identity);
        let asked = self
            .attempt(name.shard(), || self.shared.renew(&name, claim.fence))
            .await;
        let last = match asked {
            Ok(Ok(last)) => last,
            Ok(Err(lost)) => return Ok(Err(lost)),
            Err(_alone) => {
                let again = self.memory.claim_again(claim, now).await?;
                return Ok(again.map(|again| Claim {
                    foreign: self.foreign(&name, &again),
                    ..again
                }));
            }
        };
        self.view(name.shard()).hear_of(last);
        let tenants = std::slice::from_ref(&name.tenant);
        let silences = self.shared.silence_versions(tenants).await;
        let is_current = self.silences_caught_up(tenants, silences).await
            && self.catch_up(&[(name.shard(), last)]).await;
        if !is_current {
            let why = "what is shared is ahead of what is known here";
            return Err(StateError::Unavailable(why.to_owned()));
        }
        let lease = self.timing.lease;
        let again = self.memory.with(&name, |group| {
            group.claim_as(
                claim.fence,
                claim.tick,
                now.max(claim.now),
                lease,
                claim.grace,
            )
        });
        Ok(again.ok_or(LeaseLost))
    }

    pub(super) async fn unclaim_shared(
        &self,
        claim: &Claim,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), StateError> {
        let name = GroupName::of(&claim.identity);
        lock(&self.active).remove(&name);
        let asked = self
            .attempt(name.shard(), || {
                self.shared.unclaim(&name, claim.fence, delay)
            })
            .await;
        match asked {
            Ok(()) => {
                // The replica puts it off as well, for the case that this instance has to go on alone.
                self.memory.with(&name, |group| {
                    if group.unclaim(claim.fence, now, delay).is_err() {
                        group.release_lease();
                    }
                });
                Ok(())
            }
            Err(_) => self.memory.unclaim(claim, now, delay).await,
        }
    }

    pub(super) async fn finish_shared(
        &self,
        claim: &Claim,
        is_complete: bool,
        now: Timestamp,
    ) -> Result<Held<Finished>, StateError> {
        let name = GroupName::of(&claim.identity);
        let farewell = self
            .memory
            .with(&name, |group| group.farewell(claim, is_complete))
            .unwrap_or_default();
        let asked = self
            .attempt_or_stay(name.shard(), || {
                self.shared.finish(&name, claim.fence, &farewell)
            })
            .await;
        lock(&self.active).remove(&name);
        if !matches!(asked, Ok(Err(_))) {
            self.bury(&claim.identity, &farewell.leaves);
        }
        match asked {
            Ok(Ok(next)) => {
                let _ = self
                    .memory
                    .with(&name, |group| group.let_go(claim.fence, &farewell, now));
                let Some(at) = next else {
                    self.forget(&name);
                    return Ok(Ok(Finished::Gone));
                };
                Ok(Ok(Finished::Again {
                    at,
                    given_up: farewell.given_up,
                }))
            }
            Ok(Err(lost)) => {
                self.memory.with(&name, |group| {
                    if group.is_held_by(claim.fence) {
                        group.release_lease();
                    }
                });
                Ok(Err(lost))
            }
            Err(_alone) => {
                self.touch(name.clone());
                let told = self.memory.with(&name, |group| group.told().to_vec());
                let finished = self.memory.finish(claim, is_complete, now).await?;
                if finished == Ok(Finished::Gone) {
                    lock(&self.tombs).end(&name, told.unwrap_or_default());
                }
                Ok(finished)
            }
        }
    }

    fn take_told(&self, name: &GroupName, integration: &IntegrationId, told: &Told) {
        self.memory
            .with(name, |group| group.merge_told(integration, told));
    }
}
