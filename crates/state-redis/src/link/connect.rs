//! Finding the right server and logging in.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, Value};

use tokio::time::Instant;

use super::options::{LinkOptions, Topology};
use super::stream;
use super::wire::Wire;
use crate::error::{LinkError, LinkErrorKind};

/// How long further sentinels are waited for once one has answered.
const SENTINELS_LATE: Duration = Duration::from_millis(300);
/// Commands that may wait to be written to one connection.
const WAITING_MAX: usize = 1024;

/// Makes the connection commands go over to one server.
pub(super) async fn connect(options: &LinkOptions) -> Result<Wire, LinkError> {
    match &options.topology {
        Topology::Single { host, port } => node(options, host, *port).await,
        Topology::Sentinel { nodes, master } => {
            let login = login(options).await?;
            let found = ask_sentinels(options, nodes, master, &login).await?;
            first_master(options, &login, &found).await
        }
        Topology::Cluster { .. } => Err(no_address()),
    }
}

/// Makes a connection that listens to one channel.
pub(super) async fn listen(options: &LinkOptions, channel: &str) -> Result<PubSub, LinkError> {
    let login = login(options).await?;
    let addresses = match &options.topology {
        Topology::Single { host, port } => vec![(host.clone(), *port)],
        Topology::Sentinel { nodes, master } => {
            ask_sentinels(options, nodes, master, &login).await?
        }
        Topology::Cluster { nodes } => nodes.clone(),
    };
    let mut failure = no_address();
    for (host, port) in addresses {
        match listen_at(options, &login, &host, port, channel).await {
            Ok(pubsub) => return Ok(pubsub),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn listen_at(
    options: &LinkOptions,
    login: &RedisConnectionInfo,
    host: &str,
    port: u16,
    channel: &str,
) -> Result<PubSub, LinkError> {
    let stream = open(options, host, port).await?;
    let subscribed = async {
        let mut pubsub = PubSub::new(login, stream).await?;
        pubsub.subscribe(channel).await?;
        Ok(pubsub)
    };
    within("answer", options.response_timeout, subscribed).await
}

/// Connects to one address, in time.
async fn open(
    options: &LinkOptions,
    host: &str,
    port: u16,
) -> Result<Box<dyn stream::Bytes>, LinkError> {
    let opening = stream::open(options, host, port);
    within("connection", options.connect_timeout, opening).await
}

async fn within<T>(
    what: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => {
            let message = format!("no {what} within {limit:?}");
            Err(LinkError::new(LinkErrorKind::Timeout, message))
        }
    }
}

fn no_address() -> LinkError {
    LinkError::new(LinkErrorKind::Unreachable, "no server is known")
}

/// Who we are, with the password as the file has it now.
async fn login(options: &LinkOptions) -> Result<RedisConnectionInfo, LinkError> {
    let mut login = RedisConnectionInfo::default()
        .set_db(i64::from(options.db))
        // Without it nothing is sent before the first command, whose answer then tells why the server refuses us.
        .set_skip_set_lib_name();
    if let Some(password) = password(options).await? {
        login = login.set_password(password);
    }
    if let Some(username) = &options.username {
        login = login.set_username(username);
    }
    Ok(login)
}

async fn password(options: &LinkOptions) -> Result<Option<String>, LinkError> {
    if let Some(path) = &options.password_file {
        let text = tokio::fs::read_to_string(path).await.map_err(|error| {
            let message = format!("password file `{}`: {error}", path.display());
            LinkError::new(LinkErrorKind::Config, message)
        })?;
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let password = options.password.as_ref().map(|p| p.reveal().to_owned());
    // A user without a password still has to log in.
    Ok(password.or_else(|| options.username.as_ref().map(|_| String::new())))
}

/// Connects to one server and sees that it answers.
pub(super) async fn node(options: &LinkOptions, host: &str, port: u16) -> Result<Wire, LinkError> {
    let login = login(options).await?;
    let wire = bare(options, &login, host, port).await?;
    // A log-in was answered already; on a slow line each further answer would cost.
    if login.password().is_none() && options.db == 0 {
        allowed(wire.ask(&redis::cmd("PING")).await)?;
    }
    Ok(wire)
}

/// Connects and logs in, nothing else.
async fn bare(
    options: &LinkOptions,
    login: &RedisConnectionInfo,
    host: &str,
    port: u16,
) -> Result<Wire, LinkError> {
    let stream = open(options, host, port).await?;
    let config = AsyncConnectionConfig::new()
        // Time limits are the wire's business.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING_MAX);
    let made = async {
        let made = MultiplexedConnection::new_with_config(login, stream, config);
        Ok(made.await?)
    };
    let (connection, driver) = within("answer", options.response_timeout, made).await?;
    Ok(Wire::new(connection, driver, options.response_timeout))
}

/// A server that answers "you may not ask this" is up.
fn allowed(answer: Result<Value, LinkError>) -> Result<Option<Value>, LinkError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == LinkErrorKind::NoPerm => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks all sentinels at once where the master is; what more of them say comes first.
async fn ask_sentinels(
    options: &LinkOptions,
    nodes: &[(String, u16)],
    master: &str,
    login: &RedisConnectionInfo,
) -> Result<Vec<(String, u16)>, LinkError> {
    let mut asked: FuturesUnordered<_> = nodes
        .iter()
        .map(|(host, port)| ask_sentinel(options, host, *port, master, login))
        .collect();
    let mut votes: BTreeMap<(String, u16), usize> = BTreeMap::new();
    let mut failure = no_address();
    // Once one has answered, silent ones are not waited for long.
    let late = tokio::time::sleep(Duration::MAX);
    tokio::pin!(late);
    let mut is_answered = false;
    loop {
        let answer = tokio::select! {
            answer = asked.next() => answer,
            () = &mut late => None,
        };
        let Some(answer) = answer else { break };
        if answer.is_ok() && !is_answered {
            is_answered = true;
            late.as_mut().reset(Instant::now() + SENTINELS_LATE);
        }
        match answer {
            Ok(Some(address)) => {
                let count = votes.entry(address).or_default();
                *count += 1;
                if nodes.len() < *count * 2 {
                    break;
                }
            }
            Ok(None) => {}
            Err(error) => failure = error,
        }
    }
    if votes.is_empty() && is_answered {
        let message = format!("the sentinels know no master `{master}`");
        return Err(LinkError::new(LinkErrorKind::Unreachable, message));
    }
    if votes.is_empty() {
        return Err(failure);
    }
    let mut found: Vec<_> = votes.into_iter().collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(found.into_iter().map(|(address, _)| address).collect())
}

/// The address of the master, if that sentinel knows one of this name.
async fn ask_sentinel(
    options: &LinkOptions,
    host: &str,
    port: u16,
    master: &str,
    login: &RedisConnectionInfo,
) -> Result<Option<(String, u16)>, LinkError> {
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
    let wire = bare(options, &nobody, host, port).await?;
    let mut answer = wire.ask(&question).await;
    // Sentinels often have no password; those that do are taken to have the servers'.
    if answer
        .as_ref()
        .is_err_and(|e| e.kind == LinkErrorKind::NoAuth)
    {
        let login = login.clone().set_db(0);
        let wire = bare(options, &login, host, port).await?;
        answer = wire.ask(&question).await;
    }
    let address = redis::from_redis_value(answer?);
    address.map_err(|error| LinkError::new(LinkErrorKind::Unexpected, error.to_string()))
}

/// The first of these that calls itself a master.
async fn first_master(
    options: &LinkOptions,
    login: &RedisConnectionInfo,
    found: &[(String, u16)],
) -> Result<Wire, LinkError> {
    let mut failure = no_address();
    for (host, port) in found {
        match master_at(options, login, host, *port).await {
            Ok(wire) => return Ok(wire),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn master_at(
    options: &LinkOptions,
    login: &RedisConnectionInfo,
    host: &str,
    port: u16,
) -> Result<Wire, LinkError> {
    let wire = bare(options, login, host, port).await?;
    let role = allowed(wire.ask(&redis::cmd("ROLE")).await)?;
    let is_replica = match role {
        Some(Value::Array(parts)) => parts
            .first()
            .is_some_and(|word| matches!(word, Value::BulkString(bytes) if bytes != b"master")),
        _ => false,
    };
    if is_replica {
        let message = format!("{host}:{port} is called the master but is a replica");
        return Err(LinkError::new(LinkErrorKind::ReadOnly, message));
    }
    Ok(wire)
}
