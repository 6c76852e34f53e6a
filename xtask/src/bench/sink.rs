//! A webhook receiver that accepts everything, so that a send never waits, and notes what came when.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A notification.
pub(super) struct Arrival {
    /// When its first byte came.
    pub(super) at: Instant,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// A running receiver; it ends with the bench.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Sink {
    /// Starts a receiver on a free port.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot open the webhook sink")?;
        let address = listener.local_addr()?;
        let arrivals = Arc::new(Mutex::default());
        let taken = Arc::clone(&arrivals);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                thread::spawn(move || serve(stream, &taken));
            }
        });
        Ok(Self { address, arrivals })
    }

    /// How many notifications came since they were last taken.
    pub(super) fn received(&self) -> usize {
        let arrivals = self.arrivals.lock();
        arrivals.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes what came.
    pub(super) fn take(&self) -> Vec<Arrival> {
        let arrivals = self.arrivals.lock();
        std::mem::take(&mut *arrivals.unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(mut stream: TcpStream, arrivals: &Mutex<Vec<Arrival>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(input) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(input);
    while reader.fill_buf().is_ok_and(|bytes| !bytes.is_empty()) {
        let at = Instant::now();
        let Some(length) = body_length(&mut reader) else {
            return;
        };
        let mut body = Vec::new();
        let read = (&mut reader).take(length).read_to_end(&mut body);
        if read.is_err()
            || stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_err()
        {
            return;
        }
        let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.push(Arrival { at, body });
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
