//! Cross-origin requests to API v2: Alertmanager lets any page read and post, but not delete.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::answer;

const ANY: HeaderValue = HeaderValue::from_static("*");

/// Whether this asks what a later request may do.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers such a question: 204, and permission only if the method and every header are allowed.
pub(crate) fn preflight(asked: &HeaderMap) -> Response {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    headers.insert(VARY, HeaderValue::from_static(vary));
    let method = asked
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .and_then(|m| m.to_str().ok());
    let Some(method) = method.and_then(|m| allowed_method(&m.to_ascii_uppercase())) else {
        return response;
    };
    let names = asked.get(ACCESS_CONTROL_REQUEST_HEADERS);
    if !asked.contains_key(ORIGIN) || !names.is_none_or(are_allowed) {
        return response;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(method),
    );
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

/// Marks the answer to an ordinary request.
pub(crate) fn mark(method: &Method, has_origin: bool, headers: &mut HeaderMap) {
    // What varies for other reasons comes after, as one header.
    let vary = match headers.remove(VARY) {
        Some(other) => HeaderValue::try_from([b"Origin, ", other.as_bytes()].concat())
            .unwrap_or(HeaderValue::from_static("Origin")),
        None => HeaderValue::from_static("Origin"),
    };
    headers.insert(VARY, vary);
    if has_origin && allowed_method(method.as_str()).is_some() {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    }
}

fn allowed_method(method: &str) -> Option<&'static str> {
    ["GET", "POST", "HEAD"]
        .into_iter()
        .find(|allowed| *allowed == method)
}

fn are_allowed(names: &HeaderValue) -> bool {
    const ALLOWED: [&str; 4] = ["accept", "content-type", "x-requested-with", "origin"];
    names.to_str().is_ok_and(|names| {
        names.split(',').map(str::trim).all(|name| {
            name.is_empty()
                || ALLOWED
                    .iter()
                    .any(|allowed| allowed.eq_ignore_ascii_case(name))
        })
    })
}
