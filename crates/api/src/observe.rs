//! Counting requests and their answers, and bounding how many are answered at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::{Refusal, text_error};
use crate::context::Api;

/// The right to be one of the API GETs being answered; given back when the answer is out.
pub(crate) struct GetPermit {
    api: Api,
    _permit: OwnedSemaphorePermit,
}

impl GetPermit {
    pub(crate) fn acquire(
        api: &Api,
        method: &Method,
        is_api: bool,
    ) -> Result<Option<Self>, Refusal> {
        if !is_api || method != Method::GET {
            return Ok(None);
        }
        let http = &api.engine().metrics().http;
        match Arc::clone(&api.gets).try_acquire_owned() {
            Ok(permit) => {
                http.gets_in_flight().inc();
                Ok(Some(Self {
                    api: api.clone(),
                    _permit: permit,
                }))
            }
            Err(_) => {
                http.get_refused();
                let most = api.gets_max;
                let message = format!(
                    "Limit of concurrent GET requests reached ({most}), try again later.\n"
                );
                Err(text_error(StatusCode::SERVICE_UNAVAILABLE, &message).into())
            }
        }
    }
}

impl Drop for GetPermit {
    fn drop(&mut self) {
        self.api.engine().metrics().http.gets_in_flight().dec();
    }
}

/// Counts a request once its answer is out, or given up.
pub(crate) struct Record {
    pub(crate) api: Api,
    pub(crate) handler: &'static str,
    pub(crate) method: Method,
    pub(crate) code: u16,
    pub(crate) started: Instant,
    /// Held until then.
    pub(crate) permit: Option<GetPermit>,
}

impl Record {
    fn note(&self, bytes: u64) {
        // Named so that it is clear what is being held.
        let Self {
            api,
            handler,
            method,
            code,
            started,
            permit: _held,
        } = self;
        let http = &api.engine().metrics().http;
        http.answered(handler, method.as_str(), *code, started.elapsed(), bytes);
    }
}

/// A body that is counted while it goes out.
pub(crate) struct Counted {
    body: Body,
    bytes: u64,
    record: Record,
}

impl Counted {
    pub(crate) fn new(body: Body, record: Record) -> Self {
        Self {
            body,
            bytes: 0,
            record,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.record.note(self.bytes);
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
