//! `belfry alertmanager`: Alertmanager's flags and defaults.

use std::path::Path;
use std::process::ExitCode;

use api::Peer;
use api::limits::Limits;
use config::belfry::{BelfryConfig, LogFormat, LogLevel, apply_env};

use super::engine_flags::{ENGINE, WEB, engine_options, scale_note};
use super::flags::{Command, Flag, Kind, Values};
use crate::configuration::Source;
use crate::options::{Features, Note, Openness, Options};

const PLACES: &[Flag] = &[
    Flag::new(
        "config.file",
        Kind::Text,
        "alertmanager.yml",
        "The configuration file.",
    ),
    Flag::new(
        "storage.path",
        Kind::Text,
        "data/",
        "Folder of the database (belfry.db); made when missing.",
    ),
    Flag::new(
        "web.listen-address",
        Kind::Text,
        ":9093",
        "Address to listen on.",
    )
    .repeatable(),
    Flag::new(
        "web.systemd-socket",
        Kind::Switch,
        "false",
        "Not supported: name an address instead.",
    ),
    Flag::new(
        "web.external-url",
        Kind::Text,
        "",
        "URL under which people reach this server; http://<hostname>:<port>/ unless given.",
    ),
    Flag::new(
        "auto-gomemlimit.ratio",
        Kind::Float,
        "0.9",
        "Accepted; there is no Go runtime to limit.",
    ),
];

const CLUSTER: &[Flag] = &[
    Flag::new(
        "cluster.listen-address",
        Kind::Text,
        "0.0.0.0:9094",
        "Shown in the status, nothing listens there: instances share a Redis (BELFRY_REDIS_URL).",
    ),
    Flag::new(
        "cluster.advertise-address",
        Kind::Text,
        "",
        "Shown in the status.",
    ),
    Flag::new("cluster.peer-name", Kind::Text, "", "Shown in the status."),
    Flag::new("cluster.peer", Kind::Text, "", "Accepted, not used.").repeatable(),
    Flag::new(
        "cluster.label",
        Kind::Text,
        "",
        "What the keys in a shared Redis begin with (BELFRY_REDIS_URL).",
    ),
    Flag::new("cluster.tls-config", Kind::Text, "", "Accepted, not used."),
    Flag::new(
        "cluster.peer-timeout",
        Kind::Duration,
        "15s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.peers-resolve-timeout",
        Kind::Duration,
        "15s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.gossip-interval",
        Kind::Duration,
        "200ms",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.pushpull-interval",
        Kind::Duration,
        "1m0s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.tcp-timeout",
        Kind::Duration,
        "10s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.probe-timeout",
        Kind::Duration,
        "500ms",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.probe-interval",
        Kind::Duration,
        "1s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.settle-timeout",
        Kind::Duration,
        "1m0s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.reconnect-interval",
        Kind::Duration,
        "10s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.reconnect-timeout",
        Kind::Duration,
        "6h0m0s",
        "Accepted, not used.",
    ),
    Flag::new(
        "cluster.allow-insecure-public-advertise-address-discovery",
        Kind::Switch,
        "false",
        "Accepted, not used.",
    ),
];

const LOG: &[Flag] = &[
    Flag::new(
        "log.level",
        Kind::Choice(&["debug", "info", "warn", "error"]),
        "info",
        "The least level that is logged.",
    ),
    Flag::new(
        "log.format",
        Kind::Choice(&["logfmt", "json"]),
        "logfmt",
        "The notation of log lines.",
    ),
];

const COMMAND: Command = Command {
    name: "alertmanager",
    about: "Belfry with Alertmanager's flags, files and defaults.",
    flags: &[PLACES, ENGINE, WEB, CLUSTER, LOG],
    arguments: None,
};

/// Runs the server as Alertmanager runs.
pub(super) fn run(args: &[String]) -> ExitCode {
    let values = match super::values(COMMAND, &crate::build::alertmanager_version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let options = match from_variables(variables).and_then(|config| options(&values, &config)) {
        Ok(options) => options,
        Err(message) => return super::refuse(COMMAND.name, &message),
    };
    let level = LogLevel::parse(values.text("log.level")).unwrap_or_default();
    let format = LogFormat::parse(values.text("log.format")).unwrap_or(LogFormat::Logfmt);
    super::run_logged(level, format, async move {
        tracing::info!(
            version = crate::build::COMPATIBLE_VERSION,
            belfry = crate::build::VERSION,
            "Starting Alertmanager"
        );
        crate::server::start(options, None)
            .await?
            .until_stopped()
            .await
    })
}

/// What this command reads beside the flags: the Redis that instances share, and (hidden, for tests) the scale of the
/// protocol's times.
fn from_variables(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<BelfryConfig, String> {
    let is_ours = |name: &str| {
        name.starts_with("BELFRY_REDIS_")
            || name == "BELFRY_USE_REDIS"
            || name == "BELFRY_TIMING_SCALE"
    };
    let mut config = BelfryConfig::default();
    apply_env(&mut config, variables.filter(|(name, _)| is_ours(name)))
        .map_err(|error| error.to_string())?;
    Ok(config)
}

/// The Redis that instances share; a label keeps clusters apart, as upstream's does.
fn redis(values: &Values, config: &BelfryConfig) -> Option<config::belfry::Redis> {
    let mut redis = config.redis.clone().filter(|_| config.use_redis)?;
    if let Some(label) = values.some_text("cluster.label") {
        redis.key_prefix = match redis.key_prefix.is_empty() {
            true => label,
            false => format!("{}:{label}", redis.key_prefix),
        };
    }
    Some(redis)
}

/// What the flags come to.
fn options(values: &Values, config: &BelfryConfig) -> Result<Options, String> {
    let timing_scale = config.timing_scale;
    let redis = redis(values, config);
    if values.is_on("web.systemd-socket") {
        return Err("--web.systemd-socket is not supported; give --web.listen-address".to_owned());
    }
    let features = Features::parse(values.text("enable-feature"))?;
    let folder = Path::new(values.text("storage.path"));
    let storage = folder.join("belfry.db");
    let storage = storage
        .to_str()
        .ok_or("--storage.path is not UTF-8")?
        .to_owned();
    let cluster_flags = values
        .given_names()
        .any(|name| name.starts_with("cluster."));
    let mut notes = features.notes.clone();
    notes.extend(scale_note(timing_scale));
    if cluster_flags {
        notes.push(Note::info(match redis {
            Some(_) => {
                "Instances do not gossip, they share a Redis: of the --cluster.* flags the label is used, as a prefix of its \
                 keys, and the peer's name is shown in the status"
            }
            None => {
                "Instances do not gossip: the --cluster.* flags are accepted but not used. Several instances share a Redis \
                 instead: set BELFRY_REDIS_URL=redis://host:port/db for each of them"
            }
        }));
    }
    Ok(Options {
        listen: values.all("web.listen-address"),
        may_move: false,
        external_url: values.some_text("web.external-url"),
        route_prefix: values.some_text("web.route-prefix"),
        database_url: format!("sqlite://{storage}"),
        alertmanager_folder: Some(folder.to_owned()),
        redis,
        source: Source::File(values.text("config.file").into()),
        web_config_file: values.some_text("web.config.file").map(Into::into),
        get_concurrency: values.count("web.get-concurrency"),
        timeout: Some(values.duration("web.timeout")).filter(|timeout| !timeout.is_zero()),
        engine: engine_options(values, timing_scale),
        features,
        cluster: peer(values),
        openness: Openness::DropIn,
        limits: Limits::drop_in(),
        notes,
    })
}

/// How the instance shows up in `/api/v2/status`.
fn peer(values: &Values) -> Option<Peer> {
    let listen = values.some_text("cluster.listen-address")?;
    let address = values
        .some_text("cluster.advertise-address")
        .unwrap_or_else(|| {
            // An address to reach it by, as upstream shows it; "any" is none.
            match listen
                .strip_prefix("0.0.0.0:")
                .or_else(|| listen.strip_prefix(':'))
            {
                Some(port) => format!("127.0.0.1:{port}"),
                None => listen,
            }
        });
    let name = values
        .some_text("cluster.peer-name")
        .unwrap_or_else(|| ulid(&runtime::ids::RandomIds));
    Some(Peer { name, address })
}

/// A random name of the form upstream gives: 26 characters of Crockford's base 32.
fn ulid(ids: &dyn runtime::ids::IdSource) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bits = (u128::from(ids.nonce()) << 64) | u128::from(ids.nonce());
    let mut text = [b'0'; 26];
    for place in text.iter_mut().rev() {
        *place = usize::try_from(bits & 31)
            .ok()
            .and_then(|i| LETTERS.get(i))
            .copied()
            .unwrap_or(b'0');
        bits >>= 5;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::flags::Asked;
    use super::*;

    fn read(args: &[&str]) -> Result<Options, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        match COMMAND.parse(&args)? {
            Asked::Run(values) => options(&values, &BelfryConfig::default()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn the_defaults_are_upstreams() {
        let options = read(&[]).expect("valid");
        assert_eq!(options.listen, [":9093"]);
        assert_eq!(options.database_url, "sqlite://data/belfry.db");
        assert_eq!(options.engine.retention, Duration::from_secs(120 * 3600));
        assert_eq!(options.engine.alerts_gc_interval, Duration::from_secs(1800));
        assert_eq!(
            options.engine.maintenance_interval,
            Duration::from_secs(900)
        );
        assert_eq!(options.timeout, None);
        assert!(options.notes.is_empty());
        let peer = options.cluster.expect("a cluster of one");
        assert_eq!(
            (peer.address.as_str(), peer.name.len()),
            ("127.0.0.1:9094", 26)
        );
    }

    #[test]
    fn every_flag_of_upstream_is_taken() {
        let args = [
            "--config.file=a.yml",
            "--storage.path=/tmp/x",
            "--data.retention=1h",
            "--data.maintenance-interval=1m",
            "--silences.max-silences=1",
            "--silences.max-silence-size-bytes=2",
            "--log.silences",
            "--alerts.gc-interval=1m",
            "--alerts.per-alertname-limit=3",
            "--dispatch.maintenance-interval=1s",
            "--dispatch.start-delay=2s",
            "--web.listen-address=127.0.0.1:0",
            "--web.listen-address=[::1]:0",
            "--no-web.systemd-socket",
            "--web.config.file=",
            "--web.external-url=http://alerts.example.org/x",
            "--web.route-prefix=/y",
            "--web.get-concurrency=4",
            "--web.timeout=5s",
            "--auto-gomemlimit.ratio=0.5",
            "--cluster.listen-address=",
            "--cluster.advertise-address=192.0.2.1:1",
            "--cluster.peer-name=a",
            "--cluster.label=b",
            "--cluster.tls-config=",
            "--cluster.peer=a:1",
            "--cluster.peer=b:1",
            "--cluster.peer-timeout=1s",
            "--cluster.peers-resolve-timeout=1s",
            "--cluster.gossip-interval=1s",
            "--cluster.pushpull-interval=1s",
            "--cluster.tcp-timeout=1s",
            "--cluster.probe-timeout=1s",
            "--cluster.probe-interval=1s",
            "--cluster.settle-timeout=0s",
            "--cluster.reconnect-interval=1s",
            "--cluster.reconnect-timeout=1s",
            "--cluster.allow-insecure-public-advertise-address-discovery",
            "--enable-feature=classic-mode",
            "--log.level=debug",
            "--log.format=json",
        ];
        let options = read(&args).expect("valid");
        assert_eq!(options.listen.len(), 2);
        assert_eq!(options.cluster, None, "an empty cluster address: alone");
        assert_eq!(options.notes.len(), 1, "one line about all of --cluster.*");
        assert_eq!(options.engine.start_delay, Duration::from_secs(2));
        assert_eq!(options.engine.per_alertname_limit, 3);
    }

    #[test]
    fn times_are_scaled_only_when_asked_and_never_silently() {
        let unscaled = read(&[]).expect("valid").engine.timing;
        assert_eq!(unscaled, runtime::timing::Timing::default());
        let scaled = |scale: &str| {
            let variable = ("BELFRY_TIMING_SCALE".to_owned(), scale.to_owned());
            from_variables([variable].into_iter())
        };
        let error = scaled("2").expect_err("too large");
        assert!(error.starts_with("BELFRY_TIMING_SCALE: "), "{error}");
        let Ok(Asked::Run(values)) = COMMAND.parse(&[]) else {
            panic!("no flags are fine");
        };
        let options = options(&values, &scaled("0.1").expect("valid")).expect("valid");
        assert_eq!(options.engine.timing.lease, Duration::from_secs(6));
        assert!(options.notes[0].is_warning);
    }

    #[test]
    fn a_label_keeps_the_keys_of_clusters_apart() {
        let prefix = |url: &str, args: &[&str]| {
            let variable = ("BELFRY_REDIS_URL".to_owned(), url.to_owned());
            let config = from_variables([variable].into_iter()).expect("valid");
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            let Ok(Asked::Run(values)) = COMMAND.parse(&args) else {
                panic!("known flags");
            };
            let redis = options(&values, &config).expect("valid").redis;
            redis.expect("a Redis is named").key_prefix
        };
        let label = ["--cluster.label=blue"];
        assert_eq!(prefix("redis://localhost", &label), "blue");
        assert_eq!(prefix("redis://localhost?prefix=x", &label), "x:blue");
        assert_eq!(prefix("redis://localhost?prefix=x", &[]), "x");
        assert!(read(&label).expect("valid").redis.is_none());
    }

    #[test]
    fn an_unknown_feature_is_refused_in_upstreams_words() {
        let error = read(&["--enable-feature=x"]).err();
        assert_eq!(
            error.as_deref(),
            Some("unknown option 'x' for --enable-feature")
        );
    }
}
