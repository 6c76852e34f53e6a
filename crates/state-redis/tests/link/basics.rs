use redis_harness::{RedisServer, is_missing};
use state_redis::Value;
use state_redis::call::Call;
use state_redis::error::LinkErrorKind;
use state_redis::link::{Link, LinkOptions};

use super::{REFUSE, add, bytes, get, link_to, options};

#[tokio::test]
async fn commands_and_scripts_are_answered() {
    if is_missing("commands_and_scripts_are_answered") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    assert_eq!(link.run(add(&link, "n", 5)).await, Ok(Value::Int(5)));
    assert_eq!(link.run(add(&link, "n", -2)).await, Ok(Value::Int(3)));
    assert_eq!(link.run(get(&link, "n")).await, Ok(bytes("3")));
    assert_eq!(link.run(get(&link, "none")).await, Ok(Value::Nil));
    assert!(
        server.has_clients(1, redis_harness::PATIENCE),
        "one connection serves all"
    );
}

#[tokio::test]
async fn a_prefix_goes_before_every_name() {
    if is_missing("a_prefix_goes_before_every_name") {
        return;
    }
    let server = RedisServer::start();
    let key_prefix = "prod".to_owned();
    let link = Link::new(LinkOptions {
        key_prefix,
        db: 3,
        ..options(&server)
    })
    .unwrap();
    link.run(add(&link, "n", 5)).await.unwrap();
    assert_eq!(link.key("n"), "prod:n");
    assert_eq!(server.command(&["GET", "n"]), "(nil)", "another database");
    assert_eq!(
        link.scan(&link.key("*"), 10).await,
        Ok(vec!["prod:n".to_owned()])
    );
}

#[tokio::test]
async fn a_pipeline_is_one_round_trip_and_a_failure_in_it_is_its_own() {
    if is_missing("a_pipeline_is_one_round_trip_and_a_failure_in_it_is_its_own") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    link.run(add(&link, "n", 0)).await.unwrap();
    let refuse = Call::script(&REFUSE, vec![link.key("n")], vec![7_i64.into()]);
    let wrong = Call::command("HGET").key(link.key("n")).arg("f");
    let calls = vec![
        add(&link, "n", 1),
        refuse,
        add(&link, "n", 1),
        wrong,
        get(&link, "n"),
    ];
    let results = link.run_all(calls).await;
    assert_eq!(results[0], Ok(Value::Int(1)));
    let stale = LinkErrorKind::Script("STALE fence 7".to_owned());
    assert_eq!(results[1].as_ref().unwrap_err().kind, stale);
    assert!(!stale.is_unavailable());
    assert_eq!(results[2], Ok(Value::Int(2)));
    let wrong = &results[3].as_ref().unwrap_err().message;
    assert!(wrong.starts_with("WRONGTYPE"), "{wrong}");
    // The refusing script went a second time, since the server did not know it yet; nothing else did.
    assert_eq!(server.command(&["GET", "n"]), "2");
    assert!(link.run_all(Vec::new()).await.is_empty());
}

#[tokio::test]
async fn flushing_scripts_stays_invisible() {
    if is_missing("flushing_scripts_stays_invisible") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    for round in 1..=50 {
        if round % 3 == 0 {
            server.command(&["SCRIPT", "FLUSH"]);
        }
        let calls = vec![add(&link, "a", 1), get(&link, "a"), add(&link, "b", 1)];
        let results = link.run_all(calls).await;
        assert_eq!(results[0], Ok(Value::Int(round)));
        assert_eq!(results[2], Ok(Value::Int(round)));
    }
}

#[tokio::test]
async fn a_scan_finds_what_matches_up_to_its_limit() {
    if is_missing("a_scan_finds_what_matches_up_to_its_limit") {
        return;
    }
    let server = RedisServer::start();
    let link = link_to(&server);
    let set = |name: String| Call::command("SET").key(link.key(&name)).arg("1");
    let mut calls: Vec<Call> = (0..3000).map(|n| set(format!("a:{n}"))).collect();
    calls.push(set("b:1".to_owned()));
    assert!(link.run_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(link.scan("a:*", usize::MAX).await.unwrap().len(), 3000);
    assert_eq!(link.scan("a:*", 10).await.unwrap().len(), 10);
    assert_eq!(link.scan("b:*", 10).await.unwrap(), ["b:1"]);
    let used = server.command(&["INFO", "commandstats"]);
    assert!(!used.contains("cmdstat_keys"), "never KEYS");
}
