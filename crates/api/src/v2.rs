//! API v2: one file per place.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use domain::matcher::{Allowance, Matcher, MatcherError, parse_matcher};
use engine::Tenant;

use crate::answer::{Refusal, json_error, json_string, refuse};
use crate::context::Api;
use crate::limits::PAGE_MAX;
use crate::negotiate;
use crate::query::Query;
use crate::route::V2;
use crate::wire::body::BodyError;

mod alerts;
mod filter;
mod groups;
mod receivers;
mod silence;
mod silences;
mod status;

/// Where the next page of a list begins.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-belfry-next-cursor");

/// A request that was let in.
pub(crate) struct Asked<'a> {
    pub(crate) api: &'a Api,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) parts: Parts,
}

impl Asked<'_> {
    fn query(&self) -> Query<'_> {
        Query::parse(self.parts.uri.query())
    }

    fn can_gzip(&self) -> bool {
        negotiate::accepts_gzip(&self.parts.headers)
    }
}

/// Answers a request whose method the place has.
pub(crate) async fn answer(asked: Asked<'_>, body: Body, place: V2<'_>) -> Response {
    let is_post = asked.parts.method == Method::POST;
    let has_body = crate::body::is_present(&body);
    if has_body && let Err(refusal) = negotiate::content_type(&asked.parts.headers) {
        return refusal.into();
    }
    let answers_with_json = match place {
        V2::Alerts => !is_post,
        V2::Silence(_) => asked.parts.method == Method::GET,
        _ => true,
    };
    if answers_with_json && let Err(refusal) = negotiate::accepts_json(&asked.parts.headers) {
        return refusal.into();
    }
    let outcome = match place {
        V2::Status => Ok(status::get(&asked)),
        V2::Receivers => receivers::get(&asked),
        V2::Alerts if is_post => alerts::post(&asked, body).await,
        V2::Alerts => alerts::get(&asked).await,
        V2::Groups => groups::get(&asked).await,
        V2::Silences if is_post => silences::post(&asked, body).await,
        V2::Silences => silences::get(&asked),
        V2::Silence(id) if asked.parts.method == Method::GET => silence::get(&asked, &id),
        V2::Silence(id) => silence::delete(&asked, &id).await,
        V2::Unknown => Ok(crate::answer::empty(StatusCode::NOT_FOUND)),
    };
    outcome.unwrap_or_else(Into::into)
}

/// An answer, or the refusal that takes its place.
type Outcome = Result<Response, Refusal>;

/// The framework's answer to a body that is wrong.
fn refused(error: &BodyError) -> Response {
    json_error(error.code(), &error.to_string())
}

/// Reads a matcher per value of a parameter.
fn matchers(
    asked: &Asked<'_>,
    query: &Query<'_>,
    name: &str,
) -> Result<Vec<Matcher>, MatcherError> {
    let mode = asked.tenant.matcher_mode();
    let mut allowance = Allowance::default();
    let read = |value| {
        let matcher = parse_matcher(value, mode)?;
        allowance.pay(&matcher)?;
        Ok(matcher)
    };
    query.all(name).map(read).collect()
}

/// How many elements the client wants at most.
fn limit(query: &Query<'_>) -> Result<Option<usize>, Refusal> {
    let Some(stated) = query.last("limit") else {
        return Ok(None);
    };
    match stated.parse::<usize>() {
        Ok(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(Some(limit)),
        _ => refuse(json_string(
            StatusCode::BAD_REQUEST,
            &format!("failed to parse limit param: a number from 1 to {PAGE_MAX} is expected"),
        )),
    }
}

fn bad_cursor() -> Refusal {
    let message = "failed to parse cursor param: take it from the X-Belfry-Next-Cursor header of the page before";
    json_string(StatusCode::BAD_REQUEST, message).into()
}

/// Tells the client where the next page begins.
fn with_cursor(mut response: Response, cursor: Option<String>) -> Response {
    if let Some(cursor) = cursor.and_then(|cursor| HeaderValue::try_from(cursor).ok()) {
        response.headers_mut().insert(NEXT_CURSOR, cursor);
    }
    response
}
