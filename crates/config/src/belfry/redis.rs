//! The shapes in which a Redis is named: one server, sentinels, a cluster, or a URL.

use crate::error::{ConfigError, Result};
use crate::secret::Secret;
use crate::url::HostPort;
use crate::yaml::{Fields, Node};

use super::Refused;

const PORT_DEFAULT: u16 = 6379;
const SENTINEL_PORT_DEFAULT: u16 = 26379;

/// How Redis is reached, as configured; [`Redis::topology`] says what that means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// One server, sentinels or a cluster.
    pub mode: RedisMode,
    /// The one server's host.
    pub host: String,
    /// The one server's port.
    pub port: u16,
    /// The sentinels, or some members of the cluster.
    pub nodes: Vec<(String, u16)>,
    /// The name under which sentinels know the master.
    pub master: String,
    /// The user; empty for Redis' default user.
    pub username: String,
    /// The password; empty for none.
    pub password: Secret,
    /// A file that holds the password instead.
    pub password_file: String,
    /// The number of the database.
    pub db: u32,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A file with the certificates to trust instead of the system's, in PEM; empty for the system's.
    pub tls_ca_file: String,
    /// What all our keys begin with; empty for the default.
    pub key_prefix: String,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            mode: RedisMode::Single,
            host: "localhost".to_owned(),
            port: PORT_DEFAULT,
            nodes: Vec::new(),
            master: String::new(),
            username: String::new(),
            password: Secret::default(),
            password_file: String::new(),
            db: 0,
            tls: false,
            tls_ca_file: String::new(),
            key_prefix: String::new(),
        }
    }
}

/// One server, sentinels or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RedisMode {
    /// One server.
    #[default]
    Single,
    /// A master found through sentinels.
    Sentinel,
    /// A cluster.
    Cluster,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisTopology<'a> {
    /// To one server.
    Single {
        /// Its host.
        host: &'a str,
        /// Its port.
        port: u16,
    },
    /// To the master the sentinels name.
    Sentinel {
        /// The sentinels.
        nodes: &'a [(String, u16)],
        /// The master's name.
        master: &'a str,
    },
    /// To a cluster.
    Cluster {
        /// Some of its members.
        nodes: &'a [(String, u16)],
    },
}

pub(super) fn parse_mode(text: &str) -> std::result::Result<RedisMode, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "single" => Ok(RedisMode::Single),
        "sentinel" => Ok(RedisMode::Sentinel),
        "cluster" => Ok(RedisMode::Cluster),
        _ => Err(Refused::new(
            format!("unknown redis mode `{text}`"),
            "single, sentinel or cluster",
        )),
    }
}

/// Reads `host:port` or `host`.
fn parse_node(text: &str, default: u16) -> std::result::Result<(String, u16), Refused> {
    let refused = |message: String| Refused::new(message, "write host:port");
    let is_bare_v6 = text.starts_with('[') && text.ends_with(']');
    if is_bare_v6 || !text.contains(':') {
        let host = text.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(refused("a redis host is missing".to_owned()));
        }
        return Ok((host.to_owned(), default));
    }
    let HostPort { host, port } = HostPort::parse(text).map_err(refused)?;
    let port = parse_port(&port)?;
    if host.is_empty() {
        return Err(refused("a redis host is missing".to_owned()));
    }
    Ok((host, port))
}

pub(super) fn parse_port(text: &str) -> std::result::Result<u16, Refused> {
    let port = text.parse().ok().filter(|port: &u16| *port != 0);
    port.ok_or_else(|| {
        Refused::new(
            format!("`{text}` is not a port"),
            "a number from 1 to 65535",
        )
    })
}

/// Reads a list of nodes separated by commas.
pub(super) fn parse_nodes(
    text: &str,
    mode: RedisMode,
) -> std::result::Result<Vec<(String, u16)>, Refused> {
    let default = if mode == RedisMode::Sentinel {
        SENTINEL_PORT_DEFAULT
    } else {
        PORT_DEFAULT
    };
    text.split(',')
        .map(|node| parse_node(node.trim(), default))
        .collect()
}

impl Redis {
    pub(super) fn decode(node: &Node) -> Result<Self> {
        const KEYS: &[&str] = &[
            "mode",
            "host",
            "port",
            "nodes",
            "master",
            "username",
            "password",
            "password_file",
            "db",
            "tls",
            "tls_ca_file",
            "key_prefix",
        ];
        let f = Fields::new(node, "redis", KEYS)?;
        let at = |key: &'static str| {
            let f = &f;
            move |Refused(message, hint): Refused| f.error_at(key, message).hint(hint)
        };
        let mode = f
            .maybe_text("mode")?
            .map_or(Ok(RedisMode::Single), |mode| parse_mode(&mode));
        let mode = mode.map_err(at("mode"))?;
        let nodes = f.texts("nodes")?.map_or(Ok(Vec::new()), |nodes| {
            if nodes.is_empty() {
                Ok(Vec::new())
            } else {
                parse_nodes(&nodes.join(","), mode)
            }
        });
        let port = f
            .maybe_text("port")?
            .map_or(Ok(PORT_DEFAULT), |port| parse_port(&port));
        let redis = Self {
            mode,
            host: f.text_or("host", "localhost")?,
            port: port.map_err(at("port"))?,
            nodes: nodes.map_err(at("nodes"))?,
            master: f.text("master")?,
            username: f.text("username")?,
            password: f.secret("password")?,
            password_file: f.text("password_file")?,
            db: u32::try_from(f.unsigned("db", 0)?)
                .map_err(|_| f.error_at("db", "redis has no such database"))?,
            tls: f.boolean("tls", false)?,
            tls_ca_file: f.text("tls_ca_file")?,
            key_prefix: f.text("key_prefix")?,
        };
        redis
            .check()
            .map_err(|Refused(message, hint)| f.error(message).hint(hint))?;
        Ok(redis)
    }

    pub(super) fn check(&self) -> std::result::Result<(), Refused> {
        if !self.tls_ca_file.is_empty() && !self.tls {
            let message = "tls_ca_file is set, but the connection is not encrypted";
            return Err(Refused::new(message, "add `tls: true`, or leave it out"));
        }
        if !self.password.is_empty() && !self.password_file.is_empty() {
            let message = "at most one of password & password_file must be configured";
            return Err(Refused::new(message, "remove one of the two"));
        }
        if self.mode != RedisMode::Single && self.nodes.is_empty() {
            return Err(Refused::new(
                "redis nodes are missing",
                "nodes: [host:port, …]",
            ));
        }
        if self.mode == RedisMode::Single && !self.nodes.is_empty() {
            let hint = "add mode: sentinel or mode: cluster, or use host and port";
            return Err(Refused::new("redis nodes are given, but no mode", hint));
        }
        if self.mode == RedisMode::Sentinel && self.master.is_empty() {
            let hint = "master: the name the sentinels watch it under";
            return Err(Refused::new("the redis master's name is missing", hint));
        }
        if self.mode == RedisMode::Cluster && self.db != 0 {
            let hint = "leave db out; key_prefix keeps deployments apart";
            return Err(Refused::new("a redis cluster has only database 0", hint));
        }
        Ok(())
    }

    /// Where to connect.
    pub fn topology(&self) -> RedisTopology<'_> {
        match self.mode {
            RedisMode::Single => RedisTopology::Single {
                host: &self.host,
                port: self.port,
            },
            RedisMode::Sentinel => RedisTopology::Sentinel {
                nodes: &self.nodes,
                master: &self.master,
            },
            RedisMode::Cluster => RedisTopology::Cluster { nodes: &self.nodes },
        }
    }

    /// Reads `redis://user:password@host:port,host:port/db?prefix=x&sentinel=master&cluster=true`.
    ///
    /// # Errors
    /// What is wrong; the URL itself, which holds the password, is not repeated.
    pub fn from_url(url: &str) -> Result<Self> {
        read_url(url).map_err(|Refused(message, hint)| ConfigError::nowhere(message).hint(hint))
    }
}

pub(super) fn read_url(url: &str) -> std::result::Result<Redis, Refused> {
    let shape = "redis://user:password@host:port/db?prefix=x";
    let refused = |message: &str| Refused::new(format!("the redis url {message}"), shape);
    let (tls, rest) = if let Some(rest) = url.strip_prefix("redis://") {
        (false, rest)
    } else if let Some(rest) = url.strip_prefix("rediss://") {
        (true, rest)
    } else {
        return Err(refused("begins with neither redis:// nor rediss://"));
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, rest) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(u, rest)| (Some(u), rest));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut redis = Redis {
        tls,
        ..Redis::default()
    };
    if let Some(user) = user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        redis.username = unescape(name).ok_or_else(|| refused("has a badly escaped user"))?;
        let password = unescape(password).ok_or_else(|| refused("has a badly escaped password"))?;
        redis.password = Secret::new(password);
    }
    if !path.is_empty() {
        redis.db = path
            .parse()
            .map_err(|_| refused("has no number after the slash"))?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let value = unescape(value).ok_or_else(|| refused("has a badly escaped query"))?;
        match key {
            "prefix" => redis.key_prefix = value,
            "sentinel" => {
                redis.mode = RedisMode::Sentinel;
                redis.master = value;
            }
            "cluster" if matches!(value.as_str(), "true" | "1" | "yes") => {
                redis.mode = RedisMode::Cluster;
            }
            "cluster" => {}
            _ => return Err(refused(&format!("has an unknown parameter `{key}`"))),
        }
    }
    let hosts = if hosts.is_empty() { "localhost" } else { hosts };
    let mut nodes = parse_nodes(hosts, redis.mode)?;
    match (redis.mode, nodes.len()) {
        (RedisMode::Single, 1) => {
            if let Some((host, port)) = nodes.pop() {
                (redis.host, redis.port) = (host, port);
            }
        }
        (RedisMode::Single, _) => {
            return Err(refused(
                "names several hosts, but neither ?sentinel= nor ?cluster=true",
            ));
        }
        _ => redis.nodes = nodes,
    }
    redis.check()?;
    Ok(redis)
}

/// Resolves `%xx`.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?.to_owned();
        bytes.push(u8::from_str_radix(&digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
