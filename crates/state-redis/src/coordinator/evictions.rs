//! A server that throws keys away when its memory is short.

use domain::limits;
use redis::Value;
use state::coordinator::{Coordinator, CoordinatorError, Evictions, GroupName};

use super::reply::{self, Read, Reply};
use super::{RedisCoordinator, names, scripts};
use crate::call::{Arg, Call};
use crate::preflight;

/// Groups that are named in one run of the script.
const PART: usize = 500;

impl RedisCoordinator {
    /// What the server of a fault domain threw away.
    pub(super) async fn find_evictions(&self, domain: usize) -> Read<Evictions> {
        let shards = (domain..limits::SHARDS).step_by(self.fault_domains());
        let calls = shards.map(|shard| self.evictions_call(shard)).collect();
        let (mut is_loss, mut most) = (false, 0);
        for answer in self.run_all(calls).await {
            let (is_loss_here, count) = read_count(answer?)?;
            is_loss |= is_loss_here;
            most = most.max(count);
        }
        self.evicted(is_loss, most).await
    }

    /// Asks whether anything was thrown away of a shard; behind a request that reads, so that what it read was complete.
    pub(super) fn evictions_call(&self, shard: usize) -> Call {
        self.on_shard(&scripts::EVICTIONS, shard, Vec::new())
    }

    /// Refuses what is incomplete, by the answer to [`Self::evictions_call`].
    pub(super) async fn unless_evicted(&self, answer: Value) -> Read<()> {
        match read_count(answer)? {
            (true, count) => Err(self.evicted(true, count).await?.into()),
            (false, _) => Ok(()),
        }
    }

    async fn evicted(&self, is_loss: bool, count: u64) -> Read<Evictions> {
        if count == 0 {
            return Ok(Evictions::default());
        }
        let policy = preflight::eviction_policy(&self.link).await;
        let policy = policy.map_err(reply::failed)?.unwrap_or_default();
        let text = format!(
            "it has thrown {count} keys away (`maxmemory-policy {policy}`) and cannot hold state: set `maxmemory-policy noeviction`, \
             and `maxmemory` so that all fits"
        );
        Ok(Evictions {
            count,
            is_loss,
            text,
        })
    }

    pub(super) async fn begin_anew(&self, shard: usize, known: &[GroupName]) -> Read<bool> {
        let mut parts: Vec<&[GroupName]> = known.chunks(PART).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        let mut had_reason = false;
        for (index, part) in parts.into_iter().enumerate() {
            let mut args = vec![Arg::from(if index < last { "1" } else { "0" })];
            args.extend(part.iter().map(|name| Arg::from(names::group_text(name))));
            let answer = self.run(self.on_shard(&scripts::START_OVER, shard, args));
            had_reason |= reply::number(answer.await?)? == 1;
        }
        Ok(had_reason)
    }

    /// What the script says instead of an epoch.
    pub(super) async fn why_no_epoch(&self, shard: usize) -> CoordinatorError {
        match self.find_evictions(shard % self.fault_domains()).await {
            Ok(evictions) if evictions.is_loss => evictions.into(),
            Ok(_) => reply::unreadable("an epoch"),
            Err(error) => error,
        }
    }
}

/// Whether something was thrown away since the epoch began, and how much since the server started.
fn read_count(answer: Value) -> Read<(bool, u64)> {
    let mut reply = Reply::of(answer)?;
    let is_loss = reply.number()? == 1;
    Ok((is_loss, reply.unsigned()?))
}
