//! Flags both `serve` and `alertmanager` take: what the engine and the HTTP surface are told.

use engine::EngineOptions;
use runtime::timing::Timing;

use super::flags::{Flag, Kind, Values};
use crate::options::Note;

/// Bounds and periods of the engine.
pub(super) const ENGINE: &[Flag] = &[
    Flag::new(
        "data.retention",
        Kind::Duration,
        "120h",
        "How long ended silences are kept.",
    ),
    Flag::new(
        "data.maintenance-interval",
        Kind::Duration,
        "15m",
        "How often ended silences are collected and the store is looked after.",
    ),
    Flag::new(
        "silences.max-silences",
        Kind::Int,
        "0",
        "Most silences, ended ones included; 0 for no limit.",
    ),
    Flag::new(
        "silences.max-silence-size-bytes",
        Kind::Int,
        "0",
        "Largest silence in bytes; 0 for no limit.",
    ),
    Flag::new(
        "log.silences",
        Kind::Switch,
        "false",
        "Log every change of a silence.",
    ),
    Flag::new(
        "alerts.gc-interval",
        Kind::Duration,
        "30m",
        "How often ended alerts are forgotten.",
    ),
    Flag::new(
        "alerts.per-alertname-limit",
        Kind::Int,
        "0",
        "Most alerts with one alertname; new ones above are dropped. 0 for no limit.",
    ),
    Flag::new(
        "dispatch.maintenance-interval",
        Kind::Duration,
        "30s",
        "Accepted; empty groups go at once.",
    ),
    Flag::new(
        "dispatch.start-delay",
        Kind::Duration,
        "0s",
        "Nothing is sent for this long after the start, so that senders can repeat their alerts first.",
    ),
];

/// The HTTP surface.
pub(super) const WEB: &[Flag] = &[
    Flag::new(
        "web.config.file",
        Kind::Text,
        "",
        "File with TLS, users and headers of the HTTP server.",
    ),
    Flag::new(
        "web.route-prefix",
        Kind::Text,
        "",
        "What every path begins with; the path of the external URL unless given.",
    ),
    Flag::new(
        "web.get-concurrency",
        Kind::Int,
        "0",
        "Most API GETs answered at once; 0 for the number of cores, at least 8.",
    ),
    Flag::new(
        "web.timeout",
        Kind::Duration,
        "0",
        "Longest a request may take; 0 for no limit.",
    ),
    Flag::new(
        "enable-feature",
        Kind::Text,
        "",
        "Comma-separated: alert-names-in-metrics, receiver-name-in-metrics, group-key-in-metrics, classic-mode, \
         utf8-strict-mode, auto-gomemlimit, event-recorder.",
    ),
];

/// What the engine's flags come to, with the times of the protocol scaled.
pub(super) fn engine_options(values: &Values, timing_scale: f64) -> EngineOptions {
    EngineOptions {
        retention: values.duration("data.retention"),
        alerts_gc_interval: values.duration("alerts.gc-interval"),
        maintenance_interval: values.duration("data.maintenance-interval"),
        start_delay: values.duration("dispatch.start-delay"),
        silences_max: values.count("silences.max-silences"),
        silence_bytes_max: values.count("silences.max-silence-size-bytes"),
        per_alertname_limit: values.count("alerts.per-alertname-limit"),
        log_silences: values.is_on("log.silences"),
        timing: Timing::scaled(timing_scale),
        ..EngineOptions::default()
    }
}

/// What to say about scaled times, which nobody should run on by accident.
pub(super) fn scale_note(timing_scale: f64) -> Option<Note> {
    (timing_scale != 1.0).then(|| {
        Note::warning(format!(
            "The times of the protocol are multiplied by {timing_scale} (BELFRY_TIMING_SCALE, timing.scale): this is for tests only"
        ))
    })
}
