//! payloads/webhook.json: what a webhook is sent, compared on the wire.

mod group;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use notify::Notification;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::groups;
use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal, same_lines};
use crate::sink::{Received, Sink};
use group::Group;

const USER_AGENT: &str = "Belfry/vectors";
/// What our messages carry beside what was recorded.
const KEY: &str = "0123abcd";
/// In the order in which they were recorded.
const PHASES: [&str; 4] = ["firing", "firing_long", "added", "resolved"];

pub(super) fn check(report: &mut Report, file: &Value) {
    let started =
        Runtime::new().and_then(|runtime| Ok((runtime.block_on(Sink::start())?, runtime)));
    let (sink, runtime) = match started {
        Ok(started) => started,
        Err(error) => {
            return report.case("the sink", || {
                Err(Difference::new("a sink", error.to_string()))
            });
        }
    };
    for (name, variant) in super::cases(report, file, "variants") {
        let mut group = match Group::new(file, variant) {
            Ok(group) => group,
            Err(difference) => {
                report.case(name, || Err(difference));
                continue;
            }
        };
        for phase in PHASES
            .iter()
            .filter(|phase| !file["posted"][**phase].is_null())
        {
            // A phase in which nothing was sent is a case as well: nothing may be sent.
            report.case(format!("{name} {phase}"), || {
                runtime.block_on(send(file, variant, phase, &mut group, &sink))
            });
        }
    }
    runtime.shutdown_background();
}

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

async fn send(
    file: &Value,
    variant: &Value,
    phase: &str,
    group: &mut Group,
    sink: &Sink,
) -> Outcome {
    let recorded = variant["requests"].list_or_empty(phase)?;
    let answered = recorded
        .first()
        .map_or(&Value::Null, |request| &request["answered"]);
    let status = answered["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    sink.answer_with(
        status.unwrap_or(200),
        answered["body"].as_str().unwrap_or_default(),
    );
    sink.take();
    if let Some(notification) = group.post(&file["posted"], phase)? {
        deliver(variant, &notification, sink).await?;
    }
    let received = sink.take();
    equal("requests", &recorded.len(), &received.len())?;
    received
        .iter()
        .zip(recorded)
        .try_for_each(|(got, recorded)| compare(recorded, got, sink))
}

async fn deliver(variant: &Value, notification: &Notification, sink: &Sink) -> Outcome {
    let yaml = at_sink(variant, sink)?;
    let config = groups::load(&group::receiver_text(&notification.receiver, &yaml))?;
    let refused = |error: &dyn std::fmt::Display| Difference::new("a delivery", error.to_string());
    for receiver in &config.receivers {
        let deps = Deps::new(USER_AGENT, Arc::new(NoInbox));
        for integration in build_receiver(receiver, &deps).map_err(|error| refused(&error))? {
            let sent = integration
                .deliver(notification, Duration::from_secs(10))
                .await;
            sent.map_err(|error| refused(&error.detail))?;
        }
    }
    Ok(())
}

/// The receiver, with our sink in the place of the recorded one.
fn at_sink(variant: &Value, sink: &Sink) -> Result<String, Difference> {
    let mut yaml = variant.text("receiver_yaml")?.to_owned();
    let requests = variant["requests"].as_object().into_iter().flatten();
    for request in requests.flat_map(|(_, requests)| requests.as_array().into_iter().flatten()) {
        for header in request.list_or_empty("headers")? {
            if let (Some("Host"), Some(host)) = (header[0].as_str(), header[1].as_str()) {
                yaml = yaml.replace(host, &sink.address.to_string());
            }
        }
    }
    Ok(yaml)
}

fn compare(recorded: &Value, got: &Received, sink: &Sink) -> Outcome {
    equal("method", &recorded.text("method")?, &got.method.as_str())?;
    equal("path", &recorded.text("path")?, &got.path.as_str())?;
    equal(
        "query",
        &recorded.text_or("query", "")?,
        &got.query.as_str(),
    )?;
    // The sink speaks nothing else.
    equal("scheme", &recorded.text_or("scheme", "http")?, &"http")?;
    same_lines(&recorded_headers(recorded, sink)?, &headers(got))?;
    let body = String::from_utf8_lossy(&got.body);
    if recorded["body_b64"].is_null() {
        return same_lines(recorded.text("body")?, &body);
    }
    let coded = STANDARD.encode(&got.body);
    equal("body", &recorded.text("body_b64")?, &coded.as_str())
}

/// One line for each header, in the order of their names; how the length is told is not recorded.
fn headers(got: &Received) -> String {
    let headers = got
        .headers
        .iter()
        .filter(|(name, _)| name != "content-length");
    lines(
        headers
            .map(|(name, value)| format!("{name}: {value}"))
            .collect(),
    )
}

/// The recorded headers, with those that differ by design: our name, the key of the message, and what our client
/// library says of itself.
fn recorded_headers(recorded: &Value, sink: &Sink) -> Result<String, Difference> {
    let mut headers = vec!["accept: */*".to_owned(), format!("idempotency-key: {KEY}")];
    for header in recorded.list_or_empty("headers")? {
        let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) else {
            return Err(Difference::format("pairs of texts at `headers`", header));
        };
        headers.push(match name {
            "User-Agent" => format!("user-agent: {USER_AGENT}"),
            "Host" => format!("host: {}", sink.address),
            _ => format!("{}: {value}", name.to_ascii_lowercase()),
        });
    }
    Ok(lines(headers))
}

fn lines(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.join("\n")
}
