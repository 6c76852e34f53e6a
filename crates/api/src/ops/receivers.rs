//! `POST /api/belfry/v1/receivers/test`: sends a test over each integration of a receiver and shows what was answered.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::Tenant;
use engine::rehearse::NotRehearsed;
use notify::rehearsal::Rehearsed;
use serde::{Deserialize, Serialize};

use crate::answer::{Refusal, json, json_string, refuse};
use crate::context::Api;
use crate::ops::not_stored;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The receiver's name.
    receiver: String,
    /// Whether to say that the alert is over.
    #[serde(default)]
    resolved: bool,
}

#[derive(Serialize)]
struct Tested {
    integrations: Vec<Integration>,
}

/// How one integration answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    integration: String,
    is_accepted: bool,
    took_seconds: f64,
    /// What the provider answered, or why there is no answer.
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_error: Option<String>,
}

impl Integration {
    fn of(rehearsed: Rehearsed) -> Self {
        let (is_accepted, answer, template_error) = match rehearsed.result {
            Ok(delivered) => (true, delivered.answer, delivered.fallback),
            Err(error) => (false, error.detail, None),
        };
        Self {
            integration: rehearsed.integration,
            is_accepted,
            took_seconds: rehearsed.took.as_secs_f64(),
            answer,
            template_error,
        }
    }
}

/// Tries a receiver.
pub(crate) async fn test(
    api: &Api,
    tenant: &Arc<Tenant>,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    not_stored(try_test(api, tenant, headers, body).await)
}

async fn try_test(
    api: &Api,
    tenant: &Arc<Tenant>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    crate::negotiate::content_type(headers)?;
    let body = crate::body::receive(headers, body, &api.parts.limits).await?;
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!("the body is not what is expected: {error}");
            return refuse(json_string(StatusCode::BAD_REQUEST, &message));
        }
    };
    // Tests share the machine with deliveries.
    let Ok(_permit) = api.previews.try_acquire() else {
        let message = "too many tests are under way; try again";
        return refuse(json_string(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    let (engine, tenant) = (Arc::clone(api.engine()), Arc::clone(tenant));
    // To its end even if the client goes away: what was sent belongs in the log.
    let tested = tokio::spawn(async move {
        let tested = engine.rehearse(&tenant, &asked.receiver, asked.resolved);
        tested.await
    });
    let Ok(tested) = tested.await else {
        let message = "the test panicked; this is a bug in Belfry";
        return refuse(json_string(StatusCode::INTERNAL_SERVER_ERROR, message));
    };
    let integrations = match tested {
        Ok(rehearsed) => rehearsed.into_iter().map(Integration::of).collect(),
        Err(error @ NotRehearsed::Unknown) => {
            return refuse(json_string(StatusCode::NOT_FOUND, &error.to_string()));
        }
        Err(error @ (NotRehearsed::Empty | NotRehearsed::Broken(_))) => {
            return refuse(json_string(StatusCode::CONFLICT, &error.to_string()));
        }
        Err(error @ NotRehearsed::Held { .. }) => {
            return refuse(json_string(
                StatusCode::TOO_MANY_REQUESTS,
                &error.to_string(),
            ));
        }
    };
    match serde_json::to_vec(&Tested { integrations }) {
        Ok(body) => Ok(json(StatusCode::OK, body)),
        Err(error) => refuse(json_string(
            StatusCode::INTERNAL_SERVER_ERROR,
            &error.to_string(),
        )),
    }
}
