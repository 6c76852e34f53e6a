//! payloads/*.json: what each integration over HTTP sends, compared on the wire; [`email`] is apart.

pub(super) mod email;
mod group;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::group::told::ReceiverData;
use notify::Integration;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::groups;
use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal, same_lines};
use crate::sink::{Received, Sink};
use group::Group;

/// Where the recorded requests went that were not intercepted by a proxy, up to the port.
const RECORDED_HOST: &str = "127.0.0.1:";
/// Longest time of one delivery.
const DEADLINE: Duration = Duration::from_secs(10);
const USER_AGENT: &str = "Belfry/vectors";
/// What our messages carry beside what was recorded.
const KEY: &str = "0123abcd";
/// What is posted in a phase, in the order in which it was recorded.
const PHASES: [(&str, &str); 3] = [
    ("firing", "firing"),
    ("added", "added"),
    ("resolved", "resolved"),
];
/// The only phase of variants that are about long texts.
const LONG: [(&str, &str); 1] = [("firing", "firing_long")];

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
        let mut told = match Told::new(file, variant, &sink) {
            Ok(told) => told,
            Err(difference) => {
                report.case(name, || Err(difference));
                continue;
            }
        };
        let phases = if name.contains("-long") {
            &LONG[..]
        } else {
            &PHASES[..]
        };
        for (phase, posted) in phases {
            // A phase in which nothing was sent is a case as well: nothing may be sent.
            report.case(format!("{name} {phase}"), || {
                runtime.block_on(told.phase(phase, posted))
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

/// A variant: its group, and who is told of it from phase to phase.
struct Told<'a> {
    file: &'a Value,
    variant: &'a Value,
    sink: &'a Sink,
    group: Group,
    integrations: Vec<Arc<dyn Integration>>,
    /// What the integration kept of its last message.
    kept: ReceiverData,
}

impl<'a> Told<'a> {
    fn new(file: &'a Value, variant: &'a Value, sink: &'a Sink) -> Result<Self, Difference> {
        let group = Group::new(file, variant)?;
        let yaml = at_sink(variant, sink.address)?;
        let config = groups::load(&group::receiver_text(variant.text("name")?, &yaml))?;
        let deps = Deps::new(USER_AGENT, Arc::new(NoInbox));
        let mut integrations = Vec::new();
        for receiver in &config.receivers {
            let built = build_receiver(receiver, &deps);
            integrations.extend(built.map_err(|error| refused(&error))?);
        }
        Ok(Self {
            file,
            variant,
            sink,
            group,
            integrations,
            kept: ReceiverData::default(),
        })
    }

    async fn phase(&mut self, phase: &str, posted: &str) -> Outcome {
        let recorded = self.variant["requests"].list_or_empty(phase)?;
        self.sink.answer_with(recorded.iter().map(answered));
        self.sink.take();
        if let Some(mut notification) = self.group.post(&self.file["posted"], posted)? {
            notification.receiver_data = self.kept.clone();
            for integration in &self.integrations {
                let sent = integration.deliver(&notification, DEADLINE).await;
                let delivered = sent.map_err(|error| refused(&error.detail))?;
                if let Some(kept) = delivered.receiver_data {
                    self.kept = kept;
                }
            }
        }
        let received = self.sink.take();
        equal("requests", &recorded.len(), &received.len())?;
        let integration = self.file.text("integration")?;
        received
            .iter()
            .zip(recorded)
            .try_for_each(|(got, recorded)| compare(integration, recorded, got, self.sink))
    }
}

fn refused(error: &dyn std::fmt::Display) -> Difference {
    Difference::new("a delivery", error.to_string())
}

/// What a recorded request was answered.
fn answered(recorded: &Value) -> (u16, String) {
    let answered = &recorded["answered"];
    let status = answered["status"].as_u64();
    let status = status.and_then(|status| u16::try_from(status).ok());
    let body = answered["body"].as_str().unwrap_or_default();
    (status.unwrap_or(200), body.to_owned())
}

/// The receiver, with our sink in the place of the recorded one, which is also the proxy to everything else.
fn at_sink(variant: &Value, sink: SocketAddr) -> Result<String, Difference> {
    let yaml = variant.text("receiver_yaml")?;
    let mut rewritten = String::new();
    let mut rest = yaml;
    while let Some((before, after)) = rest.split_once(RECORDED_HOST) {
        rewritten.push_str(before);
        rewritten.push_str(&sink.to_string());
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    rewritten.push_str(rest);
    Ok(rewritten)
}

fn compare(integration: &str, recorded: &Value, got: &Received, sink: &Sink) -> Outcome {
    equal("method", &recorded.text("method")?, &got.method.as_str())?;
    equal("path", &recorded.text("path")?, &got.path.as_str())?;
    equal(
        "query",
        &recorded.text_or("query", "")?,
        &got.query.as_str(),
    )?;
    equal("scheme", &recorded.text_or("scheme", "http")?, &got.scheme)?;
    same_lines(
        &recorded_headers(integration, recorded, sink)?,
        &headers(got),
    )?;
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
            .map(|(name, value)| format!("{name}: {}", of_the_moment(name, value)))
            .collect(),
    )
}

/// The recorded headers, with those that differ by design: our name, the key of a webhook's message, and what our
/// client library says of itself.
fn recorded_headers(
    integration: &str,
    recorded: &Value,
    sink: &Sink,
) -> Result<String, Difference> {
    let mut headers = vec!["accept: */*".to_owned()];
    if integration == "webhook" {
        headers.push(format!("idempotency-key: {KEY}"));
    }
    for header in recorded.list_or_empty("headers")? {
        let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) else {
            return Err(Difference::format("pairs of texts at `headers`", header));
        };
        headers.push(match name {
            "Accept-Encoding" => continue,
            "User-Agent" => format!("user-agent: {USER_AGENT}"),
            "Host" if value.starts_with(RECORDED_HOST) => format!("host: {}", sink.address),
            _ => {
                let name = name.to_ascii_lowercase();
                format!("{name}: {}", of_the_moment(&name, value))
            }
        });
    }
    Ok(lines(headers))
}

/// A header with what differs from request to request reduced to its form: Amazon's signature, its time, and its ids.
/// The signature itself is compared where the time is given (`notify`, `sns::sign`).
fn of_the_moment(name: &str, value: &str) -> String {
    let form = |text: &str| -> String {
        let digit = |c: char| if c.is_ascii_hexdigit() { '0' } else { c };
        text.chars().map(digit).collect()
    };
    let signature = "Signature=";
    match (name, value.split_once(signature)) {
        ("x-amz-date" | "amz-sdk-invocation-id", _) => form(value),
        ("authorization", Some((before, after))) => {
            let mut pieces: Vec<String> = before.split('/').map(str::to_owned).collect();
            if let Some(day) = pieces.get_mut(1) {
                *day = form(day);
            }
            format!("{}{signature}{}", pieces.join("/"), form(after))
        }
        _ => value.to_owned(),
    }
}

fn lines(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.join("\n")
}
