//! PagerDuty: events of version 2 and 1, which open and close incidents.

use serde_json::{Value, json};

use super::provider::{Channel, Failed, failed};
use super::server::{Received, Reply};
use super::simulator::{Fault, Simulator};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const V1: &str = "/generic/2010-04-15/create_event.json";
const V2: &str = "/v2/enqueue";
const ADDRESS: &str = "https://events.pagerduty.com";

const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

#[derive(Default)]
struct Service {
    incidents: Vec<Incident>,
}

struct Incident {
    key: String,
    summary: String,
    is_open: bool,
    /// Events that told of it.
    count: usize,
}

impl Service {
    fn answer(&mut self, request: &Received) -> Reply {
        let event = request.json();
        if request.method != "POST" || !event.is_object() {
            return invalid(&["event is not a JSON object".to_owned()]);
        }
        match request.path.as_str() {
            V2 if 512 * 1024 < request.body.len() => Reply::plain(413, ""),
            V2 => match errors_v2(&event) {
                errors if errors.is_empty() => {
                    let key = self.take(&event, "event_action", "dedup_key", "/payload/summary");
                    let said = json!({"status": "success", "message": "Event processed", "dedup_key": key});
                    Reply::json(202, &said)
                }
                errors => invalid(&errors),
            },
            V1 => match errors_v1(&event) {
                errors if errors.is_empty() => {
                    let key = self.take(&event, "event_type", "incident_key", "/description");
                    let said = json!({"status": "success", "message": "Event processed", "incident_key": key});
                    Reply::json(200, &said)
                }
                errors => invalid(&errors),
            },
            _ => Reply::plain(404, "Not Found"),
        }
    }

    /// Opens an incident, tells of one, or closes it.
    fn take(&mut self, event: &Value, action: &str, key: &str, summary: &str) -> String {
        let key = event[key].as_str().unwrap_or("").to_owned();
        let open = self.incidents.iter_mut();
        let open = open.rev().find(|known| known.is_open && known.key == key);
        match (event[action].as_str(), open) {
            (Some("trigger"), Some(known)) => known.count += 1,
            (Some("trigger"), None) => self.incidents.push(Incident {
                key: key.clone(),
                summary: text(event, summary).to_owned(),
                is_open: true,
                count: 1,
            }),
            (Some("resolve"), Some(known)) => known.is_open = false,
            // What is not open is not closed; that is no error.
            _ => {}
        }
        key
    }

    /// Whether each incident is open, and how many events told of it.
    fn states(&mut self) -> Vec<(bool, usize)> {
        let state = |incident: &Incident| (incident.is_open, incident.count);
        self.incidents.iter().map(state).collect()
    }
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn errors_v2(event: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let key = text(event, "/routing_key");
    if key.len() != 32 {
        // What they say of it, and the key besides: keys must be hidden wherever they come back.
        errors.push(format!(
            "Length of 'routing_key' is incorrect (should be 32 characters): {key}"
        ));
    }
    let action = text(event, "/event_action");
    if !["trigger", "acknowledge", "resolve"].contains(&action) {
        errors.push("'event_action' is missing or invalid".to_owned());
    }
    let dedup_key = text(event, "/dedup_key");
    if 255 < dedup_key.len() || (action != "trigger" && dedup_key.is_empty()) {
        errors.push("Length of 'dedup_key' is incorrect (should be at most 255)".to_owned());
    }
    if action == "trigger" {
        for field in ["summary", "source", "severity"] {
            if text(event, &format!("/payload/{field}")).is_empty() {
                errors.push(format!("'payload.{field}' is missing or blank"));
            }
        }
        if 1024 < text(event, "/payload/summary").chars().count() {
            errors.push("'payload.summary' is too long".to_owned());
        }
        let severity = text(event, "/payload/severity");
        if !severity.is_empty() && !SEVERITIES.contains(&severity) {
            errors.push("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')".to_owned());
        }
    }
    for (list, field) in [("links", "href"), ("images", "src")] {
        let mut all = event[list].as_array().into_iter().flatten();
        if !all.all(|item| {
            item[field]
                .as_str()
                .is_some_and(|url| url.starts_with("http"))
        }) {
            errors.push(format!("'{list}' is invalid"));
        }
    }
    errors
}

fn errors_v1(event: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    if text(event, "/service_key").len() != 32 {
        errors.push("Service key is the wrong length (should be 32 characters)".to_owned());
    }
    let kind = text(event, "/event_type");
    if !["trigger", "acknowledge", "resolve"].contains(&kind) {
        errors.push("Event type is invalid".to_owned());
    }
    if kind == "trigger" && text(event, "/description").is_empty() {
        errors.push("Description can't be blank".to_owned());
    }
    if text(event, "/incident_key").is_empty() {
        errors.push("Incident key can't be blank".to_owned());
    }
    errors
}

fn invalid(errors: &[String]) -> Reply {
    let said =
        json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors});
    Reply::json(400, &said)
}

fn service() -> Simulator<Service> {
    Simulator::new(Service::default(), Service::answer)
}

fn v2(service: &Simulator<Service>, key: &str, more: &str) -> Channel {
    let url = service.url(V2);
    Channel::new(
        "pagerduty",
        &format!("url: '{url}', routing_key: '{key}'{more}"),
    )
}

fn v1(service: &Simulator<Service>, key: &str) -> Channel {
    let settings = format!("service_key: '{key}'");
    Channel::moved("pagerduty", &settings, ADDRESS, &service.url(""))
}

#[tokio::test]
async fn a_group_is_one_incident_until_all_is_over() {
    let service = service();
    let more = ", links: [{href: 'https://runbooks.example.org/{{ .CommonAnnotations.summary }}', text: '{{ .Nope }}'}], \
        images: [{src: ''}]";
    let version_1 = v1(&service, KEY);
    for channel in [v2(&service, KEY, more), version_1] {
        channel.tell("<load> is \"high\" 漢字", 1).await.unwrap();
        channel.tell("load is high", 500).await.unwrap();
        assert_eq!(service.with(Service::states), [(true, 2)]);
        channel.resolve("load is high").await.unwrap();
        channel.resolve("load is high").await.unwrap();
        assert_eq!(service.with(Service::states), [(false, 2)]);
        channel.tell("load is high", 1).await.unwrap();
        assert_eq!(service.with(Service::states), [(false, 2), (true, 1)]);
        service.with(|service| service.incidents.clear());
    }
}

#[tokio::test]
async fn what_is_long_is_cut_to_what_it_takes() {
    let service = service();
    let more = ", description: '{{ .CommonAnnotations.summary }}'";
    let channel = v2(&service, KEY, more);
    channel.tell(&"漢".repeat(2000), 1).await.unwrap();
    let summary = service.with(|service| service.incidents[0].summary.clone());
    assert_eq!(summary.chars().count(), 1024);
    channel.tell(&"x".repeat(100_000), 10).await.unwrap();
}

#[tokio::test]
async fn what_it_refuses_is_told_without_the_key() {
    let service = service();
    let short = "0123456789abcdef";
    for (channel, expected) in [
        (v2(&service, short, ""), "'routing_key' is incorrect"),
        (
            v2(&service, KEY, ", severity: fatal"),
            "'payload.severity' is invalid",
        ),
        (
            v2(&service, KEY, ", source: '{{ .CommonLabels.nope }}'"),
            "'payload.source' is missing",
        ),
        (v1(&service, short), "Service key is the wrong length"),
    ] {
        let (how, detail) = failed(channel.tell("load is high", 1).await, &[short]);
        assert_eq!(how, Failed::ForGood);
        assert!(
            detail.contains("invalid event") && detail.contains(expected),
            "{detail}"
        );
    }
    assert_eq!(service.with(|service| service.incidents.len()), 0);
}

#[tokio::test]
async fn too_many_and_lost_events_come_again_and_make_no_second_incident() {
    let service = service();
    let throttled = || {
        let said = json!({"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly. Please retry later."});
        Reply::json(429, &said)
    };
    let channel = v2(&service, KEY, "");
    for (fault, expected) in [
        (Fault::Answered(throttled()), Failed::ForNow(None)),
        (
            Fault::Answered(throttled().with_header("Retry-After", "60")),
            Failed::ForNow(Some(60)),
        ),
        (Fault::Answered(Reply::plain(500, "")), Failed::ForNow(None)),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        service.happen(&format!("POST {V2}"), fault);
        let outcome = channel.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[KEY]).0, expected);
    }
    channel.tell("load is high", 1).await.unwrap();
    assert_eq!(service.with(Service::states), [(true, 2)]);
    // Version 1 says it with another status.
    let channel = v1(&service, KEY);
    service.happen(
        &format!("POST {V1}"),
        Fault::Answered(Reply::plain(403, "rate limited")),
    );
    let outcome = channel.tell("load is high", 1).await;
    assert_eq!(failed(outcome, &[KEY]).0, Failed::ForNow(None));
}
