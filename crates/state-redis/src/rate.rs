//! Token buckets shared by all instances: [`state::rate::RateBuckets`] on Redis.
//!
//! A bucket that is not full is the key `rate:<tenant>:<32 hex>`, the hex from a hash of the integration, whose name users
//! choose (S28). It expires the moment it is full: a full bucket needs no key.

use std::time::Duration;

use async_trait::async_trait;
use domain::group::key::sha256_hex;
use domain::id::{IntegrationId, TenantId};
use state::StateError;
use state::rate::{Rate, RateBuckets, Taken};

use crate::call::{Arg, Call};
use crate::link::Link;
use crate::reply::{Reply, unavailable};
use crate::script::Script;

static TAKE: Script = Script::new("rate/take", include_str!("../lua/rate/take.lua"));

/// Buckets in Redis.
pub struct RedisBuckets {
    link: Link,
}

impl RedisBuckets {
    /// Buckets over this link.
    pub fn new(link: Link) -> Self {
        Self { link }
    }
}

fn us(span_us: u128) -> Arg {
    Arg::from(u64::try_from(span_us).unwrap_or(u64::MAX))
}

#[async_trait]
impl RateBuckets for RedisBuckets {
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
        let hash = sha256_hex(integration.as_str());
        let short = hash.get(..32).unwrap_or(&hash);
        let key = self.link.key(&format!("rate:{tenant}:{short}"));
        let args = vec![us(rate.cost_us(tokens)), us(rate.cost_us(rate.capacity()))];
        let call = Call::script(&TAKE, vec![key], args);
        let value = self.link.run(call).await.map_err(unavailable)?;
        let mut reply = Reply::read(value).map_err(unavailable)?;
        match reply.word() {
            "taken" => Ok(Taken::Now),
            "wait" => {
                let wait_us = reply.number().map_err(unavailable)?;
                Ok(Taken::Wait(Duration::from_micros(wait_us)))
            }
            _ => Err(unavailable(reply.unexpected())),
        }
    }
}
