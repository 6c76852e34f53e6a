//! belfry.yaml: how the process runs. Every key is optional, and every key has a `BELFRY_*` variable.

use std::collections::BTreeMap;

use domain::id::TenantId;

use crate::error::{ConfigError, Result};
use crate::secret::Secret;
use crate::url::{HostPort, HttpUrl};
use crate::yaml::{self, Fields, Node};

mod env;
mod redis;

pub use env::apply_env;
pub use redis::{Redis, RedisMode, RedisTopology};

/// Where we listen unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:9093";

/// Where state is kept unless told otherwise.
pub const DATABASE_URL_DEFAULT: &str = "sqlite://data/belfry.db";

/// The settings of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct BelfryConfig {
    /// How we are reached.
    pub server: Server,
    /// The Redis that instances share; none: embedded.
    pub redis: Option<Redis>,
    /// False forces memory although Redis is configured.
    pub use_redis: bool,
    /// The URL of the database: `sqlite://`, `postgres://` or `mysql://`; may hold a password.
    pub database_url: Secret,
    /// What is logged, and how.
    pub logging: Logging,
    /// The default tenant's alertmanager.yml.
    pub alertmanager_config_file: Option<String>,
    /// Further tenants.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// Who may call without saying who they are.
    pub auth: Auth,
    /// What the times of the protocol are multiplied by (hidden: tests shrink them).
    pub timing_scale: f64,
}

impl Default for BelfryConfig {
    fn default() -> Self {
        Self {
            server: Server {
                listen: LISTEN_DEFAULT.to_owned(),
                external_url: None,
            },
            redis: None,
            use_redis: true,
            database_url: Secret::new(DATABASE_URL_DEFAULT),
            logging: Logging::default(),
            alertmanager_config_file: None,
            tenants: BTreeMap::new(),
            auth: Auth::default(),
            timing_scale: 1.0,
        }
    }
}

/// How we are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `host:port`; an empty host is every address.
    pub listen: String,
    /// The URL under which people reach us.
    pub external_url: Option<HttpUrl>,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logging {
    /// The least important level that is logged.
    pub level: LogLevel,
    /// The notation.
    pub format: LogFormat,
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// The life of the process.
    #[default]
    Info,
    /// Something went wrong and was dealt with.
    Warning,
    /// Somebody must act.
    Error,
    /// The process cannot go on.
    Critical,
}

/// The notation of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
    /// `key=value` pairs, as Alertmanager writes.
    Logfmt,
}

/// A further tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tenant {
    /// Its alertmanager.yml.
    pub config_file: String,
    /// Whether callers may name it without saying who they are.
    pub anonymous_api: bool,
}

/// Who may call without saying who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Auth {
    /// Whether anybody may, on any address.
    pub anonymous_api: bool,
}

impl LogLevel {
    /// Reads a level in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" => Self::Critical,
            _ => return None,
        })
    }
}

impl LogFormat {
    /// Reads a notation in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "json" => Self::Json,
            "logfmt" => Self::Logfmt,
            _ => return None,
        })
    }
}

/// A value that is refused: what is wrong, and what would be right.
pub(crate) struct Refused(pub(crate) String, pub(crate) String);

impl Refused {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(message.into(), hint.into())
    }
}

fn parse_listen(text: &str) -> std::result::Result<String, Refused> {
    let parsed =
        HostPort::parse(text).map_err(|message| Refused::new(message, "write host:port"))?;
    if parsed.port.parse::<u16>().is_err() {
        return Err(Refused::new(
            format!("`{text}` names no port"),
            "write host:port, such as 0.0.0.0:9093",
        ));
    }
    Ok(text.to_owned())
}

fn parse_external_url(text: &str) -> std::result::Result<HttpUrl, Refused> {
    HttpUrl::parse(text)
        .map_err(|error| Refused::new(error.to_string(), "an http:// or https:// address"))
}

fn parse_database_url(text: &str) -> std::result::Result<Secret, Refused> {
    let known = ["sqlite:", "postgres:", "postgresql:", "mysql:"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(Secret::new(text));
    }
    let hint = "sqlite://data/belfry.db, postgres://… or mysql://…";
    Err(Refused::new("the database url has no scheme we know", hint))
}

fn parse_level(text: &str) -> std::result::Result<LogLevel, Refused> {
    let hint = "DEBUG, INFO, WARNING, ERROR or CRITICAL";
    LogLevel::parse(text).ok_or_else(|| Refused::new(format!("unknown log level `{text}`"), hint))
}

fn parse_format(text: &str) -> std::result::Result<LogFormat, Refused> {
    let hint = "text, json or logfmt";
    LogFormat::parse(text).ok_or_else(|| Refused::new(format!("unknown log format `{text}`"), hint))
}

fn parse_scale(text: &str) -> std::result::Result<f64, Refused> {
    let scale = text.parse().ok().filter(|s| (0.01..=1.0).contains(s));
    let refused = || {
        Refused::new(
            format!("`{text}` is not a scale"),
            "a number from 0.01 to 1",
        )
    };
    scale.ok_or_else(refused)
}

fn parse_tenant(text: &str) -> std::result::Result<TenantId, Refused> {
    text.parse().map_err(|error: domain::id::InvalidTenantId| {
        Refused::new(format!("invalid tenant id `{text}`"), error.to_string())
    })
}

/// Reads a belfry.yaml; an empty one is all defaults.
///
/// # Errors
/// The first mistake, with its place and what to do about it.
pub fn load(text: &str, file_name: &str) -> Result<BelfryConfig> {
    let config = yaml::parse(text).and_then(|root| match root {
        Some(root) => decode(&root),
        None => Ok(BelfryConfig::default()),
    });
    config.map_err(|error| error.in_file(file_name))
}

fn decode(root: &Node) -> Result<BelfryConfig> {
    const KEYS: &[&str] = &[
        "server",
        "redis",
        "use_redis",
        "database",
        "logging",
        "alertmanager",
        "tenants",
        "auth",
        "timing",
    ];
    let f = Fields::new(root, "belfry.yaml", KEYS)?;
    let mut config = BelfryConfig {
        use_redis: f.boolean("use_redis", true)?,
        ..Default::default()
    };
    if let Some(node) = f.some("server") {
        let f = Fields::new(node, "server", &["listen", "external_url"])?;
        set(&f, "listen", parse_listen, &mut config.server.listen)?;
        let external_url = |text: &str| parse_external_url(text).map(Some);
        set(
            &f,
            "external_url",
            external_url,
            &mut config.server.external_url,
        )?;
    }
    config.redis = f.some("redis").map(Redis::decode).transpose()?;
    if let Some(node) = f.some("database") {
        let f = Fields::new(node, "database", &["url"])?;
        set(&f, "url", parse_database_url, &mut config.database_url)?;
    }
    if let Some(node) = f.some("logging") {
        let f = Fields::new(node, "logging", &["level", "format"])?;
        set(&f, "level", parse_level, &mut config.logging.level)?;
        set(&f, "format", parse_format, &mut config.logging.format)?;
    }
    if let Some(node) = f.some("alertmanager") {
        let f = Fields::new(node, "alertmanager", &["config_file"])?;
        config.alertmanager_config_file = f.maybe_text("config_file")?;
    }
    if let Some(node) = f.some("auth") {
        let f = Fields::new(node, "auth", &["anonymous_api"])?;
        config.auth.anonymous_api = f.boolean("anonymous_api", false)?;
    }
    if let Some(node) = f.some("timing") {
        let f = Fields::new(node, "timing", &["scale"])?;
        set(&f, "scale", parse_scale, &mut config.timing_scale)?;
    }
    if let Some(node) = f.some("tenants") {
        config.tenants = tenants(node)?;
    }
    Ok(config)
}

/// Sets a value from the text at a key, when it is there.
fn set<T>(
    f: &Fields,
    key: &str,
    parse: impl Fn(&str) -> std::result::Result<T, Refused>,
    target: &mut T,
) -> Result<()> {
    if let Some(text) = f.maybe_text(key)? {
        *target =
            parse(&text).map_err(|Refused(message, hint)| f.error_at(key, message).hint(hint))?;
    }
    Ok(())
}

fn tenants(node: &Node) -> Result<BTreeMap<TenantId, Tenant>> {
    let mut tenants = BTreeMap::new();
    for (name, value) in node.text_keys("tenants")? {
        let id = parse_tenant(&name)
            .map_err(|Refused(message, hint)| ConfigError::at(value.mark, message).hint(hint))?;
        let f = Fields::new(value, "tenants", &["config_file", "anonymous_api"])?;
        let tenant = Tenant {
            config_file: f.text("config_file")?,
            anonymous_api: f.boolean("anonymous_api", false)?,
        };
        if tenant.config_file.is_empty() {
            let error = f.error(format!("tenant `{name}` has no config_file"));
            return Err(error.hint("name its alertmanager.yml"));
        }
        if id == TenantId::default_tenant() {
            let error = ConfigError::at(value.mark, "the tenant `default` is configured elsewhere");
            return Err(error.hint("its file is alertmanager.config_file"));
        }
        tenants.insert(id, tenant);
    }
    Ok(tenants)
}

#[cfg(test)]
mod tests;
