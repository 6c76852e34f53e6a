//! What happens to both, at the same moments.

use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Kind};
use crate::ground::MEMBERS;

/// One row.
pub(crate) struct Fault {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is, for the table.
    pub(crate) what: &'static str,
    /// Whether members have to be cut off.
    pub(crate) needs_network: bool,
    /// Whether it happens to Redis, which only one of the two has.
    is_redis: bool,
    /// Makes it happen, in moments counted from this one.
    pub(crate) happens: fn(&mut Cluster, Instant),
}

impl Fault {
    const fn new(
        name: &'static str,
        what: &'static str,
        happens: fn(&mut Cluster, Instant),
    ) -> Self {
        Self {
            name,
            what,
            needs_network: false,
            is_redis: false,
            happens,
        }
    }

    const fn of_the_network(self) -> Self {
        Self {
            needs_network: true,
            ..self
        }
    }

    const fn of_redis(self) -> Self {
        Self {
            is_redis: true,
            ..self
        }
    }

    /// Whether it can happen to this kind at all.
    pub(crate) fn applies(&self, kind: Kind) -> bool {
        !self.is_redis || kind == Kind::Belfry
    }
}

/// Every row.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("none", "nothing", |_, _| {}),
    Fault::new(
        "kill",
        "each in turn: SIGKILL, back after 5 s",
        |cluster, began| {
            for (m, at) in [(0, 20), (1, 38), (2, 56)] {
                until(began, at);
                cluster.kill(m);
                until(began, at + 5);
                cluster.restart(m);
            }
        },
    ),
    Fault::new(
        "kill-all",
        "all at once: SIGKILL, back after 3 s, twice",
        |cluster, began| {
            for at in [25, 50] {
                until(began, at);
                (0..MEMBERS).for_each(|m| cluster.kill(m));
                until(began, at + 3);
                (0..MEMBERS).for_each(|m| cluster.restart(m));
            }
        },
    ),
    Fault::new(
        "stop",
        "each in turn: SIGSTOP for 12 s",
        |cluster, began| {
            for (m, at) in [(0, 20), (1, 38), (2, 56)] {
                until(began, at);
                cluster.freeze(m, true);
                until(began, at + 12);
                cluster.freeze(m, false);
            }
        },
    ),
    Fault::new(
        "partition-one",
        "one cut off from the others (and Redis) for 15 s, then another",
        |cluster, began| {
            for (m, at) in [(0, 20), (1, 45)] {
                until(began, at);
                cluster.cut(m, true);
                until(began, at + 15);
                cluster.cut(m, false);
            }
        },
    )
    .of_the_network(),
    Fault::new(
        "partition-all",
        "all cut off from each other (and Redis) for 20 s",
        |cluster, began| {
            until(began, 25);
            (0..MEMBERS).for_each(|m| cluster.cut(m, true));
            until(began, 45);
            (0..MEMBERS).for_each(|m| cluster.cut(m, false));
        },
    )
    .of_the_network(),
    Fault::new(
        "redis-kill",
        "Redis: SIGKILL, back at once with its file, three times",
        |cluster, began| {
            for at in [20, 35, 50] {
                until(began, at);
                cluster.restart_redis();
            }
        },
    )
    .of_redis(),
    Fault::new(
        "redis-empty",
        "Redis: SIGKILL, back at once and empty, twice",
        |cluster, began| {
            for at in [25, 50] {
                until(began, at);
                cluster.lose_redis();
            }
        },
    )
    .of_redis(),
];

fn until(began: Instant, second: u64) {
    let at = began + Duration::from_secs(second);
    thread::sleep(at.saturating_duration_since(Instant::now()));
}
