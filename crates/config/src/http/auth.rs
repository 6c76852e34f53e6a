//! The ways of saying who we are.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ProxyConfig, join};
use crate::error::Result;
use crate::secret::Secret;
use crate::tls::TlsConfig;
use crate::yaml::{Block, Fields, Node, Value};

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

fn at_most_one_of(f: &Fields, what: &str, keys: &[(&str, bool)]) -> Result<()> {
    let mut set = keys.iter().filter(|(_, is_set)| *is_set);
    if let (Some(_), Some((second, _))) = (set.next(), set.next()) {
        return Err(f.error_at(second, format!("at most one of {what} must be configured")));
    }
    Ok(())
}

impl BasicAuth {
    pub(super) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
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

    pub(super) fn print(&self) -> Value {
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
    pub(super) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
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

    pub(super) fn print(&self) -> Value {
        Block::new()
            .text("type", &self.kind)
            .secret("credentials", &self.credentials)
            .text("credentials_file", &self.credentials_file)
            .text("credentials_ref", &self.credentials_ref)
            .done()
    }
}

impl OAuth2 {
    pub(super) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
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

    pub(super) fn print(&self) -> Value {
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
