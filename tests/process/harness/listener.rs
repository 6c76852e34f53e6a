//! A small HTTP server on a free port, one thread a connection.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::http::Message;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// Its body.
        body: String,
    },
    /// The connection is closed without a word.
    Close,
}

impl Reply {
    /// An answer without further headers.
    #[must_use]
    pub fn with(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }
}

/// Called for every request; `after` runs when the reply is on its way.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request; may take its time.
    fn answer(&self, request: &Message) -> (Reply, Option<u64>);
    /// The reply to the request with this number was written, or could not be.
    fn written(&self, number: u64, is_whole: bool);
    /// Whether a request is cut off after its head: the connection is reset with the body unread.
    fn cuts(&self, _head: &Message) -> bool {
        false
    }
    /// A request broke off before its end.
    fn broken(&self) {}
}

/// A server; it stops listening when dropped.
pub struct Listener {
    address: String,
    is_over: Arc<AtomicBool>,
}

impl Listener {
    /// Listens on a free port of the loopback.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(handler: Arc<dyn Handler>) -> Self {
        Self::start_on("127.0.0.1", handler)
    }

    /// Listens on a free port of one of this machine's addresses.
    ///
    /// # Panics
    /// When there is no such address or no free port.
    #[must_use]
    pub fn start_on(host: &str, handler: Arc<dyn Handler>) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let handler = handler.clone();
                std::thread::spawn(move || serve(&stream, handler.as_ref()));
            }
        });
        Self { address, is_over }
    }

    /// HOST:PORT.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which then ends.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(stream: &TcpStream, handler: &dyn Handler) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let mut reader = BufReader::new(stream);
    while let Ok(Some(mut request)) = Message::read_head(&mut reader) {
        if handler.cuts(&request) {
            // Closing with unread bytes resets the connection; they need a moment to arrive.
            std::thread::sleep(Duration::from_millis(5));
            return;
        }
        if request.read_body(&mut reader).is_err() {
            return handler.broken();
        }
        let (reply, number) = handler.answer(&request);
        let Reply::Answer {
            status,
            headers,
            body,
        } = reply
        else {
            return;
        };
        let mut text = format!(
            "HTTP/1.1 {status} As Told\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&body);
        let mut writer = stream;
        let is_whole = writer.write_all(text.as_bytes()).is_ok();
        if let Some(number) = number {
            handler.written(number, is_whole);
        }
        if !is_whole {
            return;
        }
    }
}
