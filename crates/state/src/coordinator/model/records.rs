//! Which form records are written in, and who is kept away from what it does not know.

use std::sync::Arc;
use std::time::Duration;

use domain::limits;

use super::hole::Hole;
use super::server::{Request, Server};
use super::unreached;
use crate::coordinator::CoordinatorError;

/// What an instance that says nothing of it can read; what is written where nothing is said of it.
const FIRST: u32 = 1;

/// An instance that was silent for so long is not reckoned with any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

impl Server {
    /// The form that is written in a shard; `None` before its first epoch.
    pub(super) fn written(&self, shard: usize) -> Option<u32> {
        let shard = self.data.shards.get(shard % limits::SHARDS)?;
        let unsaid = shard.epoch.as_ref().map(|_| FIRST);
        shard.records.or(unsaid)
    }

    /// The form that is written in each shard, as it is told to who asks.
    pub(super) fn tell_records(&self) -> Vec<Option<u32>> {
        let is_told = !self.has(Hole::AnyBuild);
        let written = (0..limits::SHARDS).map(|shard| self.written(shard));
        written.map(|written| written.filter(|_| is_told)).collect()
    }

    /// Refuses whoever does not know what is written in a shard.
    pub(super) fn check_records(
        &self,
        request: &Request,
        shard: usize,
    ) -> Result<(), CoordinatorError> {
        match self.written(shard) {
            Some(written) if !self.has(Hole::AnyBuild) => request.knows.check(written, "the model"),
            _ => Ok(()),
        }
    }

    /// The same of every shard: silences belong to none.
    pub(super) fn check_all_records(&self, request: &Request) -> Result<(), CoordinatorError> {
        (0..limits::SHARDS).try_for_each(|shard| self.check_records(request, shard))
    }

    /// Lets a request into a shard if it arrives there, and knows what is written.
    pub(super) fn admit(&self, request: &Request, shard: usize) -> Result<(), CoordinatorError> {
        if !request.reach.includes(shard) {
            return Err(unreached());
        }
        self.check_records(request, shard)
    }

    /// Notes what an instance that polls can read, and forgets those that were silent for long; writes a newer form once all who
    /// are left know it. Not while some may not have polled since the epoch began.
    pub(super) fn note_records(&mut self, request: &Request, index: usize) {
        let (now, timing, newest) = (request.now, self.timing, request.knows.newest);
        let is_blind = self.has(Hole::RaiseBlindly);
        let written = self.written(index).unwrap_or(FIRST);
        let shard = self.shard(index);
        shard.newest.insert(Arc::clone(&request.instance), newest);
        let patience = FORGOTTEN_AFTER.max(timing.lease * 2);
        shard.seen.retain(|_, seen| now < *seen + patience);
        let seen = &shard.seen;
        shard.nonces.retain(|id, _| seen.contains_key(id));
        shard.newest.retain(|id, _| seen.contains_key(id));
        let began = shard.epoch.as_ref().and_then(|epoch| epoch.began_at());
        if began.is_none_or(|began| now < began + timing.stall) && !is_blind {
            return;
        }
        let known = seen.keys().map(|id| shard.newest.get(id).copied());
        let lowest = known.map(|newest| newest.unwrap_or(FIRST)).min();
        let readable = lowest.filter(|_| !is_blind).unwrap_or(newest);
        shard.records = Some(written.max(readable));
    }
}
