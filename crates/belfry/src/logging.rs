//! Log lines as Alertmanager writes them (Go's slog): `key=value` text or JSON, one line per event, on standard error.

use std::fmt::Debug;
use std::io::Write as _;

use config::belfry::{LogFormat, LogLevel};
use runtime::clock::SharedClock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

mod line;

use line::{Entry, Value};

/// Crates whose events are ours; others speak only when something is wrong.
const OURS: [&str; 10] = [
    "belfry", "api", "engine", "store", "state", "notify", "outbound", "config", "runtime",
    "domain",
];

/// Starts logging; a second call changes nothing.
pub(crate) fn start(level: LogLevel, format: LogFormat, clock: SharedClock) {
    let lines = Lines {
        level: filter(level),
        is_json: format == LogFormat::Json,
        clock,
    };
    let subscriber = tracing_subscriber::registry().with(lines);
    // An error means that logging has begun already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "A panic: this is a bug in Belfry, please report it");
    }));
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Critical => LevelFilter::ERROR,
    }
}

/// Writes events as lines.
struct Lines {
    level: LevelFilter,
    is_json: bool,
    clock: SharedClock,
}

impl Lines {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let origin = metadata.target().split("::").next().unwrap_or_default();
        let level = if OURS.contains(&origin) {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        };
        metadata.is_event() && *metadata.level() <= level
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let file = metadata.file().unwrap_or_default();
        let entry = Entry {
            time: self.clock.now().rfc3339_millis(),
            level: level_name(*metadata.level()),
            source: format!(
                "{}:{}",
                file.rsplit('/').next().unwrap_or(file),
                metadata.line().unwrap_or_default()
            ),
            message: fields.message,
            fields: fields.pairs,
        };
        let line = if self.is_json {
            entry.json()
        } else {
            entry.text()
        };
        // Nowhere is left to complain to when standard error is closed.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// An event's message and its other fields in order.
#[derive(Default)]
struct Fields {
    message: String,
    pairs: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.message = value.into_text(),
            // Upstream calls errors `err`.
            "error" => self.pairs.push(("err", value)),
            name => self.pairs.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Plain(value.to_string()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::Text(value.to_string()));
    }
}
