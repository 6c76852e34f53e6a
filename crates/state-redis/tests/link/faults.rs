use std::time::Duration;

use futures::future::join_all;
use redis_harness::{PATIENCE, RedisServer, is_missing};
use state_redis::Value;
use state_redis::error::LinkErrorKind;
use state_redis::link::{IN_FLIGHT_MAX, Link, LinkOptions, Password, Topology};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{add, error_of, get, kind_of, link_to, options, recovers_within};

#[tokio::test]
async fn it_needs_no_server_to_begin_and_finds_one_that_starts_later() {
    if is_missing("it_needs_no_server_to_begin_and_finds_one_that_starts_later") {
        return;
    }
    let mut server = RedisServer::down_with(&[]);
    let link = link_to(&server);
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Unreachable);
    assert_eq!(error.to_string(), "Connection refused");
    server.restart();
    recovers_within(&link, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn it_survives_a_killed_server() {
    if is_missing("it_survives_a_killed_server") {
        return;
    }
    let mut server = RedisServer::start();
    let link = link_to(&server);
    assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(1)));
    server.kill();
    assert_eq!(
        kind_of(&link, get(&link, "n")).await,
        LinkErrorKind::Unreachable
    );
    server.restart();
    recovers_within(&link, Duration::from_secs(3)).await;
    assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(1)));
}

#[tokio::test]
async fn connections_killed_between_calls_are_not_noticed() {
    if is_missing("connections_killed_between_calls_are_not_noticed") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    for round in 1..=20 {
        assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(round)));
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert!(server.has_clients(0, PATIENCE));
        // The kernel has told us of the end by now; our reader must get its turn to see it.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_time_and_found_again() {
    if is_missing("a_silent_server_is_given_up_in_time_and_found_again") {
        return;
    }
    let server = RedisServer::start();
    let response_timeout = Duration::from_millis(500);
    let link = Link::new(LinkOptions {
        response_timeout,
        ..options(&server)
    })
    .unwrap();
    link.run(add(&link, "n", 1)).await.unwrap();
    server.pause();
    let began = Instant::now();
    let error = error_of(&link, add(&link, "n", 1)).await;
    assert_eq!(error.kind, LinkErrorKind::Timeout, "{error}");
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    // New connections are not answered either, and say so within the time for connecting.
    let began = Instant::now();
    let error = error_of(&link, add(&link, "n", 1)).await;
    assert_eq!(error.kind, LinkErrorKind::Timeout, "{error}");
    assert!(
        began.elapsed() < Duration::from_millis(1400),
        "{:?}",
        began.elapsed()
    );
    server.resume();
    recovers_within(&link, Duration::from_secs(3)).await;
    // The first command reached the server, late: once, not once more by a reconnect.
    assert_eq!(server.command(&["GET", "n"]), "2");
}

#[tokio::test]
async fn a_silent_server_costs_bounded_memory() {
    if is_missing("a_silent_server_costs_bounded_memory") {
        return;
    }
    let server = RedisServer::start();
    let response_timeout = Duration::from_secs(1);
    let link = Link::new(LinkOptions {
        response_timeout,
        ..options(&server)
    })
    .unwrap();
    link.run(get(&link, "n")).await.unwrap();
    server.pause();
    let began = Instant::now();
    let most = usize::try_from(IN_FLIGHT_MAX).unwrap();
    let calls = (0..most + 500).map(|_| async {
        let error = error_of(&link, get(&link, "n")).await;
        (error, began.elapsed())
    });
    let answers = join_all(calls).await;
    let turned_away = |message: &str| message.contains("wait for an answer already");
    let count = answers
        .iter()
        .filter(|(e, _)| turned_away(&e.message))
        .count();
    assert_eq!(count, 500);
    assert!(
        answers
            .iter()
            .all(|(e, _)| e.kind == LinkErrorKind::Timeout)
    );
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    server.resume();
    recovers_within(&link, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn a_slow_command_does_not_cost_the_connection() {
    if is_missing("a_slow_command_does_not_cost_the_connection") {
        return;
    }
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let response_timeout = Duration::from_millis(400);
    let link = Link::new(LinkOptions {
        response_timeout,
        ..options(&server)
    })
    .unwrap();
    link.run(get(&link, "n")).await.unwrap();
    // The first is answered too late; the second, sent meanwhile on the same connection, in time.
    let slow = state_redis::call::Call::command("DEBUG SLEEP").arg("0.6");
    let later = async {
        tokio::time::sleep(Duration::from_millis(350)).await;
        link.run(get(&link, "n")).await
    };
    let (slow, later) = tokio::join!(kind_of(&link, slow), later);
    assert_eq!(slow, LinkErrorKind::Timeout);
    assert!(later.is_ok(), "{later:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_connection_is_replaced() {
    if is_missing("a_dropped_connection_is_replaced") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    link.run(get(&link, "n")).await.unwrap();
    link.drop_connection();
    assert!(server.has_clients(0, PATIENCE), "it is closed");
    link.run(get(&link, "n")).await.unwrap();
    assert!(server.has_clients(1, PATIENCE), "and made anew");
}

/// Passes bytes on to a server, its answers later.
async fn slow_line(server: &RedisServer, latency: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = server.address();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&address).await.unwrap();
            let (near_reader, mut near_writer) = near.into_split();
            let (mut far_reader, far_writer) = far.into_split();
            let there = async move {
                let (mut from, mut to) = (near_reader, far_writer);
                let _ = tokio::io::copy(&mut from, &mut to).await;
            };
            let back = async move {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = far_reader.read(&mut bytes).await {
                    tokio::time::sleep(latency).await;
                    let _ = near_writer.write_all(&bytes[..count]).await;
                }
            };
            tokio::spawn(there);
            tokio::spawn(back);
        }
    });
    port
}

#[tokio::test]
async fn slow_is_not_down() {
    if is_missing("slow_is_not_down") {
        return;
    }
    let server = RedisServer::start_with(&["--requirepass", "pw"]).with_auth(&["pw"]);
    for latency in [500, 1200].map(Duration::from_millis) {
        let mut options = options(&server);
        options.password = Some(Password::new("pw"));
        let port = slow_line(&server, latency).await;
        options.topology = Topology::Single {
            host: "127.0.0.1".to_owned(),
            port,
        };
        let link = Link::new(options).unwrap();
        for _ in 0..2 {
            link.run(get(&link, "n")).await.unwrap();
        }
    }
}
