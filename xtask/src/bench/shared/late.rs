//! How late messages are: from the moment a group is due to the first byte at the receiver.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Site;
use crate::bench::http::Client;
use crate::bench::machine::{self, timestamp};
use crate::bench::measure::{LASTS, step};
use crate::bench::sink::Sink;

/// group_wait of the groups whose lateness is measured.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// Groups of one wave.
pub(super) const GROUPS: usize = 500;
/// Longest wait for the messages of a wave, from when the last is due.
const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &[u8] = b"\"groupLabels\":{\"instance\":\"";

/// Groups that are made in posts of so many alerts, one alert each, with a pause between the posts.
pub(super) struct Wave {
    pub(super) name: &'static str,
    pub(super) per_post: usize,
    pub(super) pause: Duration,
}

/// All groups of a wave at the same moment.
pub(super) const AT_ONCE: Wave = Wave {
    name: "at once",
    per_post: 100,
    pause: Duration::ZERO,
};

/// A hundred groups a second.
pub(super) const SPREAD: Wave = Wave {
    name: "spread",
    per_post: 10,
    pause: Duration::from_millis(100),
};

/// Median and 99th percentile in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::bench) struct Lateness {
    pub(in crate::bench) p50: f64,
    pub(in crate::bench) p99: f64,
}

impl Lateness {
    /// Of these values.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let last = values.len().saturating_sub(1);
            let index = (last as f64 * part).round() as usize;
            values.get(index).copied().unwrap_or(0.0)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

impl Wave {
    /// Makes the groups. Answers when the post of each was begun: its group is due [`WAIT`] after that or a little later, so
    /// what is measured includes taking the alert in.
    pub(super) fn post(&self, site: &Site, round: usize) -> Result<HashMap<String, Instant>> {
        let mut clients = site.clients()?;
        let mut posted = HashMap::new();
        for (turn, first) in (0..GROUPS).step_by(self.per_post).enumerate() {
            let began = Instant::now();
            let instances: Vec<String> = (first..(first + self.per_post).min(GROUPS))
                .map(|n| format!("late-{}-{round}-{n}", self.name.replace(' ', "-")))
                .collect();
            let body = alerts(&instances);
            let turn = turn % clients.len().max(1);
            let client = clients.get_mut(turn).context("nobody to post to")?;
            client.post("/api/v2/alerts", body.as_bytes())?;
            posted.extend(instances.into_iter().map(|instance| (instance, began)));
            thread::sleep(self.pause.saturating_sub(began.elapsed()));
        }
        Ok(posted)
    }

    /// Waits for the messages of these groups, exactly one each; answers how late each was, in seconds.
    pub(super) fn collect(
        &self,
        sink: &Sink,
        mut posted: HashMap<String, Instant>,
    ) -> Result<Vec<f64>> {
        let last = posted.values().max().copied().unwrap_or_else(Instant::now);
        let mut late = Vec::with_capacity(posted.len());
        while !posted.is_empty() {
            if last.elapsed() > WAIT + PATIENCE {
                bail!("{} of {GROUPS} groups were not told", posted.len());
            }
            thread::sleep(Duration::from_millis(50));
            for arrival in sink.take() {
                let instance = told_instance(&arrival.body).context("a message of no group")?;
                let Some(began) = posted.remove(&instance) else {
                    bail!("a second message of group {instance}");
                };
                late.push(arrival.at.duration_since(began + WAIT).as_secs_f64());
            }
        }
        step(&format!("{GROUPS} groups, {}", self.name), last.elapsed());
        Ok(late)
    }
}

fn alerts(instances: &[String]) -> String {
    let now = machine::now();
    let (starts, ends) = (timestamp(now), timestamp(now + LASTS));
    let alerts: Vec<String> = instances
        .iter()
        .map(|instance| {
            format!(
                r#"{{"labels":{{"alertname":"Late","bench":"late","instance":"{instance}"}},"startsAt":"{starts}","endsAt":"{ends}"}}"#
            )
        })
        .collect();
    format!("[{}]", alerts.join(","))
}

/// The label `instance` of the group a message is about.
pub(super) fn told_instance(body: &[u8]) -> Option<String> {
    let start = body.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = body.get(start + KEY.len()..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    String::from_utf8(rest.get(..end)?.to_vec()).ok()
}

impl Site {
    /// One connection to each instance.
    fn clients(&self) -> Result<Vec<Client>> {
        let addresses = self.addresses();
        addresses.into_iter().map(Client::connect).collect()
    }
}
