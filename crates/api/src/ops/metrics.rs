//! `/metrics`.

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use runtime::metrics::Format;

use crate::answer;
use crate::context::Api;

/// Answers a scrape in the format it asks for.
pub(crate) fn scrape(api: &Api, headers: &HeaderMap) -> Response {
    let format = Format::negotiate(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let sample = api.parts.sampler.sample();
    let text = api.engine().metrics().render(&sample, format);
    let mut response = answer::text(StatusCode::OK, text);
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    response
}
