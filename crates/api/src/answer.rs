//! Answers: JSON, plain text, and lists that are written while they are sent.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::limits::{CHUNK, GZIP_FROM};
use crate::wire::write::push_string;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer that takes the place of the one that was asked for.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        *refusal.0
    }
}

/// Answers this instead of what was asked for.
pub(crate) fn refuse<T>(response: Response) -> Result<T, Refusal> {
    Err(response.into())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A bare JSON string, which is how Alertmanager's handlers say what is wrong.
pub(crate) fn json_string(status: StatusCode, text: &str) -> Response {
    let mut body = Vec::with_capacity(text.len() + 3);
    push_string(&mut body, text);
    body.push(b'\n');
    json(status, body)
}

/// `{"code":…,"message":…}`, which is how Alertmanager's framework says what is wrong.
///
/// Codes from 600 on are the framework's own and go out as 422.
pub(crate) fn json_error(code: u16, message: &str) -> Response {
    let mut body = format!("{{\"code\":{code},\"message\":").into_bytes();
    push_string(&mut body, message);
    body.push(b'}');
    let status = if code < 600 { code } else { 422 };
    json(
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        body,
    )
}

/// Plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// An error as Go's `http.Error` sends it: plain text with a line end.
pub(crate) fn text_error(status: StatusCode, message: &str) -> Response {
    let mut response = text(status, format!("{message}\n"));
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A redirect; a place that cannot be a header is answered 400.
pub(crate) fn redirect(status: StatusCode, to: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(to) else {
        return text_error(StatusCode::BAD_REQUEST, "bad request path");
    };
    let mut response = empty(status);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// A document that is written piece by piece.
pub(crate) trait Pieces: Send + Unpin + 'static {
    /// Appends the next piece; false when it was the last.
    fn next(&mut self, out: &mut Vec<u8>) -> bool;
}

/// A JSON list, one piece per element.
pub(crate) struct List<I, F> {
    items: I,
    push: F,
    has_begun: bool,
}

impl<I, F> List<I, F>
where
    I: Iterator,
    F: FnMut(&mut Vec<u8>, I::Item),
{
    /// Writes each item with `push`.
    pub(crate) fn new(items: I, push: F) -> Self {
        Self {
            items,
            push,
            has_begun: false,
        }
    }
}

impl<I, F> Pieces for List<I, F>
where
    I: Iterator + Send + Unpin + 'static,
    F: FnMut(&mut Vec<u8>, I::Item) + Send + Unpin + 'static,
{
    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let opening = if std::mem::replace(&mut self.has_begun, true) {
            b','
        } else {
            b'['
        };
        match self.items.next() {
            Some(item) => {
                out.push(opening);
                (self.push)(out, item);
                true
            }
            None => {
                let end: &[u8] = if opening == b'[' { b"[]\n" } else { b"]\n" };
                out.extend_from_slice(end);
                false
            }
        }
    }
}

/// Answers 200 with a JSON document, in one piece when it is small, otherwise as it is written.
///
/// Writing happens when the connection asks for more, one chunk of about 64 KiB at a time (well below a millisecond), so
/// a reader that is slow costs one chunk of memory and no thread.
pub(crate) fn document(pieces: impl Pieces, can_gzip: bool) -> Response {
    let mut writing = Writing {
        pieces: Some(pieces),
        gzip: None,
    };
    let head = writing.chunk();
    if can_gzip && head.len() >= GZIP_FROM {
        let mut encoder = GzEncoder::new(Vec::with_capacity(CHUNK / 2), Compression::new(1));
        // Writing into a vector cannot fail.
        let _ = encoder.write_all(&head);
        writing.gzip = Some(encoder);
        let mut response = json(StatusCode::OK, Body::new(writing));
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        return response;
    }
    if writing.pieces.is_none() {
        return json(StatusCode::OK, head);
    }
    json(
        StatusCode::OK,
        Body::new(Prefixed {
            head: Some(head.into()),
            rest: writing,
        }),
    )
}

/// A document being written.
struct Writing<P> {
    /// `None` when everything is written.
    pieces: Option<P>,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl<P: Pieces> Writing<P> {
    /// The next chunk of the document, empty at its end.
    fn chunk(&mut self) -> Vec<u8> {
        let Some(pieces) = &mut self.pieces else {
            return Vec::new();
        };
        let mut out = Vec::with_capacity(CHUNK + CHUNK / 8);
        while out.len() < CHUNK {
            if !pieces.next(&mut out) {
                self.pieces = None;
                break;
            }
        }
        out
    }

    /// The next bytes to send, compressed if that was asked for; `None` when all are sent.
    fn frame(&mut self) -> Option<Bytes> {
        if self.gzip.is_none() {
            let chunk = self.chunk();
            return (!chunk.is_empty()).then(|| chunk.into());
        }
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                // The trailer; writing into a vector cannot fail.
                return self.gzip.take()?.finish().ok().map(Bytes::from);
            }
            let encoder = self.gzip.as_mut()?;
            let _ = encoder.write_all(&chunk);
            if encoder.get_ref().len() >= CHUNK / 4 {
                let full = std::mem::replace(encoder.get_mut(), Vec::with_capacity(CHUNK / 2));
                return Some(full.into());
            }
        }
    }

    fn is_over(&self) -> bool {
        self.pieces.is_none() && self.gzip.is_none()
    }
}

impl<P: Pieces> HttpBody for Writing<P> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let frame = self.get_mut().frame();
        Poll::Ready(frame.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }
}

/// A document whose first chunk is written already.
struct Prefixed<P> {
    head: Option<Bytes>,
    rest: Writing<P>,
}

impl<P: Pieces> HttpBody for Prefixed<P> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = this.head.take().or_else(|| this.rest.frame());
        Poll::Ready(frame.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.rest.is_over()
    }
}

#[cfg(test)]
mod tests;
