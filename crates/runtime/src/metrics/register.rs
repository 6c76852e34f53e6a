//! Registers every row of the table once.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::{
    AlertMetrics, ConfigMetrics, DispatcherMetrics, FloatGauge, JournalMetrics, NflogMetrics,
    Options, Pairs, SilenceMetrics, table,
};

/// Bounds of histograms of quick local work, in seconds.
const QUICK_BOUNDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// Bounds of histograms of work that talks to others, in seconds.
const SLOW_BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0,
];

pub(super) fn build_labels(options: &Options) -> Pairs {
    let version = options.compatible_version.clone();
    vec![
        ("branch", "main".to_owned()),
        ("goarch", std::env::consts::ARCH.to_owned()),
        ("goos", std::env::consts::OS.to_owned()),
        ("goversion", String::new()),
        ("revision", format!("belfry-{}", options.version)),
        ("tags", String::new()),
        ("version", version),
    ]
}

pub(super) fn alert_metrics(r: &mut Register, has_alert_names: bool) -> AlertMetrics {
    let received: Family<Pairs, Counter> = r.add(table::ALERTS_RECEIVED, Family::default());
    let of = |status: &str| {
        received.get_or_create_owned(&vec![
            ("status", status.to_owned()),
            ("version", "v2".to_owned()),
        ])
    };
    let invalid: Family<Pairs, Counter> = r.add(table::ALERTS_INVALID, Family::default());
    let limited: Family<Pairs, Counter> = r.add(table::ALERTS_LIMITED, Family::default());
    if !has_alert_names {
        limited.get_or_create_owned(&Vec::new());
    }
    AlertMetrics {
        received_firing: of("firing"),
        received_resolved: of("resolved"),
        invalid: invalid.get_or_create_owned(&vec![("version", "v2".to_owned())]),
        per_alert_limit: r.gauge(table::ALERTS_PER_ALERT_LIMIT),
        limited,
        has_alert_names,
    }
}

pub(super) fn silence_metrics(r: &mut Register) -> SilenceMetrics {
    SilenceMetrics {
        queries: r.counter(table::SILENCES_QUERIES),
        query_errors: r.counter(table::SILENCES_QUERY_ERRORS),
        query_duration: r.histogram(table::SILENCES_QUERY_DURATION, &QUICK_BOUNDS),
        scanned: r.counter(table::SILENCES_QUERY_SCANNED),
        skipped: r.counter(table::SILENCES_QUERY_SKIPPED),
        gc_duration: r.summary(table::SILENCES_GC_DURATION),
        maintenance: r.counter(table::SILENCES_MAINTENANCE),
        maintenance_errors: r.counter(table::SILENCES_MAINTENANCE_ERRORS),
    }
}

pub(super) fn nflog_metrics(r: &mut Register) -> NflogMetrics {
    NflogMetrics {
        queries: r.counter(table::NFLOG_QUERIES),
        query_duration: r.histogram(table::NFLOG_QUERY_DURATION, &QUICK_BOUNDS),
        gc_duration: r.summary(table::NFLOG_GC_DURATION),
        maintenance: r.counter(table::NFLOG_MAINTENANCE),
        maintenance_errors: r.counter(table::NFLOG_MAINTENANCE_ERRORS),
    }
}

pub(super) fn dispatcher_metrics(r: &mut Register) -> DispatcherMetrics {
    DispatcherMetrics {
        processing_duration: r.summary(table::DISPATCHER_PROCESSING_DURATION),
        group_limit_reached: r.counter(table::DISPATCHER_GROUP_LIMIT_REACHED),
        flushes: r.counter(table::BELFRY_FLUSHES),
        flush_duration: r.histogram(table::BELFRY_FLUSH_DURATION, &SLOW_BOUNDS),
        flush_lateness: r.histogram(table::BELFRY_FLUSH_LATENESS, &SLOW_BOUNDS),
        coalesced: r.counter(table::BELFRY_REFRESHES_COALESCED),
        gate_rejected: r.counter(table::BELFRY_GATE_REJECTED),
    }
}

pub(super) fn config_metrics(r: &mut Register) -> ConfigMetrics {
    ConfigMetrics {
        hash: r.add(table::CONFIG_HASH, FloatGauge::default()),
        reload_successful: r.gauge(table::CONFIG_RELOAD_SUCCESSFUL),
        reload_timestamp: r.add(table::CONFIG_RELOAD_TIMESTAMP, FloatGauge::default()),
        receivers: r.gauge(table::RECEIVERS),
        integrations: r.gauge(table::INTEGRATIONS),
        inhibition_rules: r.gauge(table::INHIBITION_RULES),
    }
}

pub(super) fn journal_metrics(r: &mut Register) -> JournalMetrics {
    JournalMetrics {
        commits: r.counter(table::BELFRY_JOURNAL_COMMITS),
        records: r.counter(table::BELFRY_JOURNAL_RECORDS),
        written_bytes: r.counter(table::BELFRY_JOURNAL_WRITTEN),
        errors: r.counter(table::BELFRY_JOURNAL_ERRORS),
        size_bytes: r.gauge(table::BELFRY_JOURNAL_SIZE),
        commit_duration: r.histogram(table::BELFRY_JOURNAL_COMMIT_DURATION, &QUICK_BOUNDS),
        compactions: r.counter(table::BELFRY_JOURNAL_COMPACTIONS),
    }
}

/// A registry that takes names and help from the table only.
pub(super) struct Register(pub(super) Registry);

impl Register {
    pub(super) fn add<M: Metric + Clone>(&mut self, spec: table::Spec, metric: M) -> M {
        self.0
            .register(spec.registered_name(), spec.help, metric.clone());
        metric
    }

    pub(super) fn counter(&mut self, spec: table::Spec) -> Counter {
        self.add(spec, Counter::default())
    }

    pub(super) fn gauge(&mut self, spec: table::Spec) -> Gauge {
        self.add(spec, Gauge::default())
    }

    pub(super) fn histogram(&mut self, spec: table::Spec, bounds: &[f64]) -> Histogram {
        self.add(spec, Histogram::new(bounds.iter().copied()))
    }

    pub(super) fn summary(&mut self, spec: table::Spec) -> Histogram {
        self.histogram(spec, &[])
    }

    /// A gauge that is always 1 and speaks through its labels.
    pub(super) fn info(&mut self, spec: table::Spec, labels: Pairs) {
        let family: Family<Pairs, Gauge> = self.add(spec, Family::default());
        family.get_or_create_owned(&labels).set(1);
    }

    /// Metrics of machinery Belfry does not have: dashboards that draw them get a flat line instead of a hole.
    pub(super) fn unused(&mut self) {
        for spec in [
            table::SILENCES_GC_ERRORS,
            table::SILENCES_GOSSIP,
            table::NFLOG_QUERY_ERRORS,
            table::NFLOG_GOSSIP,
            table::DISPATCHER_CREATION_RETRIES,
            table::DISPATCHER_CREATION_GIVEN_UP,
            table::CLUSTER_MESSAGES_PRUNED,
            table::CLUSTER_PEERS_JOINED,
            table::CLUSTER_PEERS_LEFT,
            table::CLUSTER_PEERS_UPDATE,
            table::CLUSTER_RECONNECTIONS,
            table::CLUSTER_RECONNECTIONS_FAILED,
        ] {
            self.counter(spec);
        }
        for spec in [
            table::SILENCES_SNAPSHOT_SIZE,
            table::NFLOG_SNAPSHOT_SIZE,
            table::CLUSTER_MESSAGES_QUEUED,
        ] {
            self.gauge(spec);
        }
        self.summary(table::SILENCES_SNAPSHOT_DURATION);
        self.summary(table::NFLOG_SNAPSHOT_DURATION);
        self.labelled(
            table::ALERTS_SUBSCRIBER_WRITES,
            "subscriber",
            &["dispatcher", "inhibitor"],
        );
        self.labelled(
            table::SILENCES_MATCHER_COMPILE_ERRORS,
            "stage",
            &["index", "load_snapshot"],
        );
        for spec in [
            table::CLUSTER_MESSAGES_RECEIVED,
            table::CLUSTER_MESSAGES_RECEIVED_SIZE,
            table::CLUSTER_MESSAGES_SENT,
            table::CLUSTER_MESSAGES_SENT_SIZE,
        ] {
            self.labelled(spec, "msg_type", &["full_state", "update"]);
        }
    }

    fn labelled(&mut self, spec: table::Spec, label: &'static str, values: &[&str]) {
        let family: Family<Pairs, Counter> = self.add(spec, Family::default());
        for value in values {
            family.get_or_create_owned(&vec![(label, (*value).to_owned())]);
        }
    }
}
