//! `POST /api/belfry/v1/templates/render`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, start};

const CONFIG: &str = "\
route: {receiver: r, group_by: [alertname], group_wait: 1h, labels: {team: 'sre-{{ .GroupLabels.alertname }}'}}
receivers: [{name: r}]
";

async fn render(server: &Server, asked: Value) -> (u16, Value) {
    let path = "/api/belfry/v1/templates/render";
    let answer = server.post(path, asked.to_string()).await;
    (answer.status.as_u16(), answer.json())
}

#[track_caller]
fn check((status, answer): (u16, Value), expected: &str) {
    assert_eq!(
        (status, &answer["output"]),
        (200, &json!(expected)),
        "{answer}"
    );
}

async fn with_alerts() -> Server {
    let server = start(CONFIG).await;
    let alerts = json!([
        {"labels": {"alertname": "A", "n": "2"}, "endsAt": "2099-01-01T00:00:00Z"},
        {"labels": {"alertname": "A", "n": "1"}, "annotations": {"x": "<b>"}, "endsAt": "2099-01-01T00:00:00Z"},
        {"labels": {"alertname": "B"}, "endsAt": "2099-01-01T00:00:00Z"},
    ]);
    let posted = server.post("/api/v2/alerts", alerts.to_string()).await;
    assert_eq!(posted.status, StatusCode::OK);
    server
}

#[tokio::test]
async fn a_template_is_rendered_on_alerts_that_are_given() {
    let server = start(CONFIG).await;
    let text = "{{ .Status }} {{ len .Alerts.Resolved }} {{ .CommonLabels }}{{ range .Alerts }} {{ .StartsAt.Unix }}{{ end }}";
    let alerts = json!([
        {"labels": {"a": "b", "n": "1"}, "startsAt": "2026-01-01T00:00:00Z"},
        {"labels": {"a": "b", "n": "2"}, "startsAt": "2026-01-01T00:00:01Z", "endsAt": "2026-01-01T01:00:00Z"},
    ]);
    let asked = json!({"text": text, "alerts": alerts});
    check(
        render(&server, asked).await,
        "firing 1 a=b 1767225600 1767225601",
    );
    // One that is posted without a time begins now.
    let text = "{{ range .Alerts }}{{ .StartsAt.Year }} {{ end }}";
    let alerts =
        json!([{"labels": {"a": "b"}}, {"labels": {"a": "c"}, "endsAt": "2026-01-01T01:00:00Z"}]);
    let (_, answer) = render(&server, json!({"text": text, "alerts": alerts})).await;
    let years = answer["output"].as_str().unwrap_or_default();
    assert!(
        years.starts_with("20") && years.ends_with("2026 "),
        "{answer}"
    );
    // The body of a webhook.
    let data = json!({
        "receiver": "team.a", "status": "resolved", "version": "4", "groupKey": "{}:{}", "externalURL": "http://x.example.org",
        "notification_reason": "all alerts resolved", "groupLabels": {"g": "1"}, "commonLabels": {}, "routeLabels": {"team": "sre"},
        "alerts": [{"status": "resolved", "labels": {"a": "b"}, "annotations": {}, "fingerprint": "f"}],
    });
    let text = "{{ .Receiver }} {{ .Status }} {{ .NotificationReason }} {{ .GroupLabels.g }}{{ .CommonLabels }} \
                {{ .RouteLabels.team }} {{ routeLabels \"team\" }} {{ .ExternalURL }} {{ (index .Alerts 0).Fingerprint }}";
    let expected = "team\\.a resolved all alerts resolved 1 sre sre http://x.example.org f";
    check(
        render(&server, json!({"text": text, "data": data})).await,
        expected,
    );
    // Nothing is given: made-up alerts.
    check(
        render(&server, json!({"text": "{{ len .Alerts.Firing }}"})).await,
        "2",
    );
    let named = json!({"name": "slack.default.title"});
    check(
        render(&server, named).await,
        "[FIRING:2] HighLoad node (critical)",
    );
}

#[tokio::test]
async fn a_template_is_rendered_on_current_alerts() {
    let server = with_alerts().await;
    let text = "{{ range .Alerts }}{{ .Labels.n }} {{ end }}{{ .GroupLabels }}/{{ .RouteLabels }}";
    let asked = json!({"text": text, "matchers": ["alertname=\"A\"", "n!=\"\""]});
    check(render(&server, asked).await, "1 2 /");
    let asked = json!({"text": text, "group": "{}:{alertname=\"A\"}"});
    check(render(&server, asked).await, "1 2 alertname=A/team=sre-A");
    let (status, _) = render(&server, json!({"text": text, "group": "{}:{}"})).await;
    assert_eq!(status, 404);
    let page =
        json!({"text": "<p>{{ .CommonAnnotations.x }}", "type": "html", "matchers": ["n=1"]});
    check(render(&server, page).await, "<p>&lt;b&gt;");
}

#[tokio::test]
async fn groups_show_the_labels_of_their_route() {
    let server = with_alerts().await;
    let groups = server.get("/api/v2/alerts/groups?filter=n=1").await.json();
    assert_eq!(groups[0]["routeLabels"], json!({"team": "sre-A"}));
    let plain = start("route: {receiver: r, group_wait: 1h}\nreceivers: [{name: r}]\n").await;
    let alert = json!([{"labels": {"alertname": "A"}}]).to_string();
    plain.post("/api/v2/alerts", alert).await;
    let groups = plain.get("/api/v2/alerts/groups").await.json();
    assert!(
        groups[0]["labels"].is_object() && groups[0].get("routeLabels").is_none(),
        "{groups}"
    );
}

#[tokio::test]
async fn a_failure_says_where() {
    let server = start(CONFIG).await;
    let (status, answer) = render(&server, json!({"text": "line\n{{ .Nope }}"})).await;
    let error = &answer["error"];
    assert_eq!(
        (status, &error["line"], &error["column"]),
        (422, &json!(2), &json!(3))
    );
    let message = "template: :2:3: executing \"\" at <.Nope>: can't evaluate field Nope in type *template.Data";
    assert_eq!(error["message"], message);
    let (status, answer) = render(&server, json!({"text": "{{ if }}"})).await;
    assert_eq!((status, &answer["error"]["line"]), (422, &json!(1)));
    let (status, answer) = render(
        &server,
        json!({"text": "<a href=\"{{ .Status }}", "type": "html"}),
    )
    .await;
    assert_eq!(status, 422, "{answer}");
}

#[tokio::test]
async fn what_callers_enter_is_bounded() {
    let server = start(CONFIG).await;
    let endless =
        json!({"text": "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}"});
    let long = json!({"text": "{{ range 1000000000 }}xxxxxxxx{{ end }}"});
    let slow = json!({"text": "{{ range 1000000000 }}{{ end }}"});
    for asked in [endless, long, slow] {
        let (status, answer) = render(&server, asked).await;
        assert_eq!(
            (status, &answer["error"]["isLimit"]),
            (422, &json!(true)),
            "{answer}"
        );
    }
    for end in ["{{ 1 }}", "no action"] {
        let (status, answer) = render(&server, json!({"text": "x".repeat(70 << 10) + end})).await;
        assert_eq!(status, 400);
        assert!(answer.to_string().contains("at most 65536"), "{answer}");
    }
    let started = std::time::Instant::now();
    let hostile = |n: usize| format!("a=~\"{n}(\\\\pL{{1,200}})\"");
    let many: Vec<_> = (0..3_000).map(hostile).collect();
    let (status, answer) = render(&server, json!({"text": "x", "matchers": many})).await;
    assert_eq!(status, 400);
    assert!(answer.to_string().contains("too many"), "{answer}");
    let few: Vec<_> = (0..20).map(hostile).collect();
    let (status, answer) = render(&server, json!({"text": "x", "matchers": few})).await;
    assert_eq!(status, 404, "{answer}");
    // Minutes before there was a bound; a debug build takes about a second.
    assert!(started.elapsed().as_secs() < 30);
    let (status, _) = render(&server, json!({"text": "x".repeat(2 << 20)})).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let server = start(CONFIG).await;
    for (asked, expected) in [
        (json!({}), 400),
        (json!({"text": "x", "name": "y"}), 400),
        (json!({"text": "x", "type": "pdf"}), 400),
        (json!({"text": "x", "alerts": [], "matchers": []}), 400),
        (json!({"text": "x", "alerts": {"a": 1}}), 400),
        (
            json!({"text": "x", "alerts": [{"startsAt": "yesterday"}]}),
            400,
        ),
        (json!({"text": "x", "matchers": ["a"]}), 400),
        (json!({"text": "x", "colour": "red"}), 400),
        (json!({"name": "nope"}), 404),
    ] {
        let (status, answer) = render(&server, asked.clone()).await;
        assert_eq!(status, expected, "{asked}: {answer}");
    }
    let path = "/api/belfry/v1/templates/render";
    assert_eq!(
        server.get(path).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[test]
fn files_of_facts_spell_their_keys_in_either_case() {
    use api::wire::facts::Facts;
    use domain::time::Timestamp;
    let facts = r#"{"Receiver": "r", "GROUPLABELS": {"A": "b"}, "Alerts": [{"Status": "resolved", "startsat": "2026-01-01T00:00:00Z"}]}"#;
    let dot =
        Facts::parse(facts).and_then(|facts| facts.into_value("", Timestamp::from_unix_ms(0)));
    let dot = dot.expect("facts");
    let mut shown = Vec::new();
    let out = &mut gotmpl::fmt::Buffer::new(&mut shown, 10_000);
    gotmpl::value::to_json(out, &dot).expect("JSON");
    let shown = String::from_utf8_lossy(&shown);
    for part in [
        r#""receiver":"r""#,
        r#"{"A":"b"}"#,
        "resolved",
        "2026-01-01",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}
