//! `POST /api/belfry/v1/templates/render`: what a template says of given or current alerts.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::label::Labels;
use domain::matcher::{Allowance, MatcherError, parse_matcher};
use engine::Tenant;
use engine::preview::About;
use gotmpl::Value;
use notify::data::Data;
use notify::template::{self, Failure, Markup, Origin, TemplateSet};
use notify::{Notification, template::samples};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answer::{Refusal, json, json_string, refuse};
use crate::context::Api;
use crate::limits::Limits;
use crate::ops::not_stored;
use crate::wire::facts::Facts;

/// Most bytes of a request: a template of 64 KiB and the alerts to try it on.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What is asked for; one of `text` and `name`, and at most one of the alerts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A template.
    text: Option<String>,
    /// The name of one the tenant has.
    name: Option<String>,
    /// `text` or `html`.
    #[serde(rename = "type")]
    markup: Option<String>,
    /// A whole webhook body.
    data: Option<Facts>,
    /// A list of alerts, as posted or as a webhook has them.
    alerts: Option<Box<RawValue>>,
    /// Current alerts that match all of these.
    matchers: Option<Vec<String>>,
    /// Current alerts of the group with this key.
    group: Option<String>,
}

#[derive(Serialize)]
struct Said {
    output: String,
}

#[derive(Serialize)]
struct Failed {
    error: Problem,
}

/// Where a template fails and why.
#[derive(Serialize)]
struct Problem {
    message: String,
    template: String,
    line: usize,
    column: usize,
    #[serde(rename = "isLimit")]
    is_limit: bool,
}

/// What a template is tried on.
struct Subject {
    dot: Value,
    route_labels: Labels,
}

/// Renders a template.
pub(crate) async fn render(
    api: &Api,
    tenant: &Arc<Tenant>,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    not_stored(try_render(api, tenant, headers, body).await)
}

async fn try_render(
    api: &Api,
    tenant: &Arc<Tenant>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    crate::negotiate::content_type(headers)?;
    let limits = Limits {
        body_bytes: api.parts.limits.body_bytes.min(BODY_BYTES_MAX),
        ..api.parts.limits.clone()
    };
    let body = crate::body::receive(headers, body, &limits).await?;
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => return bad(&format!("the body is not what is expected: {error}")),
    };
    // Previews share the machine with deliveries.
    let Ok(_permit) = api.previews.try_acquire() else {
        let message = "too many templates are being rendered; try again";
        return refuse(json_string(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    let (tenant, now) = (Arc::clone(tenant), api.now());
    let done = template::aside(move || answer(&tenant, asked, now)).await;
    done.unwrap_or_else(|failure| {
        let message = failure.to_string();
        refuse(json_string(StatusCode::INTERNAL_SERVER_ERROR, &message))
    })
}

fn bad<T>(message: &str) -> Result<T, Refusal> {
    refuse(json_string(StatusCode::BAD_REQUEST, message))
}

fn answer(
    tenant: &Tenant,
    mut asked: Asked,
    now: domain::time::Timestamp,
) -> Result<Response, Refusal> {
    let settings = tenant.settings();
    // Whoever may call this need not be an operator (S50).
    let set = settings.templates.for_origin(Origin::Tenant);
    let source = source(&set, &mut asked)?;
    let markup = match asked.markup.as_deref() {
        None | Some("text") => Markup::Plain,
        Some("html") => Markup::Html,
        Some(_) => return bad("type must be text or html"),
    };
    let subject = subject(tenant, asked, now)?;
    let text = set.text(&source, markup);
    let said = template::preview(&set, &text, &subject.dot, &subject.route_labels, now);
    let (status, body) = match said {
        Ok(output) => (StatusCode::OK, serde_json::to_vec(&Said { output })),
        Err(failure) => {
            let error = Problem::of(failure);
            let body = serde_json::to_vec(&Failed { error });
            (StatusCode::UNPROCESSABLE_ENTITY, body)
        }
    };
    let mut body = body.unwrap_or_default();
    body.push(b'\n');
    Ok(json(status, body))
}

impl Problem {
    fn of(failure: Failure) -> Self {
        Self {
            message: failure.message,
            template: failure.template,
            line: failure.line,
            column: failure.column,
            is_limit: failure.is_limit,
        }
    }
}

fn source(set: &TemplateSet, asked: &mut Asked) -> Result<String, Refusal> {
    match (asked.text.take(), asked.name.take()) {
        (Some(text), None) if gotmpl::Limits::TENANT.source_bytes_max < text.len() => {
            let max = gotmpl::Limits::TENANT.source_bytes_max;
            let length = text.len();
            bad(&format!("the text has {length} bytes; at most {max}"))
        }
        (Some(text), None) => Ok(text),
        (None, Some(name)) if set.has(&name) => {
            // JSON's way to write a text is one of Go's, too.
            let quoted = serde_json::to_string(&name).unwrap_or_default();
            Ok(format!("{{{{ template {quoted} . }}}}"))
        }
        (None, Some(name)) => {
            let message = format!("no template is called {name:?}");
            refuse(json_string(StatusCode::NOT_FOUND, &message))
        }
        _ => bad("either text or name is expected"),
    }
}

fn subject(
    tenant: &Tenant,
    asked: Asked,
    now: domain::time::Timestamp,
) -> Result<Subject, Refusal> {
    let settings = tenant.settings();
    let external_url = &*settings.external_url;
    let about = match (asked.data, asked.alerts, asked.matchers, asked.group) {
        (Some(facts), None, None, None) => return given(facts, external_url, now),
        (None, Some(alerts), None, None) => {
            return match Facts::of_alerts(&alerts) {
                Ok(facts) => given(facts, external_url, now),
                Err(error) => bad(&format!("alerts: {error}")),
            };
        }
        (None, None, Some(texts), None) => {
            let mode = tenant.matcher_mode();
            let mut allowance = Allowance::default();
            let read = |text: &String| {
                let matcher = parse_matcher(text.as_bytes(), mode)?;
                allowance.pay(&matcher)?;
                Ok::<_, MatcherError>(matcher)
            };
            match texts.iter().map(read).collect() {
                Ok(matchers) => About::Matching(matchers),
                Err(error) => return bad(&format!("matchers: {error}")),
            }
        }
        (None, None, None, Some(key)) => return current(tenant, About::Group(&key), now),
        (None, None, None, None) => {
            let mut samples = samples::all("receiver", external_url, now);
            // One with firing and resolved alerts.
            return Ok(Subject::of(&samples.swap_remove(1).notification));
        }
        _ => return bad("at most one of data, alerts, matchers and group is expected"),
    };
    current(tenant, about, now)
}

fn given(
    facts: Facts,
    external_url: &str,
    now: domain::time::Timestamp,
) -> Result<Subject, Refusal> {
    let route_labels = facts.route_labels();
    match facts.into_value(external_url, now) {
        Ok(dot) => Ok(Subject { dot, route_labels }),
        Err(error) => bad(&error),
    }
}

fn current(
    tenant: &Tenant,
    about: About<'_>,
    now: domain::time::Timestamp,
) -> Result<Subject, Refusal> {
    match tenant.preview(about, now) {
        Some(message) => Ok(Subject::of(&message)),
        None => refuse(json_string(
            StatusCode::NOT_FOUND,
            "no such alert is active",
        )),
    }
}

impl Subject {
    fn of(message: &Notification) -> Self {
        Self {
            dot: template::value(&Data::new(message, &message.alerts)),
            route_labels: message.route_labels.clone(),
        }
    }
}
