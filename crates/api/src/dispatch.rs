//! From a request to the handler of its path, and around it what all answers share: limits, access, headers, counting.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use engine::Tenant;
use futures::FutureExt as _;

use crate::answer::{self, text_error};
use crate::context::Api;
use crate::observe::{Counted, GetPermit, Record};
use crate::query::Query;
use crate::route::{Place, V2, cleaned};
use crate::{cors, fresh, ops, v2};

/// The mode this instance works in.
const MODE_HEADER: HeaderName = HeaderName::from_static("x-belfry-mode");

/// What a request is about.
enum Target<'p> {
    /// API v2; the path as the framework sees it, without the prefix.
    V2(V2<'p>, &'p str),
    Place(Place),
    /// A path that is written in an odd way, and how it should be.
    Odd(String),
    /// `/` where everything lives under a prefix.
    AbovePrefix,
}

impl Target<'_> {
    fn handler(&self) -> &'static str {
        match self {
            Self::V2(place, _) => place.handler(),
            Self::Place(place) => place.handler(),
            Self::Odd(_) | Self::AbovePrefix => "other",
        }
    }

    fn is_api(&self) -> bool {
        match self {
            Self::V2(..) => true,
            Self::Place(place) => matches!(
                place,
                Place::V1
                    | Place::Inbox
                    | Place::Deliveries
                    | Place::TestReceiver
                    | Place::Explain
                    | Place::Status
                    | Place::Render
            ),
            _ => false,
        }
    }
}

fn locate<'p>(prefix: &str, path: &'p str) -> Target<'p> {
    if let Some(clean) = cleaned(path) {
        return Target::Odd(clean);
    }
    let Some(own) = path.strip_prefix(prefix) else {
        return if path == "/" {
            Target::AbovePrefix
        } else {
            Target::Place(Place::Unknown)
        };
    };
    match own.strip_prefix("/api/v2") {
        Some(rest) if rest.starts_with('/') => Target::V2(V2::find(rest), own),
        _ if own.is_empty() => Target::Odd(format!("{path}/")),
        _ => Target::Place(Place::find(own)),
    }
}

/// Answers a request.
pub(crate) async fn handle(State(api): State<Api>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let method = parts.method.clone();
    let path = parts.uri.path().to_owned();
    let target = locate(&api.parts.web.route_prefix, &path);
    let (handler, is_api) = (target.handler(), target.is_api());
    let gate = api.parts.access.gate();
    let (permit, mut response) = match GetPermit::acquire(&api, &method, is_api) {
        _ if !gate.admits() => (
            None,
            text_error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
        ),
        Ok(permit) => (permit, in_time(&api, is_api, target, parts, body).await),
        Err(refusal) => (None, refusal.into()),
    };
    let headers = response.headers_mut();
    let mode = api.engine().mode().as_str();
    headers.insert(MODE_HEADER, HeaderValue::from_static(mode));
    for (name, value) in &gate.headers {
        headers.insert(name, value.clone());
    }
    let code = response.status().as_u16();
    tracing::debug!(%method, handler, code, took = ?started.elapsed(), "request answered");
    let is_head = method == Method::HEAD;
    let record = Record {
        api,
        handler,
        method,
        code,
        started,
        permit,
    };
    response.map(|body| {
        let body = if is_head { Body::empty() } else { body };
        Body::new(Counted::new(body, record))
    })
}

/// Answers within `--web.timeout`, if there is one.
async fn in_time(
    api: &Api,
    is_api: bool,
    target: Target<'_>,
    parts: Parts,
    body: Body,
) -> Response {
    let answer = unpanicked(api, target, parts, body);
    match api.parts.web.timeout.filter(|_| is_api) {
        None => answer.await,
        Some(most) => tokio::time::timeout(most, answer)
            .await
            .unwrap_or_else(|_| {
                let message = format!("Exceeded configured timeout of {}.", in_seconds(most));
                answer::text(StatusCode::SERVICE_UNAVAILABLE, message)
            }),
    }
}

/// Answers 500 where a handler panics, and counts it; other requests on the connection go on.
async fn unpanicked(api: &Api, target: Target<'_>, parts: Parts, body: Body) -> Response {
    let answer = AssertUnwindSafe(answer(api, target, parts, body)).catch_unwind();
    answer.await.unwrap_or_else(|_| {
        api.engine().metrics().task_panics.inc();
        tracing::error!("a request's handler panicked; this is a bug in Belfry");
        answer::empty(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

async fn answer(api: &Api, target: Target<'_>, parts: Parts, body: Body) -> Response {
    match target {
        Target::Odd(clean) => {
            let query = parts
                .uri
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default();
            answer::redirect(StatusCode::MOVED_PERMANENTLY, &format!("{clean}{query}"))
        }
        Target::AbovePrefix => answer::redirect(
            StatusCode::FOUND,
            &format!("{}/", api.parts.web.route_prefix),
        ),
        Target::V2(place, path) => api_v2(api, place, path, parts, body).await,
        Target::Place(place) => outside(api, place, parts, body).await,
    }
}

/// API v2, with what its answers have in common.
async fn api_v2(api: &Api, place: V2<'_>, path: &str, parts: Parts, body: Body) -> Response {
    if cors::is_preflight(&parts.method, &parts.headers) {
        return cors::preflight(&parts.headers);
    }
    let (method, has_origin) = (parts.method.clone(), parts.headers.contains_key(ORIGIN));
    let mut response = v2_answer(api, place, path, parts, body).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cors::mark(&method, has_origin, headers);
    response
}

async fn v2_answer(api: &Api, place: V2<'_>, path: &str, parts: Parts, body: Body) -> Response {
    let access = &api.parts.access;
    let caller = match access.caller(&parts.headers).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into(),
    };
    if place == V2::Unknown {
        return answer::json_error(404, &format!("path {path} was not found"));
    }
    if !place.methods().contains(&parts.method) {
        return not_allowed(&parts.method, place.methods());
    }
    let tenant = match access.tenant(&caller, &parts.headers, api.engine()) {
        Ok(tenant) => tenant,
        Err(refusal) => return refusal.into(),
    };
    if parts.method == Method::GET
        && let Err(refusal) = fresh::reached(api, &tenant, &parts.headers).await
    {
        return refusal.into();
    }
    v2::answer(v2::Asked { api, tenant, parts }, body, place).await
}

fn not_allowed(method: &Method, allowed: &[Method]) -> Response {
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let names = names.join(",");
    let message = format!("method {method} is not allowed, but [{names}] are");
    let mut response = answer::json_error(405, &message);
    if let Ok(names) = HeaderValue::try_from(names) {
        response.headers_mut().insert(ALLOW, names);
    }
    response
}

/// What only operators may ask for.
async fn for_operators(api: &Api, place: Place, parts: &Parts) -> Response {
    match place {
        Place::Metrics => ops::metrics::scrape(api, &parts.headers),
        Place::Reload => reload(api).await,
        _ => ops::sharing::status(api).await,
    }
}

/// Everything that is not API v2.
async fn outside(api: &Api, place: Place, parts: Parts, body: Body) -> Response {
    let caller = match api.parts.access.caller(&parts.headers).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into(),
    };
    let allowed = place.methods();
    let is_allowed = allowed
        .split(", ")
        .any(|method| method == parts.method.as_str());
    if place == Place::Unknown {
        return text_error(StatusCode::NOT_FOUND, "404 page not found");
    }
    if !is_allowed || parts.method == Method::OPTIONS {
        let mut response = if is_allowed {
            answer::empty(StatusCode::OK)
        } else {
            text_error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        };
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    match place {
        Place::Unknown => text_error(StatusCode::NOT_FOUND, "404 page not found"),
        // Alertmanager's HEAD says nothing at all, not even of what kind.
        Place::Healthy | Place::Ready if parts.method == Method::HEAD => {
            answer::empty(StatusCode::OK)
        }
        Place::Healthy | Place::Ready => answer::text(StatusCode::OK, "OK"),
        Place::Coordinated => ops::sharing::coordinated(api),
        Place::Favicon => answer::empty(StatusCode::NO_CONTENT),
        Place::Stylesheet => ops::home::stylesheet(),
        Place::V1 => v1_gone(),
        Place::Status | Place::Metrics | Place::Reload => {
            match api.parts.access.operator(&caller) {
                Ok(()) => for_operators(api, place, &parts).await,
                Err(refusal) => refusal.into(),
            }
        }
        Place::Home
        | Place::Inbox
        | Place::Deliveries
        | Place::TestReceiver
        | Place::Events
        | Place::Explain
        | Place::Render => {
            let tenant = api
                .parts
                .access
                .tenant(&caller, &parts.headers, api.engine());
            match tenant {
                Ok(tenant) => of_tenant(api, tenant, place, &parts, body).await,
                Err(refusal) => refusal.into(),
            }
        }
    }
}

/// Our own places that show what a tenant has.
async fn of_tenant(
    api: &Api,
    tenant: Arc<Tenant>,
    place: Place,
    parts: &Parts,
    body: Body,
) -> Response {
    let query = Query::parse(parts.uri.query());
    match place {
        Place::Inbox => ops::inbox::list(api, &tenant, &query).await,
        Place::Deliveries => ops::deliveries::list(api, &tenant, &query).await,
        Place::TestReceiver => ops::receivers::test(api, &tenant, &parts.headers, body).await,
        Place::Render => ops::templates::render(api, &tenant, &parts.headers, body).await,
        // Nothing follows: whoever asks for the head only gets it.
        Place::Events if parts.method == Method::HEAD => ops::events::head(),
        Place::Events => ops::events::stream(api, tenant, &parts.headers, &query),
        Place::Explain => match fresh::reached(api, &tenant, &parts.headers).await {
            Ok(()) => ops::explain::explain(api, &tenant, &query),
            Err(refusal) => refusal.into(),
        },
        _ => ops::home::page(api, &tenant),
    }
}

/// Runs to its end even if the client goes away: a reload half done would be none.
async fn reload(api: &Api) -> Response {
    let reload = Arc::clone(&api.parts.reload);
    match tokio::spawn(async move { reload.reload().await }).await {
        Ok(Ok(())) => answer::empty(StatusCode::OK),
        Ok(Err(reason)) => reload_failed(&reason),
        Err(_) => reload_failed("the reload panicked; this is a bug in Belfry"),
    }
}

fn reload_failed(reason: &str) -> Response {
    let message = format!("failed to reload config: {reason}");
    text_error(StatusCode::INTERNAL_SERVER_ERROR, &message)
}

fn v1_gone() -> Response {
    const GONE: &str = "{\"status\":\"deprecated\",\"error\":\"The Alertmanager v1 API was deprecated in version 0.16.0 \
         and is removed as of version 0.27.0 - please use the equivalent route in the v2 API\"}\n";
    let mut response = answer::json(StatusCode::GONE, GONE);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A duration as Go prints it, as far as flags can state it: `1m30s`, `500ms`.
fn in_seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{}ms", duration.subsec_millis());
    }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut out = String::new();
    if hours > 0 {
        out.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        out.push_str(&format!("{minutes}m"));
    }
    let rest = f64::from(u32::try_from(seconds % 60).unwrap_or(0))
        + f64::from(duration.subsec_millis()) / 1000.0;
    out.push_str(&format!("{rest}s"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let print = |ms| in_seconds(Duration::from_millis(ms));
        assert_eq!(
            [print(500), print(5_000), print(1_500)],
            ["500ms", "5s", "1.5s"]
        );
        assert_eq!(
            [print(60_000), print(90_000), print(3_600_000)],
            ["1m0s", "1m30s", "1h0m0s"]
        );
    }

    #[test]
    fn paths_are_located_below_the_prefix() {
        assert_eq!(
            locate("/am", "/am/api/v2/alerts").handler(),
            "/api/v2/alerts"
        );
        assert_eq!(locate("/am", "/am/-/healthy").handler(), "/-/healthy");
        assert!(matches!(locate("/am", "/"), Target::AbovePrefix));
        assert!(matches!(locate("/am", "/am"), Target::Odd(to) if to == "/am/"));
        assert!(matches!(
            locate("/am", "/amx/api/v2/alerts"),
            Target::Place(Place::Unknown)
        ));
        assert!(matches!(
            locate("", "/api/v2"),
            Target::Place(Place::Unknown)
        ));
        assert!(matches!(locate("", "/"), Target::Place(Place::Home)));
    }
}
