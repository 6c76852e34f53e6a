//! What a request says about its body and about the answer it can read.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use domain::quote::quote;

use crate::answer::{Refusal, json_error, refuse};

/// Checks that a body is declared to be JSON.
///
/// # Errors
/// The framework's answer: 415, or 400 when the header is malformed.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let stated = headers
        .get(CONTENT_TYPE)
        .map_or(b"".as_slice(), |value| value.as_bytes());
    let stated = String::from_utf8_lossy(stated);
    let media_type = if stated.is_empty() {
        "application/octet-stream".to_owned()
    } else {
        parse_media_type(&stated).map_err(|reason| {
            let stated = quote(&stated);
            let message =
                format!("parsing Content-Type header from {stated} failed, because {reason}");
            json_error(400, &message)
        })?
    };
    if media_type == "application/json" {
        return Ok(());
    }
    let media_type = quote(&media_type);
    let message =
        format!("unsupported media type {media_type}, only [application/json] are allowed");
    refuse(json_error(415, &message))
}

/// The media type in lower case, without its parameters; errors are those of Go's `mime.ParseMediaType`.
fn parse_media_type(value: &str) -> Result<String, &'static str> {
    let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
    let media_type = media_type.trim().to_ascii_lowercase();
    let (kind, subtype) = media_type.split_once('/').unwrap_or((&media_type, "x"));
    if !is_token(kind) {
        return Err("mime: no media type");
    }
    if !is_token(subtype) {
        return Err("mime: expected token after slash");
    }
    let is_parameter = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim();
            let is_quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
            is_token(name.trim()) && (is_quoted || is_token(value))
        })
    };
    if parameters
        .split(';')
        .map(str::trim)
        .all(|p| p.is_empty() || is_parameter(p))
    {
        Ok(media_type)
    } else {
        Err("mime: invalid media parameter")
    }
}

fn is_token(text: &str) -> bool {
    let is_token_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Checks that the answer may be JSON.
///
/// # Errors
/// The framework's 406.
pub(crate) fn accepts_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut stated = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    if stated.peek().is_none() {
        return Ok(());
    }
    let ranges = stated.flat_map(|value| value.split(','));
    let mut ranges = ranges
        .map(weighted)
        .filter(|(range, _)| !range.is_empty())
        .peekable();
    let is_json = |range: &str| matches!(range, "*/*" | "application/*" | "application/json");
    if ranges.peek().is_none() || ranges.any(|(range, weight)| is_json(&range) && weight > 0.0) {
        return Ok(());
    }
    let message = "unsupported media type requested, only [application/json] are available";
    refuse(json_error(406, message))
}

/// Whether the answer may be compressed.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let stated = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut weights = stated.flat_map(|value| value.split(',')).map(weighted);
    weights.any(|(coding, weight)| coding == "gzip" && weight > 0.0)
}

/// Splits `range;q=0.5`.
fn weighted(item: &str) -> (String, f32) {
    let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = parameters
        .split(';')
        .find_map(|p| p.trim().strip_prefix("q=")?.trim().parse().ok());
    (range.trim().to_ascii_lowercase(), weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, axum::http::HeaderValue::from_static(value))])
    }

    #[test]
    fn media_types_are_read_as_go_reads_them() {
        let read = |text: &str| parse_media_type(text);
        assert_eq!(
            read("application/json; charset=utf-8").as_deref(),
            Ok("application/json")
        );
        assert_eq!(read("Application/JSON;").as_deref(), Ok("application/json"));
        assert_eq!(read("json").as_deref(), Ok("json"));
        assert_eq!(read(";;"), Err("mime: no media type"));
        assert_eq!(read("a/"), Err("mime: expected token after slash"));
        assert_eq!(read("a/b; x"), Err("mime: invalid media parameter"));
        assert_eq!(read("a/b; x=\"y z\"").as_deref(), Ok("a/b"));
    }

    #[test]
    fn accept_is_checked_with_wildcards_and_weights() {
        let ok = |value| accepts_json(&headers(ACCEPT, value)).is_ok();
        assert!(accepts_json(&HeaderMap::new()).is_ok());
        assert!(ok("text/html, */*;q=0.1") && ok("application/*") && ok("application/json"));
        assert!(!ok("text/xml") && !ok("application/json;q=0"));
    }

    #[test]
    fn gzip_is_used_only_when_named() {
        let ok = |value| accepts_gzip(&headers(ACCEPT_ENCODING, value));
        assert!(ok("gzip") && ok("deflate, gzip;q=0.5"));
        assert!(!ok("gzip;q=0") && !ok("identity") && !ok("br"));
    }
}
