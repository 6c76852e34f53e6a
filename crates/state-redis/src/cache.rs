//! Results of queries shared by all instances: [`state::cache::QueryCache`] on Redis (M23).
//!
//! A result is the key `cache:query:<hash of tenant and query>` and expires within a minute. Its value is: one byte of
//! format, one of length, the tenant, four of the result's size, the result compressed by LZ4. Whatever does not read
//! back as this tenant's is a miss.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use redis::Value;
use state::StateError;
use state::cache::{Put, QueryCache, QueryKey, TTL_MAX, VALUE_BYTES_MAX};

use crate::call::Call;
use crate::link::Link;
use crate::reply::unavailable;

/// The first byte of a value.
const FORMAT: u8 = 1;

/// Results in Redis.
pub struct RedisCache {
    link: Link,
}

impl RedisCache {
    /// A cache over this link.
    pub fn new(link: Link) -> Self {
        Self { link }
    }

    fn key(&self, key: &QueryKey) -> String {
        self.link.key(&format!("cache:query:{key}"))
    }
}

fn pack(tenant: &TenantId, value: &[u8]) -> Vec<u8> {
    let name = tenant.as_str().as_bytes();
    // A tenant has at most 64 bytes, a result at most `VALUE_BYTES_MAX`.
    let mut packed = vec![FORMAT, u8::try_from(name.len()).unwrap_or(u8::MAX)];
    packed.extend_from_slice(name);
    let size = u32::try_from(value.len()).unwrap_or(u32::MAX);
    packed.extend_from_slice(&size.to_be_bytes());
    packed.extend_from_slice(&lz4_flex::block::compress(value));
    packed
}

fn unpack(tenant: &TenantId, packed: &[u8]) -> Option<Arc<[u8]>> {
    let [FORMAT, length, rest @ ..] = packed else {
        return None;
    };
    let (name, rest) = rest.split_at_checked((*length).into())?;
    if name != tenant.as_str().as_bytes() {
        return None;
    }
    let (size, compressed) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    // Whoever can write to Redis must not make us allocate what they like.
    if VALUE_BYTES_MAX < size {
        return None;
    }
    let value = lz4_flex::block::decompress(compressed, size).ok()?;
    (value.len() == size).then(|| value.into())
}

#[async_trait]
impl QueryCache for RedisCache {
    async fn get(&self, key: &QueryKey) -> Result<Option<Arc<[u8]>>, StateError> {
        let call = Call::command("GET").key(self.key(key));
        match self.link.run(call).await.map_err(unavailable)? {
            Value::BulkString(packed) => Ok(unpack(key.tenant(), &packed)),
            _ => Ok(None),
        }
    }

    async fn put(&self, key: &QueryKey, value: &[u8], ttl: Duration) -> Result<Put, StateError> {
        if VALUE_BYTES_MAX < value.len() {
            return Ok(Put::TooLarge);
        }
        let ttl = ttl.clamp(Duration::from_millis(1), TTL_MAX);
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let call = Call::command("SET").key(self.key(key));
        let call = call.arg(pack(key.tenant(), value)).arg("PX").arg(ttl_ms);
        self.link.run(call).await.map_err(unavailable)?;
        Ok(Put::Stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().expect("a valid tenant")
    }

    #[test]
    fn a_value_reads_back_for_its_tenant_only() {
        let (acme, other) = (tenant("acme"), tenant("other"));
        for value in [&b""[..], b"[]", &[7; 100_000]] {
            let packed = pack(&acme, value);
            assert_eq!(unpack(&acme, &packed).as_deref(), Some(value));
            assert_eq!(unpack(&other, &packed), None);
        }
        assert!(pack(&acme, &[7; 100_000]).len() < 1000, "compressed");
    }

    #[test]
    fn what_does_not_read_back_is_a_miss() {
        let acme = tenant("acme");
        let packed = pack(&acme, &b"0123456789".repeat(20));
        for length in 0..packed.len() {
            assert_eq!(unpack(&acme, &packed[..length]), None, "cut at {length}");
        }
        let mut bomb = packed;
        bomb[6..10].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(unpack(&acme, &bomb), None);
    }
}
