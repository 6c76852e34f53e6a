//! Single flight: of those who ask the same at the same time, one computes.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{QueryCache, QueryKey};
use crate::lock::{Attempt, DistributedLock, LockGuard, LockName, LockOptions};

/// How long a dead instance's computation holds up the others' at most.
const LEASE: Duration = Duration::from_secs(15);

/// How long one waits for another's result before computing it too.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was kept.
    Cache,
    /// Somebody in this process asked for the same just before.
    Shared,
    /// It was computed for this caller.
    Computed,
}

/// A result and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The result.
    pub value: Arc<[u8]>,
    /// Where it came from, for metrics.
    pub source: Source,
}

/// Results, computed once for everybody who asks at the same time. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Queries {
    cache: Arc<dyn QueryCache>,
    locks: DistributedLock,
    wait_max: Duration,
    flights: Arc<Flights>,
}

type Landed = Option<Arc<[u8]>>;

#[derive(Default)]
struct Flights {
    by_key: Mutex<HashMap<QueryKey, watch::Receiver<Landed>>>,
}

/// A caller's part in a flight.
enum Seat {
    Pilot(Flight),
    Passenger(watch::Receiver<Landed>),
}

/// A computation under way in this process; it ends when this is dropped, also by a failure or a cancellation.
struct Flight {
    flights: Arc<Flights>,
    key: QueryKey,
    landed: watch::Sender<Landed>,
}

impl Queries {
    /// Results kept in `cache`; across instances, `locks` says who computes.
    pub fn new(cache: Arc<dyn QueryCache>, locks: &DistributedLock) -> Self {
        let options = LockOptions::default().with_lease(LEASE);
        Self {
            cache,
            locks: locks.with(options),
            wait_max: WAIT_MAX,
            flights: Arc::default(),
        }
    }

    /// The same with another bound on waiting for somebody else's result.
    #[must_use]
    pub fn waiting(self, wait_max: Duration) -> Self {
        Self { wait_max, ..self }
    }

    /// Answers what is kept, what somebody else computes just now, or what `compute` does, which is then kept for `ttl`.
    ///
    /// A cache or lock that cannot be reached is done without. A failure is not kept; who waited for it computes itself.
    pub async fn get_or_compute<E, F, T>(
        &self,
        key: &QueryKey,
        ttl: Duration,
        compute: F,
    ) -> Result<Answer, E>
    where
        F: FnOnce() -> T,
        T: Future<Output = Result<Vec<u8>, E>>,
    {
        let deadline = Instant::now() + self.wait_max;
        loop {
            let mut landed = match self.flights.board(key) {
                Seat::Pilot(flight) => {
                    let answer = self.fly(key, ttl, deadline, compute).await?;
                    flight.land(&answer.value);
                    return Ok(answer);
                }
                Seat::Passenger(landed) => landed,
            };
            match arrival(&mut landed, deadline).await {
                Arrival::Landed(value) => {
                    let source = Source::Shared;
                    return Ok(Answer { value, source });
                }
                // The next one to board flies.
                Arrival::Crashed => {}
                Arrival::Late => return computed(compute().await),
            }
        }
    }

    /// Looks, then computes under the lock that the other instances respect too.
    async fn fly<E, F, T>(
        &self,
        key: &QueryKey,
        ttl: Duration,
        deadline: Instant,
        compute: F,
    ) -> Result<Answer, E>
    where
        F: FnOnce() -> T,
        T: Future<Output = Result<Vec<u8>, E>>,
    {
        match self.cache.get(key).await {
            Ok(Some(value)) => return Ok(kept(value)),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(tenant = %key.tenant(), %error, "computing without the query cache");
                return computed(compute().await);
            }
        }
        let guard = self.turn(key, deadline).await;
        // Somebody may have computed it between the look and our turn.
        if guard.is_some()
            && let Ok(Some(value)) = self.cache.get(key).await
        {
            return Ok(kept(value));
        }
        let answer = computed(compute().await)?;
        if let Err(error) = self.cache.put(key, &answer.value, ttl).await {
            tracing::debug!(tenant = %key.tenant(), %error, "a result was computed and not kept");
        }
        Ok(answer)
    }

    /// Our turn to compute; `None` when it did not come in time, and we compute all the same.
    async fn turn(&self, key: &QueryKey, deadline: Instant) -> Option<LockGuard> {
        let name = LockName::general(&format!("query:{key}")).ok()?;
        let patience = deadline.saturating_duration_since(Instant::now());
        match self.locks.acquire(&name, patience).await {
            Ok(Attempt::Acquired(guard)) => Some(guard),
            Ok(Attempt::Held { .. }) | Err(_) => None,
        }
    }
}

/// How a flight ended for a passenger.
enum Arrival {
    Landed(Arc<[u8]>),
    Crashed,
    Late,
}

async fn arrival(landed: &mut watch::Receiver<Landed>, deadline: Instant) -> Arrival {
    match timeout_at(deadline, landed.wait_for(Option::is_some)).await {
        Ok(Ok(value)) => value.clone().map_or(Arrival::Crashed, Arrival::Landed),
        Ok(Err(_)) => Arrival::Crashed,
        Err(_) => Arrival::Late,
    }
}

fn kept(value: Arc<[u8]>) -> Answer {
    let source = Source::Cache;
    Answer { value, source }
}

fn computed<E>(result: Result<Vec<u8>, E>) -> Result<Answer, E> {
    Ok(Answer {
        value: result?.into(),
        source: Source::Computed,
    })
}

impl Flights {
    fn by_key(&self) -> MutexGuard<'_, HashMap<QueryKey, watch::Receiver<Landed>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(self: &Arc<Self>, key: &QueryKey) -> Seat {
        let mut flights = self.by_key();
        if let Some(landed) = flights.get(key) {
            return Seat::Passenger(landed.clone());
        }
        let (landed, seen) = watch::channel(None);
        flights.insert(key.clone(), seen);
        Seat::Pilot(Flight {
            flights: Arc::clone(self),
            key: key.clone(),
            landed,
        })
    }
}

impl Flight {
    fn land(self, value: &Arc<[u8]>) {
        self.landed.send_replace(Some(Arc::clone(value)));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before the sender goes: who sees it gone must not board this flight again.
        self.flights.by_key().remove(&self.key);
    }
}
