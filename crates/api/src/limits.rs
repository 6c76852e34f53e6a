//! Bounds on what a request may ask for, each with its unit and its reason.

use std::time::Duration;

/// How much one request may bring and how long it may take to bring it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body, counted after decompression too: 413 above.
    pub body_bytes: usize,
    /// Alerts in one post, 413 above; `None` leaves it to `body_bytes`.
    pub alerts: Option<usize>,
    /// Labels, and annotations, of one alert; the alert is refused above.
    pub labels: usize,
    /// Bytes of a label's or annotation's name; the alert is refused above.
    pub name_bytes: usize,
    /// Bytes of a label's or annotation's value; the alert is refused above.
    pub value_bytes: usize,
    /// How deeply JSON may nest: 400 above.
    pub json_depth: usize,
    /// Longest pause between two pieces of a body: a sender that stops has 408.
    pub body_pause: Duration,
    /// Least pace of a body in bytes per second, reckoned from its first second on.
    pub body_pace: u64,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Longest time from the first byte of a request to the end of its head.
    pub head_time: Duration,
    /// Longest time a connection may be open without a request.
    pub idle_time: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address.
    pub connections_per_address: usize,
}

impl Limits {
    /// For `belfry serve`: what a fleet of Prometheus servers needs, and no more (S53, S60).
    pub fn serve() -> Self {
        Self {
            body_bytes: 4 << 20,
            alerts: Some(5_000),
            labels: 64,
            name_bytes: 256,
            value_bytes: 4 << 10,
            json_depth: 16,
            body_pause: Duration::from_secs(10),
            body_pace: 1 << 10,
            head_bytes: 16 << 10,
            headers: 100,
            head_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(300),
            connections: 10_000,
            connections_per_address: 2_500,
        }
    }

    /// For the drop-in: Alertmanager has no limits, so these only keep a mistake from exhausting memory.
    pub fn drop_in() -> Self {
        Self {
            body_bytes: 64 << 20,
            alerts: None,
            labels: 10_000,
            name_bytes: 64 << 10,
            value_bytes: 64 << 10,
            json_depth: 1_000,
            body_pause: Duration::from_secs(60),
            body_pace: 0,
            head_bytes: 1 << 20,
            headers: 1_000,
            head_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(600),
            connections: 50_000,
            connections_per_address: 50_000,
        }
    }
}

/// Answers of at least this many bytes are compressed when the client can read gzip.
pub const GZIP_FROM: usize = 4 << 10;

/// Bytes an answer is cut into while it is written.
pub const CHUNK: usize = 256 << 10;

/// Elements a client may ask for with `limit`.
pub const PAGE_MAX: usize = 100_000;

/// Messages of the inbox one page shows unless `limit` says otherwise.
pub const INBOX_PAGE: usize = 100;

/// How long a password once verified is believed without the costly check.
pub const PASSWORD_MEMORY: Duration = Duration::from_secs(300);

/// How many verified passwords are remembered.
pub const PASSWORDS_REMEMBERED: usize = 1_000;
