use std::time::Duration;

use redis_harness::{PATIENCE, RedisServer, holds_within, is_missing};
use state_redis::call::{Arg, Call};
use state_redis::error::LinkErrorKind;
use state_redis::link::{Link, LinkOptions, Password};
use state_redis::script::Script;

use super::{add, error_of, get, kind_of, link_to, options, recovers_within};

/// As it would look before Redis 7 existed.
static UNKNOWN: Script = Script::new("unknown", "#!lua\nreturn redis.call('NOSUCH', KEYS[1])");

fn set(link: &Link, name: &str) -> Call {
    Call::command("SET").key(link.key(name)).arg("1")
}

#[tokio::test]
async fn a_missing_and_a_wrong_password_are_told_apart() {
    if is_missing("a_missing_and_a_wrong_password_are_told_apart") {
        return;
    }
    let server = RedisServer::start_with(&["--requirepass", "right"]).with_auth(&["right"]);
    let link = link_to(&server);
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::NoAuth);
    assert!(error.kind.opens_at_once() && error.kind.is_permission());
    let with = |text: &str| {
        let password = Some(Password::new(text));
        Link::new(LinkOptions {
            password,
            ..options(&server)
        })
        .unwrap()
    };
    let error = error_of(&with("wrong"), get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::WrongPass);
    assert!(!error.message.contains("wrong\""), "{error}");
    with("right").run(get(&link, "n")).await.unwrap();
}

#[tokio::test]
async fn a_password_file_is_read_at_each_log_in() {
    if is_missing("a_password_file_is_read_at_each_log_in") {
        return;
    }
    let mut server = RedisServer::start_with(&["--requirepass", "one"]).with_auth(&["one"]);
    let path = server.folder().join("password");
    let password_file = Some(path.clone());
    let link = Link::new(LinkOptions {
        password_file,
        ..options(&server)
    })
    .unwrap();
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Config);
    assert!(error.message.contains("password file"), "{error}");
    std::fs::write(&path, "one\n").unwrap();
    recovers_within(&link, Duration::from_secs(3)).await;
    server.command(&["CONFIG", "SET", "requirepass", "two"]);
    server = server.with_auth(&["two"]);
    std::fs::write(&path, "two\r\n").unwrap();
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    recovers_within(&link, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn a_missing_right_is_named() {
    if is_missing("a_missing_right_is_named") {
        return;
    }
    let server = RedisServer::start();
    let rule = [
        "ACL", "SETUSER", "belfry", "on", ">pw", "~*", "&*", "+@all", "-incrby", "-xadd", "-ping",
    ];
    assert_eq!(server.command(&rule), "OK");
    let username = Some("belfry".to_owned());
    let password = Some(Password::new("pw"));
    let link = Link::new(LinkOptions {
        username,
        password,
        ..options(&server)
    })
    .unwrap();
    link.run(get(&link, "n")).await.unwrap();
    let in_script = error_of(&link, add(&link, "n", 1)).await;
    assert_eq!(in_script.kind, LinkErrorKind::NoPerm, "{in_script}");
    let xadd = Call::command("XADD")
        .key("s".to_owned())
        .arg("*")
        .arg("f")
        .arg("v");
    let direct = error_of(&link, xadd).await;
    assert_eq!(direct.kind, LinkErrorKind::NoPerm);
    assert!(direct.message.contains("xadd"), "{direct}");
}

#[tokio::test]
async fn a_user_without_a_password_logs_in() {
    if is_missing("a_user_without_a_password_logs_in") {
        return;
    }
    let server = RedisServer::start();
    server.command(&[
        "ACL", "SETUSER", "open", "on", "nopass", "~*", "&*", "+@all",
    ]);
    let username = Some("open".to_owned());
    let link = Link::new(LinkOptions {
        username,
        ..options(&server)
    })
    .unwrap();
    let who = link.run(Call::command("ACL WHOAMI")).await.unwrap();
    assert_eq!(who, super::bytes("open"));
}

#[tokio::test]
async fn a_full_server_is_out_of_memory() {
    if is_missing("a_full_server_is_out_of_memory") {
        return;
    }
    let server = RedisServer::start_with(&["--maxmemory", "100kb"]);
    let link = link_to(&server);
    assert_eq!(kind_of(&link, set(&link, "n")).await, LinkErrorKind::Oom);
    assert_eq!(kind_of(&link, add(&link, "n", 1)).await, LinkErrorKind::Oom);
}

#[tokio::test]
async fn a_server_that_cannot_save_is_misconfigured() {
    if is_missing("a_server_that_cannot_save_is_misconfigured") {
        return;
    }
    let server = RedisServer::start_with(&["--save", "3600 1"]);
    server.command(&["SET", "a", "1"]);
    // A folder stands where the dump is to be written.
    std::fs::create_dir(server.folder().join("dump.rdb")).unwrap();
    std::fs::write(server.folder().join("dump.rdb/occupied"), "").unwrap();
    server.command(&["BGSAVE"]);
    let has_failed = holds_within(PATIENCE, || {
        server
            .command(&["INFO", "persistence"])
            .contains("rdb_last_bgsave_status:err")
    });
    assert!(has_failed, "the save fails");
    let link = link_to(&server);
    assert_eq!(
        kind_of(&link, set(&link, "n")).await,
        LinkErrorKind::Misconf
    );
    assert_eq!(
        kind_of(&link, add(&link, "n", 1)).await,
        LinkErrorKind::Misconf
    );
}

#[tokio::test]
async fn too_few_replicas_are_told() {
    if is_missing("too_few_replicas_are_told") {
        return;
    }
    let server = RedisServer::start_with(&["--min-replicas-to-write", "1"]);
    let link = link_to(&server);
    assert_eq!(
        kind_of(&link, set(&link, "n")).await,
        LinkErrorKind::NoReplicas
    );
    assert_eq!(
        kind_of(&link, add(&link, "n", 1)).await,
        LinkErrorKind::NoReplicas
    );
}

#[tokio::test]
async fn a_replica_is_read_only_until_it_is_promoted() {
    if is_missing("a_replica_is_read_only_until_it_is_promoted") {
        return;
    }
    let master = RedisServer::start();
    let server = RedisServer::start();
    let link = link_to(&server);
    link.run(add(&link, "n", 1)).await.unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let is_linked = holds_within(PATIENCE, || {
        server
            .command(&["INFO", "replication"])
            .contains("master_link_status:up")
    });
    assert!(is_linked);
    assert_eq!(
        kind_of(&link, add(&link, "n", 1)).await,
        LinkErrorKind::ReadOnly
    );
    assert_eq!(
        kind_of(&link, set(&link, "n")).await,
        LinkErrorKind::ReadOnly
    );
    server.command(&["REPLICAOF", "NO", "ONE"]);
    link.run(add(&link, "n", 1)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_loads_its_data_says_so() {
    if is_missing("a_server_that_loads_its_data_says_so") {
        return;
    }
    let mut server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    server.command(&["DEBUG", "POPULATE", "20000"]);
    assert_eq!(server.command(&["SAVE"]), "OK");
    // Each key takes a while, so that loading can be watched.
    server.add_args(&[
        "--key-load-delay",
        "500",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    server.launch();
    let link = link_to(&server);
    let mut seen = Vec::new();
    let is_loading = loop {
        match link.run(set(&link, "n")).await {
            Ok(_) => break false,
            Err(error) if error.kind == LinkErrorKind::Loading => break true,
            Err(error) => seen.push(error.kind),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(is_loading, "{seen:?}");
    server.command(&["CONFIG", "SET", "key-load-delay", "0"]);
    recovers_within(&link, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_busy_server_says_so() {
    if is_missing("a_busy_server_says_so") {
        return;
    }
    let server = RedisServer::start_with(&["--busy-reply-threshold", "50"]);
    static SPIN: Script = Script::new("spin", "#!lua\nwhile true do end");
    let link = link_to(&server);
    link.run(set(&link, "n")).await.unwrap();
    let spinning = tokio::spawn({
        let link = link.clone();
        async move {
            link.run(Call::script(&SPIN, vec!["n".to_owned()], Vec::new()))
                .await
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Who waits behind the script on its own connection is not answered at all; others hear why.
    let other = link_to(&server);
    assert_eq!(kind_of(&other, set(&other, "n")).await, LinkErrorKind::Busy);
    server.command(&["SCRIPT", "KILL"]);
    let killed = spinning.await.unwrap().unwrap_err();
    assert!(
        matches!(killed.kind, LinkErrorKind::Script(_)),
        "{killed:?}"
    );
    recovers_within(&link, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn an_unknown_command_means_an_old_server() {
    if is_missing("an_unknown_command_means_an_old_server") {
        return;
    }
    let server = RedisServer::start_with(&["--rename-command", "XINFO", ""]);
    let link = link_to(&server);
    let xinfo = Call::command("XINFO").arg("STREAM").key("s".to_owned());
    assert_eq!(kind_of(&link, xinfo).await, LinkErrorKind::OldServer);
    let call = Call::script(&UNKNOWN, vec!["k".to_owned()], vec![Arg::from("x")]);
    assert_eq!(kind_of(&link, call).await, LinkErrorKind::OldServer);
}
