//! Flushes of both.

use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::farewell::{Farewell, Leave};
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, ReceiverData};
use domain::id::IntegrationId;
use domain::notification::Reason;
use domain::time::Timestamp;
use proptest::prelude::*;
use state::coordinator::GroupName;

use super::Pair;
use super::step::Step;
use crate::actors::{ALERTS, GROUPS, alert, group};

impl Pair {
    pub(super) async fn flush(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Begin(number, id, set) => self.begin(*number, *id, *set).await?,
            Step::Commit(number, ahead) => {
                let Some((group, id, message)) = self.message(*number) else {
                    return Ok(());
                };
                let sent_at = self.now();
                let message = Pending {
                    seq: message.seq + u64::try_from(*ahead).unwrap_or(0),
                    ..message
                };
                let model = self.model[0].commit(&group, &id, &message, sent_at).await;
                let redis = self.redis[0].commit(&group, &id, &message, sent_at).await;
                same!("commit", model, redis);
            }
            Step::Refuse(number) => {
                let Some((group, id, message)) = self.message(*number) else {
                    return Ok(());
                };
                let model = self.model[0].refuse(&group, &id, message.seq).await;
                let redis = self.redis[0].refuse(&group, &id, message.seq).await;
                same!("refuse", model, redis);
            }
            Step::Settle(number) => {
                let Some((group, id, message)) = self.message(*number) else {
                    return Ok(());
                };
                self.settle(*number, (group, id), message).await?;
            }
            other => self.release(other).await?,
        }
        Ok(())
    }

    /// Settles a message that was begun: as it was begun, or as things stand now.
    async fn settle(
        &mut self,
        number: usize,
        (group, id): (GroupName, IntegrationId),
        message: Pending,
    ) -> Result<(), TestCaseError> {
        let claims = self.claims.iter().rev();
        let mut claims = claims.filter(|(_, claim)| claim.group == group);
        let Some((by, fence)) = claims.next().map(|(by, claim)| (*by, claim.fence)) else {
            return Ok(());
        };
        let there = self.model[by].group(&group).await.expect("reachable");
        let told = there.and_then(|group| group.told_to(&id).cloned());
        let mut seen = told.unwrap_or_default();
        if number.is_multiple_of(2) {
            seen.seq = message.seq;
            seen.pending = Some(message.clone());
        }
        let settled = message.accepted(self.now());
        let (model, redis) = (&self.model[by], &self.redis[by]);
        let model = model.settle(&group, fence, &id, &seen, &settled).await;
        let redis = redis.settle(&group, fence, &id, &seen, &settled).await;
        same!("settle", model, redis);
        Ok(())
    }

    async fn release(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let (Step::Renew(number) | Step::Unclaim(number, _) | Step::Finish { claim: number, .. }) =
            step
        else {
            return Ok(());
        };
        let Some((by, claim)) = self.claim(*number) else {
            return Ok(());
        };
        let (model, redis) = (&self.model[by], &self.redis[by]);
        let (name, fence) = (&claim.group, claim.fence);
        match step {
            Step::Renew(_) => {
                // Places in the feed are each server's own.
                let model = model.renew(name, fence).await.map(|held| held.map(drop));
                let redis = redis.renew(name, fence).await.map(|held| held.map(drop));
                same!("renew", model, redis);
            }
            Step::Unclaim(_, delay) => {
                let delay = Duration::from_secs(u64::from(*delay));
                let model = model.unclaim(name, fence, delay).await;
                let redis = redis.unclaim(name, fence, delay).await;
                same!("unclaim", model, redis);
            }
            _ => {
                let farewell = self.farewell(name, step).await;
                let model = model.finish(name, fence, &farewell).await;
                let redis = redis.finish(name, fence, &farewell).await;
                same!("finish", model, redis);
            }
        }
        Ok(())
    }

    async fn farewell(&self, name: &GroupName, step: &Step) -> Farewell {
        let mut farewell = Farewell::default();
        let group = self.model[0].group(name).await.expect("reachable");
        let (
            Some(group),
            Step::Finish {
                leaves,
                later,
                forget,
                ..
            },
        ) = (group, step)
        else {
            return farewell;
        };
        for (index, member) in group.members.iter().enumerate() {
            if leaves >> index & 1 == 1 {
                let off = if *later { 1000 } else { -1000 } * i64::from(leaves >> 7);
                let seen_ms = member.updated_at.unix_ms() + off;
                farewell.leaves.push(Leave {
                    fingerprint: member.fingerprint,
                    updated_at: Timestamp::from_unix_ms(seen_ms),
                });
            }
        }
        farewell.is_move = *later && *forget;
        if *forget {
            for (id, mut told) in group.told {
                told.forget(alert(0, 0).fingerprint);
                farewell.retold.push((id, told));
            }
        }
        farewell
    }

    async fn begin(&mut self, number: usize, id: usize, set: u8) -> Result<(), TestCaseError> {
        let Some((by, claim)) = self.claim(number) else {
            return Ok(());
        };
        let index = (0..GROUPS).find(|index| GroupName::of(&group(*index)) == claim.group);
        let mut all: Vec<Fingerprint> = (0..ALERTS)
            .map(|which| alert(index.unwrap_or(0), which).fingerprint)
            .collect();
        all.sort_unstable();
        let some = |shift: usize| {
            let chosen = all.iter().enumerate();
            let chosen = chosen.filter(|(index, _)| set >> (index + shift) & 1 == 1);
            chosen.map(|(_, fingerprint)| *fingerprint).collect()
        };
        let message = Pending {
            seq: 0,
            firing: some(0),
            resolved: some(3),
            hidden: some(5),
            tick: claim.tick,
            reason: Reason::ALL[usize::from(set) % Reason::ALL.len()],
            receiver_data: ReceiverData::default(),
        };
        let id = IntegrationId::new("r", "webhook", id);
        let (name, fence) = (&claim.group, claim.fence);
        let numbers = Numbers::shared(u64::try_from(by).unwrap_or(0) + 1);
        let model = self.model[by].begin(name, fence, &id, &message, numbers);
        let model = model.await;
        let redis = self.redis[by].begin(name, fence, &id, &message, numbers);
        let redis = redis.await;
        if let Ok(Ok(told)) = &redis {
            self.told.push(told.clone());
            let pending = told.pending.clone();
            self.begun
                .extend(pending.map(|message| (name.clone(), id.clone(), message)));
        }
        same!("begin", model, redis);
        Ok(())
    }

    fn message(&self, number: usize) -> Option<(GroupName, IntegrationId, Pending)> {
        // The latest ones are of interest.
        self.begun.iter().rev().nth(number % 3).cloned()
    }
}
