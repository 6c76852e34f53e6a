//! A user who lacks a right: people are told which, and what grants it.

use std::sync::Arc;
use std::time::Duration;

use redis_harness::{RedisServer, is_missing};
use runtime::clock::SystemClock;
use runtime::tasks::Shutdown;
use runtime::timing::Timing;
use state::coordinated::Coordinated;
use state::coordinator::InstanceReport;
use state::{Mode, State};
use state_redis::coordinator::RedisCoordinator;
use state_redis::link::{Link, LinkOptions, Password, Topology};

/// An instance whose user may use all keys but those of this family.
async fn without(server: &RedisServer, family: &str) -> Arc<Coordinated> {
    let families = "alert lock fence queue events shard silences session sessions cache rate instance preflight probe";
    let families = families.split(' ').filter(|one| *one != family);
    let patterns: Vec<String> = families.map(|one| format!("~{one}:*")).collect();
    let mut rule = vec!["ACL", "SETUSER", "belfry", "on", ">pw", "&*", "+@all"];
    rule.extend(patterns.iter().map(String::as_str));
    assert_eq!(server.command(&rule), "OK");
    let link = Link::new(LinkOptions {
        topology: Topology::Single {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
        },
        username: Some("belfry".to_owned()),
        password: Some(Password::new("pw")),
        ..LinkOptions::default()
    });
    let link = link.expect("the options are in order");
    let timing = Timing::default();
    let redis = RedisCoordinator::new(link, "a".to_owned(), Arc::default(), timing);
    let report = InstanceReport::default();
    let state = Coordinated::new(Arc::new(redis), report, SystemClock::shared(), timing);
    state.start().await;
    assert_eq!(state.mode(), Mode::Degraded);
    state
}

/// The probe that writes would only say that something is not permitted.
#[tokio::test]
async fn a_key_that_may_not_be_used_is_named_before_anything_is_written() {
    if is_missing("a_key_that_may_not_be_used_is_named_before_anything_is_written") {
        return;
    }
    let server = RedisServer::start();
    let state = without(&server, "probe").await;
    let cause = state.standing().and_then(|standing| standing.cause);
    let cause = cause.expect("a cause");
    assert!(cause.contains("`ACL SETUSER belfry ~probe:*`"), "{cause}");
    let grant = ["ACL", "SETUSER", "belfry", "~probe:*"];
    assert_eq!(server.command(&grant), "OK");
    let stopper = Shutdown::new();
    let _keeper = tokio::spawn(Arc::clone(&state).run_keeper(stopper.listener()));
    for _ in 0..100 {
        if state.mode() == Mode::Coordinated {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state.mode(), Mode::Coordinated, "granted, it shares");
    stopper.stop();
}

/// What is refused is asked for every half minute; whoever wants to go does not wait for that.
#[tokio::test]
async fn an_instance_that_is_refused_can_stop_at_once() {
    if is_missing("an_instance_that_is_refused_can_stop_at_once") {
        return;
    }
    let server = RedisServer::start();
    let state = without(&server, "events").await;
    let stopper = Shutdown::new();
    let keeper = tokio::spawn(Arc::clone(&state).run_keeper(stopper.listener()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    stopper.stop();
    let stopped = tokio::time::timeout(Duration::from_secs(5), keeper).await;
    assert!(stopped.is_ok(), "it waits");
    let refused = server.command(&["ACL", "LOG"]);
    let entries = refused.matches("events:").count();
    assert!(entries <= 4, "not asked for again and again: {refused}");
}
