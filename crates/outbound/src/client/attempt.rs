//! One request on the wire: whether it went out, what came back, and what a failure means.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use runtime::departure::Departure;
use tokio::time::{Instant, timeout_at};

use super::redirect::Hop;
use crate::message::RESPONSE_BODY_BYTES_MAX;
use crate::{Response, SendError};

/// One request to one server.
pub(super) struct Attempt<'h> {
    client: &'h reqwest::Client,
    hop: &'h Hop,
    headers: HeaderMap,
    until: Instant,
    /// Set when the connection stands and asks for the body.
    started: Arc<AtomicBool>,
    departure: Departure,
}

impl<'h> Attempt<'h> {
    pub(super) fn new(
        client: &'h reqwest::Client,
        hop: &'h Hop,
        headers: HeaderMap,
        until: Instant,
    ) -> Self {
        // Without a body there is nothing to notice the start by: assume the worst.
        let started = Arc::new(AtomicBool::new(hop.body.is_empty()));
        Self {
            client,
            hop,
            headers,
            until,
            started,
            departure: Departure::awaited(),
        }
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn answer(self) -> Result<reqwest::Response, SendError> {
        let mut request = reqwest::Request::new(self.hop.method.clone(), self.hop.url.clone());
        *request.headers_mut() = self.headers.clone();
        if !self.hop.body.is_empty() {
            let body = TrackedBody {
                bytes: Some(self.hop.body.clone()),
                started: Arc::clone(&self.started),
                departure: self.departure.clone(),
            };
            *request.body_mut() = Some(reqwest::Body::wrap(body));
        }
        let host = self.hop.shown_host();
        match timeout_at(self.until, self.client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.failure(error)),
            Err(_) if self.started.load(Ordering::Acquire) => {
                let cause = format!("{host}: no answer before the deadline");
                Err(SendError::Ambiguous { cause })
            }
            Err(_) => Err(self.not_sent(format!("{host}: no connection before the deadline"))),
        }
    }

    fn failure(&self, error: reqwest::Error) -> SendError {
        let error = error.without_url();
        let cause = format!(
            "{}: {}",
            self.hop.shown_host(),
            self.scrubbed(&chain(&error))
        );
        if error.is_builder() {
            SendError::Invalid { cause }
        } else if error.is_connect() || !self.started.load(Ordering::Acquire) {
            self.not_sent(cause)
        } else {
            SendError::Ambiguous { cause }
        }
    }

    fn not_sent(&self, cause: String) -> SendError {
        if self.hop.may_have_arrived {
            SendError::Ambiguous { cause }
        } else {
            SendError::NotSent { cause }
        }
    }

    /// Removes what is secret about the URL, should an error text quote it.
    fn scrubbed(&self, text: &str) -> String {
        let url = &self.hop.url;
        let path = Some(url.path()).filter(|path| path.len() > 1);
        let mut text = text.to_owned();
        for secret in [path, url.query()]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
        {
            text = text.replace(secret, "<secret>");
        }
        text
    }
}

/// Joins an error's causes; the outermost, "error sending request", says nothing.
fn chain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        source = cause.source();
    }
    if texts.is_empty() {
        error.to_string()
    } else {
        texts.join(": ")
    }
}

/// Reads the answer's body, up to the cap and the deadline; its head has already decided.
pub(super) async fn read(mut response: reqwest::Response, until: Instant) -> Response {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut body = BytesMut::new();
    let body_is_cut = loop {
        match timeout_at(until, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = RESPONSE_BODY_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break true;
                }
            }
            Ok(Ok(None)) => break false,
            Ok(Err(_)) | Err(_) => break true,
        }
    };
    Response {
        status: response.status().as_u16(),
        headers,
        body: body.freeze(),
        body_is_cut,
    }
}

/// A body that notes when the connection first asks for it.
///
/// The connection asks before it flushes the head, so a body never asked for means that nothing
/// of the request was sent; and what it was given it writes at once.
struct TrackedBody {
    bytes: Option<Bytes>,
    started: Arc<AtomicBool>,
    departure: Departure,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.started.store(true, Ordering::Release);
        self.departure.note();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        u64::try_from(length).map_or_else(|_| SizeHint::new(), SizeHint::with_exact)
    }
}
