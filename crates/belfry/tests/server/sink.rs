//! A webhook's other end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;

/// Accepts webhooks and hands them to the test.
pub(crate) struct Sink {
    url: String,
    received: Mutex<Receiver<Told>>,
}

/// One webhook.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Told {
    /// Names of its alerts.
    pub(crate) fn names(&self) -> Vec<String> {
        let alerts = self.body["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .map(|alert| {
                alert["labels"]["alertname"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, received) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Self {
            url,
            received: Mutex::new(received),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the next webhook.
    #[track_caller]
    pub(crate) fn next(&self) -> Told {
        let received = self.received.lock().expect("not poisoned");
        received
            .recv_timeout(Duration::from_secs(15))
            .expect("a webhook comes")
    }

    /// Checks that none comes for a while.
    #[track_caller]
    pub(crate) fn is_quiet(&self, long: Duration) {
        let received = self
            .received
            .lock()
            .expect("not poisoned")
            .recv_timeout(long);
        assert!(received.is_err(), "unexpected: {received:?}");
    }
}

/// Answers requests on one connection until it closes.
fn serve(stream: TcpStream, sender: &Sender<Told>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        if reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .is_err()
        {
            return;
        }
        if sender.send(Told { path, body }).is_err() {
            return;
        }
    }
}
