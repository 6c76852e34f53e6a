//! Headers added to requests.

use std::collections::BTreeMap;
use std::path::Path;

use super::join;
use crate::duration::quoted;
use crate::error::Result;
use crate::secret::{SECRET, Secret};
use crate::yaml::{Block, Fields, Node, Value, texts};

/// The values of one header; files are read again for every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderValues {
    /// Values anybody may see.
    pub values: Vec<String>,
    /// Values that are secrets.
    pub secrets: Vec<Secret>,
    /// Files that hold a value.
    pub files: Vec<String>,
}

/// Headers that belong to the connection or are set by us.
const RESERVED: &[&str] = &[
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

pub(crate) fn decode_headers(
    node: &Node,
    base: Option<&Path>,
) -> Result<BTreeMap<String, HeaderValues>> {
    const KEYS: &[&str] = &["values", "secrets", "files"];
    let mut headers = BTreeMap::new();
    for (name, value) in node.text_keys("http_headers")? {
        if !matches!(value.kind, crate::yaml::Kind::Mapping(_)) && !value.is_null() {
            return Err(value
                .mismatch("config.Header")
                .hint("write {values: [...]}"));
        }
        let f = Fields::new(value, "http_headers", KEYS)?;
        let secrets = f
            .some("secrets")
            .map(texts)
            .transpose()?
            .unwrap_or_default();
        let files = f.texts("files")?.unwrap_or_default();
        headers.insert(
            name,
            HeaderValues {
                values: f.texts("values")?.unwrap_or_default(),
                secrets: secrets.into_iter().map(Secret::new).collect(),
                files: files.into_iter().map(|file| join(base, file)).collect(),
            },
        );
    }
    Ok(headers)
}

/// Refuses names that are not the user's to set.
pub(crate) fn check_header_name(name: &str) -> std::result::Result<(), String> {
    match RESERVED
        .iter()
        .find(|reserved| reserved.eq_ignore_ascii_case(name))
    {
        Some(reserved) => Err(format!(
            "setting header {} is not allowed",
            quoted(reserved)
        )),
        None => Ok(()),
    }
}

pub(crate) fn print_headers(headers: &BTreeMap<String, HeaderValues>) -> Value {
    let print = |header: &HeaderValues| {
        Block::new()
            .texts("values", &header.values)
            .list("secrets", vec![SECRET.into(); header.secrets.len()])
            .texts("files", &header.files)
            .done()
    };
    Value::sorted(
        headers
            .iter()
            .map(|(name, h)| (name.as_str().into(), print(h)))
            .collect(),
    )
}
