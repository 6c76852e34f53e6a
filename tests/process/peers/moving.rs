//! From Alertmanager to Belfry: the real one runs, tells and is stopped; Belfry starts on the same folder with the same
//! configuration. Nobody is told again, no silence is lost, and every end is told once.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use harness::alert::Alert;
use harness::peer::{ALERTMANAGER, ALERTMANAGER_025, Peer};
use harness::server::{Place, Server};
use harness::sink::Sink;
use harness::{PATIENCE, wait_for};
use redis_harness::RedisServer;
use serde_json::Value;

/// Long enough for some ticks of every group: none of them has anything to tell.
const TICKS: Duration = Duration::from_millis(3_500);

fn config(sink: &Sink) -> String {
    format!(
        "route:\n  receiver: team.a\n  group_by: [alertname]\n  group_wait: 300ms\n  group_interval: 1s\n  repeat_interval: 4h\n  routes:\n  \
         - {{matchers: ['severity=~\"page|critical\"', 'zone!=\"é\\\"x\"'], receiver: page, group_by: ['...'], continue: true}}\n  \
         - {{matchers: ['severity=~\"page|critical\"', 'zone!=\"é\\\"x\"'], receiver: page, group_by: [zone]}}\n\
         receivers:\n- name: team.a\n  webhook_configs:\n  - url: {}\n  - {{url: '{}', send_resolved: false}}\n\
         - name: page\n  webhook_configs: [{{url: '{}'}}]\n",
        sink.url("/a"),
        sink.url("/b"),
        sink.url("/page"),
    )
}

fn start(program: &Path, place: &Place) -> Server {
    let mut command = Command::new(program);
    let file = |name| place.path(name).display().to_string();
    command
        .arg(format!("--config.file={}", file("alertmanager.yml")))
        .arg(format!("--storage.path={}", file("data")))
        .args([
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ]);
    Server::start(&mut command)
}

/// What is posted again and again, by whoever evaluates the rules.
fn alerts(begun: SystemTime) -> [Alert; 5] {
    let critical = |zone: &str| {
        let alert = Alert::named("Disk").label("severity", "critical");
        alert.label("zone", zone).starts(begun).lasting()
    };
    let slow = |instance: &str| Alert::named("Slow").label("instance", instance).lasting();
    [
        // Not said since when, so that each server takes its own time for it.
        slow("1"),
        slow("2 \"äö\" \\"),
        critical("x"),
        critical("y"),
        Alert::named("Quiet").starts(begun).lasting(),
    ]
}

/// Runs Alertmanager until it has told everything; answers its silences.
fn told_by_alertmanager(program: &Path, place: &Place, sink: &Sink, alerts: &[Alert]) -> Value {
    let mut server = start(program, place);
    let _kept = server.silence("alertname", "Quiet", Duration::from_secs(3600));
    let expired = server.silence("alertname", "Slow", Duration::from_secs(3600));
    let target = format!("/api/v2/silence/{expired}");
    assert_eq!(
        server
            .send("DELETE", &target, "")
            .expect("an answer")
            .status(),
        200
    );
    server.post(alerts);
    // Slow to both webhooks of the team; page has a group for each of Disk, and one for each zone.
    let has_all = || (sink.told().len() == 6).then_some(());
    assert!(wait_for(PATIENCE, has_all).is_some(), "{:?}", sink.told());
    let silences = silences(&server);
    server.program.signal("TERM");
    assert!(server.program.wait(PATIENCE).success());
    silences
}

/// All silences in the order of their ids.
fn silences(server: &Server) -> Value {
    let mut all = server.json("/api/v2/silences");
    let list = all.as_array_mut().expect("a list");
    list.sort_by_key(|silence| silence["id"].to_string());
    all
}

fn metric(server: &Server, kind: &str, result: &str) -> String {
    let name = format!("belfry_migration_entries_total{{kind=\"{kind}\",result=\"{result}\"}} ");
    let text = server.get("/metrics").body;
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.unwrap_or("missing").to_owned()
}

fn files(place: &Place) -> [Vec<u8>; 2] {
    ["data/silences", "data/nflog"]
        .map(|name| std::fs::read(place.path(name)).expect("it is there"))
}

/// Waits for the messages behind the first `known`; there must be `count`, which say this in any order.
#[track_caller]
fn expect(sink: &Sink, known: usize, count: usize, said: &[(&str, &[&str])]) {
    let _ = wait_for(PATIENCE, || {
        (sink.told().len() >= known + count).then_some(())
    });
    std::thread::sleep(TICKS);
    let news = sink.told().split_off(known);
    let mut found: Vec<_> = news
        .iter()
        .map(|told| (told.path.as_str(), told.summary()))
        .collect();
    found.sort();
    let said = said.iter().map(|(path, all)| {
        let all: Vec<String> = all.iter().map(|text| (*text).to_owned()).collect();
        (*path, all)
    });
    assert_eq!(found, said.collect::<Vec<_>>());
}

fn nothing_is_told_again(test: &str, alertmanager: Peer) {
    let Some(program) = alertmanager.find(test) else {
        return;
    };
    let sink = Sink::start();
    let place = Place::new(&config(&sink));
    let begun = SystemTime::now() - Duration::from_secs(60);
    let all = alerts(begun);
    let before = told_by_alertmanager(&program, &place, &sink, &all);
    let left = files(&place);

    let server = place.start(&[]);
    let log = server.program.stderr.text();
    assert!(log.contains("Took over what an Alertmanager left"), "{log}");
    assert_eq!(silences(&server), before);
    assert_eq!(metric(&server, "silence", "imported"), "2");
    assert_eq!(metric(&server, "nflog", "imported"), "6");
    // They come as they do after a restart of everything: one by one.
    for alert in &all {
        server.post(std::slice::from_ref(alert));
        std::thread::sleep(Duration::from_millis(400));
    }
    server.post(&all);
    expect(&sink, 6, 0, &[]);

    drop(server);
    let server = place.start(&[]);
    let log = server.program.stderr.text();
    assert!(!log.contains("Took over"), "done once:\n{log}");
    assert_eq!(silences(&server), before);
    server.post(&all);
    expect(&sink, 6, 0, &[]);

    let over = |alert: &Alert| alert.clone().ends(SystemTime::now());
    server.post(&[over(&all[0])]);
    let slow: &[&str] = &["Slow firing", "Slow resolved"];
    expect(&sink, 6, 1, &[("/a", slow)]);
    server.post(&[over(&all[1]), over(&all[2])]);
    let gone: &[&str] = &["Slow resolved"];
    let disk: &[&str] = &["Disk resolved"];
    expect(
        &sink,
        7,
        3,
        &[("/a", gone), ("/page", disk), ("/page", disk)],
    );
    assert_eq!(files(&place), left, "Alertmanager can run on them again");
}

#[test]
fn from_alertmanager_nobody_is_told_again_and_no_silence_is_lost() {
    nothing_is_told_again("moving from Alertmanager", ALERTMANAGER);
}

#[test]
fn from_alertmanager_025_too() {
    nothing_is_told_again("moving from Alertmanager 0.25", ALERTMANAGER_025);
}

#[test]
fn what_ended_while_neither_ran_is_told_as_over() {
    let Some(program) = ALERTMANAGER.find("moving while an alert ends") else {
        return;
    };
    let sink = Sink::start();
    let place = Place::new(&config(&sink));
    let all = alerts(SystemTime::now() - Duration::from_secs(60));
    let _ = told_by_alertmanager(&program, &place, &sink, &all);
    let over = all.clone().map(|alert| alert.ends(SystemTime::now()));
    let server = place.start(&[]);
    server.post(&over[2..4]);
    server.post(&over[2..4]);
    let disk: &[&str] = &["Disk resolved"];
    expect(&sink, 6, 4, &[("/page", disk); 4]);
}

#[test]
fn broken_files_are_reported_and_do_not_stop_the_start() {
    let Some(program) = ALERTMANAGER.find("moving with a broken file") else {
        return;
    };
    let sink = Sink::start();
    let place = Place::new(&config(&sink));
    let all = alerts(SystemTime::now() - Duration::from_secs(60));
    let before = told_by_alertmanager(&program, &place, &sink, &all);
    let [_, mut nflog] = files(&place);
    nflog.truncate(nflog.len() - 1);
    std::fs::write(place.path("data/nflog"), nflog).expect("written");
    let server = place.start(&[]);
    let log = server.program.stderr.text();
    assert!(
        log.contains("is cut off") && log.contains("nflog, record at byte "),
        "{log}"
    );
    assert_eq!(silences(&server), before);
    assert_eq!(metric(&server, "nflog", "imported"), "5");
    assert_eq!(metric(&server, "nflog", "unreadable"), "1");
}

/// What an Alertmanager left, once more: the members of a cluster know the same.
fn copy(from: &Place, to: &Place) {
    let [silences, nflog] = files(from);
    std::fs::create_dir(to.path("data")).expect("made");
    std::fs::write(to.path("data/silences"), silences).expect("written");
    std::fs::write(to.path("data/nflog"), nflog).expect("written");
}

fn start_on(redis: &RedisServer, place: &Place) -> Server {
    let mut command = place.command(&[]);
    Server::start(command.env("BELFRY_REDIS_URL", redis.url()))
}

fn is_sharing(server: &Server) {
    let is_shared = || (server.get("/-/coordinated").status() == 200).then_some(());
    assert!(wait_for(PATIENCE, is_shared).is_some(), "it is alone");
}

#[test]
fn instances_that_share_a_redis_take_over_their_own_files() {
    let test = "moving to instances that share a Redis";
    let (Some(program), false) = (ALERTMANAGER.find(test), redis_harness::is_missing(test)) else {
        return;
    };
    let sink = Sink::start();
    let places = [Place::new(&config(&sink)), Place::new(&config(&sink))];
    let all = alerts(SystemTime::now() - Duration::from_secs(60));
    let before = told_by_alertmanager(&program, &places[0], &sink, &all);
    copy(&places[0], &places[1]);

    let redis = RedisServer::start();
    let servers = [start_on(&redis, &places[0]), start_on(&redis, &places[1])];
    for server in &servers {
        is_sharing(server);
        assert_eq!(silences(server), before);
    }
    for (alert, server) in all.iter().zip(servers.iter().cycle()) {
        server.post(std::slice::from_ref(alert));
    }
    servers[1].post(&all);
    expect(&sink, 6, 0, &[]);
    let over = |alert: &Alert| alert.clone().ends(SystemTime::now());
    servers[1].post(&[over(&all[3])]);
    let disk: &[&str] = &["Disk resolved"];
    expect(&sink, 6, 2, &[("/page", disk), ("/page", disk)]);
    servers[0].post(&[over(&all[3])]);
    expect(&sink, 8, 0, &[]);
    let anew = all[3].clone().starts(SystemTime::now());
    servers[0].post(&[anew]);
    let disk: &[&str] = &["Disk firing"];
    let zone = disk;
    expect(&sink, 8, 2, &[("/page", disk), ("/page", zone)]);
}

#[test]
fn what_ended_before_the_other_instances_started_is_told_when_it_fires_again() {
    let test = "moving to instances that start later";
    let (Some(program), false) = (ALERTMANAGER.find(test), redis_harness::is_missing(test)) else {
        return;
    };
    let sink = Sink::start();
    let places = [(); 3].map(|()| Place::new(&config(&sink)));
    let all = alerts(SystemTime::now() - Duration::from_secs(60));
    let _ = told_by_alertmanager(&program, &places[0], &sink, &all);
    copy(&places[0], &places[1]);
    copy(&places[0], &places[2]);

    let redis = RedisServer::start();
    let first = start_on(&redis, &places[0]);
    is_sharing(&first);
    let over = |alert: &Alert| alert.clone().ends(SystemTime::now());
    first.post(&all[1..]);
    expect(&sink, 6, 0, &[]);
    first.post(&[over(&all[2]), over(&all[3])]);
    let ends: &[&str] = &["Disk resolved"];
    expect(&sink, 6, 4, &[("/page", ends); 4]);

    let servers = [start_on(&redis, &places[1]), start_on(&redis, &places[2])];
    for server in &servers {
        is_sharing(server);
        assert_eq!(metric(server, "nflog", "imported"), "6");
    }
    // Nobody is left but who came later. One says that it fires since it did, one since now.
    drop(first);
    let again = [all[2].clone(), all[3].clone().starts(SystemTime::now())];
    servers.iter().for_each(|server| server.post(&again));
    let fires: &[&str] = &["Disk firing"];
    expect(&sink, 10, 4, &[("/page", fires); 4]);
    // What nobody has heard of since still counts as told.
    servers[0].post(&all);
    expect(&sink, 14, 0, &[]);
}
