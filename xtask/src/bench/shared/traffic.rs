//! What Redis counted: scripts, commands, bytes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::server::RedisServer;

/// Redis's counters at a moment.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    at: Instant,
    /// Runs of scripts, and the seconds they took.
    scripts: f64,
    script_seconds: f64,
    /// Commands of clients and of scripts.
    commands: f64,
    bytes_in: f64,
    bytes_out: f64,
    /// What the answer that told these will count as sent.
    answer_bytes: f64,
}

/// What was asked of Redis, per unit of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::bench) struct Traffic {
    pub(in crate::bench) scripts: f64,
    pub(in crate::bench) script_seconds: f64,
    pub(in crate::bench) commands: f64,
    pub(in crate::bench) bytes_in: f64,
    pub(in crate::bench) bytes_out: f64,
}

impl Counters {
    /// Reads them.
    pub(super) fn read(server: &RedisServer) -> Result<Self> {
        let text = server.ask("INFO all")?;
        Self::parse(&text, Instant::now()).context("Redis's INFO lacks its counters")
    }

    pub(super) fn parse(text: &str, at: Instant) -> Option<Self> {
        let (mut scripts, mut script_seconds) = (0.0, 0.0);
        let mut commands = 0.0;
        for (name, calls, micros) in text.lines().filter_map(command_stat) {
            commands += calls;
            if name.starts_with("eval") {
                scripts += calls;
                script_seconds += micros / 1e6;
            }
        }
        Some(Self {
            at,
            scripts,
            script_seconds,
            commands,
            bytes_in: number(text, "total_net_input_bytes")?,
            bytes_out: number(text, "total_net_output_bytes")?,
            answer_bytes: text.len() as f64,
        })
    }

    /// The time since `before`.
    pub(super) fn since(&self, before: &Self) -> Duration {
        self.at.duration_since(before.at)
    }

    /// What was asked since `before`, for each of so many units.
    pub(super) fn per(&self, before: &Self, units: f64) -> Traffic {
        Traffic {
            scripts: (self.scripts - before.scripts) / units,
            script_seconds: (self.script_seconds - before.script_seconds) / units,
            // The question for these counters is none of theirs.
            commands: (self.commands - before.commands - 1.0) / units,
            bytes_in: (self.bytes_in - before.bytes_in) / units,
            bytes_out: (self.bytes_out - before.bytes_out - before.answer_bytes) / units,
        }
    }
}

impl Traffic {
    /// Without what an idle system asks in that time, both per unit.
    pub(super) fn without(self, idle: Self, seconds: f64) -> Self {
        let rest = |all: f64, idle: f64| (all - idle * seconds).max(0.0);
        Self {
            scripts: rest(self.scripts, idle.scripts),
            script_seconds: rest(self.script_seconds, idle.script_seconds),
            commands: rest(self.commands, idle.commands),
            bytes_in: rest(self.bytes_in, idle.bytes_in),
            bytes_out: rest(self.bytes_out, idle.bytes_out),
        }
    }
}

/// A number of INFO.
pub(super) fn number(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
}

/// Name, calls and microseconds of a line `cmdstat_hset:calls=3,usec=14,…`.
fn command_stat(line: &str) -> Option<(&str, f64, f64)> {
    let (name, facts) = line.strip_prefix("cmdstat_")?.split_once(':')?;
    let fact = |wanted: &str| {
        facts
            .split(',')
            .filter_map(|fact| fact.split_once('='))
            .find(|(key, _)| *key == wanted)
            .and_then(|(_, value)| value.trim().parse().ok())
    };
    Some((name, fact("calls")?, fact("usec")?))
}
