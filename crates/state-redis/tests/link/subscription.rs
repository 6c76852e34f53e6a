use std::time::Duration;

use redis_harness::sentinel::MASTER;
use redis_harness::{PATIENCE, RedisServer, Sentinels, is_missing};
use state_redis::link::{Heard, Link, LinkOptions, Subscription, Topology};

use super::link_to;

async fn hear(ear: &mut Subscription) -> Heard {
    let heard = tokio::time::timeout(PATIENCE, ear.next()).await;
    heard.expect("something is heard")
}

#[tokio::test]
async fn a_subscription_survives_killed_connections_and_servers() {
    if is_missing("a_subscription_survives_killed_connections_and_servers") {
        return;
    }
    let mut server = RedisServer::start();
    let link = link_to(&server);
    let mut ear = link.subscribe(link.key("wake"));
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
    server.command(&["PUBLISH", "wake", "1"]);
    assert_eq!(hear(&mut ear).await, Heard::Message(b"1".to_vec()));
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
    server.command(&["PUBLISH", "wake", "2"]);
    assert_eq!(hear(&mut ear).await, Heard::Message(b"2".to_vec()));
    server.kill();
    assert!(
        tokio::time::timeout(Duration::from_millis(300), ear.next())
            .await
            .is_err(),
        "nothing is heard meanwhile"
    );
    server.restart();
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
}

#[tokio::test]
async fn a_caller_who_looks_away_often_still_gets_subscribed() {
    if is_missing("a_caller_who_looks_away_often_still_gets_subscribed") {
        return;
    }
    let server = RedisServer::start();
    let mut ear = link_to(&server).subscribe("wake".to_owned());
    let mut looks = 0;
    loop {
        let look = tokio::time::timeout(Duration::from_micros(50), ear.next());
        match look.await {
            Ok(heard) => break assert_eq!(heard, Heard::Reconnected),
            Err(_) => looks += 1,
        }
        assert!(looks < 100_000, "it is never subscribed");
    }
}

#[tokio::test]
async fn a_subscription_follows_the_master() {
    if is_missing("a_subscription_follows_the_master") {
        return;
    }
    let mut all = Sentinels::start();
    let (nodes, master) = (all.nodes(), MASTER.to_owned());
    let topology = Topology::Sentinel { nodes, master };
    let link = Link::new(LinkOptions {
        topology,
        ..LinkOptions::default()
    })
    .unwrap();
    let mut ear = link.subscribe("wake".to_owned());
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
    all.servers[0].kill();
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
    all.servers[1].command(&["PUBLISH", "wake", "1"]);
    assert_eq!(hear(&mut ear).await, Heard::Message(b"1".to_vec()));
}

#[tokio::test]
async fn a_subscription_notices_a_server_that_hangs() {
    if is_missing("a_subscription_notices_a_server_that_hangs") {
        return;
    }
    let server = RedisServer::start();
    let mut ear = link_to(&server).subscribe("wake".to_owned());
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
    server.pause();
    // Ten seconds of silence, two for an answer that does not come, one for a connection.
    let silence = tokio::time::timeout(Duration::from_secs(14), ear.next()).await;
    assert!(silence.is_err());
    server.resume();
    assert_eq!(hear(&mut ear).await, Heard::Reconnected);
}
