//! Polling: all shards at once, claims over all of them in one order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use domain::alert::Grace;
use domain::id::TenantId;
use domain::limits;
use domain::time::Timestamp;
use redis::Value;
use runtime::failpoint::reach;
use state::coordinator::{
    Claimed, CoordinatorError, Epoch, GroupName, PollAnswer, PollAsk, ShardClaims, ShardPoll,
};

use super::reply::{self, Read, Reply, unreadable};
use super::{RedisCoordinator, names, scripts};
use crate::call::{Arg, Call};

/// Most groups a shard names that stay due.
const NAMES_MAX: usize = 1024;

/// A group that stays due: how severe, since when, which.
type Waiting = (i64, i64, GroupName);

/// A shard's answer, and what it left.
type Answer = Read<(ShardPoll, Vec<Waiting>)>;

impl RedisCoordinator {
    /// Each shard claims its share at once; what is left of the limit goes to the most urgent of all shards in a second
    /// round, which is needed only when more is due than may be claimed.
    pub(super) async fn poll_all(&self, ask: &PollAsk) -> PollAnswer {
        let share = ask.limit / limits::SHARDS;
        let calls = (0..limits::SHARDS).map(|shard| self.poll_call(ask, shard, share, &[]));
        let (answers, mut silences) = self.poll_round(calls.collect(), &ask.tenants).await;
        let (mut shards, mut waiting) = (Vec::new(), Vec::new());
        for (shard, answer) in answers.into_iter().enumerate() {
            if let Ok((ShardPoll::Well(well), _)) = &answer {
                self.clocks.note(shard, well.now.unix_ms());
                self.records.note(shard, well.records);
            }
            shards.push(answer.map(|(poll, left)| {
                waiting.extend(left);
                poll
            }));
        }
        let claimed: usize = shards.iter().map(count_claims).sum();
        if 0 < claimed {
            reach("C5").await;
        }
        let more = in_turn(waiting, ask.limit.saturating_sub(claimed));
        if !more.is_empty() {
            silences = self.claim_more(ask, more, &mut shards).await;
        }
        PollAnswer { shards, silences }
    }

    /// Claims these groups too.
    async fn claim_more(
        &self,
        ask: &PollAsk,
        more: Vec<GroupName>,
        shards: &mut [Read<ShardPoll>],
    ) -> Read<Vec<u64>> {
        let mut by_shard: BTreeMap<usize, Vec<GroupName>> = BTreeMap::new();
        for name in more {
            by_shard.entry(name.shard()).or_default().push(name);
        }
        let calls = by_shard
            .iter()
            .map(|(shard, names)| self.poll_call(ask, *shard, 0, names));
        let (answers, silences) = self.poll_round(calls.collect(), &ask.tenants).await;
        for (shard, answer) in by_shard.into_keys().zip(answers) {
            let Some(first) = shards.get_mut(shard) else {
                continue;
            };
            *first = match (&*first, answer) {
                (Ok(ShardPoll::Well(first)), Ok((ShardPoll::Well(mut second), _))) => {
                    let mut claims = first.claims.clone();
                    claims.append(&mut second.claims);
                    Ok(ShardPoll::Well(ShardClaims { claims, ..second }))
                }
                // Asking again under the same nonce answers the claims of both rounds.
                (_, answer) => answer.map(|(poll, _)| poll),
            };
        }
        silences
    }

    /// Asks the shards, then for the silence versions: those must not be older than the claims.
    async fn poll_round(
        &self,
        mut calls: Vec<Call>,
        tenants: &[TenantId],
    ) -> (Vec<Answer>, Read<Vec<u64>>) {
        let shard_count = calls.len();
        let versions = tenants.iter().map(|tenant| self.version_call(tenant));
        let answers = if self.link.is_cluster() {
            // A cluster answers each slot by itself, in whatever order.
            let mut answers = self.run_all(calls).await;
            answers.extend(self.run_all(versions.collect()).await);
            answers
        } else {
            calls.extend(versions);
            self.run_all(calls).await
        };
        let mut answers = answers.into_iter();
        let shards = answers.by_ref().take(shard_count);
        let shards = shards.map(|answer| read_shard(answer?)).collect();
        let versions = answers.map(|answer| reply::version(answer?));
        (shards, versions.collect())
    }

    fn poll_call(&self, ask: &PollAsk, shard: usize, share: usize, more: &[GroupName]) -> Call {
        let epoch = ask.epochs.get(shard).cloned().flatten();
        let seen = ask.seen.get(shard).copied().unwrap_or_default();
        let timing = &self.timing;
        let number = |count: usize| Arg::from(i64::try_from(count).unwrap_or(i64::MAX));
        let mut args = vec![
            Arg::from(ask.nonce),
            number(share),
            number(ask.limit.min(NAMES_MAX)),
            Arg::from(epoch.as_ref().map_or("", |epoch| &*epoch.0)),
            Arg::from(names::event_text(seen)),
            Arg::from(names::span_ms(timing.lease)),
            Arg::from(names::span_ms(timing.stall)),
            Arg::from(names::span_ms(timing.grace)),
            Arg::from(names::span_ms(timing.unbegun_claim)),
            Arg::from(names::span_ms(timing.breaker_silence)),
            Arg::from(names::span_ms(timing.hold_after_outage)),
            Arg::from(names::span_ms(timing.courtesy)),
            Arg::from(ask.ahead_ms.get(shard).copied().unwrap_or_default()),
        ];
        args.extend(more.iter().map(|name| Arg::from(names::group_text(name))));
        self.on_shard(&scripts::POLL, shard, args)
    }
}

fn count_claims(answer: &Result<ShardPoll, CoordinatorError>) -> usize {
    match answer {
        Ok(ShardPoll::Well(well)) => well.claims.len(),
        _ => 0,
    }
}

fn read_shard(answer: Value) -> Answer {
    let mut reply = Reply::of(answer)?;
    match reply.text()?.as_str() {
        "strange" => {
            let epoch = reply.text()?;
            let epoch = (!epoch.is_empty()).then(|| Epoch(epoch.into()));
            Ok((ShardPoll::Strange { epoch }, Vec::new()))
        }
        "well" => read_well(reply),
        _ => Err(unreadable("the answer to a poll")),
    }
}

fn read_well(mut reply: Reply) -> Answer {
    let time = Timestamp::from_unix_ms;
    let now = time(reply.number()?);
    let last_event = names::event_id(&reply.text()?)?;
    let next_due_ms = reply.number()?;
    let grace = Grace {
        since: time(reply.number()?),
        until: time(reply.number()?),
    };
    let records = reply.version()?;
    let claims = (0..reply.count()?).map(|_| read_claimed(&mut reply));
    let claims = claims.collect::<Read<_>>()?;
    let mut waiting = Vec::new();
    while !reply.is_empty() {
        let name = names::group_name(&reply.text()?)?;
        waiting.push((reply.number()?, reply.number()?, name));
    }
    let well = ShardClaims {
        now,
        last_event,
        next_due: (next_due_ms >= 0).then(|| time(next_due_ms)),
        grace,
        records,
        claims,
    };
    Ok((ShardPoll::Well(well), waiting))
}

/// Reads a claim as the scripts write it.
pub(super) fn read_claimed(reply: &mut Reply) -> Read<Claimed> {
    Ok(Claimed {
        group: names::group_name(&reply.text()?)?,
        fence: reply.unsigned()?,
        tick: Timestamp::from_unix_ms(reply.number()?),
        members: reply.count()?,
    })
}

/// The most urgent of all: the more severe first, then the longer due, tenants taking turns.
fn in_turn(mut waiting: Vec<Waiting>, limit: usize) -> Vec<GroupName> {
    waiting.sort_by(|a, b| (Reverse(a.0), a.1, &a.2).cmp(&(Reverse(b.0), b.1, &b.2)));
    let mut ordered = Vec::new();
    for class in waiting.chunk_by(|a, b| a.0 == b.0) {
        let mut queues: BTreeMap<&TenantId, VecDeque<&GroupName>> = BTreeMap::new();
        for (_, _, name) in class {
            queues.entry(&name.tenant).or_default().push_back(name);
        }
        while !queues.is_empty() && ordered.len() < limit {
            queues.retain(|_, queue| {
                ordered.extend(queue.pop_front().cloned());
                !queue.is_empty()
            });
        }
    }
    ordered.truncate(limit);
    ordered
}
