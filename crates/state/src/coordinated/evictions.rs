//! A server that throws keys away cannot hold state: this instance goes on alone until that is over, and then counts what is
//! left as lost (protocol.md §8).

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::limits;
use tokio::time::Instant;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{CoordinatorError, Outage};

/// Instances that come back after this many others do so together.
const TURNS_MAX: u32 = 12;

/// What is known of the keys a server threw away.
#[derive(Default)]
pub(super) struct Watch {
    /// How many, when it was asked last.
    count: Option<u64>,
    /// Since when it threw none away; nothing while the last loss of that kind is made good.
    calm_since: Option<Instant>,
}

impl Coordinated {
    /// Looks whether the server threw something away while it was trusted with it.
    pub(super) async fn look_for_evictions(&self) {
        for domain in 0..self.domains.len() {
            if self.is_alone(domain) {
                continue;
            }
            if let Err(error) = self.without_evictions(domain).await
                && error.outage == Outage::Refused
            {
                self.fail(domain, &error, Instant::now());
            }
        }
    }

    /// Refuses a server that has thrown something away.
    pub(super) async fn without_evictions(&self, domain: usize) -> Result<(), CoordinatorError> {
        match self.evicted(domain).await? {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Answers whether shared state may be trusted again as far as evictions go: there were none, or they have ended for a
    /// while and the shards start over.
    pub(super) async fn is_over_evictions(&self, domain: usize) -> bool {
        match self.evicted(domain).await {
            Ok(Some((calm_since, _))) => {
                self.timing.eviction_calm + self.turn_of_return() <= calm_since.elapsed()
                    && self.start_over(domain).await.is_ok()
            }
            // If it does not answer, the probe that follows will tell.
            Ok(None) | Err(_) => true,
        }
    }

    /// How long after the first instance this one comes back: one after the other, each sees what those before it put back.
    fn turn_of_return(&self) -> Duration {
        let own = lock(&self.report).id.clone();
        let instances = lock(&self.instances);
        let before = instances.iter().filter(|instance| instance.id < own);
        let before = u32::try_from(before.count()).unwrap_or(0);
        self.timing.hold_after_loss * before.min(TURNS_MAX)
    }

    /// Since when nothing more was thrown away, and what was; nothing if that does not concern us. Counted as a loss of each shard
    /// when it is noticed.
    async fn evicted(
        &self,
        domain: usize,
    ) -> Result<Option<(Instant, CoordinatorError)>, CoordinatorError> {
        let evictions = self.shared.evictions(domain).await?;
        let mut watch = lock(&self.domains[domain].evictions);
        // What marks a loss may be among what was thrown away.
        let has_grown = watch.count.is_some_and(|known| known < evictions.count);
        watch.count = Some(evictions.count);
        let is_noticed = watch.calm_since.is_none();
        if has_grown || (is_noticed && evictions.is_loss) {
            watch.calm_since = Some(Instant::now());
            if is_noticed {
                let shards = u64::try_from(self.shards_in(domain).count()).unwrap_or(0);
                let losses = &self.counters.data_losses;
                losses.fetch_add(shards, Ordering::Relaxed);
            }
        }
        Ok(watch.calm_since.map(|since| (since, evictions.into())))
    }

    /// Has the rest thrown away; going back then puts all that is known into the empty shards.
    async fn start_over(&self, domain: usize) -> Result<(), Alone> {
        for shard in self.shards_in(domain) {
            let known = self.memory.names_in(shard);
            let started = self.shared.start_over(shard, &known).await;
            self.directly(started)?;
            // Counted as lost already.
            self.view(shard).epoch = None;
        }
        lock(&self.domains[domain].evictions).calm_since = None;
        tracing::warn!(
            "{} threw keys away; this instance puts back what it knows",
            self.shared.name()
        );
        Ok(())
    }

    fn shards_in(&self, domain: usize) -> impl Iterator<Item = usize> + use<> {
        (domain..limits::SHARDS).step_by(self.domains.len())
    }
}
