//! Token buckets of one process.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::id::{IntegrationId, TenantId};
use hashbrown::HashMap;
use tokio::time::Instant;

use super::{Hold, Rate, RateBuckets, Taken};
use crate::StateError;

/// Full buckets are swept when there are this many, and twice as many as were left last time.
const SWEEP_MIN: usize = 256;

/// Buckets in memory.
#[derive(Default)]
pub struct MemoryBuckets {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// When each bucket will be full again: all that has to be known of it.
    full_at: HashMap<(TenantId, IntegrationId), Instant>,
    sweep_at: usize,
}

fn span(us: u128) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
}

#[async_trait]
impl RateBuckets for MemoryBuckets {
    async fn take(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        tokens: u32,
        rate: Rate,
    ) -> Result<Taken, StateError> {
        if rate.capacity() < tokens {
            return Ok(Taken::Never);
        }
        let now = Instant::now();
        let empty = span(rate.cost_us(rate.capacity()));
        let name = (tenant.clone(), integration.clone());
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // No emptier than empty, also when the bucket was larger before.
        let stored = table.full_at.get(&name).copied().unwrap_or(now);
        let full_at = stored.clamp(now, now + empty) + span(rate.cost_us(tokens));
        if now + empty < full_at {
            return Ok(Taken::Wait(full_at - (now + empty)));
        }
        if table.full_at.len() >= table.sweep_at.max(SWEEP_MIN) {
            table.full_at.retain(|_, full_at| now < *full_at);
            table.sweep_at = table.full_at.len() * 2;
        }
        table.full_at.insert(name, full_at);
        Ok(Taken::Now)
    }

    async fn hold(&self, _: Hold) -> Result<(), StateError> {
        Ok(())
    }

    async fn next_hold(&self) -> Hold {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    crate::rate_conformance!(|| async {
        tokio::time::pause();
        let buckets: Arc<dyn RateBuckets> = Arc::new(MemoryBuckets::default());
        Some((buckets, ()))
    });

    /// Who sends whenever it may sends no more in any period than is allowed, and not much less.
    #[tokio::test(start_paused = true)]
    async fn no_period_sees_more_than_the_limit() {
        let period = Duration::from_secs(60);
        for messages in 1..=40 {
            let buckets = MemoryBuckets::default();
            let rate = Rate::within(messages, period).expect("sane");
            let (tenant, id) = (
                TenantId::default_tenant(),
                IntegrationId::new("r", "webhook", 0),
            );
            let began = Instant::now();
            let mut sent = Vec::new();
            while began.elapsed() < period * 5 {
                match buckets
                    .take(&tenant, &id, 1, rate)
                    .await
                    .expect("available")
                {
                    Taken::Now => sent.push(Instant::now()),
                    Taken::Wait(wait) => tokio::time::sleep(wait).await,
                    Taken::Never => panic!("one is always possible"),
                }
            }
            let allowed = usize::try_from(messages).expect("few");
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|at| **at < *first + period);
                assert!(within.count() <= allowed, "{messages}");
            }
            assert!(allowed * 5 / 2 < sent.len(), "{messages}: {}", sent.len());
        }
    }
}
