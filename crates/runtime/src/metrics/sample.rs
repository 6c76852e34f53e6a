//! Values that follow from the state and are taken when somebody looks.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::process::ProcessStats;
use super::{FloatGauge, Pairs, Register, as_gauge, table};

/// Alerts that are not resolved, counted once each: suppressed before active before unprocessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// Told, or to be told.
    pub active: usize,
    /// Kept back.
    pub suppressed: usize,
    /// Not yet through a first flush.
    pub unprocessed: usize,
}

/// Silences by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SilenceCounts {
    /// In force.
    pub active: usize,
    /// Not yet in force.
    pub pending: usize,
    /// Over.
    pub expired: usize,
}

/// The instances that work together, as Alertmanager's cluster metrics show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterSample {
    /// Whether several may work together.
    pub enabled: bool,
    /// How many do, including this one.
    pub members: usize,
    /// How many stopped answering.
    pub failed_peers: usize,
    /// 0 when healthy.
    pub health_score: i64,
    /// This instance's place.
    pub position: usize,
}

impl Default for ClusterSample {
    fn default() -> Self {
        Self {
            enabled: false,
            members: 1,
            failed_peers: 0,
            health_score: 0,
            position: 0,
        }
    }
}

/// How the sharing of state stands; all 0 where nothing is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SharingSample {
    /// Times the mode changed.
    pub mode_changes: u64,
    /// Requests that were not answered.
    pub failures: u64,
    /// Shards found to have lost data.
    pub data_losses: u64,
    /// Groups that were repaired.
    pub audit_repaired: u64,
    /// Groups that were read anew.
    pub rereads: u64,
    /// Age of the oldest change that was not read, in seconds.
    pub lag_seconds: f64,
    /// By how many seconds clocks are ahead of the agreed time: that of what is shared, and this instance's.
    pub clock_offsets_seconds: [f64; 2],
}

/// The state at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Alerts by state; `None` while nothing dispatches, which leaves the metric out as Alertmanager does.
    pub alerts: Option<AlertCounts>,
    /// Silences by state.
    pub silences: SilenceCounts,
    /// Groups that hold alerts.
    pub groups: usize,
    /// Alerts in memory, resolved ones included.
    pub alerts_held: usize,
    /// Distinct label pairs in memory.
    pub interned_labels: usize,
    /// Tenants with a configuration.
    pub tenants: usize,
    /// The instances that work together.
    pub cluster: ClusterSample,
    /// How the sharing of state stands.
    pub sharing: SharingSample,
    /// The mode this instance works in (`embedded`, `coordinated`, `degraded`); empty when unknown.
    pub mode: &'static str,
}

/// The modes an instance can work in.
const MODES: [&str; 3] = ["embedded", "coordinated", "degraded"];

/// Whose clocks are compared.
const CLOCKS: [&str; 2] = ["redis", "instance"];

pub(super) struct SampledGauges {
    alerts: Family<Pairs, Gauge>,
    silences: Family<Pairs, Gauge>,
    silences_held: [Gauge; 3],
    groups: [Gauge; 2],
    alerts_held: Gauge,
    interned_labels: Gauge,
    tenants: Gauge,
    cluster: [Gauge; 5],
    peer_info: Family<Pairs, Gauge>,
    mode: Family<Pairs, Gauge>,
    sharing: [Counter; 5],
    lag: FloatGauge,
    clock_offsets: Family<Pairs, FloatGauge>,
    process: ProcessGauges,
}

struct ProcessGauges {
    cpu: Counter<f64, AtomicU64>,
    resident: Gauge,
    virtual_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    start_time: FloatGauge,
}

impl SampledGauges {
    pub(super) fn new(r: &mut Register) -> Self {
        Self {
            alerts: r.add(table::ALERTS, Family::default()),
            silences: r.add(table::SILENCES, Family::default()),
            silences_held: [
                r.gauge(table::SILENCES_STATE_SIZE),
                r.gauge(table::SILENCES_MATCHER_INDEX_SIZE),
                r.gauge(table::SILENCES_VERSION_INDEX_SIZE),
            ],
            groups: [
                r.gauge(table::DISPATCHER_GROUPS),
                r.gauge(table::BELFRY_GROUPS),
            ],
            alerts_held: r.gauge(table::BELFRY_ALERTS),
            interned_labels: r.gauge(table::BELFRY_INTERNED_LABELS),
            tenants: r.gauge(table::BELFRY_TENANTS),
            cluster: [
                r.gauge(table::CLUSTER_ENABLED),
                r.gauge(table::CLUSTER_MEMBERS),
                r.gauge(table::CLUSTER_FAILED_PEERS),
                r.gauge(table::CLUSTER_HEALTH_SCORE),
                r.gauge(table::PEER_POSITION),
            ],
            peer_info: r.add(table::CLUSTER_PEER_INFO, Family::default()),
            mode: r.add(table::BELFRY_MODE, Family::default()),
            sharing: [
                r.counter(table::BELFRY_MODE_CHANGES),
                r.counter(table::BELFRY_REDIS_FAILURES),
                r.counter(table::BELFRY_REDIS_DATA_LOSS),
                r.counter(table::BELFRY_AUDIT_REPAIRED),
                r.counter(table::BELFRY_MIRROR_REREADS),
            ],
            lag: r.add(table::BELFRY_MIRROR_LAG, FloatGauge::default()),
            clock_offsets: r.add(table::BELFRY_CLOCK_OFFSET, Family::default()),
            process: ProcessGauges {
                cpu: r.add(table::PROCESS_CPU, Counter::default()),
                resident: r.gauge(table::PROCESS_RESIDENT_MEMORY),
                virtual_memory: r.gauge(table::PROCESS_VIRTUAL_MEMORY),
                open_fds: r.gauge(table::PROCESS_OPEN_FDS),
                max_fds: r.gauge(table::PROCESS_MAX_FDS),
                start_time: r.add(table::PROCESS_START_TIME, FloatGauge::default()),
            },
        }
    }

    pub(super) fn set(&self, sample: &Sample) {
        match sample.alerts {
            None => self.alerts.clear(),
            Some(counts) => {
                set_state(&self.alerts, "active", counts.active);
                set_state(&self.alerts, "suppressed", counts.suppressed);
                set_state(&self.alerts, "unprocessed", counts.unprocessed);
            }
        }
        let silences = sample.silences;
        set_state(&self.silences, "active", silences.active);
        set_state(&self.silences, "pending", silences.pending);
        set_state(&self.silences, "expired", silences.expired);
        let held = silences.active + silences.pending + silences.expired;
        self.silences_held.iter().for_each(|gauge| {
            gauge.set(as_gauge(held));
        });
        self.groups.iter().for_each(|gauge| {
            gauge.set(as_gauge(sample.groups));
        });
        self.alerts_held.set(as_gauge(sample.alerts_held));
        self.interned_labels.set(as_gauge(sample.interned_labels));
        self.tenants.set(as_gauge(sample.tenants));
        self.set_cluster(sample.cluster);
        for mode in MODES {
            let gauge = self
                .mode
                .get_or_create_owned(&vec![("mode", mode.to_owned())]);
            gauge.set(i64::from(mode == sample.mode));
        }
        self.set_sharing(sample.sharing);
        self.process.set(ProcessStats::read());
    }

    fn set_sharing(&self, sharing: SharingSample) {
        let counts = [
            sharing.mode_changes,
            sharing.failures,
            sharing.data_losses,
            sharing.audit_repaired,
            sharing.rereads,
        ];
        for (counter, count) in self.sharing.iter().zip(counts) {
            // Counted elsewhere, where it only grows; the counter follows it.
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        self.lag.set(sharing.lag_seconds);
        for (of, seconds) in CLOCKS.into_iter().zip(sharing.clock_offsets_seconds) {
            let labels = vec![("of", of.to_owned())];
            self.clock_offsets.get_or_create_owned(&labels).set(seconds);
        }
    }

    fn set_cluster(&self, cluster: ClusterSample) {
        let [enabled, members, failed, health, position] = &self.cluster;
        enabled.set(i64::from(cluster.enabled));
        members.set(as_gauge(cluster.members));
        failed.set(as_gauge(cluster.failed_peers));
        health.set(cluster.health_score);
        position.set(as_gauge(cluster.position));
        if cluster.enabled {
            self.peer_info
                .get_or_create_owned(&vec![("peer", "self".to_owned())])
                .set(1);
        }
    }
}

fn set_state(family: &Family<Pairs, Gauge>, state: &str, count: usize) {
    family
        .get_or_create_owned(&vec![("state", state.to_owned())])
        .set(as_gauge(count));
}

impl ProcessGauges {
    fn set(&self, stats: ProcessStats) {
        if let Some(seconds) = stats.cpu_seconds {
            // The system's number only grows; the counter follows it.
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        for (gauge, value) in [
            (&self.resident, stats.resident_bytes),
            (&self.virtual_memory, stats.virtual_bytes),
            (&self.open_fds, stats.open_fds),
            (&self.max_fds, stats.max_fds),
        ] {
            if let Some(value) = value {
                gauge.set(value);
            }
        }
        if let Some(seconds) = stats.start_time_seconds {
            self.start_time.set(seconds);
        }
    }
}
