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
    /// The grant `urn:ietf:params:oauth:grant-type:jwt-bearer`: a signed statement instead of a secret.
    pub assertion: OAuth2Assertion,
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

fn at_most_one_of(f: &Fields, what: &str, when: &str, keys: &[(&str, bool)]) -> Result<()> {
    let mut set = keys.iter().filter(|(_, is_set)| *is_set);
    if let (Some(_), Some((second, _))) = (set.next(), set.next()) {
        return Err(f.error_at(
            second,
            format!("at most one of {what} must be configured{when}"),
        ));
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
            "",
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
            "",
            &passwords,
        )?;
        Ok(auth)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .text("username", &self.username)
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
        at_most_one_of(&f, "authorization credentials & credentials_file", "", &set)?;
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

/// The grant in which a signed statement proves who we are.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How the statement of the grant `jwt-bearer` is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OAuth2Assertion {
    /// The key's name.
    pub key_id: String,
    /// The key, as PEM.
    pub key: Secret,
    /// A file that holds the key; as upstream, relative to the working directory.
    pub key_file: String,
    /// The name of a secret in a secret store; accepted and kept, no store is known.
    pub key_ref: String,
    /// The grant; anything but `jwt-bearer` is `client_credentials`.
    pub grant_type: String,
    /// `RS256` (unless given), `RS384` or `RS512`.
    pub signature_algorithm: String,
    /// Who states it; the client unless given.
    pub iss: String,
    /// Whom it is for.
    pub audience: String,
    /// Further claims.
    pub claims: BTreeMap<String, Value>,
}

impl OAuth2Assertion {
    /// Whether this grant is asked for.
    pub fn is_used(&self) -> bool {
        self.grant_type == JWT_BEARER
    }

    fn decode(f: &Fields) -> Result<Self> {
        Ok(Self {
            key_id: f.text("client_certificate_key_id")?,
            key: f.secret("client_certificate_key")?,
            key_file: f.text("client_certificate_key_file")?,
            key_ref: f.text("client_certificate_key_ref")?,
            grant_type: f.text("grant_type")?,
            signature_algorithm: f.text("signature_algorithm")?,
            iss: f.text("iss")?,
            audience: f.text("audience")?,
            claims: f.keyed_values("claims")?,
        })
    }

    fn print(&self, block: Block) -> Block {
        let claims = (!self.claims.is_empty()).then(|| Value::keyed(&self.claims));
        block
            .text("client_certificate_key_id", &self.key_id)
            .secret("client_certificate_key", &self.key)
            .all_texts(&[
                ("client_certificate_key_file", &self.key_file),
                ("client_certificate_key_ref", &self.key_ref),
                ("grant_type", &self.grant_type),
                ("signature_algorithm", &self.signature_algorithm),
                ("iss", &self.iss),
                ("audience", &self.audience),
            ])
            .some("claims", claims)
    }
}

impl OAuth2 {
    pub(super) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        const KEYS: &[&str] = &[
            "client_id",
            "client_secret",
            "client_secret_file",
            "client_secret_ref",
            "client_certificate_key_id",
            "client_certificate_key",
            "client_certificate_key_file",
            "client_certificate_key_ref",
            "grant_type",
            "signature_algorithm",
            "iss",
            "audience",
            "claims",
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
            assertion: OAuth2Assertion::decode(&f)?,
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
        oauth.check_secrets(&f)?;
        Ok(oauth)
    }

    fn check_secrets(&self, f: &Fields) -> Result<()> {
        let assertion = &self.assertion;
        if !assertion.is_used() {
            let secrets = [
                ("client_secret", !self.client_secret.is_empty()),
                ("client_secret_file", !self.client_secret_file.is_empty()),
                ("client_secret_ref", !self.client_secret_ref.is_empty()),
            ];
            let keys = "oauth2 client_secret, client_secret_file & client_secret_ref";
            return at_most_one_of(f, keys, " using grant-type=client_credentials", &secrets);
        }
        let keys = [
            ("client_certificate_key", !assertion.key.is_empty()),
            (
                "client_certificate_key_file",
                !assertion.key_file.is_empty(),
            ),
            ("client_certificate_key_ref", !assertion.key_ref.is_empty()),
        ];
        let names = "oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref";
        at_most_one_of(f, names, &format!(" using grant-type={JWT_BEARER}"), &keys)?;
        if !["", "RS256", "RS384", "RS512"].contains(&assertion.signature_algorithm.as_str()) {
            let message = "valid signature algorithms are RS256, RS384 and RS512";
            return Err(f.error_at("signature_algorithm", message));
        }
        Ok(())
    }

    pub(super) fn print(&self) -> Value {
        let block = Block::new()
            .value("client_id", self.client_id.as_str().into())
            .secret("client_secret", &self.client_secret)
            .text("client_secret_file", &self.client_secret_file)
            .text("client_secret_ref", &self.client_secret_ref);
        let block = self
            .assertion
            .print(block)
            .texts("scopes", &self.scopes)
            .value("token_url", self.token_url.as_str().into())
            .text_map("endpoint_params", &self.endpoint_params)
            .some("tls_config", self.tls_config.print_unless_default());
        self.proxy.print(block).done()
    }
}
