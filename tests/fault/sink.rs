//! The webhooks' other end: answers as each path is told to, and keeps of every message what the oracle needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use harness::http::Message as Request;
use harness::listener::{Handler, Listener, Reply};
use harness::random::Random;
use serde_json::Value;

use crate::tenant;

/// Longest time a request is held.
const HOLD_MAX: Duration = Duration::from_secs(120);

/// How requests to a path are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// 200 at once.
    Accept,
    /// 200 after a while.
    Delay(Duration),
    /// This status at once.
    Refuse(u16),
    /// 429 with this Retry-After, in seconds.
    TooMany(u64),
    /// No answer until the manner changes; then the connection is closed.
    Hang,
    /// Accepts all, and of a hundred answers withholds so many and closes the connection.
    DropReply(u64),
    /// Of a hundred requests, resets so many in the middle of their body.
    ResetBody(u64),
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It waits for its answer.
    Open,
    /// Accepted; the answer is out.
    Accepted,
    /// Accepted; the sender got no answer.
    AcceptedUnheard,
    /// Answered with another status.
    Refused(u16),
    /// Closed without an answer and not accepted.
    Dropped,
}

impl Outcome {
    /// Whether the receiver took the message, heard or not.
    pub(crate) fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::AcceptedUnheard)
    }
}

/// One group as one integration hears of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stream {
    /// The integration: the path of its webhook.
    pub(crate) path: Arc<str>,
    /// The group: its label `cluster`.
    pub(crate) group: Arc<str>,
}

/// One request whose body came in full.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Its number in the order of arrival.
    pub(crate) number: usize,
    /// When it had arrived.
    pub(crate) at: Instant,
    /// What it is about.
    pub(crate) stream: Stream,
    /// Its Idempotency-Key; empty when it has none.
    pub(crate) key: String,
    /// Its body.
    pub(crate) body: Arc<str>,
    /// Names of alerts it calls firing.
    pub(crate) firing: BTreeSet<Arc<str>>,
    /// Names of alerts it calls resolved.
    pub(crate) resolved: BTreeSet<Arc<str>>,
    /// Names of alerts that belong to another group or tenant.
    pub(crate) foreign: Vec<Arc<str>>,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// A request that was reset before its body had come.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// When.
    pub(crate) at: Instant,
    /// The integration: the path of its webhook.
    pub(crate) path: Arc<str>,
    /// Its Idempotency-Key; empty when it has none.
    pub(crate) key: String,
}

#[derive(Default)]
struct State {
    manners: BTreeMap<String, Manner>,
    messages: Vec<Message>,
    cuts: Vec<Cut>,
    names: BTreeSet<Arc<str>>,
    broken: usize,
    open: BTreeMap<String, usize>,
    open_max: BTreeMap<String, usize>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    random: Mutex<Random>,
}

/// Accepts webhooks on a free port.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    listener: Listener,
}

impl Sink {
    /// Starts one that accepts everything.
    pub(crate) fn start(seed: u64) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            random: Mutex::new(Random::seeded(seed)),
        });
        let listener = Listener::start(shared.clone());
        Self { shared, listener }
    }

    /// Its URL with this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.address())
    }

    /// Changes how a path is answered; requests held there are let go without an answer.
    pub(crate) fn set(&self, path: &str, manner: Manner) {
        self.shared.lock().manners.insert(path.to_owned(), manner);
        self.shared.changed.notify_all();
    }

    /// Everything that came so far, in order.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.shared.lock().messages.clone()
    }

    /// Every request that was reset so far, in order.
    pub(crate) fn cuts(&self) -> Vec<Cut> {
        self.shared.lock().cuts.clone()
    }

    /// How many messages came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.lock().messages.len()
    }

    /// How many requests broke off before their end.
    pub(crate) fn broken(&self) -> usize {
        self.shared.lock().broken
    }

    /// Most requests that waited for an answer at the same time on a path.
    pub(crate) fn open_max(&self, path: &str) -> usize {
        let state = self.shared.lock();
        state.open_max.get(path).copied().unwrap_or(0)
    }
}

/// The Idempotency-Key; empty without one.
fn key_of(request: &Request) -> String {
    let key = request.header("idempotency-key");
    key.unwrap_or_default().to_owned()
}

/// A text of which there is one copy.
fn intern(names: &mut BTreeSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return known.clone();
    }
    let name: Arc<str> = name.into();
    names.insert(name.clone());
    name
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn happens(&self, percent: u64) -> bool {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.percent(percent)
    }

    fn arrive(&self, request: &Request) -> (usize, Manner) {
        let at = Instant::now();
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let mut state = self.lock();
        let path = request.target();
        let manner = state.manners.get(path).copied();
        let owner = tenant::of_path(path);
        let group = body["groupLabels"]["cluster"].as_str().unwrap_or_default();
        let stream = Stream {
            path: intern(&mut state.names, path),
            group: intern(&mut state.names, &tenant::qualified(owner, group)),
        };
        let mut message = Message {
            number: state.messages.len(),
            at,
            stream,
            key: key_of(request),
            body: request.body.as_str().into(),
            firing: BTreeSet::new(),
            resolved: BTreeSet::new(),
            foreign: Vec::new(),
            outcome: Outcome::Open,
        };
        for alert in body["alerts"].as_array().into_iter().flatten() {
            let label = |name: &str| alert["labels"][name].as_str();
            let name = label("alertname").unwrap_or_default();
            let name = intern(&mut state.names, &tenant::qualified(owner, name));
            let stated_owner = alert["annotations"][tenant::OWNER].as_str();
            if label("cluster").unwrap_or_default() != group || stated_owner != owner {
                message.foreign.push(name.clone());
            }
            match alert["status"] == "firing" {
                true => message.firing.insert(name),
                false => message.resolved.insert(name),
            };
        }
        let number = message.number;
        state.messages.push(message);
        let open = state.open.entry(path.to_owned()).or_default();
        *open += 1;
        let open = *open;
        let most = state.open_max.entry(path.to_owned()).or_default();
        *most = open.max(*most);
        self.changed.notify_all();
        (number, manner.unwrap_or(Manner::Accept))
    }

    fn note(&self, number: usize, outcome: Outcome) {
        let mut state = self.lock();
        let Some(message) = state.messages.get_mut(number) else {
            return;
        };
        let was_open = message.outcome == Outcome::Open;
        message.outcome = outcome;
        let path = message.stream.path.to_string();
        if was_open && let Some(open) = state.open.get_mut(&path) {
            *open -= 1;
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

    fn close(&self, number: usize, outcome: Outcome) -> (Reply, Option<u64>) {
        self.note(number, outcome);
        (Reply::Close, None)
    }
}

impl Handler for Shared {
    fn answer(&self, request: &Request) -> (Reply, Option<u64>) {
        let (number, manner) = self.arrive(request);
        let status = match manner {
            Manner::Accept | Manner::ResetBody(_) => 200,
            Manner::Delay(long) => {
                std::thread::sleep(long);
                200
            }
            Manner::Refuse(status) => status,
            Manner::TooMany(_) => 429,
            Manner::Hang => {
                self.hold(request.target());
                return self.close(number, Outcome::Dropped);
            }
            Manner::DropReply(percent) if self.happens(percent) => {
                return self.close(number, Outcome::AcceptedUnheard);
            }
            Manner::DropReply(_) => 200,
        };
        let mut headers = Vec::new();
        if let Manner::TooMany(seconds) = manner {
            headers.push(("Retry-After".to_owned(), seconds.to_string()));
        }
        // Noted before it is written: what was never noted was never answered.
        let outcome = match status {
            200 => Outcome::Accepted,
            other => Outcome::Refused(other),
        };
        self.note(number, outcome);
        let body = String::new();
        let reply = Reply::Answer {
            status,
            headers,
            body,
        };
        (reply, Some(number as u64).filter(|_| status == 200))
    }

    fn written(&self, number: u64, is_whole: bool) {
        if !is_whole && let Ok(number) = usize::try_from(number) {
            self.note(number, Outcome::AcceptedUnheard);
        }
    }

    fn cuts(&self, head: &Request) -> bool {
        let at = Instant::now();
        let mut state = self.lock();
        let manner = state.manners.get(head.target()).copied();
        let is_cut = matches!(manner, Some(Manner::ResetBody(percent)) if self.happens(percent));
        if is_cut {
            let path = intern(&mut state.names, head.target());
            let key = key_of(head);
            state.cuts.push(Cut { at, path, key });
        }
        is_cut
    }

    fn broken(&self) {
        self.lock().broken += 1;
    }
}
