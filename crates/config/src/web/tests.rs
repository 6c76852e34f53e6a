//! The file of `--web.config.file`.

use super::*;

const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

#[test]
fn a_full_file_is_read() {
    let text = format!(
        "tls_server_config: {{cert_file: c.pem, key_file: /k.pem, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [x], min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256], curve_preferences: [X25519]}}\nhttp_server_config: {{http2: false, headers: {{X-Frame-Options: deny}}}}\nrate_limit: {{burst: 5, interval: 1s}}\nbasic_auth_users: {{alice: {HASH}}}\n"
    );
    let config = load(&text, "web.yml", Some(Path::new("/etc/belfry"))).unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.cert, Pem::File("/etc/belfry/c.pem".to_owned()));
    assert_eq!(tls.key, Pem::File("/k.pem".to_owned()));
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerifyClientCert);
    assert_eq!(
        (tls.min_version, tls.max_version),
        (TlsVersion::Tls13, TlsVersion::Tls13)
    );
    assert!(!config.http2);
    let interval = std::time::Duration::from_secs(1);
    assert_eq!(config.rate_limit, Some(WebRateLimit { burst: 5, interval }));
    assert_eq!(config.basic_auth_users["alice"].expose(), HASH);
    assert_eq!(load("", "", None).unwrap(), WebConfig::default());
}

#[test]
fn mistakes_are_located() {
    for (text, expected) in [
        ("foo: 1", "w:1:1: field foo not found"),
        (
            "tls_server_config: {cert_file: c}",
            "missing one of key or key_file",
        ),
        (
            "tls_server_config: {key_file: c}",
            "missing one of cert or cert_file",
        ),
        (
            "tls_server_config: {cert: a, cert_file: b}",
            "at most one of cert & cert_file",
        ),
        (
            "tls_server_config: {min_version: TLS9}",
            "unknown TLS version: TLS9",
        ),
        (
            "tls_server_config: {cipher_suites: [X]}",
            "unknown cipher: X",
        ),
        (
            "tls_server_config: {curve_preferences: [Y]}",
            "unknown curve: Y",
        ),
        (
            "tls_server_config: {cert: a, key: b, client_auth_type: Z}",
            "invalid ClientAuth: Z",
        ),
        (
            "tls_server_config: {cert: a, key: b, client_ca: c}",
            "without a Client Auth Policy",
        ),
        (
            "http_server_config: {headers: {X-Foo: a}}",
            "can not be configured",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: a}}",
            "invalid value for X-Frame-Options",
        ),
        (
            "basic_auth_users: {a: plain}",
            "w:1:23: the password of user `a` is not a bcrypt hash",
        ),
        (
            "rate_limit: {interval: 1s}",
            "every request would be refused",
        ),
    ] {
        let error = load(text, "w", None).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
