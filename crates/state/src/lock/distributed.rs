//! What callers use: a lock shared by all instances, on any backend.

use std::sync::Arc;
use std::time::Duration;

use domain::limits;
use runtime::ids::SharedIds;
use runtime::tasks::TaskGroup;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::keeper::Keeper;
use super::{LEASE_MAX, LockGuard, LockName, LockStore};
use crate::StateError;

/// The shortest lease: below it, a request takes longer than what it asks for.
const LEASE_MIN: Duration = Duration::from_millis(100);

/// How long locks are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockOptions {
    lease: Duration,
    hold_max: Duration,
}

impl Default for LockOptions {
    fn default() -> Self {
        Self {
            lease: limits::LEASE,
            hold_max: Duration::from_secs(600),
        }
    }
}

impl LockOptions {
    /// These with another lease: how long it lasts unless renewed, hence how long a dead holder blocks others (60 s).
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        let lease = lease.clamp(LEASE_MIN, LEASE_MAX);
        let hold_max = self.hold_max.max(lease);
        Self { lease, hold_max }
    }

    /// These with another limit on holding a lock in all, renewals and extensions included (10 min): a stuck holder ends
    /// there. Never shorter than the lease.
    #[must_use]
    pub fn with_hold_max(self, hold_max: Duration) -> Self {
        let hold_max = hold_max.max(self.lease);
        Self { hold_max, ..self }
    }

    /// How long a lease lasts unless renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a lock may be held in all.
    pub fn hold_max(&self) -> Duration {
        self.hold_max
    }

    /// How long before its lease can lapse a holder is told: 5 s of 60.
    pub(super) fn margin(&self) -> Duration {
        self.lease / 12
    }
}

/// What became of an attempt.
#[derive(Debug)]
pub enum Attempt {
    /// The lock is held until the guard goes.
    Acquired(LockGuard),
    /// Somebody else holds it.
    Held {
        /// How long at most, unless they renew.
        for_at_most: Duration,
    },
}

/// Takes locks. Cheap to clone; one per process and kind of work.
///
/// Each attempt has a keeper, a task of the group given, that asks, renews and releases. So an attempt or a guard that is
/// dropped at any point, also inside a `select!`, leaves no lock behind. When the group stops, renewals end: holders hear
/// [`super::LockLost::Stopping`] once their lease runs out.
#[derive(Clone)]
pub struct DistributedLock {
    store: Arc<dyn LockStore>,
    ids: SharedIds,
    tasks: Arc<TaskGroup>,
    options: LockOptions,
}

impl DistributedLock {
    /// Locks on a backend, with default options.
    pub fn new(store: Arc<dyn LockStore>, ids: SharedIds, tasks: Arc<TaskGroup>) -> Self {
        Self {
            store,
            ids,
            tasks,
            options: LockOptions::default(),
        }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(&self, options: LockOptions) -> Self {
        Self {
            options,
            ..self.clone()
        }
    }

    /// Takes the lock if it is free; never waits for a holder.
    pub async fn try_acquire(&self, name: &LockName) -> Result<Attempt, StateError> {
        self.attempt(name, None).await
    }

    /// Takes the lock, waiting for it up to `deadline` from now.
    ///
    /// Tries again after random pauses, and at once when a release is heard of. A backend that cannot be reached is tried
    /// until the deadline too; only then its error is the answer.
    pub async fn acquire(
        &self,
        name: &LockName,
        deadline: Duration,
    ) -> Result<Attempt, StateError> {
        self.attempt(name, Some(Instant::now() + deadline)).await
    }

    async fn attempt(
        &self,
        name: &LockName,
        deadline: Option<Instant>,
    ) -> Result<Attempt, StateError> {
        let (reply, answer) = oneshot::channel();
        let keeper = Keeper::new(&self.store, &self.ids, name, self.options);
        self.tasks.spawn("lock keeper", move |stop| {
            keeper.serve(deadline, reply, stop)
        });
        let ended = |_| Err(StateError::Unavailable("the process stops".to_owned()));
        answer.await.unwrap_or_else(ended)
    }
}
