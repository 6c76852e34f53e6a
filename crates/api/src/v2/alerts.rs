//! `GET /alerts` and `POST /alerts`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use engine::EngineError;
use engine::Tenant;
use engine::read::AlertView;

use super::{Asked, Outcome, bad_cursor, filter, refused, with_cursor};
use crate::answer::{List, document, empty, json_string, refuse};
use crate::context::Api;
use crate::fresh::changed;
use crate::wire::view::push_alert;
use crate::wire::{alert, json};

/// Lists alerts in the order of their fingerprints.
pub(super) async fn get(asked: &Asked<'_>) -> Outcome {
    let parameters = asked.query();
    let mut query = filter::read(asked, &parameters)?;
    if let Some(cursor) = parameters.last("cursor") {
        query.after = Some(cursor.parse().map_err(|_| bad_cursor())?);
    }
    let (tenant, now, can_gzip) = (Arc::clone(&asked.tenant), asked.api.now(), asked.can_gzip());
    aside(move || {
        let page = tenant.alerts(&query, now);
        let next = page.next.map(|fingerprint| fingerprint.to_string());
        let push = |out: &mut Vec<u8>, view: AlertView| push_alert(out, &view);
        with_cursor(
            document(List::new(page.alerts.into_iter(), push), can_gzip),
            next,
        )
    })
    .await
}

/// Runs what may take milliseconds on a thread that may be kept busy.
pub(super) async fn aside(work: impl FnOnce() -> Response + Send + 'static) -> Outcome {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| empty(StatusCode::INTERNAL_SERVER_ERROR).into())
}

/// Takes alerts in.
pub(super) async fn post(asked: &Asked<'_>, body: Body) -> Outcome {
    let limits = &asked.api.parts.limits;
    let body = crate::body::receive(&asked.parts.headers, body, limits).await?;
    let (api, tenant) = (asked.api.clone(), Arc::clone(&asked.tenant));
    // A task of its own, because what has begun must end even if the client goes away.
    let task = tokio::spawn(async move { take_in(&api, &tenant, &body).await });
    task.await
        .unwrap_or_else(|_| refuse(empty(StatusCode::INTERNAL_SERVER_ERROR)))
}

async fn take_in(api: &Api, tenant: &Arc<Tenant>, body: &Bytes) -> Outcome {
    let text = json::decode(body);
    let posted = alert::parse(&text, &api.parts.limits).map_err(|error| refused(&error))?;
    let alert::PostedAlerts { alerts, refused } = posted;
    api.engine()
        .metrics()
        .alerts
        .invalid
        .inc_by(refused.len() as u64);
    let report = match api.engine().ingest(tenant, alerts).await {
        Ok(report) => report,
        Err(EngineError::Limit(text)) => {
            return refuse(json_string(StatusCode::TOO_MANY_REQUESTS, &text));
        }
        Err(EngineError::Unavailable(text)) => return refuse(unavailable(&text)),
    };
    let invalid: Vec<String> = report.invalid.into_iter().chain(refused).collect();
    if invalid.is_empty() {
        return Ok(changed(api, tenant, empty(StatusCode::OK)));
    }
    Ok(changed(
        api,
        tenant,
        json_string(StatusCode::BAD_REQUEST, &invalid.join("\n")),
    ))
}

/// What could not be stored may be sent again; the reason is for the log (S64).
pub(super) fn unavailable(reason: &str) -> Response {
    tracing::error!(reason, "a change could not be stored");
    json_string(
        StatusCode::SERVICE_UNAVAILABLE,
        "could not be stored; send it again",
    )
}
