//! Locks everybody can use: for a resend, an escalation step, seeding, a migration (protocol.md §10).
//!
//! Two layers. [`LockStore`] is the port: four atomic transitions, each of which compares the holder's token, and each
//! backend passes [`conformance`]. [`DistributedLock`] is what callers use; it works on any backend and adds waiting,
//! renewal, a guard, and the signal that comes *before* a lease can lapse.
//!
//! ```
//! # use state::lock::{Attempt, DistributedLock, LockName};
//! # async fn example(locks: DistributedLock) -> Result<(), Box<dyn std::error::Error>> {
//! let name = LockName::general("migrations")?;
//! match locks.try_acquire(&name).await? {
//!     Attempt::Acquired(guard) => {
//!         // Everything written under the lock carries `guard.fence()`; what is written to refuses a lower one.
//!         let done = guard.run(async { /* the work */ }).await;
//!         guard.release().await?; // or drop it: that releases too, without waiting
//!         done?;
//!     }
//!     Attempt::Held { for_at_most } => println!("somebody else works on it for up to {for_at_most:?}"),
//! }
//! # Ok(()) }
//! ```
//!
//! What holds, and what does not:
//!
//! - A lease lasts [`LockOptions::lease`] (60 s) unless renewed; a dead holder blocks nobody for longer (M6). While a guard
//!   lives its lease is renewed at a third of its length, up to [`LockOptions::hold_max`] in all.
//! - The holder's own idea of its lease counts from *before* the request that granted it was sent, on a monotonic clock, less a
//!   margin. So [`LockGuard::is_held`] turns false, and [`LockGuard::lost`] returns, before the store can give the lock to
//!   anybody else: also for a process that was stopped past its lease and comes back.
//! - No lock stops a request that is already on its way. Hence the [`Fence`]: it grows with every acquisition of a name, also
//!   after a lapse, a release, or the loss of all data, and every protected write must carry it.
//! - There is no fairness, and no lock is re-entrant.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use runtime::ids::IdSource;
use tokio::sync::broadcast;

use crate::StateError;

pub mod conformance;
mod distributed;
mod guard;
mod keeper;
pub mod memory;
mod name;
#[cfg(test)]
mod tests;

pub use distributed::{Attempt, DistributedLock, LockOptions};
pub use guard::{Extended, LockGuard, LockLost};
pub use name::{InvalidLockName, LockName};

/// The longest lease a backend grants or extends to: a typing error shall not block a name for a day.
pub const LEASE_MAX: Duration = Duration::from_secs(3600);

/// Releases a backend remembers for waiters that are slow to listen; one that missed some simply tries again.
pub const RELEASES_MAX: usize = 256;

/// The number of an acquisition: it only grows per name, so a write that carries an older one can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What proves to the backend that a request comes from the holder: 128 random bits, drawn for each acquisition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockToken([u64; 2]);

impl LockToken {
    /// Draws a token.
    pub fn draw(ids: &dyn IdSource) -> Self {
        Self([ids.nonce(), ids.nonce()])
    }
}

impl fmt::Display for LockToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

impl fmt::Debug for LockToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockToken(…)")
    }
}

/// What became of a request for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The lock is the caller's.
    Yes {
        /// The number of this acquisition.
        fence: Fence,
        /// How long the lease lasts, counted from some instant after the request was sent.
        lasts: Duration,
    },
    /// Somebody else holds it.
    Held {
        /// How long at most, unless they renew.
        for_at_most: Duration,
    },
}

/// What became of a request to hold a lock for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is still the caller's.
    Yes {
        /// How long the lease lasts now, counted from some instant after the request was sent.
        lasts: Duration,
    },
    /// It is not, or not any more; a lapsed lease is not revived.
    Lost,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The lock was the caller's and is free.
    Now,
    /// It was not the caller's any more; nothing changed.
    WasLost,
}

/// Where leases are kept. Each method is one atomic transition (S1), bounded, and safe to repeat as it is.
///
/// Leases are durations, never wall times, so that clocks of instances may differ; backends measure them on one clock.
#[async_trait]
pub trait LockStore: Send + Sync {
    /// Gives the lock to `token` for `lease`, unless somebody else holds it.
    ///
    /// *Fence*: larger than any given out for this name before, whatever happened since. *Repeat* with the same token
    /// while its lease lasts: the same fence and what is left of the lease, so a lost reply costs nothing.
    async fn acquire(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Granted, StateError>;

    /// Makes the lease of `token` last at least `lease` from now; never shortens it.
    async fn renew(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Kept, StateError>;

    /// Adds `by` to what is left of the lease of `token`, up to [`LEASE_MAX`].
    async fn extend(
        &self,
        name: &LockName,
        token: &LockToken,
        by: Duration,
    ) -> Result<Kept, StateError>;

    /// Frees the lock if `token` holds it, and wakes those who wait for it.
    async fn release(&self, name: &LockName, token: &LockToken) -> Result<Released, StateError>;

    /// Hears of released locks, whoever released them. Best effort: waiters also keep their own time.
    fn releases(&self) -> broadcast::Receiver<LockName>;
}
