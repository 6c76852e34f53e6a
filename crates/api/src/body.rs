//! Receiving a request's body: bounded in size, also when unpacked, and in time.

use std::io::Read as _;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use crate::answer::{Refusal, json_error, refuse, text_error};
use crate::limits::Limits;

/// Compressed bodies of at least this many bytes are unpacked on a thread of their own.
const UNPACK_ASIDE_FROM: usize = 64 << 10;

/// Whether a request has a body, as the framework decides it: an empty one is none.
pub(crate) fn is_present(body: &Body) -> bool {
    !body.is_end_stream() && body.size_hint().exact() != Some(0)
}

/// Receives the body, unpacked.
///
/// # Errors
/// The answer to give: 400, 408, 413 or 415.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, Refusal> {
    let received = collect(body, limits).await?;
    match headers
        .get(CONTENT_ENCODING)
        .map(|coding| coding.as_bytes())
    {
        None | Some(b"" | b"identity") => Ok(received),
        Some(b"gzip" | b"x-gzip") => unpack(received, limits.body_bytes).await,
        Some(_) => refuse(json_error(
            415,
            "unsupported content encoding, only gzip and identity are allowed",
        )),
    }
}

async fn collect(mut body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    // An honest Content-Length that is too large is refused before anything is read.
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return refuse(too_large(limits.body_bytes));
    }
    let started = Instant::now();
    let mut first = Bytes::new();
    let mut all: Vec<u8> = Vec::new();
    loop {
        let frame = match tokio::time::timeout(limits.body_pause, body.frame()).await {
            Err(_) => return refuse(too_slow()),
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                let message = format!("the body could not be read: {error}");
                return refuse(json_error(400, &message));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = first.len() + all.len() + data.len();
        if size > limits.body_bytes {
            return refuse(too_large(limits.body_bytes));
        }
        if is_too_slow(size, started.elapsed(), limits.body_pace) {
            return refuse(too_slow());
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            let stated = body.size_hint().lower().min(limits.body_bytes as u64);
            all.reserve(size + usize::try_from(stated).unwrap_or(0));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

fn is_too_slow(size: usize, elapsed: Duration, pace: u64) -> bool {
    // The first ten seconds are free: a small body may well arrive in pieces.
    let counted = elapsed.as_secs().saturating_sub(10);
    (size as u64) < counted.saturating_mul(pace)
}

async fn unpack(packed: Bytes, most: usize) -> Result<Bytes, Refusal> {
    let is_small = packed.len() < UNPACK_ASIDE_FROM;
    let work = move || {
        let mut plain = Vec::with_capacity(packed.len().saturating_mul(4).min(most));
        let mut bounded = MultiGzDecoder::new(&*packed).take(most as u64 + 1);
        match bounded.read_to_end(&mut plain) {
            Ok(_) if plain.len() > most => refuse(too_large(most)),
            Ok(_) => Ok(plain.into()),
            Err(error) => refuse(json_error(400, &format!("the body is not gzip: {error}"))),
        }
    };
    if is_small {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        refuse(text_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the body could not be unpacked",
        ))
    })
}

fn too_large(most: usize) -> Response {
    json_error(
        413,
        &format!("request body too large: at most {most} bytes are accepted"),
    )
}

fn too_slow() -> Response {
    let mut response = json_error(408, "request body arrived too slowly");
    let close = axum::http::HeaderValue::from_static("close");
    response
        .headers_mut()
        .insert(axum::http::header::CONNECTION, close);
    response
}
