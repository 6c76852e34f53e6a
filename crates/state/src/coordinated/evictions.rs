//! A server that throws keys away cannot hold state: this instance goes on alone until that is over, and then counts what is
//! left as lost (protocol.md §8).

use std::sync::atomic::Ordering;

use domain::limits;
use tokio::time::Instant;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{CoordinatorError, Evictions, GroupName};

impl Coordinated {
    /// Looks whether the server threw something away while it was trusted with it.
    pub(super) async fn look_for_evictions(&self) {
        for domain in 0..self.domains.len() {
            if self.is_alone(domain) {
                continue;
            }
            if let Ok(Some(evictions)) = self.shared.evictions(domain).await {
                self.calm_since(domain, &evictions);
                self.fail(domain, &evictions.into());
            }
        }
    }

    /// A server that threw something away before this instance met it.
    pub(super) async fn without_evictions(&self, domain: usize) -> Result<(), CoordinatorError> {
        match self.shared.evictions(domain).await? {
            Some(evictions) => {
                self.calm_since(domain, &evictions);
                Err(evictions.into())
            }
            None => Ok(()),
        }
    }

    /// Answers whether shared state may be trusted again as far as evictions go: there were none, or they have ended for a
    /// while and the shards start over.
    pub(super) async fn is_over_evictions(&self, domain: usize) -> bool {
        let evictions = match self.shared.evictions(domain).await {
            Ok(Some(evictions)) => evictions,
            Ok(None) => {
                *lock(&self.domains[domain].evicted) = None;
                return true;
            }
            // The probe that follows will tell.
            Err(_) => return true,
        };
        let since = self.calm_since(domain, &evictions);
        self.timing.eviction_calm <= since.elapsed() && self.start_over(domain).await.is_ok()
    }

    /// Since when nothing more was thrown away; the first time each shard counts as a loss.
    fn calm_since(&self, domain: usize, evictions: &Evictions) -> Instant {
        let mut evicted = lock(&self.domains[domain].evicted);
        if evicted.is_none() {
            let shards = u64::try_from(self.shards_in(domain).count()).unwrap_or(0);
            self.counters
                .data_losses
                .fetch_add(shards, Ordering::Relaxed);
        }
        let known = evicted.filter(|(count, _)| *count == evictions.count);
        let (_, since) = *evicted.insert(known.unwrap_or((evictions.count, Instant::now())));
        since
    }

    /// Has the rest thrown away; going back then puts all that is known into the empty shards.
    async fn start_over(&self, domain: usize) -> Result<(), Alone> {
        let mut had_reason = false;
        for shard in self.shards_in(domain) {
            let known = self.memory.groups_in(shard);
            let known: Vec<_> = known.iter().map(|g| GroupName::of(g.identity())).collect();
            let started = self.shared.start_over(shard, &known).await;
            had_reason |= self.directly(started)?;
        }
        if had_reason {
            tracing::warn!(
                "{} threw away part of its data; this instance puts back what it knows",
                self.shared.name()
            );
        }
        Ok(())
    }

    fn shards_in(&self, domain: usize) -> impl Iterator<Item = usize> + use<> {
        (domain..limits::SHARDS).step_by(self.domains.len())
    }
}
