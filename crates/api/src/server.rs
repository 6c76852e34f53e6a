//! Accepting connections: plain or TLS, HTTP/1 and 2, bounded in number and time, and let go of gently.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use runtime::tasks::Stop;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::limits::Limits;

mod deadline;
pub mod tls;

use deadline::{Deadlined, Phase};
use tls::Tls;

/// How long after a failed accept the next is tried: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests under way may still take once the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How a listener is served.
#[derive(Clone)]
pub struct ServeOptions {
    /// Certificates and what else makes TLS; `None` serves in the clear.
    pub tls: Option<Arc<Tls>>,
    /// Whether HTTP/2 is offered.
    pub has_http2: bool,
    /// Bounds of connections and of requests' heads.
    pub limits: Limits,
}

impl ServeOptions {
    /// Serves in the clear within these limits.
    pub fn plain(limits: Limits) -> Self {
        Self {
            tls: None,
            has_http2: true,
            limits,
        }
    }
}

/// Serves until told to stop, then waits up to [`DRAIN`] for requests under way.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, stop: Stop) {
    let door = Arc::new(Door::new(&options.limits));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.stopped() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_peers_fault(&error) {
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let Some(seat) = door.enter(peer.ip()) else {
            tracing::debug!(%peer, "a connection was refused: too many are open");
            continue;
        };
        let (router, options, watcher) = (router.clone(), options.clone(), graceful.watcher());
        tokio::spawn(async move {
            let outcome = connection(stream, peer, router, options, watcher).await;
            if let Err(error) = outcome {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
            drop(seat);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still under way after {DRAIN:?} and were cut off");
    }
}

/// Errors of `accept` that concern one connection only.
fn is_peers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: ServeOptions,
    watcher: hyper_util::server::graceful::Watcher,
) -> Ended {
    // Answers are written whole, so waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    match options.tls.as_ref().map(|tls| tls.acceptor()) {
        None => speak(stream, peer, router, &options, watcher).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(options.limits.head_time, tls.accept(stream));
            speak(handshake.await??, peer, router, &options, watcher).await
        }
    }
}

async fn speak<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    options: &ServeOptions,
    watcher: hyper_util::server::graceful::Watcher,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &options.limits;
    let phase = Phase::default();
    let io = TokioIo::new(Deadlined::new(stream, phase.clone(), limits.head_time));
    let service = hyper_util::service::TowerToHyperService::new(tower::service_fn(
        move |mut request: http::Request<hyper::body::Incoming>| {
            let busy = phase.begin(request.version() == http::Version::HTTP_2);
            request.extensions_mut().insert(ConnectInfo(peer));
            let router = router.clone();
            async move {
                let response = router.oneshot(request.map(axum::body::Body::new)).await?;
                Ok::<_, std::convert::Infallible>(
                    response.map(|body| deadline::Held::new(body, busy)),
                )
            }
        },
    ));
    let mut builder = Builder::new(TokioExecutor::new());
    if !options.has_http2 {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes.max(64 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Duration::from_secs(30));
    let connection = builder.serve_connection(io, service).into_owned();
    watcher.watch(connection).await
}

/// Counts connections.
struct Door {
    seats: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    most_per_address: usize,
}

impl Door {
    fn new(limits: &Limits) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            by_address: Mutex::default(),
            most_per_address: limits.connections_per_address,
        }
    }

    /// Lets a connection in unless too many are.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let permit = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.most_per_address {
            return None;
        }
        *count += 1;
        drop(by_address);
        Some(Seat {
            door: Arc::clone(self),
            address,
            _permit: permit,
        })
    }
}

/// A connection that was let in.
struct Seat {
    door: Arc<Door>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_address = self
            .door
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
