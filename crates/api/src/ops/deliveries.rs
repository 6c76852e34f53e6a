//! `GET /api/belfry/v1/deliveries`: every attempt to deliver a message, newest first, with what the receiver answered.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use domain::time::Timestamp;
use engine::Tenant;
use serde::Serialize;
use store::deliveries::ATTEMPTS_PAGE_MAX;
use store::{AttemptOutcome, DeliveryQuery, LoggedAttempt};

use crate::answer::{json, json_string};
use crate::context::Api;
use crate::ops::{not_stored, written};
use crate::query::Query;
use crate::wire::datetime;

/// Attempts of a page unless it is said how many.
const PAGE: usize = 100;

#[derive(Serialize)]
struct Page<'a> {
    deliveries: Vec<Delivery<'a>>,
}

/// The wire form of an attempt.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery<'a> {
    id: u64,
    at: String,
    took_seconds: f64,
    receiver: &'a str,
    integration: &'a str,
    group_key: &'a str,
    status: &'a str,
    /// Why the message was sent.
    reason: &'a str,
    /// The same for every attempt at one message.
    message: &'a str,
    attempt: u32,
    outcome: &'static str,
    /// The class of a failure, as metrics name it.
    #[serde(skip_serializing_if = "str::is_empty")]
    failure: &'a str,
    answer: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    template_error: &'a str,
}

impl<'a> Delivery<'a> {
    fn of(logged: &'a LoggedAttempt) -> Self {
        let attempt = &logged.attempt;
        Self {
            id: logged.id,
            at: written(attempt.at),
            took_seconds: attempt.took.as_secs_f64(),
            receiver: &attempt.receiver,
            integration: &attempt.integration,
            group_key: &attempt.group_key,
            status: &attempt.status,
            reason: &attempt.reason,
            message: &attempt.message_key,
            attempt: attempt.number,
            outcome: attempt.outcome.as_str(),
            failure: &attempt.failure,
            answer: &attempt.answer,
            template_error: &attempt.fallback,
        }
    }
}

/// Lists attempts; `receiver`, `integration`, `groupKey`, `message`, `outcome`, `since` and `until` filter, `before` (the id of the
/// last one of the page before) and `limit` page.
pub(crate) async fn list(api: &Api, tenant: &Arc<Tenant>, query: &Query<'_>) -> Response {
    let (wanted, limit) = match wanted(query) {
        Ok(wanted) => wanted,
        Err(message) => return json_string(StatusCode::BAD_REQUEST, &message),
    };
    let log = api.engine().deliveries();
    let found = match log.list(tenant.id(), &wanted, limit).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "the delivery log could not be read");
            let message = "the delivery log cannot be read now; try again";
            return json_string(StatusCode::SERVICE_UNAVAILABLE, message);
        }
    };
    let deliveries = found.iter().map(Delivery::of).collect();
    let Ok(mut body) = serde_json::to_vec(&Page { deliveries }) else {
        let message = "the delivery log could not be written";
        return json_string(StatusCode::INTERNAL_SERVER_ERROR, message);
    };
    body.push(b'\n');
    not_stored(Ok(json(StatusCode::OK, body)))
}

fn wanted(query: &Query<'_>) -> Result<(DeliveryQuery, usize), String> {
    let text = |name: &str| {
        let text = query.last(name).map(|text| text.into_owned());
        text.filter(|text| !text.is_empty())
    };
    let number = |name: &str| {
        let number = text(name).map(|text| text.parse::<u64>()).transpose();
        number.map_err(|_| format!("{name} must be a number"))
    };
    let outcome = match text("outcome") {
        None => None,
        Some(word) => Some(AttemptOutcome::of(&word).ok_or_else(|| {
            let words = AttemptOutcome::ALL.map(AttemptOutcome::as_str).join(", ");
            format!("outcome must be one of {words}")
        })?),
    };
    let limit = number("limit")?.map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let wanted = DeliveryQuery {
        receiver: text("receiver"),
        integration: text("integration"),
        group_key: text("groupKey"),
        message_key: text("message"),
        outcome,
        since: time(text("since"), "since")?,
        until: time(text("until"), "until")?,
        before: number("before")?,
    };
    Ok((wanted, limit.clamp(1, ATTEMPTS_PAGE_MAX)))
}

fn time(text: Option<String>, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let parsed = datetime::parse(&text);
    parsed.map_err(|_| format!("{name} must be a time like 2026-01-02T15:04:05Z"))
}
