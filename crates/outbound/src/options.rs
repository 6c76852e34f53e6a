//! How to talk to a receiver: an Alertmanager `http_config` as plain data.
//!
//! The configuration crate has checked the text; here is only what a client needs, in a shape
//! that cannot say two things at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Secret;

/// Everything a client can be told; the default is Alertmanager's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// How requests prove who sends them.
    pub authentication: Option<Authentication>,
    /// Whether HTTP/2 is offered where TLS is used (`enable_http2`).
    pub enable_http2: bool,
    /// Whether redirects are followed; otherwise the redirect itself is the answer.
    pub follow_redirects: bool,
    /// Through which proxy requests go.
    pub proxy: ProxyOptions,
    /// How TLS is done (`tls_config`).
    pub tls: TlsOptions,
    /// Headers added to every request (`http_headers`).
    pub headers: BTreeMap<String, HeaderValues>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            authentication: None,
            enable_http2: true,
            follow_redirects: true,
            proxy: ProxyOptions::default(),
            tls: TlsOptions::default(),
            headers: BTreeMap::new(),
        }
    }
}

/// A value written into the configuration, or into a file that is read at every use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The value itself.
    Inline(Secret),
    /// The file that holds it. White space around a password or token is not part of it.
    File(PathBuf),
}

impl Source {
    /// Makes a source of a value.
    #[must_use]
    pub fn inline(value: &str) -> Self {
        Self::Inline(value.into())
    }
}

/// How requests prove who sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// User and password (`basic_auth`).
    Basic(BasicAuth),
    /// Any `Authorization` header (`authorization`, and the old `bearer_token`).
    Authorization(Authorization),
    /// Tokens from an OAuth 2 server (`oauth2`).
    OAuth2(Box<OAuth2>),
}

/// User and password; either may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasicAuth {
    /// `username` or `username_file`.
    pub username: Option<Source>,
    /// `password` or `password_file`.
    pub password: Option<Source>,
}

/// The two halves of an `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The scheme, `Bearer` unless told otherwise.
    pub scheme: String,
    /// `credentials` or `credentials_file`.
    pub credentials: Option<Source>,
}

impl Authorization {
    /// Makes a bearer token.
    #[must_use]
    pub fn bearer(credentials: Source) -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            credentials: Some(credentials),
        }
    }
}

/// The client credentials flow of OAuth 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuth2 {
    /// The client's name.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`.
    pub client_secret: Option<Source>,
    /// The rights asked for.
    pub scopes: Vec<String>,
    /// Where tokens come from.
    pub token_url: String,
    /// Further parameters of the token request.
    pub endpoint_params: BTreeMap<String, String>,
    /// How TLS is done with the token server.
    pub tls: TlsOptions,
    /// Through which proxy the token server is reached.
    pub proxy: ProxyOptions,
}

/// Through which proxy requests go; by default none, whatever the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The proxy (`proxy_url`); may hold a user and a password.
    pub url: Option<Secret>,
    /// Hosts reached without it, separated by commas.
    pub no_proxy: Option<String>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
    pub from_environment: bool,
    /// Headers sent to the proxy when it opens a tunnel.
    pub connect_headers: BTreeMap<String, Vec<Secret>>,
}

/// How TLS is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The authorities to trust instead of the system's (`ca`, `ca_file`).
    pub ca: Option<Source>,
    /// Our own certificate (`cert`, `cert_file`); needs `key`.
    pub cert: Option<Source>,
    /// The key of our certificate (`key`, `key_file`).
    pub key: Option<Source>,
    /// The name the receiver's certificate must have, instead of the URL's host.
    pub server_name: Option<String>,
    /// Whether any certificate will do.
    pub insecure_skip_verify: bool,
    /// The oldest version to speak; older ones than TLS 1.2 are never spoken.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    pub max_version: Option<TlsVersion>,
}

/// The versions a configuration can name, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0, never spoken.
    Tls10,
    /// TLS 1.1, never spoken.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The values of one added header; each makes a header line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderValues {
    /// Values that may be shown.
    pub values: Vec<String>,
    /// Values that may not.
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    pub files: Vec<PathBuf>,
}
