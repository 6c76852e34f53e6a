//! Certificates and versions of a TLS client: the `tls_config` block.

use std::path::Path;

use crate::error::Result;
use crate::http::join;
use crate::secret::Secret;
use crate::yaml::{Block, Fields, Node, Value};

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// 1.0
    Tls10,
    /// 1.1
    Tls11,
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

const VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLS10", TlsVersion::Tls10),
    ("TLS11", TlsVersion::Tls11),
    ("TLS12", TlsVersion::Tls12),
    ("TLS13", TlsVersion::Tls13),
];

impl TlsVersion {
    /// The version at a key.
    pub(crate) fn decode(f: &Fields, key: &str) -> Result<Option<Self>> {
        let Some(text) = f.maybe_text(key)? else {
            return Ok(None);
        };
        let found = VERSIONS
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, version)| *version);
        let unknown = || f.error_at(key, format!("unknown TLS version: {text}"));
        found
            .map(Some)
            .ok_or_else(|| unknown().hint("TLS10, TLS11, TLS12 or TLS13"))
    }

    fn name(self) -> &'static str {
        VERSIONS
            .iter()
            .find(|(_, version)| *version == self)
            .map_or("", |(name, _)| name)
    }
}

/// What a TLS client shows and believes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Certificates of the authorities, as PEM.
    pub ca: String,
    /// Our certificate, as PEM.
    pub cert: String,
    /// Its key, as PEM.
    pub key: Secret,
    /// A file instead of `ca`.
    pub ca_file: String,
    /// A file instead of `cert`.
    pub cert_file: String,
    /// A file instead of `key`.
    pub key_file: String,
    /// The name of a secret in a secret store; accepted and kept, no store is known.
    pub ca_ref: String,
    /// As `ca_ref`, for the certificate.
    pub cert_ref: String,
    /// As `ca_ref`, for the key.
    pub key_ref: String,
    /// The name the server must prove; its host name unless given.
    pub server_name: String,
    /// Whether any certificate is believed.
    pub insecure_skip_verify: bool,
    /// The lowest version.
    pub min_version: Option<TlsVersion>,
    /// The highest version.
    pub max_version: Option<TlsVersion>,
}

const KEYS: &[&str] = &[
    "ca",
    "cert",
    "key",
    "ca_file",
    "cert_file",
    "key_file",
    "ca_ref",
    "cert_ref",
    "key_ref",
    "server_name",
    "insecure_skip_verify",
    "min_version",
    "max_version",
];

impl TlsConfig {
    pub(crate) fn decode(node: &Node, base: Option<&Path>) -> Result<Self> {
        let f = Fields::new(node, "tls_config", KEYS)?;
        let config = Self {
            ca: f.text("ca")?,
            cert: f.text("cert")?,
            key: f.secret("key")?,
            ca_file: join(base, f.text("ca_file")?),
            cert_file: join(base, f.text("cert_file")?),
            key_file: join(base, f.text("key_file")?),
            ca_ref: f.text("ca_ref")?,
            cert_ref: f.text("cert_ref")?,
            key_ref: f.text("key_ref")?,
            server_name: f.text("server_name")?,
            insecure_skip_verify: f.boolean("insecure_skip_verify", false)?,
            min_version: TlsVersion::decode(&f, "min_version")?,
            max_version: TlsVersion::decode(&f, "max_version")?,
        };
        config.check(&f)?;
        Ok(config)
    }

    /// The block at a key, or the default.
    pub(crate) fn decode_at(f: &Fields, key: &str, base: Option<&Path>) -> Result<Self> {
        f.some(key)
            .map_or_else(|| Ok(Self::default()), |node| Self::decode(node, base))
    }

    fn check(&self, f: &Fields) -> Result<()> {
        let count = |texts: [bool; 3]| texts.iter().filter(|is_set| **is_set).count();
        let set = |a: &str, b: &str, c: &str| [!a.is_empty(), !b.is_empty(), !c.is_empty()];
        let ca = count(set(&self.ca, &self.ca_file, &self.ca_ref));
        let cert = count(set(&self.cert, &self.cert_file, &self.cert_ref));
        let key = count(set(self.key.expose(), &self.key_file, &self.key_ref));
        let message = if 1 < ca {
            "at most one of ca, ca_file & ca_ref must be configured"
        } else if 1 < cert {
            "at most one of cert, cert_file & cert_ref must be configured"
        } else if 1 < key {
            "at most one of key and key_file must be configured"
        } else if 0 < cert && key == 0 {
            "exactly one of key or key_file must be configured when a client certificate is configured"
        } else if cert == 0 && 0 < key {
            "exactly one of cert or cert_file must be configured when a client key is configured"
        } else {
            return Ok(());
        };
        Err(f.error(message))
    }

    pub(crate) fn print(&self) -> Value {
        let version = |version: Option<TlsVersion>| version.map_or("", TlsVersion::name);
        Block::new()
            .text("ca", &self.ca)
            .text("cert", &self.cert)
            .secret("key", &self.key)
            .all_texts(&[
                ("ca_file", &self.ca_file),
                ("cert_file", &self.cert_file),
                ("key_file", &self.key_file),
                ("ca_ref", &self.ca_ref),
                ("cert_ref", &self.cert_ref),
                ("key_ref", &self.key_ref),
                ("server_name", &self.server_name),
            ])
            .value(
                "insecure_skip_verify",
                Value::Bool(self.insecure_skip_verify),
            )
            .text("min_version", version(self.min_version))
            .text("max_version", version(self.max_version))
            .done()
    }

    pub(crate) fn print_unless_default(&self) -> Option<Value> {
        (*self != Self::default()).then(|| self.print())
    }
}
