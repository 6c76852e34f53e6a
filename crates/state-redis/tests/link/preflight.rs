use redis_harness::{Cluster, RedisServer, Sentinels, is_missing};
use state_redis::error::{LinkError, LinkErrorKind};
use state_redis::link::{Link, LinkOptions, Password, Topology};
use state_redis::preflight::{ServerFacts, preflight};

use super::{link_to, options};

/// The preflight of a user with these rights on top of everything.
async fn as_user(
    server: &RedisServer,
    rights: &[&str],
    key_prefix: &str,
) -> Result<ServerFacts, LinkError> {
    let mut rule = vec![
        "ACL", "SETUSER", "belfry", "reset", "on", ">pw", "~*", "&*", "+@all",
    ];
    rule.extend(rights);
    assert_eq!(server.command(&rule), "OK");
    let options = LinkOptions {
        username: Some("belfry".to_owned()),
        password: Some(Password::new("pw")),
        key_prefix: key_prefix.to_owned(),
        ..options(server)
    };
    let link = Link::new(options).unwrap();
    preflight(&link).await
}

#[tokio::test]
async fn a_plain_server_passes_and_nothing_is_left() {
    if is_missing("a_plain_server_passes_and_nothing_is_left") {
        return;
    }
    let server = RedisServer::start();
    let facts = preflight(&link_to(&server)).await.unwrap();
    assert!(server.command(&["INFO", "server"]).contains(&facts.version));
    assert!(!facts.version.is_empty());
    assert_eq!(server.command(&["DBSIZE"]), "0");
    assert_eq!(facts.warnings.len(), 1, "{:?}", facts.warnings);
    assert!(
        facts.warnings[0].contains("nothing on disk"),
        "{:?}",
        facts.warnings
    );
}

#[tokio::test]
async fn settings_that_hurt_are_told() {
    if is_missing("settings_that_hurt_are_told") {
        return;
    }
    let args = ["--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"];
    let server = RedisServer::start_with(&args);
    let facts = preflight(&link_to(&server)).await.unwrap();
    assert_eq!(facts.warnings.len(), 1, "{:?}", facts.warnings);
    assert!(
        facts.warnings[0].contains("allkeys-lru"),
        "{:?}",
        facts.warnings
    );
}

/// Nothing needs it, but without it nobody notices that keys are thrown away.
#[tokio::test]
async fn a_missing_right_to_info_is_told() {
    if is_missing("a_missing_right_to_info_is_told") {
        return;
    }
    let server = RedisServer::start_with(&["--appendonly", "yes"]);
    let facts = as_user(&server, &["-info"], "").await.unwrap();
    assert_eq!(facts.warnings.len(), 1, "{:?}", facts.warnings);
    assert!(facts.warnings[0].contains("+info"), "{:?}", facts.warnings);
}

#[tokio::test]
async fn every_missing_right_is_named() {
    if is_missing("every_missing_right_is_named") {
        return;
    }
    let server = RedisServer::start();
    let commands = [
        "DEL",
        "EXPIRE",
        "PEXPIRE",
        "GET",
        "SET",
        "EXISTS",
        "TYPE",
        "TIME",
        "PUBLISH",
        "HGET",
        "HSET",
        "HDEL",
        "HLEN",
        "HGETALL",
        "HMGET",
        "HINCRBY",
        "HSCAN",
        "HKEYS",
        "HEXISTS",
        "ZADD",
        "ZREM",
        "ZRANGE",
        "ZRANGEBYSCORE",
        "ZSCORE",
        "ZMSCORE",
        "ZCARD",
        "ZREMRANGEBYSCORE",
        "XADD",
        "XTRIM",
        "XREAD",
        "XRANGE",
        "XREVRANGE",
        "XINFO",
        "XLEN",
        "SCAN",
        "SUBSCRIBE",
        "EVAL",
        "EVALSHA",
    ];
    for command in commands {
        let right = format!("-{}", command.to_lowercase());
        let error = as_user(&server, &[&right], "").await.expect_err(command);
        assert_eq!(error.kind, LinkErrorKind::NoPerm, "{command}: {error}");
        let grant = format!("+{}", command.to_lowercase());
        let is_named =
            error.message.contains(&format!("`{command}`")) && error.message.contains(&grant);
        assert!(is_named, "{command}: {error}");
        assert!(!error.message.contains("use keys"), "{command}: {error}");
        assert!(error.message.contains("ACL SETUSER belfry"), "{error}");
        assert_eq!(server.command(&["DBSIZE"]), "0", "{command} leaves nothing");
    }
    let error = as_user(&server, &["-xadd", "-hscan"], "")
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "the user `belfry` may not run `HSCAN`, run `XADD`; allow it with `ACL SETUSER belfry +hscan +xadd`"
    );
}

#[tokio::test]
async fn missing_keys_and_channels_are_named_with_the_prefix() {
    if is_missing("missing_keys_and_channels_are_named_with_the_prefix") {
        return;
    }
    let server = RedisServer::start();
    let ours = ["resetkeys", "resetchannels", "~prod:*", "&prod:*"];
    as_user(&server, &ours, "prod").await.unwrap();
    let some = ["resetkeys", "~prod:preflight:*", "~prod:alert:*"];
    let error = as_user(&server, &some, "prod").await.unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::NoPerm);
    assert!(error.message.contains("~prod:lock:*"), "{error}");
    assert!(!error.message.contains("~prod:alert:*"), "{error}");
    let error = as_user(&server, &["~*", "resetchannels"], "prod")
        .await
        .unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::NoPerm);
    assert!(error.message.contains("&prod:*"), "{error}");
    assert!(!error.message.contains("+publish"), "{error}");
}

/// The rule of deploy/redis/users.acl, which docs/OPERATIONS.md points to, for keys with this prefix.
fn rule_of_the_manual(prefix: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/redis/users.acl");
    let text = std::fs::read_to_string(path).expect("the file is there");
    let line = text.lines().find(|line| line.starts_with("user belfry "));
    let words = line
        .expect("a user of that name")
        .split_whitespace()
        .skip(4);
    let prefixed = words.map(|word| match word.strip_prefix('~') {
        Some(pattern) => format!("~{prefix}{pattern}"),
        None => word.to_owned(),
    });
    prefixed.collect()
}

#[tokio::test]
async fn the_rule_of_the_manual_is_enough_and_each_family_of_keys_in_it_is_needed() {
    if is_missing("the_rule_of_the_manual_is_enough_and_each_family_of_keys_in_it_is_needed") {
        return;
    }
    let server = RedisServer::start();
    for (key_prefix, prefix) in [("", ""), ("prod", "prod:")] {
        let rule = rule_of_the_manual(prefix);
        let as_told = async |rule: Vec<String>| {
            let mut words = vec!["resetkeys", "resetchannels"];
            words.extend(rule.iter().map(String::as_str));
            as_user(&server, &words, key_prefix).await
        };
        as_told(rule.clone()).await.unwrap();
        let families = rule.iter().filter(|word| word.starts_with('~'));
        for family in families {
            let without = rule.iter().filter(|word| *word != family);
            let error = as_told(without.cloned().collect()).await.expect_err(family);
            let wanted = format!("allow it with `ACL SETUSER belfry {family}`");
            assert!(error.message.contains(&wanted), "{family}: {error}");
            // Keys that may only be read, or only be written, are of no use.
            for half in ["%R", "%W"] {
                let instead = |word: &String| match word == family {
                    true => format!("{half}{word}"),
                    false => word.clone(),
                };
                let rule = rule.iter().map(instead).collect();
                let error = as_told(rule).await.expect_err(family);
                assert!(error.message.contains(&wanted), "{half}{family}: {error}");
            }
        }
        assert_eq!(server.command(&["DBSIZE"]), "0");
    }
    // The patterns of the manual as they are, with a prefix configured.
    let mut rule = vec!["resetkeys".to_owned()];
    rule.extend(rule_of_the_manual(""));
    let rule: Vec<&str> = rule.iter().map(String::as_str).collect();
    let error = as_user(&server, &rule, "prod").await.unwrap_err();
    assert!(error.message.contains("~prod:probe:*"), "{error}");
}

#[tokio::test]
async fn the_least_rights_are_enough() {
    if is_missing("the_least_rights_are_enough") {
        return;
    }
    let server = RedisServer::start();
    let rights = [
        "-@dangerous",
        "-@admin",
        "-config",
        "-info",
        "-hello",
        "-client",
        "-ping",
        "-keys",
    ];
    as_user(&server, &rights, "").await.unwrap();
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named() {
    if is_missing("a_command_that_is_not_there_is_named") {
        return;
    }
    let server = RedisServer::start_with(&["--rename-command", "XREVRANGE", ""]);
    let error = preflight(&link_to(&server)).await.unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::OldServer);
    assert!(error.message.contains("`XREVRANGE`"), "{error}");
}

#[tokio::test]
async fn it_works_under_sentinels_in_clusters_and_out_of_memory() {
    if is_missing("it_works_under_sentinels_in_clusters_and_out_of_memory") {
        return;
    }
    let sentinels = Sentinels::start();
    let (nodes, master) = (
        sentinels.nodes(),
        redis_harness::sentinel::MASTER.to_owned(),
    );
    let cluster = Cluster::start();
    let topologies = [
        Topology::Sentinel { nodes, master },
        Topology::Cluster {
            nodes: cluster.nodes(),
        },
    ];
    for topology in topologies {
        let link = Link::new(LinkOptions {
            topology,
            ..LinkOptions::default()
        })
        .unwrap();
        let facts = preflight(&link).await.unwrap();
        assert!(!facts.version.is_empty());
    }
    let server = RedisServer::start_with(&["--maxmemory", "100kb"]);
    preflight(&link_to(&server)).await.unwrap();
    let server = RedisServer::down_with(&[]);
    let error = preflight(&link_to(&server)).await.unwrap_err();
    assert_eq!(error.message, "Connection refused");
}
