//! What the tests of running processes share: programs started and ended by their id, a webhook sink with manners to
//! choose from, a little HTTP, and peers of other projects. Everything waits for a bounded time.

pub mod alert;
pub mod http;
pub mod listener;
pub mod peer;
pub mod program;
pub mod prometheus;
pub mod random;
pub mod server;
pub mod sink;

use std::time::{Duration, Instant};

/// Longest wait for anything a test expects to happen soon.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer; `None` when the time is up.
pub fn wait_for<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port that was free a moment ago, for programs that cannot say which one they got.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
