//! What the tests of running processes share: programs started and ended by their id, a webhook sink with manners to
//! choose from, a little HTTP, and peers of other projects. Everything waits for a bounded time.

pub mod alert;
pub mod http;
pub mod listener;
pub mod nginx;
pub mod peer;
pub mod program;
pub mod prometheus;
pub mod random;
pub mod server;
pub mod sink;

use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
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

/// Where ports are looked for: below those the system gives to outgoing connections, which could otherwise take a
/// program's port while it is down.
const PORTS: std::ops::Range<u16> = 21_100..31_000;

/// A port that was free a moment ago, for programs that cannot say which one they got.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let seed = RandomState::new().hash_one(Instant::now());
    let mut random = random::Random::seeded(seed);
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let port = || {
        let many = u64::from(PORTS.end - PORTS.start);
        PORTS.start + u16::try_from(random.below(many)).unwrap_or(0)
    };
    let mut tried = std::iter::repeat_with(port).take(1_000);
    tried.find(is_free).expect("a free port")
}
