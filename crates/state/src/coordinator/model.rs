//! The same machine in one process: what Lua does in Redis, done with [`domain::group::Group`].
//!
//! A [`Model`] is the server several instances share; [`Model::connect`] gives one of them its connection. Requests meet
//! [`Weather`] on their way, and the server itself can lose its data, go back to an earlier state, or stop: tests and the
//! simulator make every fault of protocol.md §7 to §9 happen on purpose.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use runtime::clock::SharedClock;
use runtime::timing::Timing;
use tokio::sync::{oneshot, watch};

use super::{CoordinatorError, Outage, RecordVersions, RecordsHeard};

mod claims;
mod client;
mod clock;
mod epochs;
mod evictions;
mod feed;
pub mod hole;
mod posts;
mod presence;
mod records;
mod server;
mod silences;
mod telling;
pub mod weather;

use hole::Hole;
pub use server::Snapshot;
use server::{Request, Server};
use weather::{Calm, End, Weather};

/// How long a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Changes a shard remembers unless told otherwise.
const FEED_MAX: usize = 20_000;

/// Something to be done by the server when it goes on.
type Job = Box<dyn FnOnce(&mut Server) + Send>;

/// The server several instances share.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
}

struct Shared {
    clock: SharedClock,
    server: Mutex<Server>,
    /// What came in while the server was stopped; `None` while it runs.
    backlog: Mutex<Option<Vec<Job>>>,
    /// Requests that arrive after their sender has given up, and when.
    late: Mutex<Vec<(Timestamp, Job)>>,
    /// Raised by every request that may have changed something: the wake-up that pub/sub is.
    wake: watch::Sender<u64>,
}

/// One instance's connection to a [`Model`].
pub struct ModelClient {
    shared: Arc<Shared>,
    instance: Arc<str>,
    weather: Arc<dyn Weather>,
    records: RecordsHeard,
    /// The wake-up this client saw last.
    woken: AtomicU64,
}

impl Model {
    /// An empty server.
    pub fn new(clock: SharedClock, timing: Timing) -> Self {
        Self::with_feed_max(clock, timing, FEED_MAX)
    }

    /// An empty server whose shards remember this many changes.
    pub fn with_feed_max(clock: SharedClock, timing: Timing, feed_max: usize) -> Self {
        let server = Mutex::new(Server::new(timing, feed_max));
        let shared = Shared {
            clock,
            server,
            backlog: Mutex::new(None),
            late: Mutex::default(),
            wake: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A connection for an instance, in calm weather.
    pub fn connect(&self, instance: &str) -> ModelClient {
        self.connect_through(instance, Arc::new(Calm))
    }

    /// A connection for an instance whose requests meet this weather.
    pub fn connect_through(&self, instance: &str, weather: Arc<dyn Weather>) -> ModelClient {
        ModelClient {
            shared: Arc::clone(&self.shared),
            instance: Arc::from(instance),
            weather,
            records: RecordsHeard::new(RecordVersions::default()),
            woken: AtomicU64::new(0),
        }
    }

    /// Loses everything, as FLUSHALL or an empty restart does.
    pub fn flush_all(&self) {
        lock(&self.shared.server).flush_all();
        self.shared.wake_all();
    }

    /// Throws the members of a group away, as a server with an evicting policy may.
    pub fn evict(&self, group: &super::GroupName) {
        lock(&self.shared.server).evict(group);
    }

    /// What the server holds now.
    pub fn snapshot(&self) -> Snapshot {
        lock(&self.shared.server).snapshot()
    }

    /// Goes back to an earlier state: writes since then are lost, as in a failover.
    pub fn rollback(&self, snapshot: &Snapshot) {
        lock(&self.shared.server).rollback(snapshot);
        self.shared.wake_all();
    }

    /// Stops the server: requests wait, and are carried out once it goes on, whether or not somebody still waits for them.
    pub fn stop(&self) {
        lock(&self.shared.backlog).get_or_insert_default();
    }

    /// Lets the server go on.
    pub fn cont(&self) {
        let Some(jobs) = lock(&self.shared.backlog).take() else {
            return;
        };
        let mut server = lock(&self.shared.server);
        jobs.into_iter().for_each(|job| job(&mut server));
        drop(server);
        self.shared.wake_all();
    }

    /// Steps the server's own clock by so many milliseconds, ahead or back.
    pub fn step_clock(&self, by_ms: i64) {
        lock(&self.shared.server).clock_off_ms += by_ms;
    }

    /// The newest version of records that is written in any shard.
    pub fn written(&self) -> Option<u32> {
        let server = lock(&self.shared.server);
        let shards = 0..domain::limits::SHARDS;
        shards.filter_map(|shard| server.written(shard)).max()
    }

    /// Opens a hole the protocol has closed, so that a test can show that it would be noticed.
    pub fn open(&self, hole: Hole) {
        lock(&self.shared.server).open(hole);
    }

    /// Keeps only this many of the latest changes of each shard from now on.
    pub fn trim_feed(&self, feed_max: usize) {
        lock(&self.shared.server).trim_feed(feed_max);
    }
}

impl Shared {
    /// Carries out what has arrived late by now.
    fn let_arrive(&self) {
        let now = self.clock.now();
        let mut late = lock(&self.late);
        let (arrived, waiting) = late.drain(..).partition(|(at, _)| *at <= now);
        *late = waiting;
        drop(late);
        let arrived: Vec<(Timestamp, Job)> = arrived;
        for (_, job) in arrived {
            job(&mut lock(&self.server));
        }
    }

    fn wake_all(&self) {
        self.wake.send_modify(|count| *count += 1);
    }
}

impl ModelClient {
    /// As a build that knows other forms of records.
    #[must_use]
    pub fn knowing(self, records: RecordVersions) -> Self {
        Self {
            records: RecordsHeard::new(records),
            ..self
        }
    }

    /// Sends a request that concerns one shard; who does not know the records there is refused.
    async fn request_on<T: Send + 'static>(
        &self,
        shard: usize,
        name: &'static str,
        work: impl FnOnce(&mut Server, &Request) -> T + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        self.request(name, move |server, request| {
            server.check_records(request, shard)?;
            Ok(work(server, request))
        })
        .await?
    }

    /// Sends a request through the weather to the server, as far as the instance lives to do so.
    async fn request<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Server, &Request) -> T + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        self.weather.goes_on().await;
        let answer = self.send(name, work).await;
        self.weather.goes_on().await;
        answer
    }

    /// Sends a request through the weather to the server.
    async fn send<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Server, &Request) -> T + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        let sent = self.shared.clock.now();
        let fate = self.weather.meets(&self.instance, name);
        if !fate.there.is_zero() {
            tokio::time::sleep(fate.there.min(PATIENCE)).await;
        }
        match fate.end {
            End::Unreachable => return Err(failed(Outage::Transient, "connection refused")),
            End::Refused => {
                return Err(failed(Outage::Certain, "the server cannot work now"));
            }
            End::RequestLost => {
                tokio::time::sleep(PATIENCE).await;
                return Err(failed(Outage::Transient, "no answer: the request was lost"));
            }
            End::Answered | End::ReplyLost => {}
        }
        let late = fate.there.saturating_sub(PATIENCE);
        let answer = self.carry_out(late, (sent, fate.reach), work);
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, answer).await else {
            return Err(failed(Outage::Transient, "no answer in time"));
        };
        if fate.end == End::ReplyLost {
            tokio::time::sleep(PATIENCE).await;
            return Err(failed(Outage::Transient, "no answer: the reply was lost"));
        }
        if !fate.back.is_zero() {
            tokio::time::sleep(fate.back).await;
        }
        Ok(answer)
    }

    /// Has the server do its work, now or when it goes on.
    fn carry_out<T: Send + 'static>(
        &self,
        late: Duration,
        (sent, reach): (Timestamp, weather::Reach),
        work: impl FnOnce(&mut Server, &Request) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let clock = Arc::clone(&self.shared.clock);
        let who = (Arc::clone(&self.instance), self.records.known());
        let job = move |server: &mut Server| {
            let request = server.hear(who, (sent, clock.now()), reach);
            // Whoever asked may have given up; the work is done all the same.
            let _ = reply.send(work(server, &request));
        };
        if !late.is_zero() {
            let arrives_at = self.shared.clock.now() + late;
            lock(&self.shared.late).push((arrives_at, Box::new(job)));
            return answer;
        }
        if let Some(jobs) = lock(&self.shared.backlog).as_mut() {
            jobs.push(Box::new(job));
            return answer;
        }
        self.shared.let_arrive();
        let has_news = {
            let mut server = lock(&self.shared.server);
            let before = server.news;
            job(&mut server);
            server.news != before
        };
        if has_news {
            self.shared.wake_all();
        }
        answer
    }

    /// Waits for a wake-up this client has not seen.
    async fn woken(&self) {
        let mut wake = self.shared.wake.subscribe();
        let seen = self.woken.load(Ordering::Acquire);
        let woken = wake.wait_for(|count| *count != seen).await;
        if let Ok(count) = woken.map(|count| *count) {
            self.woken.store(count, Ordering::Release);
        }
        self.weather.goes_on().await;
    }
}

fn failed(outage: Outage, text: &str) -> CoordinatorError {
    CoordinatorError {
        outage,
        text: text.to_owned(),
    }
}

/// What a shard says that a request did not reach.
fn unreached() -> CoordinatorError {
    failed(Outage::Transient, "no answer: the connection broke")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds as sequence numbers, fences and event ids count them.
fn millis(now: Timestamp) -> u64 {
    u64::try_from(now.unix_ms()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
