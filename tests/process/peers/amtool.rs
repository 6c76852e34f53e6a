//! The real amtool as the client: what it prints and its exit codes, beside what it prints when it talks to Alertmanager.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::peer::{ALERTMANAGER, AMTOOL, AMTOOL_025, Peer};
use harness::server::{Place, Server, binary};
use harness::wait_for;

use crate::transcript::{Session, Step};

const CONFIG: &str = r#"global: {resolve_timeout: 7m}
route:
  receiver: default
  group_by: [alertname]
  group_wait: 10m
  routes:
  - matchers: [severity="critical"]
    receiver: pager
    continue: true
    routes:
    - {matchers: [team=~"a|b"], receiver: team.a}
  - matchers: [severity=~"critical|warning", zone!="é\"x"]
    receiver: chat
    mute_time_intervals: [nights]
inhibit_rules:
- {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [service]}
time_intervals:
- {name: nights, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], weekdays: ['monday:friday'], location: Europe/Berlin}]}
receivers:
- name: default
- name: pager
  webhook_configs: [{url: 'http://127.0.0.1:1/secret', max_alerts: 5, http_config: {basic_auth: {username: u, password: p}}}]
- name: team.a
  webhook_configs: [{url: 'http://127.0.0.1:1/a', send_resolved: false}]
- name: chat
"#;

fn command(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    command
        .arg(format!(
            "--config.file={}",
            place.path("alertmanager.yml").display()
        ))
        .arg(format!("--storage.path={}", place.path("data").display()))
        .args([
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=127.0.0.1:0",
            "--cluster.peer-name=me",
        ]);
    command
}

/// Waits until the server has found that it is its only peer.
fn settle(server: &Server) {
    let is_ready = || (server.json("/api/v2/status")["cluster"]["status"] == "ready").then_some(());
    assert!(
        wait_for(Duration::from_secs(30), is_ready).is_some(),
        "{}",
        server.json("/api/v2/status")
    );
}

/// A new Belfry.
fn belfry(place: &Place) -> Server {
    let mut all = Command::new(binary());
    all.arg("alertmanager")
        .args(command(binary(), place).get_args());
    Server::start(&mut all)
}

/// Runs the same session against Belfry and, if it is there, Alertmanager; both must have said the same.
fn beside(test: &str, amtool: Peer, session: fn(&mut Session<'_>)) {
    let Some(amtool) = amtool.find(test) else {
        return;
    };
    let place = Place::new(CONFIG);
    let server = belfry(&place);
    settle(&server);
    let mut ours = Session::new(&amtool, server.url());
    session(&mut ours);

    let Some(alertmanager) = ALERTMANAGER.find(&format!("{test} (beside Alertmanager)")) else {
        return;
    };
    let place = Place::new(CONFIG);
    let server = Server::start(&mut command(&alertmanager, &place));
    settle(&server);
    let mut theirs = Session::new(&amtool, server.url());
    session(&mut theirs);
    same(&ours.steps, &theirs.steps);
}

#[track_caller]
fn same(ours: &[Step], theirs: &[Step]) {
    let mut different = String::new();
    for (our, their) in ours.iter().zip(theirs) {
        if our != their {
            different.push_str(&format!(
                "amtool {}\nBelfry:\n{}Alertmanager:\n{}\n",
                our.command,
                shown(our),
                shown(their)
            ));
        }
    }
    assert!(different.is_empty(), "\n{different}");
    assert_eq!(ours.len(), theirs.len());
}

fn shown(step: &Step) -> String {
    format!("  exit {:?}\n{}\n{}\n", step.code, step.stdout, step.stderr)
}

fn ids(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn alerts(amtool: &mut Session<'_>) {
    amtool.ok(&[
        "alert",
        "add",
        "test1",
        "severity=warning",
        "service=web",
        "--annotation=summary=one and only",
        "--start=2026-01-02T03:04:05Z",
        "--end=2099-01-01T00:00:00Z",
    ]);
    amtool.ok(&[
        "alert",
        "add",
        "alertname=alertname=test2",
        "severity=info",
        "--generator-url=http://example.org/g?a=b&c",
    ]);
    amtool.ok(&["alert", "add", "alertname={alertname=test3}", "service=db"]);
    amtool.ok(&[
        "alert",
        "add",
        r#"alertname="say \"hi\", then go""#,
        r"path=C:\\x",
    ]);
    amtool.ok(&[
        "alert",
        "add",
        "alertname=Σίσυφος 🙂",
        "zone=é",
        "severity=critical",
    ]);
    amtool.run(&["alert", "add", "nonsense", "a b=c"]);
    amtool.run(&["alert", "add"]);
    amtool.run(&[
        "alert",
        "add",
        "late",
        "--end=2020-01-01T00:00:00Z",
        "--start=2021-01-01T00:00:00Z",
    ]);

    let all = amtool.ok(&["alert", "query"]);
    for name in [
        "test1",
        "alertname=test2",
        "{alertname=test3}",
        "say \"hi\", then go",
        "Σίσυφος 🙂",
    ] {
        assert!(all.contains(name), "{name} did not survive:\n{all}");
    }
    assert_eq!(all.lines().count(), 6, "a head and five alerts:\n{all}");
    amtool.ok(&["alert", "query", "--output=extended"]);
    amtool.ok(&["alert", "query", "-o", "json"]);
    amtool.ok(&["alert"]);
    for matcher in [
        "test1",
        "severity=warning",
        "alertname=~te.*",
        "severity!=info",
        r#"alertname="Σίσυφος 🙂""#,
        "zone=é",
        "{severity=critical}",
    ] {
        amtool.ok(&["alert", "query", matcher]);
    }
    amtool.ok(&["alert", "query", "alertname={alertname=test3}"]);
    amtool.ok(&["alert", "query", "severity=warning", "alertname=test1"]);
    for receiver in ["pager", "team.*", "nobody", "default|chat"] {
        amtool.ok(&["alert", "query", "--receiver", receiver]);
    }
    amtool.run(&["alert", "query", "--receiver", "("]);
    amtool.run(&["alert", "query", "a=~("]);
    for state in ["--silenced", "--inhibited", "--unprocessed", "--active"] {
        amtool.ok(&["alert", "query", state]);
    }
    // An alert whose end is posted is gone from the list.
    amtool.ok(&[
        "alert",
        "add",
        "test1",
        "severity=warning",
        "service=web",
        "--start=2026-01-02T03:04:05Z",
        "--end=2026-01-03T00:00:00Z",
    ]);
    let left = amtool.ok(&["alert", "query"]);
    assert_eq!(left.lines().count(), 5, "{left}");
}

fn silences(amtool: &mut Session<'_>) {
    amtool.ok(&["alert", "add", "test1", "severity=warning"]);
    amtool.ok(&["alert", "add", "Σ", r#"say="a \"b\"""#]);
    let first = ids(&amtool.ok(&[
        "silence",
        "add",
        "test1",
        "--comment=for a while",
        "--author=me",
        "--duration=2h",
    ]));
    let second = ids(&amtool.ok(&[
        "silence",
        "add",
        r#"say="a \"b\"""#,
        "alertname=~Σ|T",
        "-c",
        "höher",
        "-a",
        "Σ",
        "-d",
        "3h",
    ]));
    amtool.fails(&["silence", "add", "test1"], "comment required");
    amtool.fails(&["silence", "add", "-c", "x"], "no matchers");
    amtool.run(&["silence", "add", "a=b", "a=~(", "-c", "x"]);
    amtool.run(&["silence", "add", "a=~.*", "-c", "x"]);
    amtool.run(&[
        "silence",
        "add",
        "a=b",
        "-c",
        "x",
        "--start=2030-01-01T00:00:00Z",
        "--end=2029-01-01T00:00:00Z",
    ]);

    let listed = amtool.ok(&["silence", "query"]);
    assert!(
        listed.contains("alertname=\"test1\"") && listed.contains("höher"),
        "{listed}"
    );
    amtool.ok(&["silence", "query", "-o", "extended"]);
    amtool.ok(&["silence", "query", "-o", "json"]);
    amtool.ok(&["silence", "query", "-q"]);
    amtool.ok(&["silence", "query", "test1"]);
    amtool.ok(&["silence", "query", "alertname=test1"]);
    amtool.ok(&["silence", "query", "--created-by=me"]);
    amtool.ok(&["silence", "query", "--within=150m", "-q"]);
    amtool.ok(&["silence", "query", "--expired"]);
    let silenced = amtool.ok(&["alert", "query", "--silenced"]);
    assert_eq!(silenced.lines().count(), 3, "{silenced}");
    assert_eq!(
        amtool.ok(&["alert", "query"]).lines().count(),
        1,
        "nothing is active"
    );

    update_and_expire(amtool, &first, &second);
    amtool.fails(&["silence", "expire"], "no silence IDs");
    amtool.run(&["silence", "expire", "00000000-0000-0000-0000-000000000000"]);
    amtool.run(&["silence", "expire", "nonsense"]);
    amtool.run(&[
        "silence",
        "update",
        "00000000-0000-0000-0000-000000000000",
        "-d",
        "1h",
    ]);
    amtool.run(&["silence", "update"]);
}

fn update_and_expire(amtool: &mut Session<'_>, first: &[String], second: &[String]) {
    let kept = amtool.ok(&[
        "silence",
        "update",
        "-d",
        "4h",
        "-c",
        "for longer",
        &first[0],
    ]);
    assert!(
        kept.contains(&first[0]) && kept.contains("for longer"),
        "an update in place keeps the id: {kept}"
    );
    let listed = amtool.ok(&["silence", "query", "test1"]);
    assert!(
        listed.contains(&first[0]) && listed.contains("for longer"),
        "{listed}"
    );
    amtool.ok(&["silence", "expire", &first[0]]);
    // Twice is no error.
    amtool.ok(&["silence", "expire", &first[0]]);
    let left = amtool.ok(&["silence", "query", "-q"]);
    assert_eq!(ids(&left), second);
    amtool.ok(&["silence", "query", "--expired", "-q"]);
    // What is over is set again under a new id.
    amtool.ok(&["silence", "update", "-d", "1h", &first[0]]);
    let active = ids(&amtool.ok(&["silence", "query", "-q"]));
    assert!(
        active.len() == 2 && !active.contains(&first[0]),
        "{active:?}"
    );
}

fn import(amtool: &mut Session<'_>) {
    amtool.ok(&["silence", "add", "one", "-c", "x", "-d", "1h"]);
    amtool.ok(&[
        "silence",
        "add",
        "two",
        r#"Σ="q\"q""#,
        "-c",
        "y",
        "-d",
        "2h",
    ]);
    let exported = amtool.ok(&["silence", "query", "-o", "json"]);
    let file = amtool.file("exported.json", &exported);
    let all = ids(&amtool.ok(&["silence", "query", "-q"]));
    assert_eq!(all.len(), 2);
    let mut expire = vec!["silence", "expire"];
    expire.extend(all.iter().map(String::as_str));
    amtool.ok(&expire);
    assert!(ids(&amtool.ok(&["silence", "query", "-q"])).is_empty());
    assert_eq!(
        ids(&amtool.ok(&["silence", "query", "--expired", "-q"])).len(),
        2,
        "expired ones are listed"
    );

    amtool.ok(&["silence", "import", "-w", "1", &file]);
    assert_eq!(
        ids(&amtool.ok(&["silence", "query", "-q"])).len(),
        2,
        "imported again"
    );
    amtool.ok(&["silence", "import", "-w", "1", "--force", &file]);
    // Of silences with the same end the order is anybody's.
    assert_eq!(ids(&amtool.unordered(&["silence", "query", "-q"])).len(), 4);
    let strange = exported.replace(&all[0], "11111111-2222-4333-8444-555555555555");
    let strange = amtool.file("strange.json", &strange);
    amtool.ok(&["silence", "import", "-w", "1", &strange]);

    let broken = amtool.file("broken.json", "{");
    amtool.fails(&["silence", "import", &broken], "unmarshal");
    let invalid = r#"[{"comment":"c","createdBy":"","endsAt":"2020-01-01T00:00:00.000Z","startsAt":"2019-01-01T00:00:00.000Z","matchers":[{"name":"a","value":"b","isRegex":false}]}]"#;
    let file = amtool.file("invalid.json", invalid);
    amtool.fails(
        &["silence", "import", "-w", "1", &file],
        "couldn't import 1 out of 1 silences",
    );
}

fn show(amtool: &mut Session<'_>) {
    let config = amtool.ok(&["config", "show"]);
    assert!(
        config.contains("<secret>") && !config.contains("/secret\n"),
        "{config}"
    );
    amtool.ok(&["config"]);
    // These show the version's details, which differ.
    amtool.ok(&["config", "show", "-o", "json"]);
    amtool.steps.pop();
    amtool.ok(&["config", "show", "-o", "extended"]);
    amtool.steps.pop();
    routes(amtool);
    amtool.ok(&["cluster", "show", "-o", "json"]);
    let cluster = amtool.ok(&["cluster", "show"]);
    assert!(
        cluster.contains("ready") && cluster.contains("me"),
        "{cluster}"
    );
}

fn routes(amtool: &mut Session<'_>) {
    let tree = amtool.ok(&["config", "routes", "show"]);
    assert!(tree.contains("receiver: team.a"), "{tree}");
    amtool.ok(&["config", "routes"]);
    for (labels, receivers) in [
        (vec!["severity=critical"], "pager,chat"),
        (vec!["severity=critical", "team=a"], "team.a,chat"),
        (vec!["severity=warning", r#"zone="é\"x""#], "default"),
        (vec!["severity=warning"], "chat"),
        (vec!["Σ=x"], "default"),
        (vec![], "default"),
    ] {
        let mut args = vec!["config", "routes", "test"];
        args.extend(&labels);
        assert_eq!(amtool.ok(&args).trim(), receivers, "{labels:?}");
        args.push("--tree");
        amtool.ok(&args);
        args.pop();
        args.push("--verify.receivers=chat");
        let code = amtool.run(&args).code;
        assert_eq!(code, Some(i32::from(receivers != "chat")), "{labels:?}");
    }
    amtool.fails(
        &["config", "routes", "test", "{foo=bar}"],
        "Failed to parse labels: unexpected open or close brace: {foo=bar}",
    );
}

#[test]
fn amtool_adds_and_queries_alerts() {
    beside("amtool_adds_and_queries_alerts", AMTOOL, alerts);
}

#[test]
fn amtool_sets_updates_and_expires_silences() {
    beside("amtool_sets_updates_and_expires_silences", AMTOOL, silences);
}

#[test]
fn amtool_imports_silences() {
    beside("amtool_imports_silences", AMTOOL, import);
}

#[test]
fn amtool_shows_configuration_routes_and_cluster() {
    beside(
        "amtool_shows_configuration_routes_and_cluster",
        AMTOOL,
        show,
    );
}

#[test]
fn amtool_025_handles_alerts_and_silences() {
    beside("amtool_025_handles_alerts_and_silences", AMTOOL_025, older);
}

/// What the stable distributions' amtool does; its matchers are the classic ones.
fn older(amtool: &mut Session<'_>) {
    // It speaks of another version on standard error, as it does to Alertmanager 0.33.
    amtool.run(&[
        "alert",
        "add",
        "test1",
        "severity=warning",
        "--annotation=summary=one",
        "--start=2026-01-02T03:04:05Z",
    ]);
    amtool.run(&[
        "alert",
        "add",
        r#"alertname="say \"hi\"""#,
        "severity=info",
        "zone=é",
    ]);
    amtool.run(&["alert", "add", "alertname={alertname=test3}"]);
    let all = amtool.run(&["alert", "query"]).stdout;
    for name in ["test1", "say \"hi\"", "{alertname=test3}"] {
        assert!(all.contains(name), "{name} did not survive:\n{all}");
    }
    amtool.run(&["alert", "query", "-o", "json"]);
    amtool.run(&["alert", "query", "-o", "extended", "severity=~w.*"]);
    let added = amtool.run(&["silence", "add", "test1", "-c", "x", "-a", "me", "-d", "2h"]);
    let id = ids(&added.stdout);
    assert_eq!((added.code, id.len()), (Some(0), 1), "{added:?}");
    amtool.run(&[
        "silence",
        "add",
        r#"alertname="say \"hi\"""#,
        "-c",
        "y",
        "-a",
        "me",
        "-d",
        "3h",
    ]);
    assert!(amtool.run(&["silence", "query"]).stdout.contains(&id[0]));
    amtool.run(&["silence", "query", "-o", "json"]);
    amtool.run(&["alert", "query", "--silenced"]);
    amtool.run(&["silence", "update", "-d", "5h", &id[0]]);
    let exported = amtool.run(&["silence", "query", "-o", "json"]).stdout;
    let file = amtool.file("exported.json", &exported);
    assert_eq!(amtool.run(&["silence", "expire", &id[0]]).code, Some(0));
    assert!(
        !amtool
            .run(&["silence", "query", "-q"])
            .stdout
            .contains(&id[0])
    );
    assert_eq!(
        amtool.run(&["silence", "import", "-w", "1", &file]).code,
        Some(0)
    );
    amtool.run(&["silence", "query", "-q"]);
    amtool.run(&["config", "routes", "test", "severity=critical"]);
    amtool.run(&["cluster", "show"]);
}
