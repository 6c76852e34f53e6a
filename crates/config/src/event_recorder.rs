//! The `event_recorder` block: read and kept, not acted on yet.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
use crate::http::{HttpConfig, join};
use crate::secret::SecretUrl;
use crate::tls::TlsConfig;
use crate::yaml::{Fields, Node};

/// Where events would be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventRecorderConfig {
    /// Files, one event per line.
    pub files: Vec<String>,
    /// Webhooks.
    pub webhooks: Vec<EventWebhook>,
    /// Kafka topics.
    pub kafkas: Vec<EventKafka>,
    /// How many times events go to the standard output.
    pub stdouts: usize,
}

/// A webhook that receives events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventWebhook {
    /// Where events are posted.
    pub url: SecretUrl,
    /// How we connect; the global settings when not stated.
    pub http_config: Option<HttpConfig>,
    /// The longest one attempt may take.
    pub timeout: Duration,
    /// How many send at once.
    pub workers: u64,
    /// How often an event is tried.
    pub max_retries: u64,
    /// The pause after the first failure; doubled after each, at most 30 s.
    pub retry_backoff: Duration,
    /// Whether several events go in one body.
    pub batch: bool,
    /// At most so many events in one body.
    pub batch_max_events: u64,
    /// At most so many bytes in one body.
    pub batch_max_bytes: u64,
    /// A body is sent after this long although it is not full.
    pub batch_flush_interval: Duration,
}

/// A Kafka topic that receives events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventKafka {
    /// The brokers.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// Who we say we are.
    pub client_id: String,
    /// `json` or `protobuf`.
    pub format: String,
    /// `none`, `leader` or `all`.
    pub acks: String,
    /// The compression; empty or `none`: none.
    pub compression: String,
    /// How many events wait at most.
    pub buffer_size: u64,
    /// Certificates and versions; no TLS when not stated.
    pub tls_config: Option<TlsConfig>,
}

impl EventRecorderConfig {
    pub(crate) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "file_outputs",
            "webhook_outputs",
            "kafka_outputs",
            "stdout_outputs",
        ];
        let f = Fields::new(node, "event_recorder", KEYS)?;
        let files = f.list("file_outputs", "a list of outputs")?.iter();
        let webhooks = f.list("webhook_outputs", "a list of outputs")?.iter();
        let kafkas = f.list("kafka_outputs", "a list of outputs")?.iter();
        let stdouts = f.list("stdout_outputs", "a list of outputs")?;
        for node in stdouts {
            Fields::new(node, "stdout_outputs", &[])?;
        }
        Ok(Self {
            files: files.map(|node| file(node, base)).collect::<Result<_>>()?,
            webhooks: webhooks
                .map(|n| EventWebhook::decode(n, base))
                .collect::<Result<_>>()?,
            kafkas: kafkas
                .map(|n| EventKafka::decode(n, base))
                .collect::<Result<_>>()?,
            stdouts: stdouts.len(),
        })
    }
}

fn file(node: &Node, base: Option<&Path>) -> Result<String> {
    let f = Fields::new(node, "file_outputs", &["path"])?;
    let path = f.text("path")?;
    if path.is_empty() {
        return Err(f.error("missing path in event_recorder file output"));
    }
    Ok(join(base, path))
}

impl EventWebhook {
    fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "url",
            "http_config",
            "timeout",
            "workers",
            "max_retries",
            "retry_backoff",
            "batch",
            "batch_max_events",
            "batch_max_bytes",
            "batch_flush_interval",
        ];
        let f = Fields::new(node, "webhook_outputs", KEYS)?;
        let url = f.secret_url("url")?;
        let http_config = f
            .some("http_config")
            .map(|node| HttpConfig::decode(node, base));
        Ok(Self {
            url: url.ok_or_else(|| f.error("missing url in event_recorder webhook output"))?,
            http_config: http_config.transpose()?,
            timeout: f.duration_or("timeout", Duration::from_secs(10))?,
            workers: f.unsigned("workers", 4)?,
            max_retries: f.unsigned("max_retries", 3)?,
            retry_backoff: f.duration_or("retry_backoff", Duration::from_millis(500))?,
            batch: f.boolean("batch", false)?,
            batch_max_events: f.unsigned("batch_max_events", 100)?,
            batch_max_bytes: f.unsigned("batch_max_bytes", 1 << 20)?,
            batch_flush_interval: f
                .duration_or("batch_flush_interval", Duration::from_millis(100))?,
        })
    }
}

impl EventKafka {
    fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "brokers",
            "topic",
            "client_id",
            "format",
            "acks",
            "compression",
            "buffer_size",
            "tls_config",
        ];
        let f = Fields::new(node, "kafka_outputs", KEYS)?;
        let one_of = |key: &str, default: &str, known: &[&str]| {
            let text = f.text_or(key, default)?;
            if known.contains(&text.as_str()) {
                return Ok(text);
            }
            let message = format!("unknown event_recorder kafka {key} {text:?}");
            Err(f
                .error_at(key, message)
                .hint(format!("one of {}", known.join(", "))))
        };
        let config = Self {
            brokers: f.texts("brokers")?.unwrap_or_default(),
            topic: f.text("topic")?,
            client_id: f.text_or("client_id", "alertmanager")?,
            format: one_of("format", "json", &["json", "protobuf"])?,
            acks: one_of("acks", "leader", &["none", "leader", "all"])?,
            compression: one_of(
                "compression",
                "",
                &["", "none", "gzip", "snappy", "lz4", "zstd"],
            )?,
            buffer_size: f.unsigned("buffer_size", 1024)?,
            tls_config: f
                .some("tls_config")
                .map(|n| TlsConfig::decode(n, base))
                .transpose()?,
        };
        if config.brokers.is_empty() {
            return Err(f.error("missing brokers in event_recorder kafka output"));
        }
        if config.topic.is_empty() {
            return Err(f.error("missing topic in event_recorder kafka output"));
        }
        Ok(config)
    }
}
