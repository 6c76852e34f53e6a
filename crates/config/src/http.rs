//! How we connect to somebody over HTTP: the `http_config` block, as Prometheus's shared library defines it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::secret::Secret;
use crate::tls::TlsConfig;
use crate::url::ProxyUrl;
use crate::yaml::{Block, Fields, Node, Value, text, texts};

mod headers;

pub use headers::HeaderValues;
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

/// A user and a password; a file is read again for every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// A file that holds the user.
    pub username_file: String,
    /// The name of a secret in a secret store; accepted and kept, no store is known.
    pub username_ref: String,
    /// The password.
    pub password: Secret,
    /// A file that holds the password.
    pub password_file: String,
    /// As `username_ref`, for the password.
    pub password_ref: String,
}

/// The `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorization {
    /// The scheme, `Bearer` unless given.
    pub kind: String,
    /// The credentials.
    pub credentials: Secret,
    /// A file that holds the credentials, read again for every request.
    pub credentials_file: String,
    /// The name of a secret in a secret store; accepted and kept, no store is known.
    pub credentials_ref: String,
}

/// OAuth2 client credentials.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OAuth2 {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// A file that holds the secret.
    pub client_secret_file: String,
    /// The name of a secret in a secret store; accepted and kept, no store is known.
    pub client_secret_ref: String,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// Where tokens are fetched.
    pub token_url: String,
    /// Further form values of the token request.
    pub endpoint_params: BTreeMap<String, String>,
    /// Certificates and versions for the token server.
    pub tls_config: TlsConfig,
    /// The way to the token server.
    pub proxy: ProxyConfig,
}

/// The way through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyConfig {
    /// The proxy.
    pub proxy_url: Option<ProxyUrl>,
    /// Hosts reached without it, separated by commas.
    pub no_proxy: String,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say what to do.
    pub proxy_from_environment: bool,
    /// Headers of the CONNECT request.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
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

fn at_most_one_of(f: &Fields, what: &str, keys: &[(&str, bool)]) -> Result<()> {
    let mut set = keys.iter().filter(|(_, is_set)| *is_set);
    if let (Some(_), Some((second, _))) = (set.next(), set.next()) {
        return Err(f.error_at(second, format!("at most one of {what} must be configured")));
    }
    Ok(())
}

impl BasicAuth {
    fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "username",
            "username_file",
            "username_ref",
            "password",
            "password_file",
            "password_ref",
        ];
        let f = Fields::new(node, "basic_auth", KEYS)?;
        let auth = Self {
            username: f.text("username")?,
            username_file: join(base, f.text("username_file")?),
            username_ref: f.text("username_ref")?,
            password: f.secret("password")?,
            password_file: join(base, f.text("password_file")?),
            password_ref: f.text("password_ref")?,
        };
        let users = [
            ("username", !auth.username.is_empty()),
            ("username_file", !auth.username_file.is_empty()),
            ("username_ref", !auth.username_ref.is_empty()),
        ];
        at_most_one_of(
            &f,
            "basic_auth username, username_file & username_ref",
            &users,
        )?;
        let passwords = [
            ("password", !auth.password.is_empty()),
            ("password_file", !auth.password_file.is_empty()),
            ("password_ref", !auth.password_ref.is_empty()),
        ];
        at_most_one_of(
            &f,
            "basic_auth password, password_file & password_ref",
            &passwords,
        )?;
        Ok(auth)
    }

    fn print(&self) -> Value {
        Block::new()
            .value("username", self.username.as_str().into())
            .text("username_file", &self.username_file)
            .text("username_ref", &self.username_ref)
            .secret("password", &self.password)
            .text("password_file", &self.password_file)
            .text("password_ref", &self.password_ref)
            .done()
    }
}

impl Authorization {
    fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &["type", "credentials", "credentials_file", "credentials_ref"];
        let f = Fields::new(node, "authorization", KEYS)?;
        let kind = f.text("type")?.trim().to_owned();
        let auth = Self {
            kind: if kind.is_empty() {
                "Bearer".to_owned()
            } else {
                kind
            },
            credentials: f.secret("credentials")?,
            credentials_file: join(base, f.text("credentials_file")?),
            credentials_ref: f.text("credentials_ref")?,
        };
        let set = [
            ("credentials", !auth.credentials.is_empty()),
            ("credentials_file", !auth.credentials_file.is_empty()),
            ("credentials_ref", !auth.credentials_ref.is_empty()),
        ];
        at_most_one_of(&f, "authorization credentials & credentials_file", &set)?;
        if auth.kind.eq_ignore_ascii_case("basic") {
            let message =
                r#"authorization type cannot be set to "basic", use "basic_auth" instead"#;
            return Err(f.error_at("type", message));
        }
        Ok(auth)
    }

    fn print(&self) -> Value {
        Block::new()
            .text("type", &self.kind)
            .secret("credentials", &self.credentials)
            .text("credentials_file", &self.credentials_file)
            .text("credentials_ref", &self.credentials_ref)
            .done()
    }
}

impl OAuth2 {
    fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "client_id",
            "client_secret",
            "client_secret_file",
            "client_secret_ref",
            "scopes",
            "token_url",
            "endpoint_params",
            "tls_config",
            "proxy_url",
            "no_proxy",
            "proxy_from_environment",
            "proxy_connect_header",
        ];
        let f = Fields::new(node, "oauth2", KEYS)?;
        let oauth = Self {
            client_id: f.text("client_id")?,
            client_secret: f.secret("client_secret")?,
            client_secret_file: join(base, f.text("client_secret_file")?),
            client_secret_ref: f.text("client_secret_ref")?,
            scopes: f.texts("scopes")?.unwrap_or_default(),
            token_url: f.text("token_url")?,
            endpoint_params: f.text_map("endpoint_params")?,
            tls_config: TlsConfig::decode_at(&f, "tls_config", base)?,
            proxy: ProxyConfig::decode(&f)?,
        };
        if oauth.client_id.is_empty() {
            return Err(f.error("oauth2 client_id must be configured"));
        }
        if oauth.token_url.is_empty() {
            return Err(f.error("oauth2 token_url must be configured"));
        }
        let secrets = [
            ("client_secret", !oauth.client_secret.is_empty()),
            ("client_secret_file", !oauth.client_secret_file.is_empty()),
            ("client_secret_ref", !oauth.client_secret_ref.is_empty()),
        ];
        let what = "oauth2 client_secret, client_secret_file & client_secret_ref";
        at_most_one_of(&f, what, &secrets)?;
        Ok(oauth)
    }

    fn print(&self) -> Value {
        let block = Block::new()
            .value("client_id", self.client_id.as_str().into())
            .secret("client_secret", &self.client_secret)
            .text("client_secret_file", &self.client_secret_file)
            .text("client_secret_ref", &self.client_secret_ref)
            .texts("scopes", &self.scopes)
            .value("token_url", self.token_url.as_str().into())
            .text_map("endpoint_params", &self.endpoint_params)
            .some("tls_config", self.tls_config.print_unless_default());
        self.proxy.print(block).done()
    }
}

impl ProxyConfig {
    /// Reads the proxy keys, which stand beside others.
    fn decode(f: &Fields) -> Result<Self> {
        let mut proxy_connect_header = BTreeMap::new();
        if let Some(node) = f.some("proxy_connect_header") {
            for (name, values) in node.text_keys("proxy_connect_header")? {
                let values = texts(values)?.into_iter().map(Secret::new).collect();
                proxy_connect_header.insert(name, values);
            }
        }
        let proxy_url = f.some("proxy_url").map(|node| {
            let url = text(node)?;
            ProxyUrl::parse(&url).map_err(|e| f.error_at("proxy_url", e.without_url()))
        });
        let proxy = Self {
            proxy_url: proxy_url.transpose()?.filter(|url| !url.is_empty()),
            no_proxy: f.text("no_proxy")?,
            proxy_from_environment: f.boolean("proxy_from_environment", false)?,
            proxy_connect_header,
        };
        proxy.check(f)?;
        Ok(proxy)
    }

    fn check(&self, f: &Fields) -> Result<()> {
        if !self.proxy_connect_header.is_empty()
            && !self.proxy_from_environment
            && self.proxy_url.is_none()
        {
            let message = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
            return Err(f.error_at("proxy_connect_header", message));
        }
        if self.proxy_from_environment && self.proxy_url.is_some() {
            let message =
                "if proxy_from_environment is configured, proxy_url must not be configured";
            return Err(f.error_at("proxy_url", message));
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            let message =
                "if proxy_from_environment is configured, no_proxy must not be configured";
            return Err(f.error_at("no_proxy", message));
        }
        if self.proxy_url.is_none() && !self.no_proxy.is_empty() {
            let message = "if no_proxy is configured, proxy_url must also be configured";
            return Err(f.error_at("no_proxy", message));
        }
        Ok(())
    }

    fn print(&self, block: Block) -> Block {
        let headers = self.proxy_connect_header.iter().map(|(name, values)| {
            (
                name.as_str().into(),
                Value::List(vec![crate::secret::SECRET.into(); values.len()]),
            )
        });
        let headers =
            (!self.proxy_connect_header.is_empty()).then(|| Value::sorted(headers.collect()));
        block
            .text(
                "proxy_url",
                self.proxy_url.as_ref().map_or("", |url| url.redacted()),
            )
            .text("no_proxy", &self.no_proxy)
            .flag("proxy_from_environment", self.proxy_from_environment)
            .some("proxy_connect_header", headers)
    }
}
