//! How Redis is reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Which servers there are and how the right one among them is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Sentinels that know the master.
    Sentinel {
        /// The sentinels.
        nodes: Vec<(String, u16)>,
        /// The name they know the master by.
        master: String,
    },
    /// A Redis Cluster.
    Cluster {
        /// Some of its nodes; the rest is found.
        nodes: Vec<(String, u16)>,
    },
}

/// A password; never printed (T3).
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Everything a [`super::Link`] is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Which servers.
    pub topology: Topology,
    /// The user of an ACL; `None` is Redis's `default`.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Password>,
    /// A file with the password, read anew at each connect; a trailing newline does not count.
    pub password_file: Option<PathBuf>,
    /// The database; 0 with a cluster.
    pub db: u32,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// Certificates to trust instead of the system's, in PEM.
    pub tls_ca_file: Option<PathBuf>,
    /// Put before every key name; empty for none.
    pub key_prefix: String,
    /// Longest wait for a connection, the log-in included.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub response_timeout: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            topology: Topology::Single {
                host: "localhost".to_owned(),
                port: 6379,
            },
            username: None,
            password: None,
            password_file: None,
            db: 0,
            tls: false,
            tls_ca_file: None,
            key_prefix: String::new(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
        }
    }
}
