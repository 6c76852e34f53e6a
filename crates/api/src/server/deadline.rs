//! A bound on the time from a request's first byte to the end of its head.
//!
//! hyper's own bound covers the rest between two requests as well, which may be long, so it cannot be short. Here the
//! connection is told by the service when a request begins and when its answer is out; bytes that arrive in between are
//! the next request's head.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Whether a connection is busy with requests; shared by the connection and its service.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests whose answers are not out yet.
    under_way: AtomicUsize,
    /// Requests so far.
    begun: AtomicUsize,
    /// HTTP/2 has frames at any time; it has its own keep-alive.
    is_exempt: AtomicBool,
}

impl Phase {
    /// A request's head is complete; the connection is busy until the result is dropped.
    pub(super) fn begin(&self, is_http2: bool) -> Busy {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        if is_http2 {
            self.0.is_exempt.store(true, Ordering::Relaxed);
        }
        Busy(self.clone())
    }

    fn is_reading_head(&self) -> bool {
        !self.0.is_exempt.load(Ordering::Relaxed) && self.0.under_way.load(Ordering::Relaxed) == 0
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that fails when a head takes too long.
pub(super) struct Deadlined<S> {
    stream: S,
    phase: Phase,
    head_time: Duration,
    /// Runs from the first byte of a head; with it, how many requests had begun by then.
    deadline: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Deadlined<S> {
    pub(super) fn new(stream: S, phase: Phase, head_time: Duration) -> Self {
        Self {
            stream,
            phase,
            head_time,
            deadline: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deadlined<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let begun = this.phase.0.begun.load(Ordering::Relaxed);
        if this
            .deadline
            .as_ref()
            .is_some_and(|(head, _)| *head != begun)
        {
            this.deadline = None;
        }
        if !this.phase.is_reading_head() {
            this.deadline = None;
            return polled;
        }
        if polled.is_ready() {
            let has_read = buffer.filled().len() > before;
            if has_read && this.deadline.is_none() {
                let end = Instant::now() + this.head_time;
                this.deadline = Some((begun, Box::pin(tokio::time::sleep_until(end))));
            }
            return polled;
        }
        let is_over = match &mut this.deadline {
            Some((_, deadline)) => deadline.as_mut().poll(context).is_ready(),
            None => false,
        };
        if is_over {
            let error = io::Error::new(io::ErrorKind::TimedOut, "a request's head took too long");
            return Poll::Ready(Err(error));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deadlined<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// An answer's body that keeps its connection busy until it is out.
pub(super) struct Held {
    body: Body,
    _busy: Busy,
}

impl Held {
    pub(super) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
