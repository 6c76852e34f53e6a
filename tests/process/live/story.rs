//! Scenarios with seconds from their start, against a running server in real time.

use std::time::{Duration, Instant, SystemTime};

use harness::alert::{Alert, moment};
use harness::server::{Place, Server};
use harness::sink::{Sink, Told};
use serde_json::Value;

/// How far a message may be off its window, and a time off what is stated.
const TOLERANCE: f64 = 0.3;

/// A running scenario.
pub(crate) struct Story {
    pub(crate) sink: Sink,
    /// Its folder, removed when the story is over.
    _place: Place,
    pub(crate) server: Server,
    began: Instant,
    began_wall: SystemTime,
}

/// An alert as a message must list it; what is `None` may be anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    name: &'static str,
    is_firing: bool,
    starts: Option<f64>,
    ends: Option<f64>,
    note: Option<&'static str>,
}

/// A firing alert.
pub(crate) fn firing(name: &'static str) -> Expected {
    Expected {
        name,
        is_firing: true,
        starts: None,
        ends: None,
        note: None,
    }
}

/// An ended alert.
pub(crate) fn resolved(name: &'static str) -> Expected {
    Expected {
        is_firing: false,
        ..firing(name)
    }
}

impl Expected {
    pub(crate) fn from(self, seconds: f64) -> Self {
        Self {
            starts: Some(seconds),
            ..self
        }
    }

    pub(crate) fn to(self, seconds: f64) -> Self {
        Self {
            ends: Some(seconds),
            ..self
        }
    }

    pub(crate) fn note(self, text: &'static str) -> Self {
        Self {
            note: Some(text),
            ..self
        }
    }
}

/// A message that must come between two moments.
pub(crate) struct Window<'a>(pub(crate) f64, pub(crate) f64, pub(crate) &'a [Expected]);

impl Story {
    /// Starts a server; `config` gets the sink's URL for `{sink}`.
    pub(crate) fn start(config: &str, flags: &[&str]) -> Self {
        let sink = Sink::start();
        let place = Place::new(&config.replace("{sink}", &sink.url("")));
        let server = place.start(flags);
        Self {
            sink,
            _place: place,
            server,
            began: Instant::now(),
            began_wall: SystemTime::now(),
        }
    }

    /// Waits until so many seconds after the start.
    #[track_caller]
    pub(crate) fn until(&self, seconds: f64) {
        let at = self.began + Duration::from_secs_f64(seconds);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
    }

    /// The moment so many seconds after the start; before it when negative.
    pub(crate) fn time(&self, seconds: f64) -> SystemTime {
        match seconds < 0.0 {
            true => self.began_wall - Duration::from_secs_f64(-seconds),
            false => self.began_wall + Duration::from_secs_f64(seconds),
        }
    }

    /// Waits, then posts.
    #[track_caller]
    pub(crate) fn post(&self, seconds: f64, alerts: &[Alert]) {
        self.until(seconds);
        self.server.post(alerts);
    }

    /// Checks that on this path exactly these messages came, in this order.
    #[track_caller]
    pub(crate) fn told(&self, path: &str, windows: &[Window<'_>]) {
        let told = self.sink.told_on(path);
        let shown = self.shown(&told);
        assert_eq!(told.len(), windows.len(), "messages on {path}:\n{shown}");
        for (told, Window(from, to, expected)) in told.iter().zip(windows) {
            let at = (told.at - self.began).as_secs_f64();
            let is_in_time = at >= from - TOLERANCE && at <= to + TOLERANCE;
            assert!(is_in_time, "not within {from}..{to}: {at:.3}\n{shown}");
            let mut left: Vec<&Value> = told.alerts().iter().collect();
            for wanted in *expected {
                let found = left
                    .iter()
                    .position(|alert| self.is_as_expected(alert, wanted));
                let Some(found) = found else {
                    panic!("at {at:.3} there is no {wanted:?}\n{shown}");
                };
                left.remove(found);
            }
            assert!(
                left.is_empty(),
                "at {at:.3} there is more than expected: {left:?}\n{shown}"
            );
        }
    }

    fn is_as_expected(&self, alert: &Value, wanted: &Expected) -> bool {
        let status = if wanted.is_firing {
            "firing"
        } else {
            "resolved"
        };
        let is_near = |field: &str, wanted: Option<f64>| {
            wanted.is_none_or(|seconds| (self.seconds(&alert[field]) - seconds).abs() <= TOLERANCE)
        };
        alert["labels"]["alertname"] == wanted.name
            && alert["status"] == status
            && is_near("startsAt", wanted.starts)
            && is_near("endsAt", wanted.ends)
            && wanted
                .note
                .is_none_or(|note| alert["annotations"]["note"] == note)
    }

    /// Seconds from the start.
    fn seconds(&self, text: &Value) -> f64 {
        let at = moment(text.as_str().unwrap_or_default());
        match at.duration_since(self.began_wall) {
            Ok(after) => after.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        }
    }

    fn shown(&self, told: &[Told]) -> String {
        let mut text = String::new();
        for told in told {
            let at = (told.at - self.began).as_secs_f64();
            text.push_str(&format!("{at:.3} {:?}\n", told.body));
        }
        text
    }
}
