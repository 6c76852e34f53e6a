use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;

fn sample() -> Sample {
    Sample {
        alerts: Some(AlertCounts {
            active: 2,
            suppressed: 1,
            unprocessed: 0,
        }),
        mode: "embedded",
        ..Sample::default()
    }
}

/// Labels and value of every series, by name.
type Series = BTreeMap<String, Vec<(String, f64)>>;

/// A small reader of format 0.0.4: checks the syntax and answers series by name and the types.
fn parse(text: &str) -> (Series, BTreeMap<String, String>) {
    let (mut series, mut types) = (Series::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type line has two words");
            assert!(
                types.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} typed twice"
            );
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        assert!(
            !line.starts_with('#') && !line.is_empty(),
            "unexpected line {line:?}"
        );
        let (head, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value = value.parse::<f64>().expect("a number");
        let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
        let labels = labels.strip_suffix('}').expect("labels end");
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{name}"
        );
        series
            .entry(name.to_owned())
            .or_default()
            .push((labels.to_owned(), value));
    }
    (series, types)
}

fn value(text: &str, name: &str, labels: &str) -> Option<f64> {
    parse(text)
        .0
        .get(name)?
        .iter()
        .find(|(l, _)| l == labels)
        .map(|(_, v)| *v)
}

#[test]
fn every_row_of_the_table_is_exposed_under_its_exact_name_and_nothing_else() {
    let metrics = Metrics::default();
    metrics
        .http
        .answered("/api/v2/alerts", "GET", 200, Duration::from_millis(3), 100);
    metrics.redis.asked("poll");
    metrics.redis.answered(0, Duration::from_millis(1));
    let mut all = sample();
    all.cluster.enabled = true;
    let (series, types) = parse(&metrics.render(&all, Format::Prometheus));
    let mut seen = BTreeSet::new();
    for spec in table::ALL {
        let kind = match spec.kind {
            table::Kind::Counter => "counter",
            table::Kind::Gauge => "gauge",
            table::Kind::Histogram => "histogram",
            table::Kind::Summary => "summary",
        };
        assert_eq!(
            types.get(spec.name).map(String::as_str),
            Some(kind),
            "{}",
            spec.name
        );
        let names: Vec<String> = match spec.kind {
            table::Kind::Counter | table::Kind::Gauge => vec![spec.name.to_owned()],
            table::Kind::Summary => ["sum", "count"]
                .map(|s| format!("{}_{s}", spec.name))
                .into(),
            table::Kind::Histogram => ["bucket", "sum", "count"]
                .map(|s| format!("{}_{s}", spec.name))
                .into(),
        };
        for name in names {
            assert!(series.contains_key(&name), "{name} has no series");
            assert!(seen.insert(name.clone()), "{name} twice");
        }
        if spec.kind == table::Kind::Counter {
            assert!(spec.name.ends_with("_total"), "{}", spec.name);
        }
    }
    let exposed: BTreeSet<String> = series.keys().cloned().collect();
    assert_eq!(exposed, seen);
    assert_eq!(types.len(), table::ALL.len());
}

#[test]
fn notifications_start_at_zero_for_every_integration_and_reason() {
    let metrics = Metrics::default();
    let (series, _) = parse(&metrics.render(&sample(), Format::Prometheus));
    assert_eq!(
        series["alertmanager_notifications_failed_total"].len(),
        18 * 7
    );
    assert!(
        series["alertmanager_notifications_failed_total"]
            .iter()
            .all(|(_, v)| *v == 0.0)
    );
    assert_eq!(series["alertmanager_notifications_total"].len(), 18);
    assert_eq!(
        series["alertmanager_notifications_suppressed_total"].len(),
        4
    );
}

#[test]
fn counters_count() {
    let metrics = Metrics::default();
    let webhook = metrics.notifications.integration("webhook", "team");
    webhook.notification();
    webhook.request(Duration::from_secs(3), false);
    webhook.failed(FailureReason::of_status(503));
    metrics.alerts.received_firing.inc_by(7);
    metrics.notifications.suppressed("silence", 3);
    metrics.config.loaded(
        0xFFFF_FFFF_FFFF,
        ConfigCounts {
            receivers: 2,
            ..ConfigCounts::default()
        },
        Timestamp::from_unix_ms(1_700_000_000_500),
    );
    let text = metrics.render(&sample(), Format::Prometheus);
    let of = |name: &str, labels: &str| value(&text, name, labels);
    assert_eq!(
        of(
            "alertmanager_notifications_total",
            "integration=\"webhook\""
        ),
        Some(1.0)
    );
    let failed = "integration=\"webhook\",reason=\"serverError\"";
    assert_eq!(
        of("alertmanager_notifications_failed_total", failed),
        Some(1.0)
    );
    assert_eq!(
        of(
            "alertmanager_notification_requests_failed_total",
            "integration=\"webhook\""
        ),
        Some(1.0)
    );
    assert_eq!(
        of(
            "alertmanager_notification_latency_seconds_bucket",
            "le=\"1\",integration=\"webhook\""
        ),
        Some(0.0)
    );
    assert_eq!(
        of(
            "alertmanager_notification_latency_seconds_bucket",
            "le=\"5\",integration=\"webhook\""
        ),
        Some(1.0)
    );
    assert_eq!(
        of(
            "alertmanager_notification_latency_seconds_bucket",
            "le=\"+Inf\",integration=\"webhook\""
        ),
        Some(1.0)
    );
    assert_eq!(
        of(
            "alertmanager_alerts_received_total",
            "status=\"firing\",version=\"v2\""
        ),
        Some(7.0)
    );
    assert_eq!(
        of(
            "alertmanager_notifications_suppressed_total",
            "reason=\"silence\""
        ),
        Some(3.0)
    );
    assert_eq!(of("alertmanager_alerts", "state=\"active\""), Some(2.0));
    assert_eq!(
        of("alertmanager_config_hash", ""),
        Some(281_474_976_710_655.0)
    );
    assert_eq!(
        of(
            "alertmanager_config_last_reload_success_timestamp_seconds",
            ""
        ),
        Some(1_700_000_000.5)
    );
    assert_eq!(of("alertmanager_receivers", ""), Some(2.0));
    assert_eq!(of("alertmanager_cluster_members", ""), Some(1.0));
    assert_eq!(of("belfry_mode", "mode=\"embedded\""), Some(1.0));
}

#[test]
fn alerts_by_state_are_absent_while_nothing_dispatches() {
    let metrics = Metrics::default();
    let shown = metrics.render(&sample(), Format::Prometheus);
    assert!(shown.contains("alertmanager_alerts{"));
    let hidden = metrics.render(&Sample::default(), Format::Prometheus);
    assert!(!hidden.contains("alertmanager_alerts{"));
}

#[test]
fn receiver_names_are_labels_only_when_asked_for() {
    let metrics = Metrics::new(&Options {
        receiver_names: true,
        ..Options::default()
    });
    metrics
        .notifications
        .integration("slack", "team \"a\"")
        .notification();
    let text = metrics.render(&sample(), Format::Prometheus);
    assert!(text.contains(
        r#"alertmanager_notifications_total{integration="slack",receiver_name="team \"a\""} 1"#
    ));
    assert!(!text.contains("integration=\"webhook\""));
}

#[test]
fn open_metrics_is_given_to_those_who_ask() {
    let asked =
        Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3");
    assert_eq!(Format::negotiate(asked), Format::OpenMetrics);
    for accept in [
        None,
        Some("*/*"),
        Some("text/plain;version=0.0.4"),
        Some("application/openmetrics-text;q=0"),
    ] {
        assert_eq!(Format::negotiate(accept), Format::Prometheus);
    }
    let text = Metrics::default().render(&sample(), Format::OpenMetrics);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE alertmanager_notifications counter\n"));
    assert!(text.contains("# TYPE alertmanager_silences_gc_duration_seconds summary\n"));
    assert!(!text.contains("alertmanager_silences_gc_duration_seconds_bucket"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_described() {
    let text = Metrics::default().render(&sample(), Format::Prometheus);
    let of = |name: &str| value(&text, name, "").expect("a value");
    assert!(of("process_resident_memory_bytes") > 100_000.0);
    assert!(of("process_open_fds") >= 3.0);
    assert!(of("process_start_time_seconds") > 1.6e9);
    assert!(of("process_cpu_seconds_total") >= 0.0);
}
