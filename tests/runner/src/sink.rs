//! A receiver on a real socket: it keeps what it is sent and answers as recorded. As a proxy it stands for every https
//! server that is asked for, with a certificate nobody signed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Whether it came in the clear or through a tunnel.
    pub(crate) scheme: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A running receiver; it ends with the runtime it was started in.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    received: Vec<Received>,
    /// What the next requests are answered, in order.
    answers: VecDeque<(u16, String)>,
}

impl Sink {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared {
            received: Vec::new(),
            answers: VecDeque::new(),
        };
        let shared = Arc::new(Mutex::new(shared));
        let door = Door {
            shared: Arc::clone(&shared),
            tls: acceptor()?,
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(door.clone().serve("http", TokioIo::new(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Says what the next requests are answered, in order; further ones are answered 200.
    pub(crate) fn answer_with(&self, answers: impl Iterator<Item = (u16, String)>) {
        self.shared().answers = answers.collect();
    }

    /// Hands over what has come since the last time.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared().received)
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What answers connections.
#[derive(Clone)]
struct Door {
    shared: Arc<Mutex<Shared>>,
    tls: TlsAcceptor,
}

impl Door {
    /// Answers a connection until its end; boxed, because a tunnel is a connection within a connection.
    fn serve<S>(self, scheme: &'static str, stream: S) -> Pin<Box<dyn Future<Output = ()> + Send>>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| self.clone().take(scheme, request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(stream, service)
            .with_upgrades();
        Box::pin(async move {
            // A client that hangs up is none of ours.
            let _ = connection.await;
        })
    }

    async fn take(
        self,
        scheme: &'static str,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        if request.method() == Method::CONNECT {
            tokio::spawn(self.tunnel(request));
            return Ok(Response::default());
        }
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes().to_vec())
            .unwrap_or_default();
        let headers = head.headers.iter().map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        let received = Received {
            scheme,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: headers.collect(),
            body,
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.received.push(received);
        let (status, text) = shared.answers.pop_front().unwrap_or((200, String::new()));
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::OK);
        Ok(response)
    }

    /// Speaks TLS in the place of whoever was asked for.
    async fn tunnel(self, request: Request<Incoming>) {
        let Ok(tunnel) = hyper::upgrade::on(request).await else {
            return;
        };
        if let Ok(stream) = self.tls.accept(TokioIo::new(tunnel)).await {
            self.serve("https", TokioIo::new(stream)).await;
        }
    }
}

/// A certificate of our own making: clients are told not to look.
fn acceptor() -> std::io::Result<TlsAcceptor> {
    let made = rcgen::generate_simple_self_signed(["sink.test".to_owned()])
        .map_err(std::io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(std::io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
