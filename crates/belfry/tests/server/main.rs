//! The program as a user runs it: real processes, real sockets on the loopback, real time.

mod failpoints;
mod process;
mod sink;
mod status;
mod templates;

use std::time::Duration;

use process::{Server, http, run};
use sink::Sink;

/// An alertmanager.yml that tells a webhook quickly.
fn config(sink: &Sink, path: &str) -> String {
    format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}/{path}'}}]}}]\n",
        sink.url()
    )
}

fn alert(name: &str, ends_at: Option<&str>) -> String {
    let end = ends_at
        .map(|end| format!(",\"endsAt\":\"{end}\""))
        .unwrap_or_default();
    format!("[{{\"labels\":{{\"alertname\":\"{name}\"}}{end}}}]")
}

fn metric(server: &Server, name: &str) -> String {
    let text = server.get("/metrics").body;
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn an_alert_reaches_the_webhook_and_reloads_are_atomic() {
    let sink = Sink::start();
    let server = Server::start(&config(&sink, "one"));
    assert_eq!(server.get("/-/ready").body, "OK");
    assert_eq!(
        server.post("/api/v2/alerts", &alert("First", None)).status,
        200
    );
    let told = sink.next();
    assert_eq!(
        (told.path.as_str(), told.names()),
        ("/one", vec!["First".to_owned()])
    );
    assert_eq!(told.body["status"], "firing");
    assert_eq!(told.body["receiver"], "hook");

    // A good file: the next group goes elsewhere, what was told is not told again.
    server.write_config(&config(&sink, "two"));
    assert_eq!(server.post("/-/reload", "").status, 200);
    server.log_has("Completed loading of configuration file");
    let hash = metric(&server, "alertmanager_config_hash");
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Second", None)).status,
        200
    );
    let told = sink.next();
    assert_eq!(
        (told.path.as_str(), told.names()),
        ("/two", vec!["Second".to_owned()])
    );

    // A bad file: refused, and everything stays.
    server.write_config("route: {receiver: nobody}\n");
    let refused = server.post("/-/reload", "");
    assert_eq!(refused.status, 500);
    assert!(
        refused.body.starts_with("failed to reload config: "),
        "{}",
        refused.body
    );
    server.log_has("Loading configuration file failed");
    assert_eq!(
        metric(&server, "alertmanager_config_last_reload_successful"),
        "0"
    );
    assert_eq!(metric(&server, "alertmanager_config_hash"), hash);
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Third", None)).status,
        200
    );
    assert_eq!(sink.next().path, "/two");

    // SIGHUP reads it again.
    server.write_config(&config(&sink, "three"));
    server.signal("HUP");
    server.log_has("Completed loading of configuration file");
    assert_eq!(
        metric(&server, "alertmanager_config_last_reload_successful"),
        "1"
    );
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Fourth", None)).status,
        200
    );
    assert_eq!(sink.next().path, "/three");

    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    sink.is_quiet(Duration::from_millis(100));
}

#[test]
fn after_kill_9_nothing_is_told_twice_and_an_end_is_reported() {
    let sink = Sink::start();
    let mut server = Server::start(&config(&sink, "hook"));
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Kept", None)).status,
        200
    );
    assert_eq!(sink.next().body["status"], "firing");
    let silence = "{\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}],\"startsAt\":\"2000-01-01T00:00:00Z\",\
                   \"endsAt\":\"2999-01-01T00:00:00Z\",\"createdBy\":\"me\",\"comment\":\"c\"}";
    assert_eq!(server.post("/api/v2/silences", silence).status, 200);
    // The answer of the webhook is recorded before the next tick; give the record its moment.
    std::thread::sleep(Duration::from_millis(500));
    server.signal("KILL");
    assert_eq!(server.exit_code(), None);

    server = server.restart();
    sink.is_quiet(Duration::from_secs(3));
    let alerts = server.get("/api/v2/alerts").body;
    assert!(alerts.contains("Kept"), "{alerts}");
    assert!(
        server
            .get("/api/v2/silences")
            .body
            .contains("\"createdBy\":\"me\"")
    );
    assert_eq!(
        server
            .post(
                "/api/v2/alerts",
                &alert("Kept", Some("2001-01-01T00:00:00Z"))
            )
            .status,
        200
    );
    let told = sink.next();
    assert_eq!(
        (told.body["status"].as_str(), told.names()),
        (Some("resolved"), vec!["Kept".to_owned()])
    );
    server.signal("INT");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_second_instance_on_the_same_storage_is_refused() {
    let sink = Sink::start();
    let server = Server::start(&config(&sink, "hook"));
    let storage = server.folder().join("data");
    let second = run(&[
        "alertmanager",
        "--config.file",
        &server.config_file(),
        &format!("--storage.path={}", storage.display()),
        "--web.listen-address=127.0.0.1:0",
    ]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains("is in use by process"),
        "{}",
        second.stderr
    );
    assert_eq!(server.get("/-/healthy").status, 200);
}

#[test]
fn without_a_configuration_alerts_go_to_the_inbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!(
        "--database.url=sqlite://{}/belfry.db",
        folder.path().display()
    );
    let server = Server::start_with(&[
        "serve",
        "--server.listen=127.0.0.1:0",
        &url,
        "--logging.level",
        "info",
    ]);
    server.log_has("every alert goes to the built-in inbox");
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Seen", None)).status,
        200
    );
    let is_there = || server.get("/api/belfry/v1/inbox").body.contains("Seen");
    // The built-in group_wait is 5 s.
    let found = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        is_there()
    });
    assert!(found, "{}", server.get("/api/belfry/v1/inbox").body);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn tenants_from_belfry_yaml_are_apart_and_reload_together() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("am.yml", &config(&sink, "default"));
    write("acme.yml", &config(&sink, "acme"));
    let belfry = "alertmanager: {config_file: am.yml}\ntenants: {acme: {config_file: acme.yml, anonymous_api: true}}\n\
                  server: {listen: '127.0.0.1:0'}\n";
    write("belfry.yaml", belfry);
    let file = folder.path().join("belfry.yaml").display().to_string();
    let url = format!(
        "--database.url=sqlite://{}/belfry.db",
        folder.path().display()
    );
    let server = Server::start_with(&["serve", "--config", &file, &url]);
    let headers = "X-Scope-OrgID: acme\r\n";
    let posted = http(
        server.address(),
        "POST",
        "/api/v2/alerts",
        headers,
        &alert("Theirs", None),
    );
    assert_eq!(posted.status, 200);
    assert_eq!(sink.next().path, "/acme");
    assert_eq!(server.get("/api/v2/alerts").body.trim(), "[]");

    // One tenant's mistake keeps both as they are.
    write("am.yml", &config(&sink, "changed"));
    write("acme.yml", "receivers: []\n");
    assert_eq!(server.post("/-/reload", "").status, 500);
    assert_eq!(
        server.post("/api/v2/alerts", &alert("Ours", None)).status,
        200
    );
    assert_eq!(sink.next().path, "/default");
}

#[test]
fn check_config_tells_good_from_bad() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("am.yml");
    let shown = file.display().to_string();
    let slack = "route: {receiver: a}\nreceivers:\n- {name: a, slack_configs: [{api_url: 'http://x.example.org', channel: c}]}\n\
                 tracing: {endpoint: 'h:1'}\n";
    std::fs::write(&file, slack).expect("written");
    let checked = run(&["check-config", &shown]);
    assert_eq!(checked.code, Some(0), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("SUCCESS") && checked.stdout.contains(" - 1 receivers"),
        "{}",
        checked.stdout
    );
    assert!(
        checked
            .stdout
            .contains("WARNING: `tracing` is accepted but not acted on"),
        "{}",
        checked.stdout
    );
    std::fs::write(&file, "route: {receiver: b}\n").expect("written");
    let checked = run(&["check-config", &shown]);
    assert_eq!(checked.code, Some(1));
    assert!(checked.stdout.contains("FAILED: "), "{}", checked.stdout);
}

#[test]
fn under_the_name_alertmanager_it_is_alertmanager() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("alertmanager");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_belfry"), &link).expect("linked");
    let output = std::process::Command::new(link)
        .arg("--version")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("alertmanager, version 0.33.1 "), "{text}");
}

#[test]
fn the_demo_shows_firing_grouped_and_resolved() {
    let demo = Server::start_with(&["demo", "--server.listen=127.0.0.1:0"]);
    let shown = demo.stdout_until("That was the demo", Duration::from_secs(25));
    for expected in [
        "[FIRING:1] DiskAlmostFull",
        "[FIRING:2] HighLatency",
        "[FIRING:3] HighLatency",
        "[RESOLVED] DiskAlmostFull",
        "[RESOLVED] HighLatency",
    ] {
        assert!(
            shown.contains(expected),
            "{expected} is missing in:\n{shown}"
        );
    }
    demo.signal("INT");
    assert_eq!(demo.exit_code(), Some(0));
}
