//! The task behind one attempt: asks for the lock, hands out the guard, renews, and releases.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use runtime::ids::SharedIds;
use runtime::tasks::Stop;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::guard::{Ask, Hold};
use super::{
    Attempt, Fence, Granted, Kept, LockGuard, LockLost, LockName, LockOptions, LockStore, LockToken,
};
use crate::StateError;

/// Longest a single request may take; a third of the lease where that is less.
const REQUEST_MAX: Duration = Duration::from_secs(5);

pub(super) type Reply = oneshot::Sender<Result<Attempt, StateError>>;

pub(super) struct Keeper {
    store: Arc<dyn LockStore>,
    ids: SharedIds,
    name: LockName,
    token: LockToken,
    options: LockOptions,
}

/// A lease as the holder sees it.
struct Lease {
    /// Nobody can hold the lock longer than this, whatever is asked.
    cap: Instant,
    /// It lasts at least until here: counted from before the request that granted it.
    until: Instant,
    /// When it is renewed; `None` once that is over.
    renew_at: Option<Instant>,
    hold: watch::Sender<Hold>,
}

enum Obtained {
    Lock {
        fence: Fence,
        asked_at: Instant,
        lasts: Duration,
    },
    Not(Result<Attempt, StateError>),
}

impl Keeper {
    pub(super) fn new(
        store: &Arc<dyn LockStore>,
        ids: &SharedIds,
        name: &LockName,
        options: LockOptions,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            ids: Arc::clone(ids),
            name: name.clone(),
            token: LockToken::draw(ids.as_ref()),
            options,
        }
    }

    pub(super) async fn serve(self, deadline: Option<Instant>, mut reply: Reply, stop: Stop) {
        let obtained = tokio::select! {
            biased;
            () = stop.stopped() => {
                let stops = StateError::Unavailable("the process stops".to_owned());
                Obtained::Not(Err(stops))
            }
            () = reply.closed() => return self.let_go().await,
            obtained = self.obtain(deadline) => obtained,
        };
        let (fence, asked_at, lasts) = match obtained {
            Obtained::Lock {
                fence,
                asked_at,
                lasts,
            } => (fence, asked_at, lasts),
            Obtained::Not(answer) => {
                let is_unknown = answer.is_err();
                // Nobody hears the answer: nothing is left to do for them.
                let _ = reply.send(answer);
                if is_unknown {
                    self.let_go().await;
                }
                return;
            }
        };
        let (asks, asked) = mpsc::channel(1);
        let (mut lease, hold) = Lease::new(asked_at, lasts, &self.options);
        let guard = LockGuard::new(self.name.clone(), fence, hold, asks);
        if reply.send(Ok(Attempt::Acquired(guard))).is_err() {
            self.let_go().await;
            return;
        }
        self.keep(&mut lease, asked, stop).await;
    }

    /// Tries until the lock is ours or the deadline has passed; without one, once.
    async fn obtain(&self, deadline: Option<Instant>) -> Obtained {
        // Heard before the first request, so that no release between two of them is missed.
        let mut releases = deadline.map(|_| self.store.releases());
        loop {
            let asked_at = Instant::now();
            let lease = self.options.lease();
            let granted = self
                .bounded(self.store.acquire(&self.name, &self.token, lease))
                .await;
            let is_last = deadline.is_none_or(|deadline| deadline <= Instant::now());
            let at_most = match granted {
                Ok(Granted::Yes { fence, lasts }) => {
                    if Instant::now() + self.options.margin() < asked_at + lasts {
                        return Obtained::Lock {
                            fence,
                            asked_at,
                            lasts,
                        };
                    }
                    let late = "the lock was granted too late to be of use";
                    if is_last {
                        return Obtained::Not(Err(StateError::Unavailable(late.to_owned())));
                    }
                    lasts
                }
                Ok(Granted::Held { for_at_most }) if is_last => {
                    return Obtained::Not(Ok(Attempt::Held { for_at_most }));
                }
                Ok(Granted::Held { for_at_most }) => for_at_most,
                Err(error) if is_last => return Obtained::Not(Err(error)),
                Err(_) => self.options.lease(),
            };
            let again_at = Instant::now() + self.pause(at_most);
            let again_at = deadline.map_or(again_at, |deadline| again_at.min(deadline));
            tokio::select! {
                () = tokio::time::sleep_until(again_at) => {}
                () = heard(releases.as_mut(), &self.name) => {}
            }
        }
    }

    /// A random pause, so that waiters do not ask in step; no longer than the holder's lease.
    fn pause(&self, at_most: Duration) -> Duration {
        let step = self.options.lease() / 240;
        let draw = |n: u64| u32::try_from(self.ids.nonce() % n).unwrap_or(0);
        let usual = step + step * draw(1000) * 3 / 1000;
        usual.min(at_most + step * draw(1000) / 10_000 + Duration::from_millis(1))
    }

    /// Renews until the guard goes, then releases.
    async fn keep(&self, lease: &mut Lease, mut asked: mpsc::Receiver<Ask>, stop: Stop) {
        loop {
            let is_stopping = stop.is_stopped();
            if is_stopping {
                lease.end(LockLost::Stopping);
                if lease.until <= Instant::now() {
                    return;
                }
            }
            let renewal = match lease.renew_at {
                Some(at) => at,
                None if is_stopping => lease.until,
                None => Instant::now() + Duration::from_secs(3600),
            };
            tokio::select! {
                ask = asked.recv() => match ask {
                    None => return self.let_go().await,
                    Some(Ask::Release(reply)) => {
                        let released = self.bounded(self.store.release(&self.name, &self.token));
                        // Whoever asked may be gone; the lock is free all the same.
                        let _ = reply.send(released.await);
                        return;
                    }
                    Some(Ask::Extend(by, reply)) => {
                        let _ = reply.send(self.extend(lease, by).await);
                    }
                },
                () = tokio::time::sleep_until(renewal) => {
                    if lease.renew_at.is_some() {
                        self.renew(lease).await;
                    }
                }
                () = stop.stopped(), if !is_stopping => {}
            }
        }
    }

    async fn renew(&self, lease: &mut Lease) {
        let asked_at = Instant::now();
        if lease.safe_until(&self.options) <= asked_at {
            lease.renew_at = None;
            return;
        }
        let left = lease.cap.saturating_duration_since(asked_at);
        let wanted = self.options.lease().min(left);
        match self
            .bounded(self.store.renew(&self.name, &self.token, wanted))
            .await
        {
            Ok(kept) => lease.note(kept, asked_at, &self.options),
            // A few more attempts fit in before the holder has to be told.
            Err(_) => lease.renew_at = Some(Instant::now() + self.options.margin()),
        }
    }

    async fn extend(&self, lease: &mut Lease, by: Duration) -> Result<Kept, StateError> {
        let by = by.min(lease.cap.saturating_duration_since(lease.until));
        let asked_at = Instant::now();
        if by.is_zero() || lease.renew_at.is_none() {
            let lasts = lease.until.saturating_duration_since(asked_at);
            return Ok(Kept::Yes { lasts });
        }
        let kept = self
            .bounded(self.store.extend(&self.name, &self.token, by))
            .await?;
        lease.note(kept, asked_at, &self.options);
        Ok(kept)
    }

    /// Releases as far as that is possible; what fails here lapses by itself.
    async fn let_go(&self) {
        let released = self
            .bounded(self.store.release(&self.name, &self.token))
            .await;
        if let Err(error) = released {
            tracing::debug!(lock = %self.name, %error, "a lock could not be released; it lapses by itself");
        }
    }

    async fn bounded<T>(
        &self,
        request: impl Future<Output = Result<T, StateError>>,
    ) -> Result<T, StateError> {
        let limit = REQUEST_MAX.min(self.options.lease() / 3);
        match tokio::time::timeout(limit, request).await {
            Ok(answer) => answer,
            Err(_) => Err(StateError::Unavailable(format!(
                "no answer within {limit:?}"
            ))),
        }
    }
}

impl Lease {
    fn new(
        asked_at: Instant,
        lasts: Duration,
        options: &LockOptions,
    ) -> (Self, watch::Receiver<Hold>) {
        let until = asked_at + lasts;
        let (hold, seen) = watch::channel(Hold {
            safe_until: until,
            then: LockLost::Lapsing,
        });
        let mut lease = Self {
            cap: asked_at + options.hold_max(),
            until,
            renew_at: None,
            hold,
        };
        lease.set(until, options);
        (lease, seen)
    }

    /// Takes in what the store answered to a request sent at `asked_at`.
    fn note(&mut self, kept: Kept, asked_at: Instant, options: &LockOptions) {
        match kept {
            Kept::Yes { lasts } => self.set((asked_at + lasts).min(self.cap), options),
            Kept::Lost => {
                self.until = asked_at;
                self.renew_at = None;
                self.publish(asked_at, LockLost::Gone);
            }
        }
    }

    fn set(&mut self, until: Instant, options: &LockOptions) {
        self.until = until;
        // Within the milliseconds in which leases are counted.
        let is_capped = self.cap <= until + Duration::from_millis(2);
        // A third of the lease has passed when two thirds are left.
        self.renew_at = (!is_capped).then(|| until - options.lease() * 2 / 3);
        let then = if is_capped {
            LockLost::HeldTooLong
        } else {
            LockLost::Lapsing
        };
        self.publish(self.safe_until(options), then);
    }

    /// No renewal from here on; the lease runs out.
    fn end(&mut self, why: LockLost) {
        self.renew_at = None;
        self.hold.send_if_modified(|hold| {
            let is_news = hold.then == LockLost::Lapsing;
            if is_news {
                hold.then = why;
            }
            is_news
        });
    }

    fn safe_until(&self, options: &LockOptions) -> Instant {
        self.until - options.margin()
    }

    fn publish(&self, safe_until: Instant, then: LockLost) {
        self.hold.send_replace(Hold { safe_until, then });
    }
}

/// Waits for the release of a lock by this name; having missed some counts as having heard it.
async fn heard(releases: Option<&mut broadcast::Receiver<LockName>>, name: &LockName) {
    let Some(releases) = releases else {
        return std::future::pending().await;
    };
    loop {
        match releases.recv().await {
            Ok(released) if &released != name => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // Nobody tells any more; the caller's own timer does.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
