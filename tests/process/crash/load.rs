//! Senders under load: posters of alerts, and one that sets and deletes silences.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::alert::{self, Alert};
use harness::http;
use harness::random::Random;

use crate::subject::{CLUSTERS, Change, Subject, Truth};

/// Posts alerts; whether the server acknowledged.
pub(crate) fn post(address: &str, alerts: &[Alert]) -> bool {
    let answer = http::request(
        address,
        ("POST", "/api/v2/alerts"),
        &[],
        &alert::body(alerts),
    );
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// A sender with alerts of its own, so that the order of what it says about each is known.
pub(crate) struct Poster {
    pub(crate) subjects: Vec<Subject>,
    random: Random,
}

impl Poster {
    pub(crate) fn new(number: usize, mut random: Random) -> Self {
        let subject = |n| Subject::new(format!("p{number}s{n}"), random.below(CLUSTERS));
        Self {
            subjects: (0..16).map(subject).collect(),
            random,
        }
    }

    /// Posts until it is told to stop or the server is gone.
    pub(crate) fn run(&mut self, address: &str, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let first = self.random.below(self.subjects.len() as u64);
            let first = usize::try_from(first).expect("an index");
            let many = usize::try_from(self.random.between(1, 4)).expect("few");
            let end = self.subjects.len().min(first + many);
            let random = &mut self.random;
            let batch = &mut self.subjects[first..end];
            let changes = batch.iter_mut().map(|subject| {
                let change = match subject.truth {
                    Truth::Never | Truth::Ended => Change::Fire,
                    Truth::Firing if random.percent(25) => Change::End,
                    Truth::Firing => Change::Refresh,
                };
                subject.change(change)
            });
            let alerts: Vec<Alert> = changes.collect();
            if !post(address, &alerts) {
                return;
            }
            batch.iter_mut().for_each(Subject::acknowledged);
            let pause = self.random.between(2, 25);
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
}

/// How far a silence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Acknowledged.
    Holds,
    /// Its deletion was sent.
    Deleting,
    /// Its deletion was acknowledged.
    Deleted,
}

/// An acknowledged silence and the alert it silences, posted only afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Silenced {
    pub(crate) id: String,
    pub(crate) hold: Hold,
    pub(crate) subject: Subject,
}

/// Sets silences, posts what they silence, deletes some.
pub(crate) struct Silencer {
    pub(crate) silences: Vec<Silenced>,
    /// Silences set so far.
    count: u64,
    random: Random,
}

impl Silencer {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            silences: Vec::new(),
            count: 0,
            random,
        }
    }

    /// Works until it is told to stop or the server is gone, pausing so long between steps.
    pub(crate) fn run(&mut self, address: &str, stop: &AtomicBool, pause: Duration) {
        while !stop.load(Ordering::Relaxed) {
            let is_alive = match self.random.percent(60) {
                true => self.set(address),
                false => self.delete(address),
            };
            if !is_alive {
                return;
            }
            std::thread::sleep(pause);
        }
    }

    fn set(&mut self, address: &str) -> bool {
        self.count += 1;
        let mute = format!("m{}", self.count);
        let body = alert::silence("mute", &mute, Duration::from_secs(3600));
        let answer = http::request(address, ("POST", "/api/v2/silences"), &[], &body);
        let Some(answer) = answer.ok().filter(|answer| answer.status() == 200) else {
            return false;
        };
        let id = answer.json()["silenceID"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let cluster = self.random.below(CLUSTERS);
        let mut subject = Subject::new(format!("q{}", self.count), cluster);
        subject.mute = Some(mute);
        let alert = subject.change(Change::Fire);
        self.silences.push(Silenced {
            id,
            hold: Hold::Holds,
            subject,
        });
        if !post(address, &[alert]) {
            return false;
        }
        if let Some(last) = self.silences.last_mut() {
            last.subject.acknowledged();
        }
        true
    }

    fn delete(&mut self, address: &str) -> bool {
        let held = self
            .silences
            .iter_mut()
            .filter(|silenced| silenced.hold == Hold::Holds);
        let mut held: Vec<_> = held.collect();
        if held.len() < 2 {
            return true;
        }
        let index = usize::try_from(self.random.below(held.len() as u64)).expect("an index");
        held.swap_remove(index).delete(address)
    }
}

impl Silenced {
    /// Deletes the silence; whether that was acknowledged.
    pub(crate) fn delete(&mut self, address: &str) -> bool {
        self.hold = Hold::Deleting;
        let target = format!("/api/v2/silence/{}", self.id);
        let answer = http::request(address, ("DELETE", &target), &[], "");
        let is_done = answer.is_ok_and(|answer| answer.status() == 200);
        if is_done {
            self.hold = Hold::Deleted;
        }
        is_done
    }
}
