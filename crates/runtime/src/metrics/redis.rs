//! What is asked of Redis.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::register::Register;
use super::{Pairs, table};

/// Upper bounds of the time a round trip takes: a server beside us answers within a millisecond.
const BOUNDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
];

/// Counters of commands and round trips.
#[derive(Clone, Debug)]
pub struct RedisMetrics {
    commands: Family<Pairs, Counter>,
    errors: Counter,
    round_trip: Histogram,
}

impl RedisMetrics {
    pub(super) fn new(r: &mut Register) -> Self {
        Self {
            commands: r.add(table::BELFRY_REDIS_COMMANDS, Family::default()),
            errors: r.counter(table::BELFRY_REDIS_COMMAND_ERRORS),
            round_trip: r.histogram(table::BELFRY_REDIS_ROUND_TRIP_DURATION, &BOUNDS),
        }
    }

    /// A command, or a script by its name, goes out.
    pub fn asked(&self, command: &str) {
        let labels = vec![("command", command.to_owned())];
        self.commands.get_or_create_owned(&labels).inc();
    }

    /// What went out together was answered, or not: so many with an error or not at all.
    pub fn answered(&self, errors: u64, took: Duration) {
        self.errors.inc_by(errors);
        self.round_trip.observe(took.as_secs_f64());
    }
}
