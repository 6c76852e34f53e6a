//! How we connect to somebody over HTTP: the `http_config` block, as Prometheus's shared library defines it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::tls::TlsConfig;
use crate::yaml::{Block, Fields, Node, Value};

mod auth;
mod headers;
mod proxy;

pub use auth::{Authorization, BasicAuth, OAuth2, OAuth2Assertion};
pub use headers::HeaderValues;
pub use proxy::ProxyConfig;

use headers::check_header_name;
pub(crate) use headers::{decode_headers, print_headers};

/// The effective settings of one HTTP client.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpConfig {
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// A token in the `Authorization` header; `bearer_token` and `bearer_token_file` arrive here too.
    pub authorization: Option<Authorization>,
    /// A token fetched from an OAuth2 server.
    pub oauth2: Option<OAuth2>,
    /// Certificates and versions.
    pub tls_config: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be spoken.
    pub enable_http2: bool,
    /// The way through a proxy.
    pub proxy: ProxyConfig,
    /// Headers added to every request, by name as written.
    pub http_headers: Option<BTreeMap<String, HeaderValues>>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            tls_config: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy: ProxyConfig::default(),
            http_headers: None,
        }
    }
}

/// A relative path is below `base`; an empty one stays empty.
pub(crate) fn join(base: Option<&Path>, path: String) -> String {
    match base {
        Some(base) if !path.is_empty() && !Path::new(&path).is_absolute() => {
            clean(&base.join(path)).to_string_lossy().into_owned()
        }
        _ => path,
    }
}

/// Drops `.` and resolves `..` by name, as Go's `filepath.Join` does.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

const KEYS: &[&str] = &[
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "follow_redirects",
    "enable_http2",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "http_headers",
];

impl HttpConfig {
    pub(crate) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        let f = Fields::new(node, "http_config", KEYS)?;
        let decode_oauth = |node| OAuth2::decode(node, base);
        let decode_auth = |node| Authorization::decode(node, base);
        let mut config = Self {
            basic_auth: f
                .some("basic_auth")
                .map(|node| BasicAuth::decode(node, base))
                .transpose()?,
            authorization: f.some("authorization").map(decode_auth).transpose()?,
            oauth2: f.some("oauth2").map(decode_oauth).transpose()?,
            tls_config: TlsConfig::decode_at(&f, "tls_config", base)?,
            follow_redirects: f.boolean("follow_redirects", true)?,
            enable_http2: f.boolean("enable_http2", true)?,
            proxy: ProxyConfig::decode(&f)?,
            http_headers: f
                .some("http_headers")
                .map(|n| decode_headers(n, base))
                .transpose()?,
        };
        config.take_bearer_token(&f, base)?;
        config.check(&f)?;
        Ok(config)
    }

    /// Folds the old `bearer_token` keys into `authorization`.
    fn take_bearer_token(&mut self, f: &Fields, base: Option<&Path>) -> Result<()> {
        let token = f.secret("bearer_token")?;
        let file = join(base, f.text("bearer_token_file")?);
        f.at_most_one(
            "bearer_token",
            !token.is_empty(),
            "bearer_token_file",
            !file.is_empty(),
        )?;
        if token.is_empty() && file.is_empty() {
            return Ok(());
        }
        let fail = |message: &str| Err(f.error_at("bearer_token", message));
        if self.basic_auth.is_some() || self.oauth2.is_some() {
            return fail(
                "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
            );
        }
        if self.authorization.is_some() {
            return fail("authorization is not compatible with bearer_token & bearer_token_file");
        }
        self.authorization = Some(Authorization {
            kind: "Bearer".to_owned(),
            credentials: token,
            credentials_file: file,
            credentials_ref: String::new(),
        });
        Ok(())
    }

    fn check(&self, f: &Fields) -> Result<()> {
        let methods = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
        ];
        let mut set = methods
            .iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(key, _)| *key);
        if let (Some(_), Some(second)) = (set.next(), set.next()) {
            let message = "at most one of basic_auth, oauth2 & authorization must be configured";
            return Err(f.error_at(second, message).hint("remove all but one"));
        }
        if let Some(headers) = &self.http_headers {
            headers.keys().try_for_each(|name| {
                check_header_name(name).map_err(|message| f.error_at("http_headers", message))
            })?;
        }
        Ok(())
    }

    pub(crate) fn print(&self) -> Value {
        let block = Block::new()
            .some("basic_auth", self.basic_auth.as_ref().map(BasicAuth::print))
            .some(
                "authorization",
                self.authorization.as_ref().map(Authorization::print),
            )
            .some("oauth2", self.oauth2.as_ref().map(OAuth2::print))
            .some("tls_config", self.tls_config.print_unless_default())
            .value("follow_redirects", Value::Bool(self.follow_redirects))
            .value("enable_http2", Value::Bool(self.enable_http2));
        self.proxy
            .print(block)
            .some(
                "http_headers",
                self.http_headers.as_ref().map(print_headers),
            )
            .done()
    }
}
