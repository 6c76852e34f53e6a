use std::time::Duration;

use redis_harness::{Cluster, RedisServer, is_missing};
use state_redis::Value;
use state_redis::call::Call;
use state_redis::error::LinkErrorKind;
use state_redis::link::{Heard, Link, LinkOptions, Topology};

use super::{add, error_of, get, kind_of, link_to};

fn link_to_all(all: &Cluster) -> Link {
    let topology = Topology::Cluster { nodes: all.nodes() };
    Link::new(LinkOptions {
        topology,
        ..LinkOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn calls_reach_their_slots() {
    if is_missing("calls_reach_their_slots") {
        return;
    }
    let all = Cluster::start();
    let link = link_to_all(&all);
    let calls = (0..64)
        .map(|n| add(&link, &format!("{{s{n:02}}}"), n))
        .collect();
    let results = link.run_all(calls).await;
    for (n, result) in (0..64).zip(results) {
        assert_eq!(result, Ok(Value::Int(n)));
    }
    let sizes: Vec<String> = all.servers.iter().map(|s| s.command(&["DBSIZE"])).collect();
    assert!(
        sizes.iter().all(|size| size != "0"),
        "all masters have some: {sizes:?}"
    );
    assert_eq!(link.scan("{s*", 100).await.unwrap().len(), 64);
    assert_eq!(link.scan("{s*", 10).await.unwrap().len(), 10);
    // A script across slots is our own mistake, not the cluster's.
    let across = vec!["a".to_owned(), "b".to_owned()];
    let call = Call::script(&super::ADD, across, vec![1_i64.into()]);
    assert!(!kind_of(&link, call).await.is_unavailable());
}

#[tokio::test]
async fn flushed_scripts_are_loaded_where_they_are_missing() {
    if is_missing("flushed_scripts_are_loaded_where_they_are_missing") {
        return;
    }
    let all = Cluster::start();
    let link = link_to_all(&all);
    for round in 1..=10 {
        all.servers[0].command(&["SCRIPT", "FLUSH"]);
        let calls = (0..16)
            .map(|n| add(&link, &format!("{{s{n:02}}}"), 1))
            .collect();
        for result in link.run_all(calls).await {
            assert_eq!(result, Ok(Value::Int(round)));
        }
    }
}

#[tokio::test]
async fn a_moved_slot_is_followed() {
    if is_missing("a_moved_slot_is_followed") {
        return;
    }
    let all = Cluster::start();
    let link = link_to_all(&all);
    link.run(get(&link, "x")).await.unwrap();
    let slot = all.servers[0]
        .command(&["CLUSTER", "KEYSLOT", "x"])
        .parse()
        .unwrap();
    for to in [0, 1, 2] {
        all.move_slot(slot, to);
        link.run(get(&link, "x")).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_master_costs_its_own_slots_only() {
    if is_missing("a_lost_master_costs_its_own_slots_only") {
        return;
    }
    let mut all = Cluster::start();
    for server in &all.servers {
        server.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let link = link_to_all(&all);
    let calls = || {
        (0..32)
            .map(|n| add(&link, &format!("{{s{n:02}}}"), 1))
            .collect::<Vec<_>>()
    };
    assert!(link.run_all(calls()).await.iter().all(Result::is_ok));
    all.servers[1].kill();
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let results = link.run_all(calls()).await;
        let served = results.iter().filter(|result| result.is_ok()).count();
        assert!(0 < served && served < 32, "{served} served");
        for error in results.into_iter().filter_map(Result::err) {
            assert!(error.kind.is_unavailable(), "{error:?}");
            kinds.insert(format!("{:?}", error.kind));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("a lost master's slots answer {kinds:?}");
    // Once the others have given it up no fresh connection to the cluster can be made.
    let given_up = |server: &RedisServer| {
        let info = server.command(&["CLUSTER", "INFO"]);
        info.contains("cluster_slots_fail") && !info.contains("cluster_slots_fail:0")
    };
    let mut looks = 0;
    while !given_up(&all.servers[0]) || !given_up(&all.servers[2]) {
        looks += 1;
        assert!(looks < 200, "it is not given up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..40 {
        let began = tokio::time::Instant::now();
        let results = link.run_all(calls()).await;
        let served = results.iter().filter(|result| result.is_ok()).count();
        assert!(0 < served && served < 32, "{served} served: {results:?}");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    all.servers[1].restart();
    let mut tries = 0;
    while !link.run_all(calls()).await.iter().all(Result::is_ok) {
        tries += 1;
        assert!(tries < 100, "the restarted master is not found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Many ask at once, as an instance does: whoever asks the nodes that are there waits for none that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_master_holds_up_nobody_else() {
    if is_missing("a_lost_master_holds_up_nobody_else") {
        return;
    }
    let mut all = Cluster::start();
    for server in &all.servers {
        server.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let link = link_to_all(&all);
    link.run(add(&link, "n", 1)).await.unwrap();
    let began = tokio::time::Instant::now();
    let asking: Vec<_> = (0..6_u64)
        .map(|task| {
            let link = link.clone();
            tokio::spawn(async move {
                while began.elapsed() < Duration::from_secs(8) {
                    let keys = (0..32).map(|n| format!("{{s{n:02}}}{task}"));
                    let calls = keys.map(|key| add(&link, &key, 1)).collect();
                    let asked_at = tokio::time::Instant::now();
                    let results = link.run_all(calls).await;
                    let served = results.iter().filter(|result| result.is_ok()).count();
                    assert!(0 < served, "{:?}: {results:?}", began.elapsed());
                    let took = asked_at.elapsed();
                    assert!(took < Duration::from_secs(1), "{took:?}: {results:?}");
                    tokio::time::sleep(Duration::from_millis(20 + 7 * task)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // It has the first slots, and what is of no slot could go there as well.
    all.servers[0].kill();
    for asked in asking {
        asked.await.unwrap();
    }
    let anywhere = link.run(Call::command("PING")).await;
    assert!(anywhere.is_ok(), "{anywhere:?}");
}

#[tokio::test]
async fn killed_connections_cost_one_call_each_at_most() {
    if is_missing("killed_connections_cost_one_call_each_at_most") {
        return;
    }
    let all = Cluster::start();
    let link = link_to_all(&all);
    link.run(add(&link, "n", 1)).await.unwrap();
    for server in &all.servers {
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    let mut done = 1;
    let mut failed = 0;
    while done < 5 {
        match link.run(add(&link, "n", 1)).await {
            Ok(_) => done += 1,
            Err(_) => failed += 1,
        }
        assert!(failed <= 3, "it comes back at once");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        link.run(get(&link, "n")).await,
        Ok(super::bytes("5")),
        "and repeats nothing"
    );
}

#[tokio::test]
async fn messages_come_from_any_node() {
    if is_missing("messages_come_from_any_node") {
        return;
    }
    let all = Cluster::start();
    let link = link_to_all(&all);
    let mut ear = link.subscribe("c".to_owned());
    assert_eq!(ear.next().await, Heard::Reconnected);
    all.servers[2].command(&["PUBLISH", "c", "hello"]);
    assert_eq!(ear.next().await, Heard::Message(b"hello".to_vec()));
    let publish = Call::command("PUBLISH").arg("c").arg("again");
    link.run(publish).await.unwrap();
    assert_eq!(ear.next().await, Heard::Message(b"again".to_vec()));
}

#[tokio::test]
async fn a_cluster_and_a_single_server_are_not_taken_for_each_other() {
    if is_missing("a_cluster_and_a_single_server_are_not_taken_for_each_other") {
        return;
    }
    let all = Cluster::start();
    let link = link_to(&all.servers[0]);
    let mut moved = None;
    for n in 0..10 {
        moved = moved.or(link.run(get(&link, &format!("k{n}"))).await.err());
    }
    let moved = moved.expect("some key lives elsewhere");
    assert_eq!(moved.kind, LinkErrorKind::ClusterDown);
    assert!(moved.message.contains("part of a cluster"), "{moved}");
    let server = RedisServer::start();
    let nodes = vec![("127.0.0.1".to_owned(), server.port())];
    let topology = Topology::Cluster { nodes };
    let link = Link::new(LinkOptions {
        topology,
        ..LinkOptions::default()
    })
    .unwrap();
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Config, "{error}");
}

#[tokio::test]
async fn a_cluster_that_is_down_tells_why() {
    if is_missing("a_cluster_that_is_down_tells_why") {
        return;
    }
    let mut all = Cluster::start();
    let link = link_to_all(&all);
    for server in &mut all.servers {
        server.kill();
    }
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Unreachable);
    assert_eq!(error.message, "Connection refused");
}
