//! A connection that carries many commands at once.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::current::Connection;
use crate::error::{LinkError, LinkErrorKind};

/// One connection to one server.
pub(super) struct Wire {
    connection: MultiplexedConnection,
    driver: Driver,
    response_timeout: Duration,
    made_at: Instant,
    /// When an answer last came, in milliseconds since `made_at`.
    heard_ms: AtomicU64,
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

impl Connection for Wire {
    fn is_open(&self) -> bool {
        !self.driver.task.is_finished()
    }
}

impl Wire {
    /// A connection to one server and the future that drives it.
    pub(super) fn new(
        connection: MultiplexedConnection,
        driver: impl Future<Output = ()> + Send + 'static,
        response_timeout: Duration,
    ) -> Self {
        Self {
            connection,
            driver: Driver::new(driver),
            response_timeout,
            made_at: Instant::now(),
            heard_ms: AtomicU64::new(0),
        }
    }

    /// Whether an error to what was asked then shows that this connection is of no more use.
    pub(super) fn is_spent(&self, error: &LinkError, began: Instant) -> bool {
        match &error.kind {
            LinkErrorKind::Unreachable | LinkErrorKind::Unexpected | LinkErrorKind::ReadOnly => {
                true
            }
            // The password may have been changed; the next log-in reads it anew.
            LinkErrorKind::NoAuth | LinkErrorKind::WrongPass => true,
            // A slow server still answers others; a silent one may be gone without a word.
            LinkErrorKind::Timeout => self.is_silent_since(began),
            _ => false,
        }
    }

    /// Whether no answer came since then.
    fn is_silent_since(&self, then: Instant) -> bool {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.made_at + heard <= then
    }

    /// Waits for an answer as long as one may take, and no longer than the connection is there: what is handed to the driver in the
    /// moment it ends is neither sent nor refused. The outer error is one of the connection.
    async fn within<T>(
        &self,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<RedisResult<T>, LinkError> {
        let limit = self.response_timeout;
        let mut answer = std::pin::pin!(tokio::time::timeout(limit, answer));
        let answered = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            () = self.driver.ended() => answer.as_mut().now_or_never(),
        };
        let Some(answered) = answered else {
            let message = "the server closed the connection";
            return Err(LinkError::new(LinkErrorKind::Unreachable, message));
        };
        let Ok(answer) = answered else {
            let message = format!("no answer within {limit:?}");
            return Err(LinkError::new(LinkErrorKind::Timeout, message));
        };
        let is_answered = match &answer {
            Ok(_) => true,
            Err(error) => matches!(error.kind(), ErrorKind::Server(_)),
        };
        if is_answered {
            let age_ms = u64::try_from(self.made_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.heard_ms.fetch_max(age_ms, Ordering::Relaxed);
            return Ok(answer);
        }
        Ok(Ok(answer?))
    }

    /// Sends one command.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, LinkError> {
        Ok(self.ask_as(command, false).await??)
    }

    /// Sends one command, of a slot that is just being moved here if it asks for that; the outer error is one of the connection.
    pub(super) async fn ask_as(
        &self,
        command: &Cmd,
        is_asking: bool,
    ) -> Result<RedisResult<Value>, LinkError> {
        let mut connection = self.connection.clone();
        if !is_asking {
            let answer = self.within(connection.send_packed_command(command)).await?;
            return Ok(answer.and_then(unwrap_error));
        }
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(redis::cmd("ASKING"));
        pipeline.add_command(command.clone());
        let answers = connection.send_packed_commands(&pipeline, 0, 2);
        let answers = self.within(answers).await?;
        let answer = answers.and_then(|answers| {
            let answer = answers.into_iter().nth(1);
            answer.ok_or_else(|| (ErrorKind::UnexpectedReturnType, "no answer after ASKING").into())
        });
        Ok(answer.and_then(unwrap_error))
    }

    /// Sends many commands as one pipeline.
    pub(super) async fn ask_all(&self, commands: Vec<Cmd>) -> Vec<Result<Value, LinkError>> {
        if let [command] = commands.as_slice() {
            return vec![self.ask(command).await];
        }
        let count = commands.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command);
        }
        let mut connection = self.connection.clone();
        let answers = connection.send_packed_commands(&pipeline, 0, count);
        match self.within(answers).await.and_then(|answers| Ok(answers?)) {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| Ok(unwrap_error(answer)?))
                .collect(),
            Err(error) => vec![Err(error); count],
        }
    }
}

/// An error the server answered with is an error; one inside an answer stays where it is.
fn unwrap_error(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(error.into()),
        other => Ok(other),
    }
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
            let wire = Wire::new(connection, tokio::time::sleep(lasts), limit);
            let began = Instant::now();
            let error = wire.ask(&redis::cmd("PING")).await.expect_err("it ended");
            assert_eq!(error.kind, LinkErrorKind::Unreachable);
            assert_eq!(began.elapsed(), lasts);
            assert!(!wire.is_open());
            drop(driver);
        }
    }
}
