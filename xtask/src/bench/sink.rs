//! A webhook receiver that accepts everything, so that a send never waits.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// A running receiver; it ends with the bench.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    received: Arc<AtomicU64>,
}

impl Sink {
    /// Starts a receiver on a free port.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot open the webhook sink")?;
        let address = listener.local_addr()?;
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || serve(stream, &count));
            }
        });
        Ok(Self { address, received })
    }

    /// How many notifications came; the bench's own configuration lets none come.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, count: &AtomicU64) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(input) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(input);
    while let Some(length) = body_length(&mut reader) {
        let read = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink());
        if read.is_err()
            || stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_err()
        {
            return;
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads a request's head and returns how long its body is; `None` at the connection's end.
fn body_length(reader: &mut impl BufRead) -> Option<u64> {
    let mut length = 0;
    for number in 0.. {
        let mut line = String::new();
        if reader.take(64 * 1024).read_line(&mut line).ok()? == 0 {
            return None;
        }
        if number > 0 && line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    Some(length)
}
