//! The alerts of the bench, as a Prometheus sends them, and the threads that post them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::http::Client;
use super::machine::timestamp;

/// Alerts in one request.
const BATCH: usize = 100;

const NAMES: [&str; 20] = [
    "HighLatency",
    "ErrorBudgetBurn",
    "InstanceDown",
    "DiskWillFill",
    "MemoryPressure",
    "CPUThrottling",
    "QueueBacklog",
    "CertificateExpiry",
    "ReplicationLag",
    "PodCrashLooping",
    "NodeNotReady",
    "VolumeUsage",
    "HTTPErrorRate",
    "SlowQueries",
    "BackupTooOld",
    "ClockSkew",
    "NetworkErrors",
    "JobFailed",
    "TargetMissing",
    "ConfigReloadFailed",
];
const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];
const TEAMS: [&str; 12] = [
    "checkout", "payments", "search", "platform", "storage", "network", "identity", "mobile",
    "data", "billing", "edge", "support",
];

/// A fixed set of alerts: the same numbers give the same alerts for every program.
#[derive(Clone, Copy)]
pub(super) struct Fleet {
    pub(super) alerts: usize,
    /// When the alerts began, in seconds since 1970.
    pub(super) starts: u64,
}

impl Fleet {
    /// How many alerts fall into one group of `group_by`.
    pub(super) fn per_group(self) -> usize {
        if self.alerts >= 1_000_000 { 10 } else { 25 }
    }

    /// How many groups the alerts make.
    pub(super) fn groups(self) -> usize {
        self.alerts.div_ceil(self.per_group())
    }

    /// The label `instance` of alert `i`, which no other alert has.
    pub(super) fn instance(i: usize) -> String {
        format!("node-{i:07}.example.org:9100")
    }

    /// The `n`th of the alert names; every one of them has a twentieth of the alerts.
    pub(super) fn name(n: usize) -> &'static str {
        NAMES[n % NAMES.len()]
    }

    /// The label `pod` of group `group`, which all of its alerts have and no others.
    pub(super) fn pod(group: usize) -> String {
        format!("svc-{:03}-{group:06}", group / 200)
    }

    /// Appends alert `i` as JSON, said to last until `ends`.
    pub(super) fn write_alert(self, i: usize, ends: &str, out: &mut String) {
        let group = i % self.groups();
        let name = Self::name(group);
        let cluster = group / NAMES.len() % 10;
        let job = group / 200;
        let instance = Self::instance(i);
        let pod = Self::pod(group);
        let starts = timestamp(self.starts);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            concat!(
                r#"{{"annotations":{{"description":"{name} has been firing on {instance} (pod {pod}) for more than 10 minutes; "#,
                r#"the current value is {value}.{rest}. See https://runbooks.example.org/{name} for the steps to take.","#,
                r#""summary":"{name} on {instance}"}},"endsAt":"{ends}","startsAt":"{starts}","#,
                r#""generatorURL":"http://prometheus.example.org:9090/graph?g0.expr=job%3A{name}%3Aratio5m+%3E+0.9&g0.tab=1","#,
                r#""labels":{{"alertname":"{name}","cluster":"prod-{cluster:02}","instance":"{instance}","job":"svc-{job:03}","#,
                r#""pod":"{pod}","severity":"{severity}","team":"{team}","zone":"zone-{zone}"}}}}"#
            ),
            name = name,
            instance = instance,
            pod = pod,
            value = i % 97,
            rest = i % 10,
            ends = ends,
            starts = starts,
            cluster = cluster,
            job = job,
            severity = SEVERITIES[group % SEVERITIES.len()],
            team = TEAMS[job % TEAMS.len()],
            zone = i % 3,
        );
    }

    /// Posts every alert once, in batches over several connections, and returns the wall time taken. The batches go to the
    /// addresses in turn, as a balancer spreads them.
    pub(super) fn post(
        self,
        addresses: &[SocketAddr],
        connections: usize,
        ends: u64,
    ) -> Result<Duration> {
        let next = AtomicUsize::new(0);
        let ends = timestamp(ends);
        let mut clients = Vec::new();
        for _ in 0..connections {
            let all = addresses.iter().map(|address| Client::connect(*address));
            clients.push(all.collect::<Result<Vec<_>>>()?);
        }
        let started = Instant::now();
        thread::scope(|scope| {
            let threads: Vec<_> = clients
                .into_iter()
                .map(|clients| scope.spawn(|| self.post_batches(clients, &next, &ends)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a sender panicked"))?)
        })?;
        Ok(started.elapsed())
    }

    fn post_batches(self, mut clients: Vec<Client>, next: &AtomicUsize, ends: &str) -> Result<()> {
        let mut body = String::new();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= self.alerts {
                return Ok(());
            }
            body.clear();
            body.push('[');
            for i in first..(first + BATCH).min(self.alerts) {
                if i > first {
                    body.push(',');
                }
                self.write_alert(i, ends, &mut body);
            }
            body.push(']');
            let turn = first / BATCH % clients.len().max(1);
            if let Some(client) = clients.get_mut(turn) {
                client.post("/api/v2/alerts", body.as_bytes())?;
            }
        }
    }
}
