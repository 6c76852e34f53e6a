//! The link against real servers: what it does when they come, go, hang, refuse and move.

mod basics;
mod cluster;
mod faults;
mod preflight;
mod refusals;
mod sentinel;
mod subscription;
mod tls;
mod valkey;

use std::time::Duration;

use redis_harness::RedisServer;
use state_redis::Value;
use state_redis::call::{Arg, Call};
use state_redis::error::{LinkError, LinkErrorKind};
use state_redis::link::{Link, LinkOptions, Topology};
use state_redis::script::Script;
use tokio::time::Instant;

/// Adds to a number and tells the result.
static ADD: Script = Script::new(
    "add",
    "#!lua\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])",
);

/// Fails in words of our own.
static REFUSE: Script = Script::new(
    "refuse",
    "#!lua\nreturn redis.error_reply('STALE fence ' .. ARGV[1])",
);

fn options(server: &RedisServer) -> LinkOptions {
    LinkOptions {
        topology: Topology::Single {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
        },
        ..LinkOptions::default()
    }
}

fn link_to(server: &RedisServer) -> Link {
    Link::new(options(server)).expect("the options are in order")
}

fn add(link: &Link, key: &str, number: i64) -> Call {
    Call::script(&ADD, vec![link.key(key)], vec![Arg::from(number)])
}

fn get(link: &Link, key: &str) -> Call {
    Call::command("GET").key(link.key(key))
}

fn bytes(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

/// Asks until it is answered; panics when that takes longer.
async fn recovers_within(link: &Link, patience: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let call = Call::command("SET").key(link.key("probe")).arg("1");
        match link.run(call).await {
            Ok(_) => return began.elapsed(),
            Err(error) => assert!(began.elapsed() < patience, "it does not recover: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn kind_of(link: &Link, call: Call) -> LinkErrorKind {
    error_of(link, call).await.kind
}

async fn error_of(link: &Link, call: Call) -> LinkError {
    match link.run(call).await {
        Ok(value) => panic!("it is answered: {value:?}"),
        Err(error) => error,
    }
}
