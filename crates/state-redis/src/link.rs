//! One client for the whole process.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use redis::{Cmd, RedisError, Value};
use runtime::metrics::RedisMetrics;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::call::Call;
use crate::error::{LinkError, LinkErrorKind};

mod cluster;
mod connect;
mod current;
mod options;
mod stream;
mod subscription;
mod wire;

use cluster::{Asked, Cluster};
use current::Current;
use wire::Wire;

pub(crate) use cluster::slot_of;

pub use options::{LinkOptions, Password, Topology};
pub use subscription::{Heard, Subscription};

/// Most commands that may wait for an answer. A server that answers nothing for two seconds while each instance takes
/// in a few thousand alerts a second stays below it; past it memory would grow for answers nobody waits for any more.
pub const IN_FLIGHT_MAX: u32 = 10_000;
/// How many keys a server looks at in one step of a scan.
const SCAN_STEP: u64 = 500;

/// The process's one Redis client; clones share it.
///
/// It connects when it is first needed and again, with growing pauses, when a connection is lost. A command whose reply
/// was lost fails; it is never sent again behind the caller's back. Commands that block (`XREAD BLOCK`) do not belong
/// here: everything behind them would wait.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    options: LinkOptions,
    prefix: String,
    way: Way,
    room: Semaphore,
    metrics: Option<RedisMetrics>,
}

/// To what commands go.
enum Way {
    Server(Current<Wire>),
    Cluster(Current<Cluster>),
}

/// The same, connected.
enum Open {
    Server(Arc<Wire>),
    Cluster(Arc<Cluster>),
}

impl Link {
    /// Checks the options; the server need not be up.
    ///
    /// # Errors
    /// Of kind [`LinkErrorKind::Config`] when the options cannot work.
    pub fn new(options: LinkOptions) -> Result<Self, LinkError> {
        Self::made(options, None)
    }

    /// As [`Link::new`]; what it asks is counted.
    ///
    /// # Errors
    /// As [`Link::new`].
    pub fn counted(options: LinkOptions, metrics: RedisMetrics) -> Result<Self, LinkError> {
        Self::made(options, Some(metrics))
    }

    fn made(options: LinkOptions, metrics: Option<RedisMetrics>) -> Result<Self, LinkError> {
        options.check()?;
        let way = match options.topology {
            Topology::Cluster { .. } => Way::Cluster(Current::default()),
            Topology::Single { .. } | Topology::Sentinel { .. } => Way::Server(Current::default()),
        };
        let inner = Inner {
            prefix: options.whole_prefix(),
            options,
            way,
            room: Semaphore::new(IN_FLIGHT_MAX as usize),
            metrics,
        };
        let inner = Arc::new(inner);
        Ok(Self { inner })
    }

    /// The whole name of a key or channel: prefix and name.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.inner.prefix)
    }

    /// What [`Link::key`] puts in front: empty, or ending in a colon.
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// Asks one thing. Answers have the shapes of RESP2: a hash comes as an array of names and values.
    ///
    /// # Errors
    /// See [`LinkErrorKind`].
    pub async fn run(&self, call: Call) -> Result<Value, LinkError> {
        let mut results = self.run_all(vec![call]).await;
        let result = results.pop();
        result.unwrap_or_else(|| Err(LinkError::new(LinkErrorKind::Unexpected, "no answer")))
    }

    /// Asks many things in one round trip; each has its own result, and none waits for the success of another.
    ///
    /// A cluster gets them as single commands at the same time, each at its slot. A script the server does not know is
    /// sent once more with its text, the others are not.
    pub async fn run_all(&self, calls: Vec<Call>) -> Vec<Result<Value, LinkError>> {
        let _room = match self.take_room(calls.len()) {
            Ok(room) => room,
            Err(error) => return vec![Err(error); calls.len()],
        };
        let began = Instant::now();
        let asked = calls.iter().map(|call| Asked {
            slot: call.slot,
            command: call.by_hash(),
        });
        let mut results = self.ask_all(asked.collect()).await;
        let is_unknown = |result: &Result<Value, LinkError>| {
            result.as_ref().is_err_and(|error| error.kind.is_noscript())
        };
        let unknown: Vec<usize> = (0..results.len())
            .filter(|index| is_unknown(&results[*index]))
            .collect();
        if !unknown.is_empty() {
            let asked = unknown.iter().map(|index| Asked {
                slot: calls[*index].slot,
                command: calls[*index].by_text(),
            });
            let answers = self.ask_all(asked.collect()).await;
            for (index, result) in unknown.into_iter().zip(answers) {
                results[index] = result;
            }
        }
        self.count(&calls, &results, began);
        results
    }

    fn count(&self, calls: &[Call], results: &[Result<Value, LinkError>], began: Instant) {
        let Some(metrics) = &self.inner.metrics else {
            return;
        };
        calls.iter().for_each(|call| metrics.asked(call.name()));
        let errors = results.iter().filter(|result| result.is_err()).count();
        metrics.answered(u64::try_from(errors).unwrap_or(0), began.elapsed());
    }

    /// Listens to a channel (its whole name) on a connection of its own.
    pub fn subscribe(&self, channel: String) -> Subscription {
        Subscription::new(self.clone(), channel)
    }

    /// Names of keys that match a pattern, sorted, found with SCAN on every master; it ends once `limit` are found.
    ///
    /// Pattern and names are whole, so a pattern is made with [`Link::key`].
    ///
    /// # Errors
    /// See [`LinkErrorKind`].
    pub async fn scan(&self, pattern: &str, limit: usize) -> Result<Vec<String>, LinkError> {
        let _room = self.take_room(1)?;
        let open = self.open().await?;
        let began = Instant::now();
        let found = scan(&open, pattern, limit).await;
        if let Err(error) = &found {
            self.judge(&open, began, error);
        }
        found
    }

    /// Where it leads, as a URL without credentials.
    pub fn describe(&self) -> String {
        self.inner.options.url()
    }

    /// Whether it leads to a cluster, whose slots fail one by one.
    pub fn is_cluster(&self) -> bool {
        matches!(self.inner.options.topology, Topology::Cluster { .. })
    }

    /// The longest wait for an answer.
    pub fn response_timeout(&self) -> std::time::Duration {
        self.inner.options.response_timeout
    }

    /// Lets go of the connection; the next call makes a fresh one and looks for the master anew.
    pub fn drop_connection(&self) {
        match &self.inner.way {
            Way::Server(current) => current.drop_any(),
            Way::Cluster(current) => current.drop_any(),
        }
    }

    /// The user we log in as.
    pub(crate) fn user(&self) -> &str {
        self.inner.options.username.as_deref().unwrap_or("default")
    }

    fn options(&self) -> &LinkOptions {
        &self.inner.options
    }

    /// Room for commands that wait for their answers.
    fn take_room(&self, count: usize) -> Result<SemaphorePermit<'_>, LinkError> {
        let count = u32::try_from(count).unwrap_or(IN_FLIGHT_MAX);
        let taken = self.inner.room.try_acquire_many(count.min(IN_FLIGHT_MAX));
        taken.map_err(|_| {
            let message = format!("{IN_FLIGHT_MAX} commands wait for an answer already");
            LinkError::new(LinkErrorKind::Timeout, message)
        })
    }

    /// The connection, made now if there is none.
    async fn open(&self) -> Result<Open, LinkError> {
        let options = &self.inner.options;
        match &self.inner.way {
            Way::Server(current) => {
                let wire = current.wire(async || connect::connect(options).await);
                Ok(Open::Server(wire.await?))
            }
            Way::Cluster(current) => {
                let cluster = current.wire(async || Cluster::connect(options).await);
                Ok(Open::Cluster(cluster.await?))
            }
        }
    }

    async fn ask_all(&self, asked: Vec<Asked>) -> Vec<Result<Value, LinkError>> {
        let open = match self.open().await {
            Ok(open) => open,
            Err(error) => return vec![Err(error); asked.len()],
        };
        let began = Instant::now();
        let results = match &open {
            Open::Server(wire) => {
                let commands = asked.into_iter().map(|asked| asked.command);
                wire.ask_all(commands.collect()).await
            }
            // Each slot answers by itself.
            Open::Cluster(cluster) => join_all(asked.iter().map(|asked| cluster.ask(asked))).await,
        };
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            self.judge(&open, began, error);
        }
        results
    }

    /// Lets go of a connection that an error shows to be of no more use. A cluster does so itself, node by node.
    fn judge(&self, open: &Open, began: Instant, error: &LinkError) {
        let (Way::Server(current), Open::Server(wire)) = (&self.inner.way, open) else {
            return;
        };
        // A master that comes back empty-handed may have a successor.
        let is_successor_likely = error.kind == LinkErrorKind::Loading
            && matches!(self.inner.options.topology, Topology::Sentinel { .. });
        if is_successor_likely || wire.is_spent(error, began) {
            current.drop_wire(wire);
        }
    }
}

impl Open {
    /// Sends one command to every master; answers their names and answers.
    async fn ask_masters(&self, command: &Cmd) -> Result<Vec<(String, Value)>, LinkError> {
        match self {
            Self::Server(wire) => Ok(vec![(String::new(), wire.ask(command).await?)]),
            Self::Cluster(cluster) => cluster.ask_masters(command).await,
        }
    }

    /// Sends one command to the master that [`Open::ask_masters`] named so.
    async fn ask_master(&self, name: &str, command: &Cmd) -> Result<Value, LinkError> {
        match self {
            Self::Server(wire) => wire.ask(command).await,
            Self::Cluster(cluster) => cluster.ask_master(name, command).await,
        }
    }
}

async fn scan(open: &Open, pattern: &str, limit: usize) -> Result<Vec<String>, LinkError> {
    let step = |cursor: &str| {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(pattern);
        command.arg("COUNT").arg(SCAN_STEP);
        command
    };
    let mut found = BTreeSet::new();
    let mut places = Vec::new();
    for (master, answer) in open.ask_masters(&step("0")).await? {
        let cursor = take_step(answer, &mut found)?;
        places.push((master, cursor));
    }
    for (master, mut cursor) in places {
        while cursor != "0" && found.len() < limit {
            let answer = open.ask_master(&master, &step(&cursor)).await?;
            cursor = take_step(answer, &mut found)?;
        }
    }
    Ok(found.into_iter().take(limit).collect())
}

/// Keeps the keys of one step and answers where the next begins.
fn take_step(answer: Value, found: &mut BTreeSet<String>) -> Result<String, LinkError> {
    let (cursor, keys): (String, Vec<Vec<u8>>) =
        redis::from_redis_value(answer).map_err(RedisError::from)?;
    // A name that is no text is none of ours.
    found.extend(
        keys.into_iter()
            .filter_map(|key| String::from_utf8(key).ok()),
    );
    Ok(cursor)
}
