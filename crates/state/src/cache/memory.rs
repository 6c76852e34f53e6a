//! Results of queries in one process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::HashMap;
use tokio::time::Instant;

use super::{Put, QueryCache, QueryKey, TTL_MAX, VALUE_BYTES_MAX};
use crate::StateError;

/// All that is kept, in bytes; what ends first makes room.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Results in memory.
#[derive(Default)]
pub struct MemoryCache {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    kept: HashMap<QueryKey, (Instant, Arc<[u8]>)>,
    ends: BTreeSet<(Instant, QueryKey)>,
    bytes: usize,
}

impl Table {
    fn remove(&mut self, key: &QueryKey) {
        if let Some((end, value)) = self.kept.remove(key) {
            self.bytes -= value.len();
            self.ends.remove(&(end, key.clone()));
        }
    }

    /// Removes what has ended, and what ends first until `bytes` more fit.
    fn make_room(&mut self, bytes: usize, now: Instant) {
        while let Some((end, key)) = self.ends.first().cloned()
            && (end <= now || BYTES_MAX < self.bytes + bytes)
        {
            self.remove(&key);
        }
    }
}

#[async_trait]
impl QueryCache for MemoryCache {
    async fn get(&self, key: &QueryKey) -> Result<Option<Arc<[u8]>>, StateError> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let found = table.kept.get(key);
        let live = found.filter(|(end, _)| Instant::now() < *end);
        Ok(live.map(|(_, value)| Arc::clone(value)))
    }

    async fn put(&self, key: &QueryKey, value: &[u8], ttl: Duration) -> Result<Put, StateError> {
        if VALUE_BYTES_MAX < value.len() {
            return Ok(Put::TooLarge);
        }
        let now = Instant::now();
        let end = now + ttl.clamp(Duration::from_millis(1), TTL_MAX);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove(key);
        table.make_room(value.len(), now);
        table.bytes += value.len();
        table.kept.insert(key.clone(), (end, value.into()));
        table.ends.insert((end, key.clone()));
        Ok(Put::Stored)
    }
}

#[cfg(test)]
mod tests {
    use domain::id::TenantId;

    use super::*;
    use crate::lock::LockStore;
    use crate::lock::memory::MemoryLocks;

    crate::cache_conformance!(|| async {
        tokio::time::pause();
        let start = domain::time::Timestamp::from_unix_ms(1_800_000_000_000);
        let clock = runtime::clock::SimClock::shared(start);
        let locks: Arc<dyn LockStore> = Arc::new(MemoryLocks::new(clock));
        let cache: Arc<dyn QueryCache> = Arc::new(MemoryCache::default());
        Some((cache, locks, ()))
    });

    #[tokio::test]
    async fn the_whole_has_a_bound() {
        let cache = MemoryCache::default();
        let key = |n: usize| QueryKey::new(&TenantId::default_tenant(), &n.to_string());
        let value = vec![7; VALUE_BYTES_MAX];
        for n in 0..20 {
            let ttl = Duration::from_secs(10 + n as u64);
            assert_eq!(cache.put(&key(n), &value, ttl).await, Ok(Put::Stored));
        }
        assert_eq!(cache.get(&key(0)).await, Ok(None));
        assert!(cache.get(&key(19)).await.is_ok_and(|found| found.is_some()));
        let bytes = cache.table.lock().expect("not poisoned").bytes;
        assert_eq!(bytes, BYTES_MAX);
    }
}
