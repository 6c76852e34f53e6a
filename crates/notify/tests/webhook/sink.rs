//! A receiver on a real socket: it keeps what it is sent and behaves as told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// Answers with this status line and headers, an empty body.
    Answer(&'static str),
    /// Answers 200 after a while.
    Slow(Duration),
    /// Reads the request and closes without an answer.
    Close,
    /// Reads the request and resets the connection.
    Reset,
    /// Reads the request and never answers.
    Silent,
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A running receiver; it ends with the test's runtime.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Sink {
    pub(crate) async fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, mode, Arc::clone(&kept)));
            }
        });
        Self { address, received }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, mode: Mode, kept: Arc<Mutex<Vec<Received>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    kept.lock().unwrap().push(request);
    let head = match mode {
        Mode::Answer(head) => head,
        Mode::Slow(delay) => {
            tokio::time::sleep(delay).await;
            "200 OK"
        }
        Mode::Close => return,
        Mode::Reset => return stream.set_zero_linger().unwrap(),
        Mode::Silent => return tokio::time::sleep(Duration::from_secs(60)).await,
    };
    let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| {
        line.split_once(": ")
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    let body_end = head_end + 4 + length.1.parse::<usize>().ok()?;
    while bytes.len() < body_end {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_end + 4..body_end].to_vec()).ok()?;
    Some(Received {
        method,
        target,
        headers,
        body,
    })
}
