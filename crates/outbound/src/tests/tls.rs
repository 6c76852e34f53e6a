//! TLS with authorities made for the test.

use std::fs;

use super::authority::{Authority, Pair, self_signed, server_config};
use super::server::Server;
use super::*;
use crate::{Source, TlsOptions, TlsVersion};

fn tls(tls: TlsOptions) -> HttpOptions {
    HttpOptions {
        tls,
        ..HttpOptions::default()
    }
}

fn trusting(pair: &Pair) -> TlsOptions {
    TlsOptions {
        ca: Some(pair.cert()),
        ..TlsOptions::default()
    }
}

async fn post_to(server: &Server, options: TlsOptions) -> Result<Response, SendError> {
    let url = format!("https://localhost:{}/secret", server.address.port());
    post(&tls(options), &url).await
}

async fn refused(server: &Server, options: TlsOptions) -> String {
    let error = post_to(server, options).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let authority = Authority::new();
    let server = Server::with_tls(server_config(&authority.issue("localhost"), None)).await;
    assert_eq!(
        post_to(&server, trusting(&authority.pair))
            .await
            .unwrap()
            .status,
        200
    );

    let unknown = refused(&server, trusting(&Authority::new().pair)).await;
    assert!(unknown.contains("certificate"), "{unknown}");
    let system = refused(&server, TlsOptions::default()).await;
    assert!(system.contains("certificate"), "{system}");
}

#[tokio::test]
async fn anyone_is_trusted_when_verification_is_off() {
    let server = Server::with_tls(server_config(&self_signed("other.example.org"), None)).await;
    let options = TlsOptions {
        insecure_skip_verify: true,
        ..TlsOptions::default()
    };
    assert_eq!(post_to(&server, options).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_name_to_check_can_be_given() {
    let authority = Authority::new();
    let server = Server::with_tls(server_config(&authority.issue("hook.example.org"), None)).await;
    let wrong = refused(&server, trusting(&authority.pair)).await;
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let named = |name: &str| TlsOptions {
        server_name: Some(name.to_owned()),
        ..trusting(&authority.pair)
    };
    assert_eq!(
        post_to(&server, named("hook.example.org"))
            .await
            .unwrap()
            .status,
        200
    );
    refused(&server, named("localhost")).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_authority() {
    let pair = self_signed("localhost");
    let server = Server::with_tls(server_config(&pair, None)).await;
    assert_eq!(post_to(&server, trusting(&pair)).await.unwrap().status, 200);
    refused(&server, trusting(&self_signed("localhost"))).await;

    let other = self_signed("other.example.org");
    let server = Server::with_tls(server_config(&other, None)).await;
    refused(&server, trusting(&other)).await;
}

#[tokio::test]
async fn our_own_certificate_is_shown() {
    let authority = Authority::new();
    let config = server_config(&authority.issue("localhost"), Some(&authority));
    let server = Server::with_tls(config).await;
    let own = authority.issue("client.example.org");
    let options = TlsOptions {
        cert: Some(own.cert()),
        key: Some(own.key()),
        ..trusting(&authority.pair)
    };
    assert_eq!(post_to(&server, options).await.unwrap().status, 200);
    post_to(&server, trusting(&authority.pair))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_changed_file_counts_at_the_next_request() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, old.pair.cert.pem()).unwrap();
    let options = tls(TlsOptions {
        ca: Some(Source::File(file.clone())),
        ..TlsOptions::default()
    });
    let client = client(&options);

    let server = Server::with_tls(server_config(&new.issue("localhost"), None)).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let send = || client.send(Request::post_json(&url, "{}"), PLENTY);
    send().await.unwrap_err();
    fs::write(&file, new.pair.cert.pem()).unwrap();
    assert_eq!(send().await.unwrap().status, 200);
    fs::write(&file, "half-written").unwrap();
    assert_eq!(
        send().await.unwrap().status,
        200,
        "the last good file stays in force"
    );
}

#[tokio::test]
async fn versions_are_bounded() {
    let authority = Authority::new();
    let server = Server::with_tls(server_config(&authority.issue("localhost"), None)).await;
    for (min, max) in [
        (Some(TlsVersion::Tls10), None),
        (Some(TlsVersion::Tls13), None),
        (None, Some(TlsVersion::Tls12)),
    ] {
        let options = TlsOptions {
            min_version: min,
            max_version: max,
            ..trusting(&authority.pair)
        };
        assert_eq!(post_to(&server, options).await.unwrap().status, 200);
    }
}

#[test]
fn unusable_settings_are_refused() {
    #[track_caller]
    fn check(options: TlsOptions, expected: &str) {
        let error = build_error(&tls(options)).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (one, other) = (self_signed("a.example.org"), self_signed("b.example.org"));
    let none = TlsOptions::default;
    check(
        TlsOptions {
            max_version: Some(TlsVersion::Tls11),
            ..none()
        },
        "TLS12 and TLS13",
    );
    check(
        TlsOptions {
            cert: Some(one.cert()),
            ..none()
        },
        "give both or neither",
    );
    check(
        TlsOptions {
            ca: Some(Source::inline("x")),
            ..none()
        },
        "ca holds no certificate",
    );
    check(
        TlsOptions {
            cert: Some(one.cert()),
            key: Some(other.key()),
            ..none()
        },
        "cert and key do not fit",
    );
    check(
        TlsOptions {
            cert: Some(one.cert()),
            key: Some(one.cert()),
            ..none()
        },
        "key holds no private key",
    );
    check(
        TlsOptions {
            server_name: Some("a b".to_owned()),
            ..none()
        },
        "server_name `a b`",
    );
    check(
        TlsOptions {
            ca: Some(Source::File("/nonexistent/ca.pem".into())),
            ..none()
        },
        "cannot read ca_file `/nonexistent/ca.pem`",
    );
}
