//! Lives of a shard's data, what restarts with them, and repairs.

use std::sync::Arc;

use domain::alert::Grace;
use domain::id::TenantId;
use domain::time::Timestamp;

use super::hole::Hole;
use super::millis;
use super::server::{Departures, Hold, Request, Return, Server};
use crate::coordinator::{CoordinatorError, Epoch, HoldFor, Past};

impl Server {
    pub(super) fn open_epoch(
        &mut self,
        request: &Request,
        shard: usize,
        seen: Option<&Epoch>,
        (hold, past): (HoldFor, Past),
        writes: u32,
    ) -> Result<(Epoch, u32), CoordinatorError> {
        self.admit(request, shard)?;
        self.unless_evicted(shard)?;
        let (timing, now) = (self.timing, request.now);
        let hold = match hold {
            _ if self.has(Hole::NoHoldAfterLoss) => HoldFor::Nothing,
            hold => hold,
        };
        let until = now + hold.least(&timing);
        // What an instance wrote before a loss it may have written since, too.
        let records = self.written(shard).unwrap_or(writes).max(writes);
        self.shard(shard).records = Some(records);
        let current = self.shard(shard).epoch.clone();
        if let Some(current) = current.filter(|current| Some(current) != seen) {
            let known = &mut self.shard(shard).hold.until;
            let full = current.began_at().map(|at| at + timing.hold_after_loss);
            if hold == HoldFor::Reseed && Some(now) < full && *known < full {
                *known = Some(until);
            }
            if seen.is_some() {
                self.shard(shard).departures.known_since = Some(now);
            }
            return Ok((current, records));
        }
        self.epochs_made += 1;
        let text = format!("{}-{}", millis(now), self.epochs_made);
        let epoch = Epoch(Arc::from(text));
        let shard = self.shard(shard);
        shard.epoch = Some(epoch.clone());
        shard.hold = Hold {
            until: (hold != HoldFor::Nothing).then_some(until),
            awaits_reseed: hold == HoldFor::Reseed,
        };
        let is_first = past == Past::Nothing && shard.departures.known_since.is_none();
        let known_since = if is_first {
            Timestamp::from_unix_ms(0)
        } else {
            now
        };
        shard.departures = Departures::since(known_since);
        shard.back = Return::default();
        shard.last_poll = Some(now);
        shard.grace = Some(Grace {
            since: now,
            until: now + timing.grace,
        });
        Ok((epoch, records))
    }

    pub(super) fn reseeded(&mut self, shard: usize, epoch: &Epoch) {
        let shard = self.shard(shard);
        if shard.epoch.as_ref() == Some(epoch) {
            shard.hold.awaits_reseed = false;
        }
    }

    pub(super) fn restart_grids(
        &mut self,
        request: &Request,
        tenant: &TenantId,
        config_hash: &str,
    ) -> Result<bool, CoordinatorError> {
        let always = self.has(Hole::RestartAlways);
        let mut has_restarted = false;
        for index in 0..self.data.shards.len() {
            self.admit(request, index)?;
            let configs = &mut self.shard(index).configs;
            let before = configs.insert(tenant.clone(), config_hash.to_owned());
            let is_new = before.is_some_and(|before| before != config_hash);
            if is_new || always {
                self.restart_shard(request, index, tenant);
                has_restarted = true;
            }
        }
        Ok(has_restarted)
    }

    fn restart_shard(&mut self, request: &Request, index: usize, tenant: &TenantId) {
        let shard = self.shard(index);
        let groups = shard.groups.iter_mut();
        let ours = groups
            .filter(|(name, entry)| name.tenant == *tenant && entry.group.grid().has_ticked());
        let mut restarted = Vec::new();
        for (name, entry) in ours {
            let mut grid = entry.group.grid();
            grid.restart(request.now, grid.interval());
            entry.group.set_grid(grid);
            restarted.push(name.clone());
        }
        for name in &restarted {
            self.shard(index).queue(name);
            self.tell_grid(request, name);
        }
    }

    pub(super) fn audit(&mut self, shard: usize) -> usize {
        let shard = self.shard(shard);
        let lost = shard.groups.keys();
        let lost = lost
            .filter(|name| !shard.due.contains_key(*name) && !shard.in_flight.contains_key(*name));
        let lost: Vec<_> = lost.cloned().collect();
        lost.iter().for_each(|name| shard.queue(name));
        lost.len()
    }
}
