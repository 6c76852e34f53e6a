//! A sender like Prometheus: states every change at once, everything again every few seconds, and repeats nothing sooner
//! that was not accepted.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use harness::alert::{self, Alert};
use harness::http::exchange;
use harness::random::Random;

const ALERTS: usize = 120;
const GROUPS: usize = 40;

/// How often everything is stated again. As with the defaults (a minute, and a group_interval of five), several times
/// between two ticks: Alertmanager forgets ends that are not stated again from tick to tick, and tells them anew.
const RESEND: Duration = Duration::from_secs(2);
/// How far ahead the stated end of a firing alert is, as Prometheus does.
const LASTS: Duration = Duration::from_secs(20);
/// How long ended alerts are stated again.
const RESOLVED_FOR: Duration = Duration::from_secs(60);
/// Longest wait for an answer; Prometheus's default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Changes come until then.
const CHANGES_UNTIL: u64 = 80;
/// From one change of an alert to its next, in seconds: far enough apart that each has to be told.
const BETWEEN: (u64, u64) = (18, 30);

/// One change of one alert.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The alert's name.
    pub(crate) alert: String,
    /// Its group.
    pub(crate) group: String,
    /// Whether it fires from then on.
    pub(crate) fires: bool,
    /// When.
    pub(crate) at: Instant,
}

/// What fires when, the same for the same seed.
pub(crate) struct Schedule {
    /// Per alert, the moments at which it changes; it fires after the first.
    changes: Vec<Vec<Duration>>,
}

impl Schedule {
    /// One of many.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let mut one = |_| {
            let mut at = random.between(0, 10_000);
            let mut all = Vec::new();
            while at < CHANGES_UNTIL * 1_000 {
                all.push(Duration::from_millis(at));
                at += random.between(BETWEEN.0 * 1_000, BETWEEN.1 * 1_000);
            }
            all
        };
        Self {
            changes: (0..ALERTS).map(&mut one).collect(),
        }
    }

    /// When the last change may be.
    pub(crate) fn ends(&self) -> Duration {
        Duration::from_secs(CHANGES_UNTIL)
    }

    fn events(&self, began: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for (number, changes) in self.changes.iter().enumerate() {
            for (index, after) in changes.iter().enumerate() {
                events.push(Event {
                    alert: format!("a{number}"),
                    group: format!("g{}", number % GROUPS),
                    fires: index % 2 == 0,
                    at: began + *after,
                });
            }
        }
        events
    }
}

/// A running feeder, with a lane of its own for each door.
pub(crate) struct Feeder {
    began: Instant,
    events: Arc<Vec<Event>>,
    is_over: Arc<AtomicBool>,
    lanes: Vec<JoinHandle<()>>,
    refused: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Feeder {
    /// Starts to post to these doors.
    pub(crate) fn start(schedule: &Schedule, doors: &[String]) -> Self {
        let began = Instant::now();
        let events = Arc::new(schedule.events(began));
        let is_over = Arc::new(AtomicBool::new(false));
        let refused = Arc::new(Mutex::new(BTreeMap::new()));
        let lane = |door: &String| {
            let (events, is_over, door) = (events.clone(), is_over.clone(), door.clone());
            let refused = refused.clone();
            thread::spawn(move || post_all(&events, &door, &is_over, &refused))
        };
        let lanes = doors.iter().map(lane).collect();
        Self {
            began,
            events,
            is_over,
            lanes,
            refused,
        }
    }

    /// When it began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Waits until so long after the beginning.
    pub(crate) fn wait(&self, after: Duration) {
        thread::sleep((self.began + after).saturating_duration_since(Instant::now()));
    }

    /// Ends it and answers what happened.
    pub(crate) fn stop(self) -> Vec<Event> {
        self.is_over.store(true, Ordering::Relaxed);
        for lane in self.lanes {
            let _ = lane.join();
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for (door, times) in refused.iter() {
            eprintln!("  {door}: {times} posts not accepted");
        }
        self.events.to_vec()
    }
}

/// What a lane said last of an alert.
struct Said {
    event: usize,
    at: Instant,
}

fn post_all(
    events: &[Event],
    door: &str,
    is_over: &AtomicBool,
    refused: &Mutex<BTreeMap<String, usize>>,
) {
    let mut said: BTreeMap<&str, Said> = BTreeMap::new();
    while !is_over.load(Ordering::Relaxed) {
        let now = Instant::now();
        let mut current: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, event) in events.iter().enumerate() {
            if event.at <= now {
                current.insert(&event.alert, index);
            }
        }
        let mut batch = Vec::new();
        for (name, index) in current {
            let event = &events[index];
            let is_due = said
                .get(name)
                .is_none_or(|last| last.event != index || last.at + RESEND <= now);
            let is_forgotten = !event.fires && event.at + RESOLVED_FOR < now;
            if is_due && !is_forgotten {
                batch.push(stated(event, events, index));
                said.insert(
                    name,
                    Said {
                        event: index,
                        at: now,
                    },
                );
            }
        }
        let answer = match batch.is_empty() {
            true => Ok(200),
            false => post(door, &alert::body(&batch)),
        };
        let why = match answer {
            Ok(200) => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.kind().to_string()),
        };
        if let Some(why) = why {
            let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
            *refused.entry(format!("{door}: {why}")).or_default() += 1;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// The alert as it is stated while this event is its last.
fn stated(event: &Event, events: &[Event], index: usize) -> Alert {
    let wall = |at: Instant| SystemTime::now() - at.elapsed();
    let began = if event.fires {
        event
    } else {
        &events[index - 1]
    };
    let ends = match event.fires {
        true => SystemTime::now() + LASTS,
        false => wall(event.at),
    };
    Alert::named(&event.alert)
        .label("cluster", &event.group)
        .starts(wall(began.at))
        .ends(ends)
}

fn post(door: &str, body: &str) -> io::Result<u16> {
    let address: SocketAddr = door.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let answer = exchange(stream, door, ("POST", "/api/v2/alerts"), &[], body)?;
    Ok(answer.status())
}
