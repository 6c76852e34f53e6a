//! A connection that carries many commands at once.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{LinkError, LinkErrorKind};

/// How often a cluster may send a command elsewhere before that is an error.
const REDIRECTS_MAX: u32 = 5;
/// Pause before a command is repeated that no node serves at the moment.
const REDIRECT_PAUSE: Duration = Duration::from_millis(25);

/// Age at which the connections to a cluster may be replaced.
const CLUSTER_AGE_MIN: Duration = Duration::from_secs(1);

/// One connection, or one to each node of a cluster.
pub(super) struct Wire {
    client: Client,
    response_timeout: Duration,
    made_at: Instant,
    /// When an answer last came, in milliseconds since `made_at`.
    heard_ms: AtomicU64,
}

enum Client {
    Node {
        connection: MultiplexedConnection,
        driver: Driver,
    },
    Cluster(ClusterConnection),
}

/// The task that moves a connection's bytes; it ends when the connection does, at the latest when dropped.
struct Driver {
    task: JoinHandle<()>,
    /// Its other end goes with the task.
    life: watch::Receiver<()>,
}

impl Driver {
    fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        let (alive, life) = watch::channel(());
        let task = tokio::spawn(async move {
            let _alive = alive;
            work.await;
        });
        Self { task, life }
    }

    /// Waits for its end.
    async fn ended(&self) {
        let mut life = self.life.clone();
        while life.changed().await.is_ok() {}
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// A connection to one server and the future that drives it.
    pub(super) fn node(
        connection: MultiplexedConnection,
        driver: impl Future<Output = ()> + Send + 'static,
        response_timeout: Duration,
    ) -> Self {
        let driver = Driver::new(driver);
        Self::new(Client::Node { connection, driver }, response_timeout)
    }

    /// Connections to a cluster.
    pub(super) fn cluster(connection: ClusterConnection, response_timeout: Duration) -> Self {
        Self::new(Client::Cluster(connection), response_timeout)
    }

    fn new(client: Client, response_timeout: Duration) -> Self {
        Self {
            client,
            response_timeout,
            made_at: Instant::now(),
            heard_ms: AtomicU64::new(0),
        }
    }

    /// Whether commands can go out; a cluster mends single connections by itself.
    pub(super) fn is_open(&self) -> bool {
        match &self.client {
            Client::Node { driver, .. } => !driver.task.is_finished(),
            Client::Cluster(_) => true,
        }
    }

    /// Whether making it anew may help. A cluster's connections are made anew at most once a second: while one of its
    /// masters is down every command to it fails, and the others are served all the same.
    pub(super) fn is_old_enough_to_replace(&self) -> bool {
        match &self.client {
            Client::Node { .. } => true,
            Client::Cluster(_) => CLUSTER_AGE_MIN <= self.made_at.elapsed(),
        }
    }

    /// Whether no answer came since then.
    pub(super) fn is_silent_since(&self, then: Instant) -> bool {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.made_at + heard <= then
    }

    /// Waits for the end of a connection to one server.
    async fn closed(&self) {
        match &self.client {
            Client::Node { driver, .. } => driver.ended().await,
            Client::Cluster(_) => std::future::pending().await,
        }
    }

    /// Waits for an answer as long as one may take, and no longer than the connection is there: what is handed to the driver in the
    /// moment it ends is neither sent nor refused.
    async fn within<T>(
        &self,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, LinkError> {
        let limit = self.response_timeout;
        let mut answer = std::pin::pin!(tokio::time::timeout(limit, answer));
        let answered = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            () = self.closed() => answer.as_mut().now_or_never(),
        };
        let Some(answered) = answered else {
            let message = "the server closed the connection";
            return Err(LinkError::new(LinkErrorKind::Unreachable, message));
        };
        let Ok(answer) = answered else {
            let message = format!("no answer within {limit:?}");
            return Err(LinkError::new(LinkErrorKind::Timeout, message));
        };
        if answer.is_ok() {
            let age_ms = u64::try_from(self.made_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.heard_ms.fetch_max(age_ms, Ordering::Relaxed);
        }
        Ok(answer?)
    }

    /// Sends one command.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, LinkError> {
        let answer = match &self.client {
            Client::Node { connection, .. } => {
                let mut connection = connection.clone();
                self.within(connection.send_packed_command(command)).await
            }
            Client::Cluster(connection) => self.within(ask_cluster(connection, command)).await,
        };
        Ok(unwrap_error(answer?)?)
    }

    /// Sends many commands: to one server as one pipeline, to a cluster at the same time.
    pub(super) async fn ask_all(&self, commands: Vec<Cmd>) -> Vec<Result<Value, LinkError>> {
        let connection = match &self.client {
            Client::Node { connection, .. } if 1 < commands.len() => connection,
            _ => return join_all(commands.iter().map(|command| self.ask(command))).await,
        };
        let count = commands.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command);
        }
        let mut connection = connection.clone();
        let answers = connection.send_packed_commands(&pipeline, 0, count);
        match self.within(answers).await {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| Ok(unwrap_error(answer)?))
                .collect(),
            Err(error) => vec![Err(error); count],
        }
    }

    /// Sends one command to every master; answers their names and answers.
    pub(super) async fn ask_masters(
        &self,
        command: &Cmd,
    ) -> Result<Vec<(String, Value)>, LinkError> {
        let Client::Cluster(connection) = &self.client else {
            return Ok(vec![(String::new(), self.ask(command).await?)]);
        };
        let mut connection = connection.clone();
        let route = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answer = connection.route_command(command.clone(), route);
        let Value::Map(answers) = self.within(answer).await? else {
            let message = "no answer per master";
            return Err(LinkError::new(LinkErrorKind::Unexpected, message));
        };
        let mut named = Vec::with_capacity(answers.len());
        for (name, answer) in answers {
            let name = redis::from_redis_value(name).map_err(RedisError::from)?;
            named.push((name, unwrap_error(answer)?));
        }
        Ok(named)
    }

    /// Sends one command to the master that [`Wire::ask_masters`] named so.
    pub(super) async fn ask_master(&self, name: &str, command: &Cmd) -> Result<Value, LinkError> {
        let Client::Cluster(connection) = &self.client else {
            return self.ask(command).await;
        };
        let mut connection = connection.clone();
        let route = RoutingInfo::SingleNode(by_address(name)?);
        let answer = connection.route_command(command.clone(), route);
        Ok(unwrap_error(self.within(answer).await?)?)
    }
}

/// An error the server answered with is an error; one inside an answer stays where it is.
fn unwrap_error(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(error.into()),
        other => Ok(other),
    }
}

fn by_address(address: &str) -> RedisResult<SingleNodeRoutingInfo> {
    let parts = address.rsplit_once(':');
    let found = parts.and_then(|(host, port)| {
        let host = host.to_owned();
        Some(SingleNodeRoutingInfo::ByAddress {
            host,
            port: port.parse().ok()?,
        })
    });
    found.ok_or_else(|| (ErrorKind::UnexpectedReturnType, "an address without a port").into())
}

/// Follows a cluster's redirections, which all mean that the command was not carried out.
///
/// The library could do it, but its retries also repeat commands whose answer was lost, so they are switched off.
async fn ask_cluster(connection: &ClusterConnection, command: &Cmd) -> RedisResult<Value> {
    let mut connection = connection.clone();
    let mut redirects = 0;
    let mut asked_node: Option<SingleNodeRoutingInfo> = None;
    loop {
        let answer = match asked_node.take() {
            None => connection.req_packed_command(command).await,
            Some(node) => ask_importing(&mut connection, command, node).await,
        };
        let error = match answer.and_then(unwrap_error) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        redirects += 1;
        if REDIRECTS_MAX < redirects {
            return Err(error);
        }
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Ask) => {
                asked_node = redirected(&error);
            }
            // The library has begun to fetch the new map; until then it would ask the same node.
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::TryAgain) => {
                tokio::time::sleep(REDIRECT_PAUSE * redirects).await;
            }
            _ => return Err(error),
        }
    }
}

fn redirected(error: &RedisError) -> Option<SingleNodeRoutingInfo> {
    let (address, _slot) = error.redirect_node()?;
    by_address(address).ok()
}

/// Asks a node for a slot that is just being moved to it.
async fn ask_importing(
    connection: &mut ClusterConnection,
    command: &Cmd,
    node: SingleNodeRoutingInfo,
) -> RedisResult<Value> {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.add_command(redis::cmd("ASKING"));
    pipeline.add_command(command.clone());
    let answers = connection.route_pipeline(pipeline, 0, 2, node).await?;
    answers
        .into_iter()
        .nth(1)
        .ok_or_else(|| (ErrorKind::UnexpectedReturnType, "no answer after ASKING").into())
}

#[cfg(test)]
mod tests {
    use redis::{AsyncConnectionConfig, RedisConnectionInfo};

    use super::*;

    /// A connection to nobody, and what would drive it.
    async fn silent(
        login: &RedisConnectionInfo,
    ) -> (MultiplexedConnection, impl Future<Output = ()>) {
        let (near, far) = tokio::io::duplex(1024);
        std::mem::forget(far);
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = MultiplexedConnection::new_with_config(login, near, config);
        made.await.expect("nothing is asked")
    }

    /// A command that was handed over as the connection ended is not waited for.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_heard_over_a_connection_that_ended() {
        let limit = Duration::from_secs(2);
        let login = RedisConnectionInfo::default().set_skip_set_lib_name();
        for lasts in [Duration::ZERO, Duration::from_millis(300)] {
            let (connection, driver) = silent(&login).await;
            // Nobody reads what it is handed, and nobody says so.
            let wire = Wire::node(connection, tokio::time::sleep(lasts), limit);
            let began = Instant::now();
            let error = wire.ask(&redis::cmd("PING")).await.expect_err("it ended");
            assert_eq!(error.kind, LinkErrorKind::Unreachable);
            assert_eq!(began.elapsed(), lasts);
            assert!(!wire.is_open());
            drop(driver);
        }
    }
}
