//! What else lies in `deploy/`.

use std::process::Command;

use harness::peer::PROMTOOL;
use harness::program::run;

use harness::nginx::deployed;

use crate::shared::Shared;

#[test]
fn prometheus_takes_the_rules_about_ourselves() {
    let Some(promtool) = PROMTOOL.find("prometheus_takes_the_rules_about_ourselves") else {
        return;
    };
    let mut command = Command::new(promtool);
    command.args(["check", "rules", "--lint-fatal"]);
    let checked = run(command.arg(deployed("alerts/belfry.yml")));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

/// Goal: no rule, and no line of the operators' page, waits for a metric that is not there.
#[test]
fn every_metric_that_is_named_exists() {
    let metric = regex::Regex::new(r"\b(belfry|alertmanager)_[a-z_]+").expect("a pattern");
    for name in ["alerts/belfry.yml", "../docs/OPERATIONS.md"] {
        let text = std::fs::read_to_string(deployed(name)).expect("it is there");
        for found in metric.find_iter(&text).map(|found| found.as_str()) {
            let known = found.strip_suffix("_bucket").unwrap_or(found);
            let is_known = runtime::metrics::table::ALL
                .iter()
                .any(|spec| spec.name == known);
            assert!(is_known, "{name}: there is no metric {found}");
        }
    }
}

/// Goal: the settings and the user are such that Redis takes them, and allow what Belfry does and no more.
#[test]
fn redis_takes_our_settings_and_our_user() {
    if redis_harness::is_missing("redis_takes_our_settings_and_our_user") {
        return;
    }
    let shared = Shared::start();
    let policy = shared.ask(&["CONFIG", "GET", "maxmemory-policy"]);
    assert_eq!(policy, "maxmemory-policy\nnoeviction");
    let may = |words: &[&str]| {
        let words = [&["ACL", "DRYRUN", "belfry"], words].concat();
        shared.ask(&words) == "OK"
    };
    for words in [
        &["HSET", "alert:meta:{s00}a:b", "a", "b"][..],
        &["SET", "lock:group:{s00}a:b", "c", "NX", "PX", "1"],
        &["ZADD", "queue:due:{s00}", "1", "a"],
        &["XADD", "events:{s00}", "*", "a", "b"],
        &["HGETALL", "silences:a"],
        &["EVAL", "return 1", "0"],
        &["SET", "fence:{s00}a", "1"],
        &["SUBSCRIBE", "wake"],
        &["SCAN", "0"],
        &["TIME"],
        &["INFO"],
        &["ROLE"],
        &["CONFIG", "GET", "maxmemory-policy"],
        &["CLUSTER", "SLOTS"],
    ] {
        assert!(may(words), "Belfry may not {words:?}");
    }
    for words in [
        &["SET", "else", "a"][..],
        &["GET", "else"],
        &["FLUSHALL"],
        &["KEYS", "*"],
        &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
        &["ACL", "LIST"],
        &["SHUTDOWN"],
        &["REPLICAOF", "a", "1"],
        &["DEBUG", "SLEEP", "1"],
        &["CLIENT", "KILL", "ID", "1"],
        &["CLUSTER", "RESET"],
    ] {
        assert!(!may(words), "Belfry may {words:?}");
    }
}

/// Goal: with our settings and users Redis has after a restart all that it had before. Method: what a script wrote is in the
/// append-only file as a transaction, and Redis leaves those out when its default user has no rights (redis/redis#14541).
#[test]
fn redis_keeps_what_scripts_wrote() {
    if redis_harness::is_missing("redis_keeps_what_scripts_wrote") {
        return;
    }
    let mut shared = Shared::start();
    let script = "redis.call('SET', KEYS[1], 'a') redis.call('SET', KEYS[2], 'b')";
    shared.ask(&["EVAL", script, "2", "alert:meta:{s00}", "queue:due:{s00}"]);
    shared.restart();
    assert_eq!(shared.ask(&["GET", "alert:meta:{s00}"]), "a");
    assert_eq!(shared.ask(&["GET", "queue:due:{s00}"]), "b");
}
