//! The holder's end of a lock.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Fence, Kept, LockName, Released};
use crate::StateError;

/// Why a lock must not be relied on any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockLost {
    /// It could not be renewed in time; its lease is about to lapse or has.
    #[error("the lease of the lock could not be renewed in time")]
    Lapsing,
    /// The backend says that it is not ours: it lapsed, or the backend lost its data.
    #[error("the lock is not ours any more")]
    Gone,
    /// It was held for as long as one may.
    #[error("the lock was held for as long as one may")]
    HeldTooLong,
    /// The process stops, so nothing is renewed.
    #[error("the process stops")]
    Stopping,
}

/// What became of [`LockGuard::extend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    /// The lock is still ours.
    Held {
        /// How long it may be relied on without further renewal.
        remaining: Duration,
    },
    /// It is not.
    Lost(LockLost),
}

/// Up to when the holder may rely on the lock, and why not longer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) safe_until: Instant,
    pub(super) then: LockLost,
}

/// What a guard asks of its keeper. Dropping the channel asks for a release.
pub(super) enum Ask {
    Release(oneshot::Sender<Result<Released, StateError>>),
    Extend(Duration, oneshot::Sender<Result<Kept, StateError>>),
}

/// A lock that is held; dropping it releases it, without waiting.
#[derive(Debug)]
pub struct LockGuard {
    name: LockName,
    fence: Fence,
    hold: watch::Receiver<Hold>,
    keeper: mpsc::Sender<Ask>,
}

impl LockGuard {
    pub(super) fn new(
        name: LockName,
        fence: Fence,
        hold: watch::Receiver<Hold>,
        keeper: mpsc::Sender<Ask>,
    ) -> Self {
        Self {
            name,
            fence,
            hold,
            keeper,
        }
    }

    /// Which lock it is.
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// The number of this acquisition; every protected write carries it.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// How long the lock may still be relied on if it is not renewed; asked just before a step that cannot be taken back.
    pub fn remaining(&self) -> Duration {
        let hold = *self.hold.borrow();
        hold.safe_until.saturating_duration_since(Instant::now())
    }

    /// Whether the lock may be relied on at this moment. Needs no other task to run, so it is true to a process that
    /// was stopped for a while.
    pub fn is_held(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Waits until the lock must not be relied on any more: before its lease can lapse.
    pub async fn lost(&self) -> LockLost {
        let mut seen = self.hold.clone();
        loop {
            let hold = *seen.borrow_and_update();
            if hold.safe_until <= Instant::now() {
                return hold.then;
            }
            tokio::select! {
                () = tokio::time::sleep_until(hold.safe_until) => {}
                changed = seen.changed() => if changed.is_err() {
                    // The keeper has ended, so nothing changes any more.
                    tokio::time::sleep_until(hold.safe_until).await;
                },
            }
        }
    }

    /// Runs work under the lock; it is cut off, at its next `await`, when the lock is lost.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, LockLost> {
        tokio::select! {
            biased;
            why = self.lost() => Err(why),
            done = work => Ok(done),
        }
    }

    /// Adds `by` to what is left of the lease, within what one may hold; answers how long it may be relied on now.
    pub async fn extend(&self, by: Duration) -> Result<Extended, StateError> {
        let (reply, answer) = oneshot::channel();
        let kept = match self.keeper.send(Ask::Extend(by, reply)).await {
            Ok(()) => answer.await.unwrap_or(Ok(Kept::Lost))?,
            Err(_) => Kept::Lost,
        };
        let remaining = self.remaining();
        Ok(match kept {
            Kept::Yes { .. } if !remaining.is_zero() => Extended::Held { remaining },
            _ => Extended::Lost(self.hold.borrow().then),
        })
    }

    /// Releases the lock and waits until that is done.
    pub async fn release(self) -> Result<Released, StateError> {
        let (reply, answer) = oneshot::channel();
        if self.keeper.send(Ask::Release(reply)).await.is_err() {
            return Ok(Released::WasLost);
        }
        answer.await.unwrap_or(Ok(Released::WasLost))
    }
}
