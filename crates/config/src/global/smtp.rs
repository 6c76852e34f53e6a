//! E-mail defaults.

use crate::error::Result;
use crate::secret::Secret;
use crate::tls::TlsConfig;
use crate::url::HostPort;
use crate::yaml::{Block, Fields, Value};

/// E-mail defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The sender.
    pub from: String,
    /// The name we greet with.
    pub hello: String,
    /// The server.
    pub smarthost: HostPort,
    /// The user.
    pub auth_username: String,
    /// The password.
    pub auth_password: Secret,
    /// A file instead of the password.
    pub auth_password_file: String,
    /// The secret of CRAM-MD5.
    pub auth_secret: Secret,
    /// A file instead of the secret.
    pub auth_secret_file: String,
    /// The identity of PLAIN.
    pub auth_identity: String,
    /// Whether STARTTLS is demanded.
    pub require_tls: bool,
    /// Certificates and versions.
    pub tls_config: Option<TlsConfig>,
    /// Whether the connection begins with TLS; by the port when not stated.
    pub force_implicit_tls: Option<bool>,
}

impl Smtp {
    pub(super) fn decode(f: &Fields) -> Result<Self> {
        let tls_config = match f.get("smtp_tls_config") {
            None => Some(TlsConfig::default()),
            Some(node) if node.is_null() => None,
            Some(node) => Some(TlsConfig::decode(node, None)?),
        };
        let smarthost = f.text("smtp_smarthost")?;
        Ok(Self {
            from: f.text("smtp_from")?,
            hello: f.text_or("smtp_hello", "localhost")?,
            smarthost: HostPort::parse(&smarthost).map_err(|message| {
                f.error_at("smtp_smarthost", message)
                    .hint("write host:port")
            })?,
            auth_username: f.text("smtp_auth_username")?,
            auth_password: f.secret("smtp_auth_password")?,
            auth_password_file: f.text("smtp_auth_password_file")?,
            auth_secret: f.secret("smtp_auth_secret")?,
            auth_secret_file: f.text("smtp_auth_secret_file")?,
            auth_identity: f.text("smtp_auth_identity")?,
            require_tls: f.boolean("smtp_require_tls", true)?,
            tls_config,
            force_implicit_tls: f.maybe_boolean("smtp_force_implicit_tls")?,
        })
    }

    pub(super) fn print(&self, block: Block) -> Block {
        block
            .text("smtp_from", &self.from)
            .text("smtp_hello", &self.hello)
            .text("smtp_smarthost", &self.smarthost.to_string())
            .text("smtp_auth_username", &self.auth_username)
            .secret("smtp_auth_password", &self.auth_password)
            .text("smtp_auth_password_file", &self.auth_password_file)
            .secret("smtp_auth_secret", &self.auth_secret)
            .text("smtp_auth_secret_file", &self.auth_secret_file)
            .text("smtp_auth_identity", &self.auth_identity)
            .value("smtp_require_tls", Value::Bool(self.require_tls))
            .some(
                "smtp_tls_config",
                self.tls_config.as_ref().map(TlsConfig::print),
            )
            .some(
                "smtp_force_implicit_tls",
                self.force_implicit_tls.map(Value::Bool),
            )
    }
}
