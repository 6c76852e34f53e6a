//! The `tracing` block: read and kept, not acted on yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::duration::print_prometheus;
use crate::error::Result;
use crate::http::{HeaderValues, decode_headers, print_headers};
use crate::tls::TlsConfig;
use crate::yaml::{Block, Fields, Node, Value};

/// Where spans would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct TracingConfig {
    /// Whether over HTTP; otherwise gRPC.
    pub is_http: bool,
    /// The collector.
    pub endpoint: String,
    /// The share of requests that is traced.
    pub sampling_fraction: f64,
    /// Whether without TLS.
    pub insecure: bool,
    /// Certificates and versions.
    pub tls_config: Option<TlsConfig>,
    /// Headers added to every request.
    pub headers: Option<BTreeMap<String, HeaderValues>>,
    /// Whether bodies are compressed by gzip.
    pub is_gzip: bool,
    /// The longest one request may take.
    pub timeout: Duration,
}

const KEYS: &[&str] = &[
    "client_type",
    "endpoint",
    "sampling_fraction",
    "insecure",
    "tls_config",
    "headers",
    "compression",
    "timeout",
];

impl TracingConfig {
    pub(crate) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        let f = Fields::new(node, "tracing", KEYS)?;
        let client = f.text_or("client_type", "grpc")?;
        if client != "http" && client != "grpc" {
            let message =
                format!("expected tracing client type to be to be http or grpc, but got {client}");
            return Err(f.error_at("client_type", message));
        }
        let endpoint = f.text("endpoint")?;
        if endpoint.is_empty() {
            return Err(f.error("tracing endpoint must be set"));
        }
        let compression = f.text("compression")?;
        if !compression.is_empty() && compression != "gzip" {
            let message =
                format!("invalid compression type {compression} provided, valid options: gzip");
            return Err(f.error_at("compression", message));
        }
        let tls_config = f
            .some("tls_config")
            .map(|node| TlsConfig::decode(node, base));
        let headers = f.some("headers").map(|node| decode_headers(node, base));
        Ok(Self {
            is_http: client == "http",
            endpoint,
            sampling_fraction: f.float("sampling_fraction")?,
            insecure: f.boolean("insecure", false)?,
            tls_config: tls_config.transpose()?,
            headers: headers.transpose()?,
            is_gzip: !compression.is_empty(),
            timeout: f.duration_or("timeout", Duration::ZERO)?,
        })
    }

    pub(crate) fn print(&self) -> Value {
        let fraction = (self.sampling_fraction != 0.0).then_some(self.sampling_fraction);
        let timeout = print_prometheus(self.timeout);
        Block::new()
            .text("client_type", if self.is_http { "http" } else { "grpc" })
            .text("endpoint", &self.endpoint)
            .some("sampling_fraction", fraction.map(Value::Float))
            .flag("insecure", self.insecure)
            .some("tls_config", self.tls_config.as_ref().map(TlsConfig::print))
            .some("headers", self.headers.as_ref().map(print_headers))
            .text("compression", if self.is_gzip { "gzip" } else { "" })
            .text(
                "timeout",
                if self.timeout.is_zero() { "" } else { &timeout },
            )
            .done()
    }
}
