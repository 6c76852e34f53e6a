//! Templates as a user meets them: files, webhooks that use them, checks and previews.

use std::time::Duration;

use serde_json::json;

use crate::process::{Server, run};
use crate::sink::Sink;

const FILE: &str = "{{ define \"own.title\" }}{{ .Status | toUpper }} - {{ .CommonAnnotations.summary }} ({{ .RouteLabels.team }}){{ end }}\n";

/// A configuration whose webhook says what templates say.
fn config(sink: &Sink, payload: &str) -> String {
    format!(
        "templates: ['t/*.tmpl']\n\
         route: {{receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 1s, labels: {{team: 'sre-{{{{ .Receiver }}}}'}}}}\n\
         receivers:\n- name: hook\n  webhook_configs:\n  \
         - url: '{}/{{{{ .GroupLabels.alertname | urlquery }}}}?n={{{{ len .Alerts }}}}'\n    payload: {payload}\n",
        sink.url()
    )
}

fn alert(name: &str) -> String {
    json!([{"labels": {"alertname": name}, "annotations": {"summary": "it rings"}}]).to_string()
}

#[test]
fn a_webhook_says_what_the_files_say_and_falls_back_when_they_fail() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t/a.tmpl");
    std::fs::create_dir(folder.path().join("t")).expect("made");
    std::fs::write(&file, FILE).expect("written");
    let payload = "{title: '{{ template \"own.title\" . }}', count: '{{ len .Alerts }}'}";
    std::fs::write(folder.path().join("am.yml"), config(&sink, payload)).expect("written");
    let server = Server::drop_in(folder);
    server.post("/api/v2/alerts", &alert("Good"));
    let told = sink.next();
    assert_eq!(told.path, "/Good?n=1");
    assert_eq!(
        told.body,
        json!({"title": "FIRING - it rings (sre-hook)", "count": 1})
    );

    // A file that cannot be parsed: refused, and the one in force stays.
    std::fs::write(&file, "{{ define \"own.title\" }}").expect("written");
    let refused = server.post("/-/reload", "");
    assert_eq!(refused.status, 500);
    assert!(
        refused.body.contains("a.tmpl:1: unexpected EOF"),
        "{}",
        refused.body
    );
    server.post("/api/v2/alerts", &alert("Still"));
    assert_eq!(sink.next().body["title"], "FIRING - it rings (sre-hook)");

    // One that fails on alerts: the load says so, the message says the standard body and why.
    std::fs::write(&file, "{{ define \"own.title\" }}\n{{ .Nope }}{{ end }}").expect("written");
    assert_eq!(server.post("/-/reload", "").status, 200);
    server.log_has("A template would fail: line 6: receiver `hook`: webhook[0]: payload.title: template: a.tmpl:2:3: executing");
    server.post("/api/v2/alerts", &alert("Bad"));
    let told = sink.next();
    assert_eq!(
        (told.path.as_str(), told.names()),
        ("/Bad?n=1", vec!["Bad".to_owned()])
    );
    assert_eq!(told.body["routeLabels"], json!({"team": "sre-hook"}));
    let error = told.body["templateError"].as_str().expect("a note");
    assert!(
        error.starts_with("payload: template: a.tmpl:2:3: executing \"own.title\" at <.Nope>"),
        "{error}"
    );
    server.log_has("A template failed; the message says the default in its place");
    let metrics = server.get("/metrics").body;
    let counted = "belfry_notification_template_fallbacks_total{integration=\"webhook\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    // It counts as told.
    sink.is_quiet(Duration::from_millis(1500));
}

#[test]
fn a_check_names_templates_that_would_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("am.yml");
    let text = "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: [{url: 'http://x.example.org', payload: '{{ .Nope }}'}]\n";
    std::fs::write(&file, text).expect("written");
    let checked = run(&["check-config", &file.display().to_string()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let warning = "WARNING: a template would fail: line 4: receiver `a`: webhook[0]: payload: template: :1:3: executing \"\" at <.Nope>";
    assert!(checked.stdout.contains(warning), "{}", checked.stdout);
}

#[test]
fn a_template_is_previewed_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("a.tmpl"), FILE).expect("written");
    let data = json!({"commonAnnotations": {"summary": "<b>"}, "routeLabels": {"team": "x"}, "alerts": [{"status": "firing"}]});
    std::fs::write(path("data.json"), data.to_string()).expect("written");
    let glob = format!("--template.glob={}", path("*.tmpl"));
    let data = format!("--template.data={}", path("data.json"));
    let text = "--template.text={{ template \"own.title\" . }}";
    let said = run(&["template", "render", &glob, &data, text]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), "FIRING - <b> (x)"),
        "{said:?}"
    );
    let page = run(&[
        "template",
        "render",
        &glob,
        &data,
        text,
        "--template.type=html",
    ]);
    assert_eq!(page.stdout, "FIRING - &lt;b&gt; (x)");
    // Without data there are made-up alerts.
    let title = "--template.text={{ template \"slack.default.title\" . }}";
    assert_eq!(
        run(&["template", "render", title]).stdout,
        "[FIRING:2] HighLoad node (critical)"
    );
    let failed = run(&["template", "render", "--template.text={{ .Nope }}"]);
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stderr.contains("template: :1:3: executing"),
        "{failed:?}"
    );
    assert_eq!(run(&["template", "render"]).code, Some(1));
    assert_eq!(run(&["template"]).code, Some(1));
}
