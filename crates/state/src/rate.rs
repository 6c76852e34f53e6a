//! How often an integration may be used, counted over all instances (protocol.md §3).
//!
//! A token bucket per tenant and integration: it holds at most `capacity` tokens, gains `refill` of them per period, evenly,
//! and starts full. Sending takes tokens; where they do not suffice, the answer says how long to wait, and nothing is taken.
//! A backend that cannot answer says so; callers then count on their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::{IntegrationId, TenantId};

use self::memory::MemoryBuckets;
use crate::StateError;

pub mod conformance;
pub mod memory;

/// The longest an empty bucket may take to fill.
pub const FILL_MAX: Duration = Duration::from_secs(24 * 3600);

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    capacity: u32,
    refill: u32,
    period: Duration,
}

/// The figures make no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate has a capacity and a refill of at least 1, and fills an empty bucket within a day")]
pub struct InvalidRate;

impl Rate {
    /// Up to `capacity` at once, and `refill` more in every `period`.
    pub fn new(capacity: u32, refill: u32, period: Duration) -> Result<Self, InvalidRate> {
        let rate = Self {
            capacity,
            refill,
            period,
        };
        let is_sane = 1 <= capacity
            && 1 <= refill
            && Duration::from_millis(1) <= period
            && rate.cost_us(capacity) <= FILL_MAX.as_micros();
        if is_sane { Ok(rate) } else { Err(InvalidRate) }
    }

    /// At most so many in any span of `period`: half of them at once, and the others evenly. From four on one less than that is
    /// used, because messages that were spaced out may arrive nearer to each other.
    ///
    /// A bucket that holds them all would let out almost twice as many in its first period.
    pub fn within(messages: u32, period: Duration) -> Result<Self, InvalidRate> {
        let capacity = (messages / 2).max(1);
        let refill = match messages {
            0..4 => messages,
            _ => messages - capacity,
        };
        Self::new(capacity, refill, period)
    }

    /// Most tokens the bucket holds.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How long the bucket takes to gain this many tokens, in microseconds, rounded up: so a rate is never exceeded.
    pub fn cost_us(&self, tokens: u32) -> u128 {
        (self.period.as_micros() * u128::from(tokens)).div_ceil(u128::from(self.refill))
    }
}

/// What became of a request for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// They are taken.
    Now,
    /// They are not there yet; nothing was taken.
    Wait(
        /// They are there after this long, if nobody else takes them.
        Duration,
    ),
    /// The bucket never holds that many.
    Never,
}

/// That a provider wants to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose integration it is.
    pub tenant: TenantId,
    /// The integration.
    pub integration: IntegrationId,
    /// For how long from now.
    pub span: Duration,
}

/// Where buckets are kept.
#[async_trait]
pub trait RateBuckets: Send + Sync {
    /// Takes `tokens` from the bucket of an integration, all or none.
    ///
    /// *Atomicity*: of several who ask at once, no more get tokens than there are. A changed rate applies from the next
    /// request on, to the bucket as it stands.
    async fn take(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        tokens: u32,
        rate: Rate,
    ) -> Result<Taken, StateError>;

    /// Lets all instances know that a provider wants to be left alone. Who does not hear it is told so by the provider.
    async fn hold(&self, hold: Hold) -> Result<(), StateError>;

    /// Waits for what an instance lets know next; for ever where there are no others. One caller at a time hears it.
    async fn next_hold(&self) -> Hold;
}

/// Buckets that are shared while what they are shared through answers; each process has its own otherwise.
///
/// Then every instance may use up the rate by itself: a message too many is better than one too late (G4).
pub struct SharedOrOwn {
    shared: Arc<dyn RateBuckets>,
    own: MemoryBuckets,
}

impl SharedOrOwn {
    /// Buckets in `shared`.
    pub fn new(shared: Arc<dyn RateBuckets>) -> Self {
        let own = MemoryBuckets::default();
        Self { shared, own }
    }
}

#[async_trait]
impl RateBuckets for SharedOrOwn {
    async fn take(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        tokens: u32,
        rate: Rate,
    ) -> Result<Taken, StateError> {
        let own = self.own.take(tenant, integration, tokens, rate);
        match self.shared.take(tenant, integration, tokens, rate).await {
            Ok(Taken::Now) => {
                // Kept up as well, so that an outage does not begin with a full bucket.
                let _ = own.await;
                Ok(Taken::Now)
            }
            Ok(taken) => Ok(taken),
            Err(error) => {
                tracing::debug!(%error, "A shared rate could not be asked; this instance counts by itself");
                own.await
            }
        }
    }

    async fn hold(&self, hold: Hold) -> Result<(), StateError> {
        self.shared.hold(hold).await
    }

    async fn next_hold(&self) -> Hold {
        self.shared.next_hold().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets nobody can reach.
    struct Gone;

    #[async_trait]
    impl RateBuckets for Gone {
        async fn take(
            &self,
            _: &TenantId,
            _: &IntegrationId,
            _: u32,
            _: Rate,
        ) -> Result<Taken, StateError> {
            Err(StateError::Unavailable("gone".to_owned()))
        }

        async fn hold(&self, _: Hold) -> Result<(), StateError> {
            Err(StateError::Unavailable("gone".to_owned()))
        }

        async fn next_hold(&self) -> Hold {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_shared_buckets_each_counts_by_itself() {
        let tenant = TenantId::default_tenant();
        let integration = IntegrationId::new("a", "webhook", 0);
        let minute = Duration::from_secs(60);
        let rate = Rate::new(1, 1, minute).expect("valid");
        let buckets = SharedOrOwn::new(Arc::new(Gone));
        let first = buckets.take(&tenant, &integration, 1, rate).await;
        assert_eq!(first, Ok(Taken::Now));
        let second = buckets.take(&tenant, &integration, 1, rate).await;
        assert_eq!(second, Ok(Taken::Wait(minute)));

        let shared = Arc::new(MemoryBuckets::default());
        let _ = shared.take(&tenant, &integration, 1, rate).await;
        let buckets = SharedOrOwn::new(shared);
        let taken = buckets.take(&tenant, &integration, 1, rate).await;
        assert_eq!(taken, Ok(Taken::Wait(minute)), "what is shared decides");
    }

    #[test]
    fn a_rate_is_never_exceeded_by_rounding() {
        let second = Duration::from_secs(1);
        let three = Rate::new(10, 3, second).expect("valid");
        assert_eq!((three.cost_us(1), three.cost_us(3)), (333_334, 1_000_000));
        assert!(Rate::new(0, 1, second).is_err() && Rate::new(1, 0, second).is_err());
        assert!(Rate::new(1, 1, Duration::ZERO).is_err());
        assert!(Rate::new(u32::MAX, 1, second).is_err());
    }
}
