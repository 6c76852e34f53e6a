//! belfry.yaml, its variables and the shapes of Redis.

use super::*;

const ALL: &str = r#"
server:   {listen: "0.0.0.0:9093", external_url: "https://alerts.example.org"}
redis:    {host: localhost, port: 6379, username: "", password: "pw", db: 3, tls: false}
use_redis: true
database: {url: "sqlite://data/belfry.db"}
logging:  {level: "Warning", format: json}
alertmanager: {config_file: alertmanager.yml}
tenants:  {acme: {config_file: tenants/acme.yml, anonymous_api: false}}
auth: {anonymous_api: true}
timing: {scale: 0.5}
"#;

fn env(config: &mut BelfryConfig, vars: &[(&str, &str)]) -> Result<Vec<String>> {
    apply_env(
        config,
        vars.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

#[test]
fn every_key_is_read() {
    let config = load(ALL, "belfry.yaml").unwrap();
    assert_eq!(config.server.listen, "0.0.0.0:9093");
    assert_eq!(
        config.logging,
        Logging {
            level: LogLevel::Warning,
            format: LogFormat::Json
        }
    );
    let redis = config.redis.unwrap();
    assert_eq!((redis.db, redis.password.expose()), (3, "pw"));
    assert_eq!(
        redis.topology(),
        RedisTopology::Single {
            host: "localhost",
            port: 6379
        }
    );
    assert_eq!(config.tenants.len(), 1);
    assert!(config.auth.anonymous_api && config.use_redis);
    assert_eq!(config.timing_scale, 0.5);
    assert_eq!(BelfryConfig::default().timing_scale, 1.0);
    assert_eq!(load("", "").unwrap(), BelfryConfig::default());
}

#[test]
fn mistakes_are_located() {
    for (text, expected) in [
        (
            "servr: {}",
            "b:1:1: field servr not found in belfry.yaml (did you mean `server`?)",
        ),
        ("logging: {level: loud}", "b:1:18: unknown log level `loud`"),
        (
            "redis: {mode: cluster, nodes: [a], db: 1}",
            "only database 0",
        ),
        (
            "redis: {mode: sentinel, nodes: [a]}",
            "master's name is missing",
        ),
        ("redis: {nodes: [a]}", "no mode"),
        ("redis: {port: 0}", "b:1:15: `0` is not a port"),
        (
            "tenants: {a b: {config_file: x}}",
            "invalid tenant id `a b`",
        ),
        ("tenants: {a: {}}", "tenant `a` has no config_file"),
        ("database: {url: oracle://x}", "no scheme we know"),
        ("timing: {scale: 0}", "b:1:17: `0` is not a scale"),
        ("timing: {scale: .nan}", "is not a scale"),
        ("server: {listen: nowhere}", "missing port in address"),
    ] {
        let error = load(text, "b").unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn variables_override_the_file() {
    let mut config = load(ALL, "").unwrap();
    let notes = env(
        &mut config,
        &[
            ("BELFRY_REDIS_KEY_PREFIX", "x"),
            ("BELFRY_REDIS_PORT", "tcp://10.0.0.1:6379"),
            ("BELFRY_LOGGING_LEVEL", "debug"),
            ("BELFRY_TIMING_SCALE", "0.1"),
            ("BELFRY_FAILPOINT", "C1:kill"),
            ("BELFRY_TENANTS_acme_ANONYMOUS_API", "true"),
            ("BELFRY_TENANTS_beta_CONFIG_FILE", "beta.yml"),
            ("BELFRY_REDIS_PASSWROD", "typo"),
            ("BELFRY_SERVICE_HOST", "10.0.0.1"),
            ("HOME", "/"),
        ],
    )
    .unwrap();
    assert_eq!(
        notes,
        ["BELFRY_REDIS_PASSWROD is unknown; did you mean BELFRY_REDIS_PASSWORD?"]
    );
    assert_eq!(config.redis.unwrap().key_prefix, "x");
    assert_eq!(config.logging.level, LogLevel::Debug);
    assert_eq!(config.timing_scale, 0.1);
    assert_eq!(config.tenants.len(), 2);
    assert!(config.tenants[&"acme".parse::<TenantId>().unwrap()].anonymous_api);
}

#[test]
fn certificates_to_trust_need_an_encrypted_connection() {
    let with = |more: &str| {
        let text = format!("redis: {{host: r.example.org, tls_ca_file: /etc/ca.crt{more}}}\n");
        load(&text, "")
    };
    let redis = with(", tls: true").unwrap().redis.unwrap();
    assert_eq!(redis.tls_ca_file, "/etc/ca.crt");
    let error = with("").unwrap_err().to_string();
    assert!(error.contains("add `tls: true`"), "{error}");
    let mut config = BelfryConfig::default();
    let variables = [
        ("BELFRY_REDIS_URL", "rediss://r.example.org"),
        ("BELFRY_REDIS_TLS_CA_FILE", "/etc/ca.crt"),
    ];
    env(&mut config, &variables).unwrap();
    assert_eq!(config.redis.unwrap().tls_ca_file, "/etc/ca.crt");
}

#[test]
fn a_url_replaces_the_whole_block() {
    let mut config = load(ALL, "").unwrap();
    let url = "rediss://user:p%40ss@a:1,b/?sentinel=main&prefix=x";
    env(&mut config, &[("BELFRY_REDIS_URL", url)]).unwrap();
    let redis = config.redis.unwrap();
    assert!(redis.tls && redis.db == 0 && redis.key_prefix == "x");
    assert_eq!(
        (redis.username.as_str(), redis.password.expose()),
        ("user", "p@ss")
    );
    let nodes = [("a".to_owned(), 1), ("b".to_owned(), 26379)];
    assert_eq!(
        redis.topology(),
        RedisTopology::Sentinel {
            nodes: &nodes,
            master: "main"
        }
    );
    let redis = Redis::from_url("redis://h/3").unwrap();
    assert_eq!(
        (redis.topology(), redis.db),
        (
            RedisTopology::Single {
                host: "h",
                port: 6379
            },
            3
        )
    );
    let redis = Redis::from_url("redis://[::1]:7000?cluster=true").unwrap();
    let nodes = [("::1".to_owned(), 7000)];
    assert_eq!(redis.topology(), RedisTopology::Cluster { nodes: &nodes });
}

#[test]
fn bad_urls_are_refused_without_their_password() {
    for url in [
        "http://user:hunter2@h",
        "redis://user:hunter2@a,b",
        "redis://user:hunter2@a/x",
        "redis://user:hunter2@a/1?cluster=true",
        "redis://user:hunter2@a?foo=1",
    ] {
        let error = Redis::from_url(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
