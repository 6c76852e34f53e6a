//! Reading one's own writes behind a balancer: answers to changes carry a version, and reads may ask for at least that.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use engine::{NotReached, Tenant};
use tokio::time::Instant;

use crate::answer::{Refusal, json_string, refuse};
use crate::context::Api;
use crate::wire::version;

/// What an answer to a change names.
const VERSION: HeaderName = HeaderName::from_static("x-belfry-version");

/// What a read asks for.
const AT_LEAST: HeaderName = HeaderName::from_static("x-belfry-at-least");

/// Longest a read waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pause before it is looked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// Marks the answer to a change with the version that includes it.
pub(crate) fn changed(api: &Api, tenant: &Tenant, mut response: Response) -> Response {
    let version = version::written(&api.engine().version(tenant));
    if let Ok(version) = HeaderValue::try_from(version) {
        response.headers_mut().insert(VERSION, version);
    }
    response
}

/// Waits until what a read asks for is seen here.
///
/// # Errors
/// 400 for a version nobody was given, 503 when it cannot be seen in time.
pub(crate) async fn reached(
    api: &Api,
    tenant: &Tenant,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let Some(stated) = headers.get(AT_LEAST) else {
        return Ok(());
    };
    let Some(wanted) = stated.to_str().ok().and_then(version::read) else {
        let message =
            "X-Belfry-At-Least: not a version; send what X-Belfry-Version of an answer said";
        return refuse(json_string(StatusCode::BAD_REQUEST, message));
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reach = api.engine().reach(tenant, &wanted);
        match tokio::time::timeout_at(deadline, reach).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason @ NotReached::MadeAlone)) => return refuse(unreached(reason)),
            Ok(Err(reason)) if Instant::now() + PAUSE >= deadline => {
                return refuse(unreached(reason));
            }
            Ok(Err(NotReached::Alone)) => tokio::time::sleep(PAUSE).await,
            Err(_) => return refuse(unreached(NotReached::Alone)),
        }
    }
}

fn unreached(reason: NotReached) -> Response {
    let message = format!("X-Belfry-At-Least: {reason}; try again, or read without it");
    json_string(StatusCode::SERVICE_UNAVAILABLE, &message)
}
