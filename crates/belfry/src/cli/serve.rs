//! `belfry serve`: belfry.yaml, `BELFRY_*` variables, and flags that override both.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api::limits::Limits;
use config::belfry::{BelfryConfig, apply_env};

use super::engine_flags::{ENGINE, WEB, engine_options, scale_note};
use super::flags::{Command, Flag, Kind, Values};
use crate::configuration::{ServeSource, Source};
use crate::options::{Features, Note, Openness, Options};

const KEYS: &[Flag] = &[
    Flag::new(
        "server.listen",
        Kind::Text,
        "",
        "Address to listen on (127.0.0.1:9093).",
    ),
    Flag::new(
        "server.external-url",
        Kind::Text,
        "",
        "URL under which people reach this server.",
    ),
    Flag::new(
        "database.url",
        Kind::Text,
        "",
        "Where state is kept (sqlite://data/belfry.db).",
    ),
    Flag::new(
        "redis.url",
        Kind::Text,
        "",
        "The Redis several instances share: redis://user:password@host:port/db?prefix=x, rediss://…",
    ),
    Flag::new(
        "use-redis",
        Kind::Text,
        "",
        "false: work alone although a Redis is configured.",
    ),
    Flag::new(
        "logging.level",
        Kind::Text,
        "",
        "DEBUG, INFO (the default), WARNING, ERROR or CRITICAL.",
    ),
    Flag::new(
        "logging.format",
        Kind::Text,
        "",
        "text (the default), json or logfmt.",
    ),
    Flag::new(
        "alertmanager.config-file",
        Kind::Text,
        "",
        "The default tenant's alertmanager.yml.",
    ),
    Flag::new(
        "auth.anonymous-api",
        Kind::Text,
        "",
        "true: anybody may call, on any address.",
    ),
];

const OWN: &[Flag] = &[Flag::new(
    "config",
    Kind::Text,
    "",
    "The file belfry.yaml; every key of it is optional.",
)];

const COMMAND: Command = Command {
    name: "belfry serve",
    about: "Runs the server. Flags override BELFRY_* variables, and those override belfry.yaml. With no configuration at all, \
            alerts go to the inbox.",
    flags: &[OWN, KEYS, ENGINE, WEB],
    arguments: None,
};

/// Where `serve` takes its settings from; they are read again at every reload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stated {
    /// belfry.yaml.
    pub(crate) file: Option<PathBuf>,
    /// `BELFRY_*` variables, those that stand for flags last.
    pub(crate) variables: Vec<(String, String)>,
}

impl Stated {
    /// Reads the settings; the second value are notes about them.
    ///
    /// # Errors
    /// What is wrong, where, and what to do about it.
    pub(crate) fn read(&self) -> Result<(BelfryConfig, Vec<String>), String> {
        let mut config = match &self.file {
            None => BelfryConfig::default(),
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                let config = config::belfry::load(&text, &file.display().to_string());
                beside(config.map_err(|error| error.to_string())?, file)
            }
        };
        let notes = apply_env(&mut config, self.variables.iter().cloned());
        Ok((
            config,
            notes.map_err(|error| with_flag_names(error.to_string()))?,
        ))
    }
}

/// Files that belfry.yaml names are beside it, wherever the server is started from.
fn beside(mut config: BelfryConfig, file: &Path) -> BelfryConfig {
    let folder = file.parent().unwrap_or(Path::new(""));
    let join = |name: &str| folder.join(name).to_string_lossy().into_owned();
    config.alertmanager_config_file = config.alertmanager_config_file.as_deref().map(join);
    for tenant in config.tenants.values_mut() {
        tenant.config_file = join(&tenant.config_file);
    }
    config
}

fn variable(flag: &str) -> String {
    format!(
        "BELFRY_{}",
        flag.to_ascii_uppercase().replace(['.', '-'], "_")
    )
}

/// An error about a variable names the flag as well, because either may have set it.
fn with_flag_names(error: String) -> String {
    let flag = KEYS
        .iter()
        .find(|flag| error.starts_with(&format!("{}:", variable(flag.name))));
    flag.map(|flag| format!("--{} or {error}", flag.name))
        .unwrap_or(error)
}

/// Runs the server.
pub(super) fn run(args: &[String]) -> ExitCode {
    let values = match super::values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    // Variables that are not UTF-8 are none of ours.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let stated = stated(&values, variables);
    let read = stated.read().and_then(|(config, notes)| {
        let options = options(&values, stated, &config, notes)?;
        Ok((
            config.logging,
            config.alertmanager_config_file.is_none(),
            options,
        ))
    });
    let (logging, is_unconfigured, options) = match read {
        Ok(read) => read,
        Err(message) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "belfry serve: error: {message}");
            return ExitCode::FAILURE;
        }
    };
    super::run_logged(logging.level, logging.format, async move {
        tracing::info!(version = crate::build::VERSION, "Starting Belfry");
        let running = crate::server::start(options, None).await?;
        if is_unconfigured {
            let inbox = format!("{}/api/belfry/v1/inbox", running.url);
            tracing::info!(
                inbox,
                "No alertmanager.config_file is set: every alert goes to the built-in inbox"
            );
        }
        running.until_stopped().await
    })
}

fn stated(values: &Values, variables: impl Iterator<Item = (String, String)>) -> Stated {
    let flags: Vec<_> = KEYS
        .iter()
        .filter_map(|flag| Some((variable(flag.name), values.given(flag.name)?.to_owned())))
        .collect();
    let mut variables: Vec<_> = variables
        .filter(|(name, _)| {
            name.starts_with("BELFRY_") && !flags.iter().any(|(flag, _)| flag == name)
        })
        .collect();
    variables.extend(flags);
    Stated {
        file: values.some_text("config").map(Into::into),
        variables,
    }
}

fn options(
    values: &Values,
    stated: Stated,
    config: &BelfryConfig,
    notes: Vec<String>,
) -> Result<Options, String> {
    let features = Features::parse(values.text("enable-feature"))?;
    let mut notes: Vec<_> = notes.into_iter().map(Note::warning).collect();
    notes.extend(features.notes.iter().cloned());
    notes.extend(scale_note(config.timing_scale));
    Ok(Options {
        listen: vec![config.server.listen.clone()],
        may_move: false,
        external_url: config
            .server
            .external_url
            .as_ref()
            .map(|url| url.as_str().to_owned()),
        route_prefix: values.some_text("web.route-prefix"),
        database_url: config.database_url.expose().to_owned(),
        alertmanager_folder: None,
        redis: config.redis.clone().filter(|_| config.use_redis),
        source: Source::Serve(ServeSource { stated }),
        web_config_file: values.some_text("web.config.file").map(Into::into),
        get_concurrency: values.count("web.get-concurrency"),
        timeout: Some(values.duration("web.timeout")).filter(|timeout| !timeout.is_zero()),
        engine: engine_options(values, config.timing_scale),
        features,
        cluster: None,
        openness: Openness::Loopback {
            anonymous_api: config.auth.anonymous_api,
        },
        limits: Limits::serve(),
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::super::flags::Asked;
    use super::*;

    fn values(args: &[&str]) -> Values {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        match COMMAND.parse(&args) {
            Ok(Asked::Run(values)) => values,
            other => panic!("{other:?}"),
        }
    }

    fn variables() -> impl Iterator<Item = (String, String)> {
        let all = [
            ("BELFRY_SERVER_LISTEN", "127.0.0.1:1"),
            ("BELFRY_LOGGING_LEVEL", "ERROR"),
            ("HOME", "/x"),
        ];
        all.into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    #[test]
    fn flags_override_variables_and_variables_override_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("belfry.yaml");
        let text = "server: {listen: '127.0.0.1:3', external_url: 'http://alerts.example.org'}\nlogging: {level: debug}\n\
                    alertmanager: {config_file: am.yml}\ntenants: {acme: {config_file: acme.yml}}\n";
        std::fs::write(&file, text).expect("written");
        let config = format!("--config={}", file.display());
        let values = values(&[&config, "--server.listen=127.0.0.1:2"]);
        let (read, _) = stated(&values, variables()).read().expect("valid");
        assert_eq!(read.server.listen, "127.0.0.1:2");
        assert_eq!(read.logging.level, config::belfry::LogLevel::Error);
        assert_eq!(
            read.server.external_url.expect("set").as_str(),
            "http://alerts.example.org"
        );
        let beside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        assert_eq!(read.alertmanager_config_file, Some(beside("am.yml")));
        assert_eq!(
            read.tenants.values().next().expect("acme").config_file,
            beside("acme.yml")
        );
    }

    #[test]
    fn a_bad_flag_is_named() {
        let values = values(&["--logging.level=loud"]);
        let error = stated(&values, std::iter::empty())
            .read()
            .expect_err("no such level");
        assert!(
            error.starts_with("--logging.level or BELFRY_LOGGING_LEVEL: unknown log level"),
            "{error}"
        );
    }

    #[test]
    fn redis_is_used_unless_it_is_switched_off() {
        let redis = |args: &[&str]| {
            let values = values(args);
            let stated = stated(&values, std::iter::empty());
            let (config, notes) = stated.read().expect("valid");
            let options = options(&values, stated, &config, notes).expect("valid");
            options.redis
        };
        let url = "--redis.url=redis://localhost";
        assert!(redis(&[url]).is_some());
        assert!(redis(&[url, "--use-redis=false"]).is_none());
    }

    #[test]
    fn every_key_of_the_file_that_has_a_flag_has_a_known_variable() {
        for flag in KEYS {
            let name = variable(flag.name);
            // An unknown variable is either ignored or noted; a known one refuses or takes the value.
            let mut config = BelfryConfig::default();
            let before = config.clone();
            let value = match flag.name {
                "server.listen" => "127.0.0.1:7",
                "server.external-url" => "http://alerts.example.org",
                "database.url" => "sqlite://x.db",
                "redis.url" => "redis://localhost",
                "logging.level" => "DEBUG",
                "logging.format" => "json",
                "use-redis" => "false",
                "auth.anonymous-api" => "true",
                _ => "x.yml",
            };
            let notes = apply_env(&mut config, [(name.clone(), value.to_owned())].into_iter());
            assert_eq!(notes, Ok(Vec::new()), "{name}");
            assert_ne!(config, before, "{name}");
        }
    }
}
