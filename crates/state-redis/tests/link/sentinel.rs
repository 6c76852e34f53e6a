use std::time::Duration;

use redis_harness::sentinel::MASTER;
use redis_harness::{PATIENCE, Sentinels, holds_within, is_missing};
use state_redis::Value;
use state_redis::error::LinkErrorKind;
use state_redis::link::{Link, LinkOptions, Topology};

use super::{add, error_of, get, recovers_within};

/// How soon the link is with the new master once the sentinels agree on it; how soon they do is Redis's affair.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

fn options(all: &Sentinels) -> LinkOptions {
    LinkOptions {
        topology: Topology::Sentinel {
            nodes: all.nodes(),
            master: MASTER.to_owned(),
        },
        ..LinkOptions::default()
    }
}

#[tokio::test]
async fn the_master_is_followed_through_an_ordered_failover() {
    if is_missing("the_master_is_followed_through_an_ordered_failover") {
        return;
    }
    let all = Sentinels::start();
    let link = Link::new(options(&all)).unwrap();
    assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(1)));
    all.fail_over();
    let took = recovers_within(&link, FOLLOWED_WITHIN).await;
    println!("an ordered failover: {took:?}");
    assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(2)));
    assert_eq!(all.master(), Some(1));
}

#[tokio::test]
async fn the_master_is_followed_when_it_is_killed() {
    if is_missing("the_master_is_followed_when_it_is_killed") {
        return;
    }
    let mut all = Sentinels::start();
    let link = Link::new(options(&all)).unwrap();
    link.run(add(&link, "n", 1)).await.unwrap();
    all.servers[0].kill();
    assert!(all.has_moved_to(1), "the sentinels elect nobody");
    let took = recovers_within(&link, FOLLOWED_WITHIN).await;
    println!("a killed master: {took:?}");
    // The old master comes back and is made a replica; the link stays with the new one.
    all.servers[0].restart();
    assert!(
        all.has_replica(PATIENCE),
        "the old master is nobody's replica"
    );
    let added = link.run(add(&link, "n", 1)).await;
    assert!(added.is_ok(), "the new master is left: {added:?}");
    assert_eq!(all.master(), Some(1));
}

#[tokio::test]
async fn the_master_is_followed_when_it_hangs() {
    if is_missing("the_master_is_followed_when_it_hangs") {
        return;
    }
    let all = Sentinels::start();
    let link = Link::new(options(&all)).unwrap();
    link.run(add(&link, "n", 1)).await.unwrap();
    all.servers[0].pause();
    assert!(all.has_moved_to(1), "the sentinels elect nobody");
    let took = recovers_within(&link, FOLLOWED_WITHIN).await;
    println!("a hanging master: {took:?}");
    // Awake again it calls itself master for a moment; nobody listens.
    all.servers[0].resume();
    let is_demoted = holds_within(PATIENCE, || all.master() == Some(1));
    assert!(is_demoted);
    link.run(add(&link, "n", 1)).await.unwrap();
}

#[tokio::test]
async fn one_sentinel_is_enough_and_a_wrong_name_is_told() {
    if is_missing("one_sentinel_is_enough_and_a_wrong_name_is_told") {
        return;
    }
    let mut all = Sentinels::start();
    let nodes = all.nodes();
    all.sentinels[0].kill();
    all.sentinels[1].pause();
    let link = Link::new(options(&all)).unwrap();
    link.run(get(&link, "n")).await.unwrap();
    let master = "another".to_owned();
    let topology = Topology::Sentinel { nodes, master };
    let link = Link::new(LinkOptions {
        topology,
        ..LinkOptions::default()
    })
    .unwrap();
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Unreachable);
    all.sentinels[1].resume();
}
