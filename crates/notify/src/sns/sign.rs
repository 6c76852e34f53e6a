//! Amazon's signature, version 4: who signs, for which service, and what of the request is signed.

use std::fmt::Write as _;

use domain::time::Timestamp;
use outbound::Request;
use sha2::{Digest, Sha256};

use crate::provider::Wire;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Bytes of the block that SHA-256 works on, which HMAC needs to know.
const BLOCK_BYTES: usize = 64;

/// Keys that requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    /// What proves keys that were lent.
    pub(super) session_token: Option<String>,
}

impl Keys {
    /// Keys under the names they have in files and, in capitals, in the environment.
    pub(super) fn named(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            access_key: value("aws_access_key_id")?,
            secret_key: value("aws_secret_access_key")?,
            session_token: value("aws_session_token"),
        })
    }

    /// Has them hidden in what answers say: one about a wrong signature quotes the session.
    pub(super) fn confide(&self, wire: &Wire<'_>) {
        wire.confide(&self.secret_key);
        if let Some(token) = &self.session_token {
            wire.confide(token);
        }
    }
}

/// What a signature is good for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: Timestamp,
}

/// Adds time, session and signature to a request; what else it has of headers is signed as well.
pub(super) fn sign(request: Request, keys: &Keys, scope: Scope<'_>) -> Request {
    let mut request = request.with_header("X-Amz-Date", time_of(scope.at));
    if let Some(token) = &keys.session_token {
        request = request.with_header("X-Amz-Security-Token", token);
    }
    let authorization = authorization(&request, keys, scope);
    request.with_header("Authorization", authorization)
}

/// `20260304T050607Z`.
pub(super) fn time_of(at: Timestamp) -> String {
    let text = at.utc().rfc3339_millis();
    let seconds = text.split('.').next().unwrap_or_default();
    let mut time: String = seconds.chars().filter(|c| !"-:".contains(*c)).collect();
    time.push('Z');
    time
}

fn authorization(request: &Request, keys: &Keys, scope: Scope<'_>) -> String {
    let time = time_of(scope.at);
    let day = time.split('T').next().unwrap_or_default();
    let Scope {
        region, service, ..
    } = scope;
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let (canonical, signed) = canonical(request);
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{hash}");
    let mut key = hmac(
        format!("AWS4{}", keys.secret_key).as_bytes(),
        day.as_bytes(),
    );
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex(&hmac(&key, text.as_bytes()));
    format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
        keys.access_key
    )
}

/// The request in the one form that both sides hash, and the names of the headers in it.
fn canonical(request: &Request) -> (String, String) {
    let (path, query) = target(&request.url);
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    headers.push(("host".to_owned(), request.shown_host()));
    headers.push(("content-length".to_owned(), request.body.len().to_string()));
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed = names.join(";");
    let mut canonical = format!("{}\n{}\n{query}\n", request.method, escaped_again(path));
    for (name, value) in &headers {
        // Writing to a String cannot fail.
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let hash = hex(&Sha256::digest(&request.body));
    let _ = write!(canonical, "\n{signed}\n{hash}");
    (canonical, signed)
}

/// Path and sorted query of a URL.
fn target(url: &str) -> (&str, String) {
    let url = url.split('#').next().unwrap_or_default();
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let rest = before.split_once("://").map_or(before, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    let mut parameters: Vec<String> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| match parameter.contains('=') {
            true => parameter.to_owned(),
            false => format!("{parameter}="),
        })
        .collect();
    parameters.sort();
    (path, parameters.join("&"))
}

/// A path as it is signed: what is escaped in it already is escaped once more.
fn escaped_again(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if BLOCK_BYTES < key.len() {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(BLOCK_BYTES, 0);
    let padded = |pad: u8| -> Vec<u8> { block.iter().map(|byte| byte ^ pad).collect() };
    let inner = Sha256::new_with_prefix(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new_with_prefix(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
