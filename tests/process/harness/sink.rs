//! A webhook's other end: it keeps what it got and answers as it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Message;
use crate::listener::{Handler, Listener, Reply};

/// Longest time a request is held.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// How requests to a path are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// 200 at once.
    Accept,
    /// 200 after a while.
    Delay(Duration),
    /// This status at once.
    Refuse(u16),
    /// 400 at once, and all that was said in the answer.
    Echo,
    /// 429 with this Retry-After, in seconds.
    TooMany(u64),
    /// No answer until the manner changes; then the connection is closed.
    Hang,
    /// Takes the whole request and closes the connection without an answer.
    DropReply,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No answer was given yet.
    Open,
    /// Closed without an answer.
    Dropped,
    /// Answered with this status at that moment (taken just before the answer was written).
    Answered(u16, Instant),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its number in the order of arrival.
    pub number: u64,
    /// When it had arrived in full.
    pub at: Instant,
    /// Its path.
    pub path: String,
    /// Its Idempotency-Key.
    pub key: Option<String>,
    /// All its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Value,
    /// How it ended.
    pub outcome: Outcome,
}

impl Told {
    /// The alerts of the message.
    #[must_use]
    pub fn alerts(&self) -> &[Value] {
        self.body["alerts"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Every alert as `alertname status`, sorted.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .alerts()
            .iter()
            .map(|alert| {
                let name = alert["labels"]["alertname"].as_str().unwrap_or_default();
                format!("{name} {}", alert["status"].as_str().unwrap_or_default())
            })
            .collect();
        all.sort();
        all
    }

    /// Whether the receiver said yes.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Answered(200, _))
    }
}

#[derive(Default)]
struct State {
    manners: BTreeMap<String, Manner>,
    told: Vec<Told>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts webhooks on a free port.
pub struct Sink {
    shared: Arc<Shared>,
    listener: Listener,
}

impl Sink {
    /// Starts one that accepts everything.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on("127.0.0.1")
    }

    /// Starts one on one of this machine's addresses.
    #[must_use]
    pub fn start_on(host: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = Listener::start_on(host, shared.clone());
        Self { shared, listener }
    }

    /// Its URL with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.address())
    }

    /// Changes how a path is answered; requests held there are let go without an answer.
    pub fn set(&self, path: &str, manner: Manner) {
        self.shared.lock().manners.insert(path.to_owned(), manner);
        self.shared.changed.notify_all();
    }

    /// Everything that came so far, in order.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.shared.lock().told.clone()
    }

    /// Everything that came on one path, in order.
    #[must_use]
    pub fn told_on(&self, path: &str) -> Vec<Told> {
        let mut all = self.told();
        all.retain(|told| told.path == path);
        all
    }

    /// Waits until a request for which this holds is there.
    #[must_use]
    pub fn wait(&self, patience: Duration, holds: impl Fn(&Told) -> bool) -> Option<Told> {
        let deadline = Instant::now() + patience;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = state.told.iter().find(|told| holds(told)) {
                return Some(found.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn arrive(&self, request: &Message) -> (u64, Manner) {
        let at = Instant::now();
        let mut state = self.lock();
        let number = state.told.len() as u64;
        let manner = state
            .manners
            .get(request.target())
            .copied()
            .unwrap_or(Manner::Accept);
        state.told.push(Told {
            number,
            at,
            path: request.target().to_owned(),
            key: request.header("idempotency-key").map(str::to_owned),
            headers: request.headers.clone(),
            body: serde_json::from_str(&request.body).unwrap_or_default(),
            outcome: Outcome::Open,
        });
        self.changed.notify_all();
        (number, manner)
    }

    fn note(&self, number: u64, outcome: Outcome) {
        let mut state = self.lock();
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(told) = state.told.get_mut(index) {
            told.outcome = outcome;
        }
        self.changed.notify_all();
    }

    /// Waits while the path hangs.
    fn hold(&self, path: &str) {
        let deadline = Instant::now() + HOLD_MAX;
        let mut state = self.lock();
        while state.manners.get(path) == Some(&Manner::Hang) && Instant::now() < deadline {
            let waited = self.changed.wait_timeout(state, Duration::from_millis(200));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Handler for Shared {
    fn answer(&self, request: &Message) -> (Reply, Option<u64>) {
        let (number, manner) = self.arrive(request);
        let status = match manner {
            Manner::Accept => 200,
            Manner::Delay(long) => {
                std::thread::sleep(long);
                200
            }
            Manner::Refuse(status) => status,
            Manner::Echo => 400,
            Manner::TooMany(_) => 429,
            Manner::Hang | Manner::DropReply => {
                self.hold(request.target());
                self.note(number, Outcome::Dropped);
                return (Reply::Close, None);
            }
        };
        let mut headers = Vec::new();
        if let Manner::TooMany(seconds) = manner {
            headers.push(("Retry-After".to_owned(), seconds.to_string()));
        }
        let body = match manner {
            Manner::Echo => format!(
                "{} {:?} {}",
                request.target(),
                request.headers,
                request.body
            ),
            _ => String::new(),
        };
        // Noted before it is written: what was never noted was never answered.
        self.note(number, Outcome::Answered(status, Instant::now()));
        (
            Reply::Answer {
                status,
                headers,
                body,
            },
            Some(number),
        )
    }

    fn written(&self, number: u64, is_whole: bool) {
        if !is_whole {
            self.note(number, Outcome::Dropped);
        }
    }
}
