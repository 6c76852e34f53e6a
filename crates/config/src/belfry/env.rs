//! The `BELFRY_*` variables, which override belfry.yaml.

use super::redis::{Redis, parse_mode, parse_nodes, parse_port, read_url};
use super::{
    BelfryConfig, Refused, parse_database_url, parse_external_url, parse_format, parse_level,
    parse_listen, parse_scale, parse_tenant,
};
use crate::error::{ConfigError, Result, nearest};
use crate::secret::Secret;

const PREFIX: &str = "BELFRY_";

const KNOWN: &[&str] = &[
    "BELFRY_SERVER_LISTEN",
    "BELFRY_SERVER_EXTERNAL_URL",
    "BELFRY_REDIS_URL",
    "BELFRY_REDIS_MODE",
    "BELFRY_REDIS_HOST",
    "BELFRY_REDIS_PORT",
    "BELFRY_REDIS_NODES",
    "BELFRY_REDIS_MASTER",
    "BELFRY_REDIS_USERNAME",
    "BELFRY_REDIS_PASSWORD",
    "BELFRY_REDIS_PASSWORD_FILE",
    "BELFRY_REDIS_DB",
    "BELFRY_REDIS_TLS",
    "BELFRY_REDIS_TLS_CA_FILE",
    "BELFRY_REDIS_KEY_PREFIX",
    "BELFRY_USE_REDIS",
    "BELFRY_DATABASE_URL",
    "BELFRY_LOGGING_LEVEL",
    "BELFRY_LOGGING_FORMAT",
    "BELFRY_ALERTMANAGER_CONFIG_FILE",
    "BELFRY_AUTH_ANONYMOUS_API",
];

/// Applies variables to a configuration. `BELFRY_REDIS_URL` replaces the whole `redis` block; a list of nodes is
/// separated by commas; `BELFRY_TENANTS_<id>_CONFIG_FILE` names a tenant's file.
///
/// The answer is a line for each variable that looks like a mistyped one of ours. Others are left alone: Kubernetes
/// makes many whose names begin with that of a service, which may well be ours.
///
/// # Errors
/// The variable and what is wrong with its value; secrets are not repeated.
pub fn apply_env(
    config: &mut BelfryConfig,
    vars: impl Iterator<Item = (String, String)>,
) -> Result<Vec<String>> {
    let mut vars: Vec<_> = vars.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    // The URL first, because it replaces what the others change; the mode next, because nodes depend on it.
    let rank = |name: &str| match name {
        "BELFRY_REDIS_URL" => 0,
        "BELFRY_REDIS_MODE" => 1,
        _ => 2,
    };
    vars.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    let mut notes = Vec::new();
    for (name, value) in &vars {
        let at = |Refused(message, hint): Refused| {
            ConfigError::nowhere(format!("{name}: {message}")).hint(hint)
        };
        if !apply(config, name, value).map_err(at)? {
            notes.extend(
                nearest(name, KNOWN).map(|near| format!("{name} is unknown; did you mean {near}?")),
            );
        }
    }
    if let Some(redis) = &config.redis {
        let at = |Refused(message, hint): Refused| ConfigError::nowhere(message).hint(hint);
        redis.check().map_err(at)?;
    }
    if let Some((id, _)) = config
        .tenants
        .iter()
        .find(|(_, tenant)| tenant.config_file.is_empty())
    {
        let message = format!("tenant `{id}` has no config_file");
        let hint = format!("set BELFRY_TENANTS_{id}_CONFIG_FILE");
        return Err(ConfigError::nowhere(message).hint(hint));
    }
    Ok(notes)
}

/// Applies one variable; false when it is not ours.
fn apply(config: &mut BelfryConfig, name: &str, value: &str) -> std::result::Result<bool, Refused> {
    match name {
        "BELFRY_SERVER_LISTEN" => config.server.listen = parse_listen(value)?,
        "BELFRY_SERVER_EXTERNAL_URL" => {
            config.server.external_url = Some(parse_external_url(value)?);
        }
        "BELFRY_USE_REDIS" => config.use_redis = parse_boolean(value)?,
        "BELFRY_DATABASE_URL" => config.database_url = parse_database_url(value)?,
        "BELFRY_LOGGING_LEVEL" => config.logging.level = parse_level(value)?,
        "BELFRY_LOGGING_FORMAT" => config.logging.format = parse_format(value)?,
        "BELFRY_ALERTMANAGER_CONFIG_FILE" => {
            config.alertmanager_config_file = Some(value.to_owned()).filter(|v| !v.is_empty());
        }
        "BELFRY_AUTH_ANONYMOUS_API" => config.auth.anonymous_api = parse_boolean(value)?,
        // For tests, and so not among those a typo is corrected to; the program reads BELFRY_FAILPOINT itself.
        "BELFRY_TIMING_SCALE" => config.timing_scale = parse_scale(value)?,
        "BELFRY_FAILPOINT" => {}
        // What Kubernetes says about a service called belfry-redis.
        "BELFRY_REDIS_PORT" if value.starts_with("tcp://") => return Ok(true),
        _ => {
            return match name.strip_prefix("BELFRY_REDIS_") {
                Some(key) => apply_redis(config, key, value),
                None => apply_tenant(config, name, value),
            };
        }
    }
    Ok(true)
}

fn apply_redis(
    config: &mut BelfryConfig,
    key: &str,
    value: &str,
) -> std::result::Result<bool, Refused> {
    let name = format!("BELFRY_REDIS_{key}");
    if !KNOWN.contains(&name.as_str()) {
        return Ok(false);
    }
    if key == "URL" {
        config.redis = Some(read_url(value)?);
        return Ok(true);
    }
    let redis = config.redis.get_or_insert_with(Redis::default);
    match key {
        "MODE" => redis.mode = parse_mode(value)?,
        "HOST" => value.clone_into(&mut redis.host),
        "PORT" => redis.port = parse_port(value)?,
        "NODES" => redis.nodes = parse_nodes(value, redis.mode)?,
        "MASTER" => value.clone_into(&mut redis.master),
        "USERNAME" => value.clone_into(&mut redis.username),
        "PASSWORD" => {
            redis.password = Secret::new(value);
            redis.password_file.clear();
        }
        "PASSWORD_FILE" => {
            value.clone_into(&mut redis.password_file);
            redis.password = Secret::default();
        }
        "DB" => {
            let bad = |_| Refused::new(format!("`{value}` is no database"), "a number from 0");
            redis.db = value.parse().map_err(bad)?;
        }
        "TLS" => redis.tls = parse_boolean(value)?,
        "TLS_CA_FILE" => value.clone_into(&mut redis.tls_ca_file),
        "KEY_PREFIX" => value.clone_into(&mut redis.key_prefix),
        _ => return Ok(false),
    }
    Ok(true)
}

fn apply_tenant(
    config: &mut BelfryConfig,
    name: &str,
    value: &str,
) -> std::result::Result<bool, Refused> {
    let Some(rest) = name.strip_prefix("BELFRY_TENANTS_") else {
        return Ok(false);
    };
    if let Some(id) = rest.strip_suffix("_CONFIG_FILE") {
        let tenant = config.tenants.entry(parse_tenant(id)?).or_default();
        value.clone_into(&mut tenant.config_file);
        return Ok(true);
    }
    if let Some(id) = rest.strip_suffix("_ANONYMOUS_API") {
        let is_open = parse_boolean(value)?;
        config
            .tenants
            .entry(parse_tenant(id)?)
            .or_default()
            .anonymous_api = is_open;
        return Ok(true);
    }
    Ok(false)
}

fn parse_boolean(text: &str) -> std::result::Result<bool, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" | "" => Ok(false),
        _ => Err(Refused::new(
            format!("`{text}` is neither true nor false"),
            "true or false",
        )),
    }
}
