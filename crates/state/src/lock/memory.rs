//! Locks of one process: for a single instance, for tests, and for what goes on while Redis is gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::HashMap;
use runtime::clock::SharedClock;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::{
    Fence, Granted, Kept, LEASE_MAX, LockName, LockStore, LockToken, RELEASES_MAX, Released,
};
use crate::StateError;

/// Lapsed leases are swept when there are this many, and twice as many as were left last time.
const SWEEP_MIN: usize = 64;

/// Leases in memory.
pub struct MemoryLocks {
    clock: SharedClock,
    table: Mutex<Table>,
    releases: broadcast::Sender<LockName>,
}

#[derive(Default)]
struct Table {
    leases: HashMap<LockName, Lease>,
    /// One counter for all names grows for each of them.
    last_fence: u64,
    sweep_at: usize,
}

struct Lease {
    token: LockToken,
    fence: Fence,
    until: Instant,
}

impl MemoryLocks {
    /// No locks yet. The clock only starts the fence numbers: those outlive the process in what was written under them.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            table: Mutex::default(),
            releases: broadcast::Sender::new(RELEASES_MAX),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The lease of a lock, if one is held.
    fn lease(&mut self, name: &LockName, now: Instant) -> Option<&mut Lease> {
        self.leases.get_mut(name).filter(|lease| now < lease.until)
    }

    /// The same if it is this holder's.
    fn own(&mut self, name: &LockName, token: &LockToken, now: Instant) -> Option<&mut Lease> {
        self.lease(name, now).filter(|lease| &lease.token == token)
    }

    fn sweep(&mut self, now: Instant) {
        if self.leases.len() < self.sweep_at.max(SWEEP_MIN) {
            return;
        }
        self.leases.retain(|_, lease| now < lease.until);
        self.sweep_at = self.leases.len() * 2;
    }
}

#[async_trait]
impl LockStore for MemoryLocks {
    async fn acquire(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Granted, StateError> {
        let now = Instant::now();
        let wall_us = u64::try_from(self.clock.now().unix_nanos() / 1000).unwrap_or(0);
        let mut table = self.table();
        if let Some(held) = table.lease(name, now) {
            let left = held.until - now;
            return Ok(if &held.token == token {
                Granted::Yes {
                    fence: held.fence,
                    lasts: left,
                }
            } else {
                Granted::Held { for_at_most: left }
            });
        }
        table.sweep(now);
        table.last_fence = wall_us.max(table.last_fence + 1);
        let fence = Fence(table.last_fence);
        let lasts = lease.min(LEASE_MAX);
        let granted = Lease {
            token: *token,
            fence,
            until: now + lasts,
        };
        table.leases.insert(name.clone(), granted);
        Ok(Granted::Yes { fence, lasts })
    }

    async fn renew(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Kept, StateError> {
        let now = Instant::now();
        let mut table = self.table();
        let Some(held) = table.own(name, token, now) else {
            return Ok(Kept::Lost);
        };
        held.until = held.until.max(now + lease.min(LEASE_MAX));
        let lasts = held.until - now;
        Ok(Kept::Yes { lasts })
    }

    async fn extend(
        &self,
        name: &LockName,
        token: &LockToken,
        by: Duration,
    ) -> Result<Kept, StateError> {
        let now = Instant::now();
        let mut table = self.table();
        let Some(held) = table.own(name, token, now) else {
            return Ok(Kept::Lost);
        };
        held.until = (held.until + by.min(LEASE_MAX)).min(now + LEASE_MAX);
        let lasts = held.until - now;
        Ok(Kept::Yes { lasts })
    }

    async fn release(&self, name: &LockName, token: &LockToken) -> Result<Released, StateError> {
        let mut table = self.table();
        if table.own(name, token, Instant::now()).is_none() {
            return Ok(Released::WasLost);
        }
        table.leases.remove(name);
        drop(table);
        // An error means that nobody waits.
        let _ = self.releases.send(name.clone());
        Ok(Released::Now)
    }

    fn releases(&self) -> broadcast::Receiver<LockName> {
        self.releases.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::time::Timestamp;
    use runtime::clock::SimClock;

    use super::*;

    crate::lock_conformance!(|| async {
        tokio::time::pause();
        let start = Timestamp::from_unix_ms(1_800_000_000_000);
        let locks: Arc<dyn LockStore> = Arc::new(MemoryLocks::new(SimClock::shared(start)));
        Some((locks, ()))
    });
}
