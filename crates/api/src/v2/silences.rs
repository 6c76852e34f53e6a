//! `GET /silences` and `POST /silences`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use domain::matcher::Matcher;
use domain::silence::{Silence, SilenceState};
use domain::time::Timestamp;
use engine::PutSilenceError;

use super::alerts::unavailable;
use super::{Asked, Outcome, bad_cursor, limit, matchers, refused, with_cursor};
use crate::answer::{List, document, empty, json, json_string, refuse};
use crate::fresh::changed;
use crate::wire::write::push_string;
use crate::wire::{json as read_json, silence};

/// Lists silences: active ones, those that end first before the others; then pending ones by their start; then
/// expired ones, the latest first.
pub(super) fn get(asked: &Asked<'_>) -> Outcome {
    let query = asked.query();
    let filter = matchers(asked, &query, "filter")
        .map_err(|error| json_string(StatusCode::BAD_REQUEST, &error.to_string()))?;
    let limit = limit(&query)?;
    let now = asked.api.now();
    let mut silences = asked.tenant.silences();
    silences.retain(|silence| filter.iter().all(|matcher| has(silence, matcher)));
    silences.sort_by(|a, b| order(a, now).cmp(&order(b, now)));
    if let Some(cursor) = query.last("cursor") {
        let last = silences
            .iter()
            .position(|silence| *silence.id == *cursor)
            .ok_or_else(bad_cursor)?;
        silences.drain(..=last);
    }
    let mut next = None;
    if let Some(limit) = limit.filter(|limit| *limit < silences.len()) {
        silences.truncate(limit);
        next = silences.last().map(|silence| silence.id.to_string());
    }
    let push =
        move |out: &mut Vec<u8>, silence: Arc<Silence>| silence::push_silence(out, &silence, now);
    Ok(with_cursor(
        document(List::new(silences.into_iter(), push), asked.can_gzip()),
        next,
    ))
}

/// Whether the silence has this very matcher.
fn has(silence: &Silence, wanted: &Matcher) -> bool {
    silence.matchers.contains(wanted)
}

/// Where a silence stands in the list: its state, a time within the state, and its id to make the order total.
fn order(silence: &Silence, now: Timestamp) -> (SilenceState, i128, &str) {
    let state = silence.state(now);
    let time = match state {
        SilenceState::Active => silence.ends_at.unix_nanos(),
        SilenceState::Pending => silence.starts_at.unix_nanos(),
        SilenceState::Expired => -silence.ends_at.unix_nanos(),
    };
    (state, time, &silence.id)
}

/// Makes or changes a silence.
pub(super) async fn post(asked: &Asked<'_>, body: Body) -> Outcome {
    let limits = &asked.api.parts.limits;
    let body = crate::body::receive(&asked.parts.headers, body, limits).await?;
    let text = read_json::decode(&body);
    let post = silence::parse(&text, limits).map_err(|error| refused(&error))?;
    let (engine, tenant) = (Arc::clone(asked.api.engine()), Arc::clone(&asked.tenant));
    // A task of its own, because what has begun must end even if the client goes away.
    let put = tokio::spawn(async move { engine.put_silence(&tenant, post).await }).await;
    match put {
        Ok(Ok(id)) => {
            let mut body = b"{\"silenceID\":".to_vec();
            push_string(&mut body, &id);
            body.extend_from_slice(b"}\n");
            Ok(changed(
                asked.api,
                &asked.tenant,
                json(StatusCode::OK, body),
            ))
        }
        Ok(Err(PutSilenceError::NotFound)) => {
            refuse(json_string(StatusCode::NOT_FOUND, "silence not found"))
        }
        Ok(Err(PutSilenceError::Invalid(text))) => {
            refuse(json_string(StatusCode::BAD_REQUEST, &text))
        }
        Ok(Err(PutSilenceError::Unavailable(text))) => refuse(unavailable(&text)),
        Err(_) => refuse(empty(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}
