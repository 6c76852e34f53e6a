//! How Redis is reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{LinkError, LinkErrorKind};

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
    /// Longest wait for a connection; the answers of the log-in have the time of any answer.
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

impl LinkOptions {
    /// Whether these can work at all; the server is not asked.
    pub(super) fn check(&self) -> Result<(), LinkError> {
        let nodes = self.topology.nodes();
        let is_named = |(host, port): &(String, u16)| !host.is_empty() && *port != 0;
        let is_master_named = match &self.topology {
            Topology::Sentinel { master, .. } => !master.is_empty(),
            _ => true,
        };
        let is_cluster = matches!(self.topology, Topology::Cluster { .. });
        let rules = [
            (!nodes.is_empty(), "redis needs at least one node"),
            (
                nodes.iter().all(is_named),
                "every redis node needs a host and a port",
            ),
            (is_master_named, "sentinels need the name of the master"),
            (
                !is_cluster || self.db == 0,
                "`db` must be 0 with a cluster, which has no other database",
            ),
            (
                self.password.is_none() || self.password_file.is_none(),
                "give `password` or `password_file`, not both",
            ),
            (
                self.tls || self.tls_ca_file.is_none(),
                "a CA file without `tls` would protect nothing",
            ),
            (
                self.key_prefix.chars().all(may_be_in_prefix),
                "`key_prefix` may not contain spaces or any of { } * ? [ ] ^ \\",
            ),
            (
                !self.connect_timeout.is_zero() && !self.response_timeout.is_zero(),
                "redis timeouts must be longer than zero",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, message)) => Err(LinkError::new(LinkErrorKind::Config, *message)),
            None => Ok(()),
        }
    }

    /// Where they lead, as a URL without credentials.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let nodes = self.topology.nodes();
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(host, port)| format!("{host}:{port}"))
            .collect();
        let suffix = match &self.topology {
            Topology::Single { .. } => String::new(),
            Topology::Sentinel { master, .. } => format!("?sentinel={master}"),
            Topology::Cluster { .. } => "?cluster=true".to_owned(),
        };
        format!("{scheme}://{}/{}{suffix}", nodes.join(","), self.db)
    }

    /// What key names begin with: nothing, or something that ends in a colon.
    pub(super) fn whole_prefix(&self) -> String {
        let prefix = &self.key_prefix;
        let needs_colon = !prefix.is_empty() && !prefix.ends_with(':');
        format!("{prefix}{}", if needs_colon { ":" } else { "" })
    }
}

/// Braces would take the place of the hash tags in our key names; the rest means something in patterns.
fn may_be_in_prefix(char: char) -> bool {
    !char.is_whitespace() && !char.is_control() && !"{}*?[]^\\".contains(char)
}

impl Topology {
    /// The nodes that were named.
    pub(super) fn nodes(&self) -> Vec<(String, u16)> {
        match self {
            Self::Single { host, port } => vec![(host.clone(), *port)],
            Self::Sentinel { nodes, .. } | Self::Cluster { nodes } => nodes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkOptions, Password, Topology};

    fn cluster() -> LinkOptions {
        let nodes = vec![
            ("a.example.org".to_owned(), 7000),
            ("b.example.org".to_owned(), 7001),
        ];
        LinkOptions {
            topology: Topology::Cluster { nodes },
            ..LinkOptions::default()
        }
    }

    #[track_caller]
    fn refused(options: &LinkOptions, words: &str) {
        let message = options.check().expect_err("it is refused").message;
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(cluster().check(), Ok(()));
        refused(&LinkOptions { db: 3, ..cluster() }, "`db` must be 0");
        for key_prefix in ["a{b}", "a*", "a b", "a\n"] {
            let key_prefix = key_prefix.to_owned();
            refused(
                &LinkOptions {
                    key_prefix,
                    ..cluster()
                },
                "key_prefix",
            );
        }
        let topology = Topology::Cluster { nodes: Vec::new() };
        refused(
            &LinkOptions {
                topology,
                ..cluster()
            },
            "at least one node",
        );
        let ca = Some("ca.pem".into());
        refused(
            &LinkOptions {
                tls_ca_file: ca,
                ..cluster()
            },
            "without `tls`",
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let password = Some(Password::new("hunter2"));
        let options = LinkOptions {
            password,
            ..cluster()
        };
        let text = format!("{options:?} {}", options.url());
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("***"), "{text}");
    }

    #[test]
    fn a_prefix_ends_in_a_colon() {
        let prefix = |key_prefix: &str| {
            let key_prefix = key_prefix.to_owned();
            LinkOptions {
                key_prefix,
                ..cluster()
            }
            .whole_prefix()
        };
        assert_eq!(prefix(""), "");
        assert_eq!(prefix("prod"), "prod:");
        assert_eq!(prefix("prod:"), "prod:");
    }

    #[test]
    fn the_url_names_nodes_and_database() {
        let mut options = LinkOptions {
            db: 3,
            ..LinkOptions::default()
        };
        assert_eq!(options.url(), "redis://localhost:6379/3");
        options.tls = true;
        assert_eq!(options.url(), "rediss://localhost:6379/3");
        let url = cluster().url();
        assert_eq!(
            url,
            "redis://a.example.org:7000,b.example.org:7001/0?cluster=true"
        );
    }
}
