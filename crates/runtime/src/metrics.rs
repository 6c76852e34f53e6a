//! Metrics: typed handles in, Prometheus text out.
//!
//! Names, kinds and help live in [`table`] and nowhere else. Counters are resolved when [`Metrics`] is made; values
//! that follow from the state ([`Sample`]) are taken at scrape time, so nobody keeps a gauge in step by hand.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Timestamp;
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

mod http;
mod migration;
mod notifications;
mod process;
mod redis;
mod register;
mod sample;
pub mod table;
mod text;

pub use http::HttpMetrics;
pub use migration::MigrationMetrics;
pub use notifications::{FailureReason, INTEGRATIONS, IntegrationMetrics, NotificationMetrics};
pub use redis::RedisMetrics;
pub use sample::{AlertCounts, ClusterSample, Sample, SharingSample, SilenceCounts};
pub use text::Format;

use register::Register;
use sample::SampledGauges;

/// Labels of one series.
type Pairs = Vec<(&'static str, String)>;
/// A gauge of fractions.
type FloatGauge = Gauge<f64, AtomicU64>;

/// Metrics as they are handed around.
pub type SharedMetrics = Arc<Metrics>;

/// What the metrics are made with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The compatibility level, `0.33.1`, reported as `alertmanager_build_info{version}`.
    pub compatible_version: String,
    /// Belfry's own version.
    pub version: String,
    /// The feature `receiver-name-in-metrics`: notification metrics carry the receiver's name.
    pub receiver_names: bool,
    /// The feature `alert-names-in-metrics`: limited alerts carry their name.
    pub alert_names: bool,
}

/// Counters of alerts coming in.
pub struct AlertMetrics {
    /// Alerts received that fire.
    pub received_firing: Counter,
    /// Alerts received that are resolved.
    pub received_resolved: Counter,
    /// Alerts refused as invalid.
    pub invalid: Counter,
    /// Most alerts kept per alert name.
    pub per_alert_limit: Gauge,
    limited: Family<Pairs, Counter>,
    has_alert_names: bool,
}

impl AlertMetrics {
    /// Counts an alert dropped because of the limit per alert name.
    pub fn limited(&self, alert_name: &str) {
        let labels = if self.has_alert_names {
            vec![("alertname", alert_name.to_owned())]
        } else {
            Vec::new()
        };
        self.limited.get_or_create_owned(&labels).inc();
    }
}

/// Counters of work on silences.
pub struct SilenceMetrics {
    /// Queries for silences.
    pub queries: Counter,
    /// Queries that failed.
    pub query_errors: Counter,
    /// How long queries took.
    pub query_duration: Histogram,
    /// Silences looked at by queries.
    pub scanned: Counter,
    /// Silences an index spared.
    pub skipped: Counter,
    /// How long forgetting expired silences took.
    pub gc_duration: Histogram,
    /// Rounds of maintenance.
    pub maintenance: Counter,
    /// Rounds of maintenance that failed.
    pub maintenance_errors: Counter,
}

/// Counters of looking up and forgetting what integrations were told.
pub struct NflogMetrics {
    /// Look-ups.
    pub queries: Counter,
    /// How long look-ups took.
    pub query_duration: Histogram,
    /// How long forgetting old records took.
    pub gc_duration: Histogram,
    /// Rounds of maintenance.
    pub maintenance: Counter,
    /// Rounds of maintenance that failed.
    pub maintenance_errors: Counter,
}

/// Counters of the dispatcher.
pub struct DispatcherMetrics {
    /// How long assigning alerts to groups took.
    pub processing_duration: Histogram,
    /// Alerts refused because there were too many groups.
    pub group_limit_reached: Counter,
    /// Flushes of groups.
    pub flushes: Counter,
    /// How long flushes took, sends included.
    pub flush_duration: Histogram,
    /// How late after their tick flushes began.
    pub flush_lateness: Histogram,
    /// Refreshes that needed no write.
    pub coalesced: Counter,
    /// Messages held back by the gate.
    pub gate_rejected: Counter,
}

/// What is known of the configuration in force.
pub struct ConfigMetrics {
    hash: FloatGauge,
    reload_successful: Gauge,
    reload_timestamp: FloatGauge,
    receivers: Gauge,
    integrations: Gauge,
    inhibition_rules: Gauge,
}

/// The parts of a configuration that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigCounts {
    /// Receivers the routes name.
    pub receivers: usize,
    /// Integrations of those receivers.
    pub integrations: usize,
    /// Inhibition rules.
    pub inhibition_rules: usize,
}

impl ConfigMetrics {
    /// Notes a configuration that came into force; `hash` is Alertmanager's 48-bit number of its text.
    pub fn loaded(&self, hash: u64, counts: ConfigCounts, now: Timestamp) {
        self.hash.set(approximate(hash));
        self.reload_successful.set(1);
        let nanos = f64::from(now.subsec_nanos());
        self.reload_timestamp
            .set(approximate(now.unix_seconds().unsigned_abs()) + nanos / 1e9);
        self.receivers.set(as_gauge(counts.receivers));
        self.integrations.set(as_gauge(counts.integrations));
        self.inhibition_rules.set(as_gauge(counts.inhibition_rules));
    }

    /// Notes a configuration that was refused.
    pub fn refused(&self) {
        self.reload_successful.set(0);
    }
}

/// Counters of the journal.
#[derive(Clone)]
pub struct JournalMetrics {
    /// Commits.
    pub commits: Counter,
    /// Records written.
    pub records: Counter,
    /// Bytes written.
    pub written_bytes: Counter,
    /// Commits that failed.
    pub errors: Counter,
    /// Size of the live rows.
    pub size_bytes: Gauge,
    /// How long commits took.
    pub commit_duration: Histogram,
    /// Compactions that finished.
    pub compactions: Counter,
}

/// Every metric of the process.
pub struct Metrics {
    /// Alerts coming in.
    pub alerts: AlertMetrics,
    /// Notifications going out.
    pub notifications: NotificationMetrics,
    /// Silences.
    pub silences: SilenceMetrics,
    /// What integrations were told.
    pub nflog: NflogMetrics,
    /// Groups and flushes.
    pub dispatcher: DispatcherMetrics,
    /// The configuration in force.
    pub config: ConfigMetrics,
    /// HTTP requests.
    pub http: HttpMetrics,
    /// The journal.
    pub journal: JournalMetrics,
    /// Redis.
    pub redis: RedisMetrics,
    /// What an Alertmanager left.
    pub migration: MigrationMetrics,
    /// Panics of background tasks.
    pub task_panics: Counter,
    /// Messages the inbox took in.
    pub inbox_messages: Counter,
    sampled: SampledGauges,
    registry: Registry,
    /// One scrape at a time: sampled gauges are set, then everything is encoded.
    scrape: Mutex<()>,
}

impl Metrics {
    /// Registers everything, at zero.
    pub fn new(options: &Options) -> Self {
        let mut registry = Register(Registry::default());
        let r = &mut registry;
        r.info(table::BUILD_INFO, register::build_labels(options));
        r.info(
            table::BELFRY_BUILD_INFO,
            vec![("version", options.version.clone())],
        );
        r.unused();
        Self {
            alerts: register::alert_metrics(r, options.alert_names),
            notifications: NotificationMetrics::new(r, options.receiver_names),
            silences: register::silence_metrics(r),
            nflog: register::nflog_metrics(r),
            dispatcher: register::dispatcher_metrics(r),
            config: register::config_metrics(r),
            http: HttpMetrics::new(r),
            journal: register::journal_metrics(r),
            redis: RedisMetrics::new(r),
            migration: MigrationMetrics::new(r),
            task_panics: r.counter(table::BELFRY_TASK_PANICS),
            inbox_messages: r.counter(table::BELFRY_INBOX_MESSAGES),
            sampled: SampledGauges::new(r),
            registry: registry.0,
            scrape: Mutex::new(()),
        }
    }

    /// The whole scrape, with the state as `sample` says it is.
    pub fn render(&self, sample: &Sample, format: Format) -> String {
        let _one = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.sampled.set(sample);
        let mut encoded = String::with_capacity(64 * 1024);
        // Writing into a string fails only if a metric's own encoder does, and ours do not.
        if let Err(error) = prometheus_client::encoding::text::encode(&mut encoded, &self.registry)
        {
            tracing::error!(%error, "metrics could not be encoded as a whole");
        }
        text::finish(&encoded, format)
    }
}

/// Metrics that count nothing anybody reads, for tests and tools.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&Options::default())
    }
}

/// A number as a gauge's value; past 2^63 it stays there.
fn as_gauge(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A whole number as a float, in two exact halves; exact up to 2^53.
fn approximate(value: u64) -> f64 {
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests;
