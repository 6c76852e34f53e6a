//! What is not Alertmanager's API v2: pages and endpoints for operators, and Belfry's own additions.

pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod home;
pub(crate) mod inbox;
pub(crate) mod metrics;
pub(crate) mod receivers;
pub(crate) mod sharing;
pub(crate) mod templates;

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use domain::time::Timestamp;

use crate::answer::Refusal;

/// The answer or the refusal, which nobody on the way may keep.
pub(crate) fn not_stored(answer: Result<Response, Refusal>) -> Response {
    let mut response = answer.unwrap_or_else(Response::from);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A time as Alertmanager's API writes them: UTC, milliseconds.
pub(crate) fn written(time: Timestamp) -> String {
    time.utc().rfc3339_millis()
}
