//! A server that answers by a function and keeps the requests as text.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Gives the whole answer to a request, head and body; an empty one closes the connection.
type Answer = dyn Fn(&str) -> String + Send + Sync;

/// A listening server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers 200 with the body `ok`.
    pub(super) async fn ok() -> Self {
        Self::answering(|_| answer("200 OK", "", "ok")).await
    }

    pub(super) async fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer)).await
    }

    pub(super) async fn with_tls(config: ServerConfig) -> Self {
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        Self::start(tls, Arc::new(|_: &str| answer("200 OK", "", "ok"))).await
    }

    async fn start(tls: Option<TlsAcceptor>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, answer, log) = (tls.clone(), Arc::clone(&answer), Arc::clone(&log));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*answer, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*answer, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, heads and bodies as they came.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The only request so far.
    #[track_caller]
    pub(super) fn request(&self) -> String {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }
}

/// Makes an answer; further header lines end in `\r\n` each.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answer,
    log: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        log.lock().unwrap().push(request.clone());
        let answer = answer(&request);
        if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
