//! The file of `--web.config.file`: TLS, users and headers of our own HTTP server, as Prometheus's exporter
//! toolkit defines it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::duration::GoDuration;
use crate::error::{ConfigError, Result};
use crate::http::join;
use crate::secret::Secret;
use crate::tls::TlsVersion;
use crate::yaml::{self, Fields, Node, text};

/// The effective file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// TLS; none: plain HTTP.
    pub tls: Option<WebTls>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
    /// Users and the bcrypt hashes of their passwords; none: everybody may call.
    pub basic_auth_users: BTreeMap<String, Secret>,
    /// How many requests are let through.
    pub rate_limit: Option<WebRateLimit>,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            tls: None,
            http2: true,
            headers: BTreeMap::new(),
            basic_auth_users: BTreeMap::new(),
            rate_limit: None,
        }
    }
}

/// A text given in the file, or a file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// The text.
    Text(Secret),
    /// The path; read again for new connections.
    File(String),
}

/// TLS of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTls {
    /// Our certificate chain.
    pub cert: Pem,
    /// Its key.
    pub key: Pem,
    /// What callers must show.
    pub client_auth: ClientAuth,
    /// The authorities callers' certificates come from.
    pub client_ca: Option<Pem>,
    /// If not empty, a caller's certificate must name one of these.
    pub client_allowed_sans: Vec<String>,
    /// The lowest version.
    pub min_version: TlsVersion,
    /// The highest version.
    pub max_version: TlsVersion,
    /// Cipher suites of TLS 1.2 by Go's names; empty: the usual ones.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups by Go's names; empty: the usual ones.
    pub curve_preferences: Vec<String>,
    /// Whether our order of ciphers counts; kept, Go ignores it too.
    pub prefer_server_cipher_suites: bool,
}

/// What callers must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// A certificate is asked for and not checked.
    RequestClientCert,
    /// Any certificate.
    RequireAnyClientCert,
    /// A certificate is asked for and checked when shown.
    VerifyClientCertIfGiven,
    /// A certificate from a known authority.
    RequireAndVerifyClientCert,
}

/// One request per interval on average, `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebRateLimit {
    /// How many at once.
    pub burst: u64,
    /// The time one request takes.
    pub interval: std::time::Duration,
}

/// Reads the file; an empty one is plain HTTP for everybody. Relative paths are below `base`.
///
/// # Errors
/// The first mistake, with its place and what to do about it.
pub fn load(text: &str, file_name: &str, base: Option<&Path>) -> Result<WebConfig> {
    let config = yaml::parse(text).and_then(|root| match root {
        Some(root) => decode(&root, base),
        None => Ok(WebConfig::default()),
    });
    config.map_err(|error| error.in_file(file_name))
}

fn decode(root: &Node, base: Option<&Path>) -> Result<WebConfig> {
    const KEYS: &[&str] = &[
        "tls_server_config",
        "http_server_config",
        "rate_limit",
        "basic_auth_users",
    ];
    let f = Fields::new(root, "web.Config", KEYS)?;
    let mut config = WebConfig::default();
    if let Some(node) = f.some("tls_server_config") {
        config.tls = decode_tls(node, base)?;
    }
    if let Some(node) = f.some("http_server_config") {
        let f = Fields::new(node, "http_server_config", &["http2", "headers"])?;
        config.http2 = f.boolean("http2", true)?;
        config.headers = f.text_map("headers")?;
        check_headers(&config.headers, &f)?;
    }
    if let Some(node) = f.some("rate_limit") {
        let f = Fields::new(node, "rate_limit", &["burst", "interval"])?;
        let (burst, interval) = (f.unsigned("burst", 0)?, f.go_duration("interval")?);
        config.rate_limit = limit(burst, interval);
        if config.rate_limit.is_some() && burst == 0 {
            let error = f.error("rate_limit.burst is 0: every request would be refused");
            return Err(error.hint("set burst to at least 1"));
        }
    }
    if let Some(node) = f.some("basic_auth_users") {
        config.basic_auth_users = users(node)?;
    }
    Ok(config)
}

fn limit(burst: u64, interval: GoDuration) -> Option<WebRateLimit> {
    interval
        .positive()
        .map(|interval| WebRateLimit { burst, interval })
}

/// The headers that may be set, and their values; no values: any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("Content-Security-Policy", &[]),
    ("X-Content-Type-Options", &["", "nosniff"]),
    ("X-Frame-Options", &["", "deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

fn check_headers(headers: &BTreeMap<String, String>, f: &Fields) -> Result<()> {
    for (name, value) in headers {
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| known == name) else {
            let names: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
            let error = f.error_at(
                "headers",
                format!("HTTP header {name:?} can not be configured"),
            );
            return Err(error.hint(format!("only {}", names.join(", "))));
        };
        if !values.is_empty() && !values.contains(&value.to_ascii_lowercase().as_str()) {
            let message = format!(
                "invalid value for {name}. Expected one of: {values:?}, but got: {value:?}"
            );
            return Err(f.error_at("headers", message));
        }
    }
    Ok(())
}

fn users(node: &Node) -> Result<BTreeMap<String, Secret>> {
    let mut users = BTreeMap::new();
    for (name, value) in node.text_keys("basic_auth_users")? {
        let hash = text(value)?;
        if !is_bcrypt(&hash) {
            let message = format!("the password of user `{name}` is not a bcrypt hash");
            return Err(ConfigError::at(value.mark, message)
                .hint("make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'"));
        }
        users.insert(name, Secret::new(hash));
    }
    Ok(users)
}

/// `$2a$10$` and 53 characters of bcrypt's own base 64.
fn is_bcrypt(hash: &str) -> bool {
    let mut parts = hash.split('$');
    let (empty, version, cost, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    let is_version = matches!(version, Some("2" | "2a" | "2b" | "2x" | "2y"));
    let cost = cost
        .filter(|cost| cost.len() == 2)
        .and_then(|cost| cost.parse::<u8>().ok());
    let is_cost = cost.is_some_and(|cost| (4..=31).contains(&cost));
    let is_body = rest.is_some_and(|rest| {
        rest.len() == 53
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/')
    });
    empty == Some("") && is_version && is_cost && is_body && parts.next().is_none()
}

const TLS_KEYS: &[&str] = &[
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "cipher_suites",
    "curve_preferences",
    "min_version",
    "max_version",
    "prefer_server_cipher_suites",
    "client_allowed_sans",
];

/// Go's names of the cipher suites it deems safe.
const CIPHERS: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];

const CURVES: &[&str] = &[
    "CurveP256",
    "CurveP384",
    "CurveP521",
    "X25519",
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
];

fn decode_tls(node: &Node, base: Option<&Path>) -> Result<Option<WebTls>> {
    let f = Fields::new(node, "tls_server_config", TLS_KEYS)?;
    let pem = |key: &str, file_key: &str| -> Result<Option<Pem>> {
        let (inline, file) = (f.secret(key)?, join(base, f.text(file_key)?));
        f.at_most_one(key, !inline.is_empty(), file_key, !file.is_empty())?;
        if !file.is_empty() {
            return Ok(Some(Pem::File(file)));
        }
        Ok(Some(Pem::Text(inline.clone())).filter(|_| !inline.is_empty()))
    };
    let (cert, key) = (pem("cert", "cert_file")?, pem("key", "key_file")?);
    let client_ca = pem("client_ca", "client_ca_file")?;
    let client_auth = f.text("client_auth_type")?;
    let min_version = TlsVersion::decode(&f, "min_version")?.unwrap_or(TlsVersion::Tls12);
    let max_version = TlsVersion::decode(&f, "max_version")?.unwrap_or(TlsVersion::Tls13);
    let cipher_suites = known_names(&f, "cipher_suites", "cipher", CIPHERS)?;
    let curve_preferences = known_names(&f, "curve_preferences", "curve", CURVES)?;
    let sans = f.texts("client_allowed_sans")?;
    let prefer_server_cipher_suites = f.boolean("prefer_server_cipher_suites", true)?;
    let is_empty = cert.is_none() && key.is_none() && client_ca.is_none() && client_auth.is_empty();
    if is_empty {
        return Ok(None);
    }
    let client_auth = parse_client_auth(&f, &client_auth)?;
    if client_ca.is_some() && client_auth == ClientAuth::NoClientCert {
        let message = "client CA's have been configured without a Client Auth Policy";
        return Err(f
            .error_at("client_ca_file", message)
            .hint("set client_auth_type"));
    }
    let is_required = matches!(
        client_auth,
        ClientAuth::RequireAnyClientCert | ClientAuth::RequireAndVerifyClientCert
    );
    if sans.is_some() && !is_required {
        let message = "client_allowed_sans requires client_auth_type to be one of RequireAnyClientCert or RequireAndVerifyClientCert";
        return Err(f.error_at("client_allowed_sans", message));
    }
    Ok(Some(WebTls {
        cert: cert.ok_or_else(|| f.error("missing one of cert or cert_file"))?,
        key: key.ok_or_else(|| f.error("missing one of key or key_file"))?,
        client_auth,
        client_ca,
        client_allowed_sans: sans.unwrap_or_default(),
        min_version,
        max_version,
        cipher_suites,
        curve_preferences,
        prefer_server_cipher_suites,
    }))
}

fn parse_client_auth(f: &Fields, text: &str) -> Result<ClientAuth> {
    Ok(match text {
        "" | "NoClientCert" => ClientAuth::NoClientCert,
        "RequestClientCert" => ClientAuth::RequestClientCert,
        "RequireAnyClientCert" | "RequireClientCert" => ClientAuth::RequireAnyClientCert,
        "VerifyClientCertIfGiven" => ClientAuth::VerifyClientCertIfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::RequireAndVerifyClientCert,
        other => {
            let error = f.error_at("client_auth_type", format!("invalid ClientAuth: {other}"));
            return Err(error.hint("NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"));
        }
    })
}

fn known_names(f: &Fields, key: &str, what: &str, known: &[&str]) -> Result<Vec<String>> {
    let names = f.texts(key)?.unwrap_or_default();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let error = f.error_at(key, format!("unknown {what}: {name}"));
        return Err(match crate::error::nearest(name, known) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("use the names of Go's crypto/tls"),
        });
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
