//! Token buckets shared by all instances: [`state::rate::RateBuckets`] on Redis.
//!
//! A bucket that is not full is the key `rate:<tenant>:<32 hex>`, the hex from a hash of the integration, whose name users
//! choose (S28). It expires the moment it is full: a full bucket needs no key.
//!
//! That a provider wants to be left alone is told over the channel `hold`: `<milliseconds> <tenant> <integration>`.

use std::time::Duration;

use async_trait::async_trait;
use domain::group::key::sha256_hex;
use domain::id::{IntegrationId, TenantId};
use state::StateError;
use state::rate::{Hold, Rate, RateBuckets, Taken};
use tokio::sync::Mutex;

use crate::call::{Arg, Call};
use crate::link::{Heard, Link, Subscription};
use crate::reply::{Reply, unavailable};
use crate::script::Script;

static TAKE: Script = Script::new("rate/take", include_str!("../lua/rate/take.lua"));

/// The channel over which holds are told.
const HOLDS: &str = "hold";

/// Buckets in Redis.
pub struct RedisBuckets {
    link: Link,
    holds: Mutex<Subscription>,
}

impl RedisBuckets {
    /// Buckets over this link.
    pub fn new(link: Link) -> Self {
        let holds = Mutex::new(link.subscribe(link.key(HOLDS)));
        Self { link, holds }
    }
}

fn hold_text(hold: &Hold) -> String {
    let ms = hold.span.as_millis();
    format!("{ms} {} {}", hold.tenant, hold.integration)
}

fn read_hold(text: &str) -> Option<Hold> {
    let (ms, rest) = text.split_once(' ')?;
    let (tenant, integration) = rest.split_once(' ')?;
    Some(Hold {
        tenant: tenant.parse().ok()?,
        integration: IntegrationId::from_stored(integration),
        span: Duration::from_millis(ms.parse().ok()?),
    })
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

    async fn hold(&self, hold: Hold) -> Result<(), StateError> {
        let call = Call::command("PUBLISH").key(self.link.key(HOLDS));
        let told = self.link.run(call.arg(hold_text(&hold))).await;
        told.map(drop).map_err(unavailable)
    }

    async fn next_hold(&self) -> Hold {
        let mut holds = self.holds.lock().await;
        loop {
            let Heard::Message(message) = holds.next().await else {
                continue;
            };
            match std::str::from_utf8(&message).ok().and_then(read_hold) {
                Some(hold) => return hold,
                None => tracing::debug!(
                    "What was said of a provider that wants to be left alone cannot be read"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_read_as_it_was_told() {
        let hold = Hold {
            tenant: TenantId::default_tenant(),
            integration: IntegrationId::new("team a/b c", "slack", 3),
            span: Duration::from_millis(30_500),
        };
        let text = hold_text(&hold);
        assert_eq!(text, "30500 default team a/b c/slack[3]");
        assert_eq!(read_hold(&text), Some(hold));
        for bad in [
            "",
            "1",
            "1 default",
            "-1 default a/slack[0]",
            "1  a",
            "x default a",
        ] {
            assert_eq!(read_hold(bad), None, "{bad:?}");
        }
    }
}
