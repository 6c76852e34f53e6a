//! A server that throws away what it holds, as Redis does with an evicting policy and little memory.

use domain::group::Group;

use super::server::{Request, Server};
use super::{Outage, failed};
use crate::coordinator::{CoordinatorError, Evictions, GroupName};

impl Server {
    /// Throws the members of a group away.
    pub(super) fn evict(&mut self, name: &GroupName) {
        self.evicted += 1;
        // Nobody can tell which shards the rest of it belonged to.
        let shards = self.data.shards.iter_mut();
        shards.for_each(|shard| shard.has_evicted = true);
        if let Some(group) = self.group(name) {
            let mut empty = Group::restored(group.identity().clone(), group.grid());
            empty.keep_lease_of(group);
            for (integration, told) in group.told().to_vec() {
                empty.merge_told(&integration, &told);
            }
            *group = empty;
        }
    }

    pub(super) fn evictions(&self) -> Evictions {
        Evictions {
            count: self.evicted,
            is_loss: self.data.shards.iter().any(|shard| shard.has_evicted),
            text: EVICTED.to_owned(),
        }
    }

    /// Nothing is handed out of a shard that is incomplete.
    pub(super) fn unless_evicted(&mut self, shard: usize) -> Result<(), CoordinatorError> {
        match self.shard(shard).has_evicted {
            true => Err(failed(Outage::Refused, EVICTED)),
            false => Ok(()),
        }
    }

    pub(super) fn start_over(
        &mut self,
        request: &Request,
        shard: usize,
    ) -> Result<bool, CoordinatorError> {
        self.admit(request, shard)?;
        let shard = self.shard(shard);
        if !shard.has_evicted {
            return Ok(false);
        }
        shard.has_evicted = false;
        shard.epoch = None;
        shard.groups.clear();
        shard.due.clear();
        shard.in_flight.clear();
        Ok(true)
    }
}

const EVICTED: &str = "the server threw keys away and cannot hold state";
