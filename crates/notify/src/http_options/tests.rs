use std::collections::BTreeMap;

use super::*;

#[test]
fn the_default_is_the_default() {
    assert_eq!(
        http_options(&HttpConfig::default()),
        Ok(HttpOptions::default())
    );
}

#[test]
fn credentials_keep_their_source() {
    let authorization = config::Authorization {
        kind: "Token".to_owned(),
        credentials_file: "/run/token".to_owned(),
        ..config::Authorization::default()
    };
    let from_file = HttpConfig {
        authorization: Some(authorization),
        ..HttpConfig::default()
    };
    let expected = Authentication::Authorization(Authorization {
        scheme: "Token".to_owned(),
        credentials: Some(Source::File("/run/token".into())),
    });
    assert_eq!(
        http_options(&from_file).unwrap().authentication,
        Some(expected)
    );

    let basic = config::BasicAuth {
        username: "me".to_owned(),
        password: Secret::new("swordfish"),
        ..config::BasicAuth::default()
    };
    let inline = HttpConfig {
        basic_auth: Some(basic),
        ..HttpConfig::default()
    };
    let expected = Authentication::Basic(BasicAuth {
        username: Some(Source::inline("me")),
        password: Some(Source::inline("swordfish")),
    });
    assert_eq!(
        http_options(&inline).unwrap().authentication,
        Some(expected)
    );
}

#[test]
fn tls_headers_and_redirects_are_carried_over() {
    let mut config = HttpConfig {
        follow_redirects: false,
        enable_http2: false,
        ..HttpConfig::default()
    };
    config.tls_config.ca_file = "/ca.pem".to_owned();
    config.tls_config.server_name = "inner.example.org".to_owned();
    config.tls_config.insecure_skip_verify = true;
    config.tls_config.min_version = Some(config::TlsVersion::Tls13);
    config.proxy.no_proxy = "a.example.org".to_owned();
    let values = config::HeaderValues {
        values: vec!["one".to_owned()],
        secrets: vec![Secret::new("two")],
        files: vec!["/three".to_owned()],
    };
    config.http_headers = Some(BTreeMap::from([("X-Extra".to_owned(), values)]));
    let options = http_options(&config).unwrap();
    assert!(!options.follow_redirects && !options.enable_http2);
    assert_eq!(options.tls.ca, Some(Source::File("/ca.pem".into())));
    assert_eq!(
        options.tls.server_name.as_deref(),
        Some("inner.example.org")
    );
    assert!(options.tls.insecure_skip_verify);
    assert_eq!(options.tls.min_version, Some(TlsVersion::Tls13));
    assert_eq!(options.proxy.no_proxy.as_deref(), Some("a.example.org"));
    let header = &options.headers["X-Extra"];
    assert_eq!(
        (
            header.values.len(),
            header.secrets.len(),
            header.files.len()
        ),
        (1, 1, 1)
    );
}

#[test]
fn a_secret_store_is_refused() {
    let mut config = HttpConfig::default();
    config.tls_config.key_ref = "vault/key".to_owned();
    let error = http_options(&config).unwrap_err();
    assert!(
        error.to_string().starts_with("key_ref names a secret"),
        "{error}"
    );
}
