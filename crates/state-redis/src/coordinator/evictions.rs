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
    /// What was thrown away of the shards of a fault domain.
    pub(super) async fn find_evictions(&self, domain: usize) -> Read<Option<Evictions>> {
        let shards = (domain..limits::SHARDS).step_by(self.fault_domains());
        let calls = shards.map(|shard| self.evictions_call(shard)).collect();
        let mut found = None;
        for answer in self.run_all(calls).await {
            found = found.max(read_count(answer?)?);
        }
        match found {
            Some(count) => Ok(Some(self.evicted(count).await?)),
            None => Ok(None),
        }
    }

    /// Asks whether anything was thrown away of a shard; behind a request that reads, so that what it read was complete.
    pub(super) fn evictions_call(&self, shard: usize) -> Call {
        self.on_shard(&scripts::EVICTIONS, shard, Vec::new())
    }

    /// Refuses what is incomplete, by the answer to [`Self::evictions_call`].
    pub(super) async fn unless_evicted(&self, answer: Value) -> Read<()> {
        match read_count(answer)? {
            Some(count) => Err(self.evicted(count).await?.into()),
            None => Ok(()),
        }
    }

    async fn evicted(&self, count: u64) -> Read<Evictions> {
        let policy = preflight::eviction_policy(&self.link).await;
        let policy = policy.map_err(reply::failed)?.unwrap_or_default();
        let text = format!(
            "it has thrown {count} keys away (`maxmemory-policy {policy}`) and cannot hold state: set `maxmemory-policy noeviction`, \
             and `maxmemory` so that all fits"
        );
        Ok(Evictions { count, text })
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
            Ok(Some(evictions)) => evictions.into(),
            Ok(None) => reply::unreadable("an epoch"),
            Err(error) => error,
        }
    }
}

/// How much was thrown away; nothing when that was before the epoch.
fn read_count(answer: Value) -> Read<Option<u64>> {
    let mut reply = Reply::of(answer)?;
    let has_evicted = reply.number()? == 1;
    let count = reply.unsigned()?;
    Ok(has_evicted.then_some(count))
}
