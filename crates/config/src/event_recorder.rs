//! The `event_recorder` block: read and kept, not acted on yet.

use std::path::Path;
use std::time::Duration;

use crate::duration::print_prometheus;
use crate::error::Result;
use crate::http::{HttpConfig, join};
use crate::secret::SecretUrl;
use crate::tls::TlsConfig;
use crate::yaml::{Block, Fields, Node, Value};

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

/// A webhook that receives events; what is zero is the default.
#[derive(Debug, Clone, PartialEq)]
pub struct EventWebhook {
    /// Where events are posted; none for a `null` element of the list.
    pub url: Option<SecretUrl>,
    /// How we connect; the global settings when not stated.
    pub http_config: Option<HttpConfig>,
    /// The longest one attempt may take.
    pub timeout: Duration,
    /// How many send at once.
    pub workers: i64,
    /// How often an event is tried.
    pub max_retries: i64,
    /// The pause after the first failure.
    pub retry_backoff: Duration,
    /// Whether several events go in one body.
    pub batch: bool,
    /// At most so many events in one body.
    pub batch_max_events: i64,
    /// At most so many bytes in one body.
    pub batch_max_bytes: i64,
    /// A body is sent after this long although it is not full.
    pub batch_flush_interval: Duration,
}

/// A Kafka topic that receives events; what is zero or empty is the default.
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
    /// The compression.
    pub compression: String,
    /// How many events wait at most.
    pub buffer_size: i64,
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

    /// How it is printed; nothing when it is empty.
    pub(crate) fn print(&self) -> Block {
        let files = self
            .files
            .iter()
            .map(|path| Block::new().value("path", path.as_str().into()).done());
        Block::new()
            .list("file_outputs", files.collect())
            .list(
                "webhook_outputs",
                self.webhooks.iter().map(EventWebhook::print).collect(),
            )
            .list(
                "kafka_outputs",
                self.kafkas.iter().map(EventKafka::print).collect(),
            )
            .list("stdout_outputs", vec![Block::new().done(); self.stdouts])
    }
}

fn file(node: &Node, base: Option<&Path>) -> Result<String> {
    let f = Fields::new(node, "file_outputs", &["path"])?;
    let path = f.text("path")?;
    if path.is_empty() && !node.is_null() {
        return Err(f.error("event_recorder file output requires a path"));
    }
    Ok(join(base, path))
}

fn print_duration(duration: Duration) -> Option<Value> {
    let text = print_prometheus(duration);
    (!duration.is_zero()).then(|| text.as_str().into())
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
        if url.is_none() && !node.is_null() {
            return Err(f.error("event_recorder webhook output requires a url"));
        }
        let http_config = f
            .some("http_config")
            .map(|node| HttpConfig::decode(node, base));
        Ok(Self {
            url,
            http_config: http_config.transpose()?,
            timeout: f.duration_or("timeout", Duration::ZERO)?,
            workers: f.signed("workers", 0)?,
            max_retries: f.signed("max_retries", 0)?,
            retry_backoff: f.duration_or("retry_backoff", Duration::ZERO)?,
            batch: f.boolean("batch", false)?,
            batch_max_events: f.signed("batch_max_events", 0)?,
            batch_max_bytes: f.signed("batch_max_bytes", 0)?,
            batch_flush_interval: f.duration_or("batch_flush_interval", Duration::ZERO)?,
        })
    }

    fn print(&self) -> Value {
        Block::new()
            .secret_url("url", self.url.as_ref())
            .some(
                "http_config",
                self.http_config.as_ref().map(HttpConfig::print),
            )
            .some("timeout", print_duration(self.timeout))
            .number("workers", self.workers.into())
            .number("max_retries", self.max_retries.into())
            .some("retry_backoff", print_duration(self.retry_backoff))
            .flag("batch", self.batch)
            .number("batch_max_events", self.batch_max_events.into())
            .number("batch_max_bytes", self.batch_max_bytes.into())
            .some(
                "batch_flush_interval",
                print_duration(self.batch_flush_interval),
            )
            .done()
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
        Ok(Self {
            brokers: f.texts("brokers")?.unwrap_or_default(),
            topic: f.text("topic")?,
            client_id: f.text("client_id")?,
            format: f.text("format")?,
            acks: f.text("acks")?,
            compression: f.text("compression")?,
            buffer_size: f.signed("buffer_size", 0)?,
            tls_config: f
                .some("tls_config")
                .map(|n| TlsConfig::decode(n, base))
                .transpose()?,
        })
    }

    fn print(&self) -> Value {
        let brokers = self
            .brokers
            .iter()
            .map(|broker| broker.as_str().into())
            .collect();
        Block::new()
            .value("brokers", Value::List(brokers))
            .value("topic", self.topic.as_str().into())
            .all_texts(&[
                ("client_id", &self.client_id),
                ("format", &self.format),
                ("acks", &self.acks),
                ("compression", &self.compression),
            ])
            .number("buffer_size", self.buffer_size.into())
            .some("tls_config", self.tls_config.as_ref().map(TlsConfig::print))
            .done()
    }
}
