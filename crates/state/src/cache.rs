//! Results of queries, kept for a moment and shared by all instances (mission M23).
//!
//! Two layers. [`QueryCache`] is the port: get and put, each backend passes [`conformance`]. [`Queries`] is what callers use:
//! of those who ask the same at the same time, on whatever instance, one computes and the others wait for it.
//!
//! The cache is a help, never a need: without it everything is computed, and nothing else changes. What is kept is named by
//! a hash of tenant and query, and the tenant is checked again in what was read (S3, S28): a mistake in a key costs a miss.
//!
//! ```
//! # use std::time::Duration; use domain::id::TenantId;
//! # use state::cache::{Queries, QueryKey};
//! # async fn example(queries: &Queries) -> Result<(), std::io::Error> {
//! let key = QueryKey::new(&TenantId::default_tenant(), "http://prometheus.example.org up{job=\"x\"} 1800000000");
//! let answer = queries
//!     .get_or_compute(&key, Duration::from_secs(15), || async { Ok::<_, std::io::Error>(b"[]".to_vec()) })
//!     .await?;
//! assert_eq!(&*answer.value, b"[]");
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use sha2::{Digest, Sha256};

use crate::StateError;

pub mod conformance;
mod flight;
pub mod memory;

pub use flight::{Answer, Queries, Source};

/// The longest a result is kept: an alert judged on older figures is judged on the past.
pub const TTL_MAX: Duration = Duration::from_secs(60);

/// The largest result that is kept, in bytes: larger ones would push many others out, and block Redis for all.
pub const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a result is kept under: the SHA-256 of tenant and query, with the tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryKey {
    tenant: TenantId,
    hash: [u8; 32],
}

impl QueryKey {
    /// The key of a tenant's query. The text says all that the result depends on: source, expression, time, range, step.
    pub fn new(tenant: &TenantId, text: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant.as_str().as_bytes());
        // Cannot occur in a tenant, so no two pairs of tenant and text look alike.
        hasher.update([0]);
        hasher.update(text.as_bytes());
        Self {
            tenant: tenant.clone(),
            hash: hasher.finalize().into(),
        }
    }

    /// Whose result it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

impl fmt::Display for QueryKey {
    /// The hash, in 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for QueryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.tenant)
    }
}

/// What became of a result that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there for everybody.
    Stored,
    /// It is larger than [`VALUE_BYTES_MAX`] and is not kept.
    TooLarge,
}

/// Where results are kept for a moment.
#[async_trait]
pub trait QueryCache: Send + Sync {
    /// Reads a result; `None` if there is none, or what is there is not this tenant's or cannot be read.
    async fn get(&self, key: &QueryKey) -> Result<Option<Arc<[u8]>>, StateError>;

    /// Keeps a result for `ttl`, at most [`TTL_MAX`] and at least a millisecond; the last one counts.
    async fn put(&self, key: &QueryKey, value: &[u8], ttl: Duration) -> Result<Put, StateError>;
}
