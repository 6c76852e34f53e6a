use std::fs;

use super::*;
use crate::tests::authority::{Authority, server_config};

fn script(authority: &Authority, name: &str, is_implicit: bool) -> Script {
    let extensions: &[_] = if is_implicit { &[] } else { &["STARTTLS"] };
    Script {
        tls: Some(Arc::new(server_config(&authority.issue(name), None))),
        is_implicit,
        ..Script::with(extensions)
    }
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions {
        ca: Some(authority.pair.cert()),
        ..TlsOptions::default()
    }
}

fn encryption(is_implicit: bool) -> Encryption {
    if is_implicit {
        Encryption::Implicit
    } else {
        Encryption::StartTls
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let authority = Authority::new();
    for is_implicit in [false, true] {
        let script = script(&authority, "localhost", is_implicit);
        let (sent, heard) = told(script, |options| {
            options.encryption = encryption(is_implicit);
            options.tls = trusting(&authority);
        })
        .await;
        assert_eq!(sent, Ok(()));
        let expected: &[&str] = if is_implicit {
            &["EHLO me.example.org", "MAIL FROM:<from@example.org>"]
        } else {
            &[
                "EHLO me.example.org",
                "STARTTLS",
                "EHLO me.example.org",
                "MAIL FROM:<from@example.org>",
            ]
        };
        assert_eq!(heard[..expected.len()], *expected);
        assert_eq!(heard.last().unwrap(), "QUIT");
    }
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for is_implicit in [false, true] {
        for (signed_by, name) in [(&stranger, "localhost"), (&authority, "other.example.org")] {
            let (sent, heard) = told(script(signed_by, name, is_implicit), |options| {
                options.encryption = encryption(is_implicit);
                options.tls = trusting(&authority);
                options.credentials = credentials("swordfish", "");
            })
            .await;
            let error = sent.unwrap_err();
            assert!(matches!(error, SmtpError::NotSent { .. }), "{error:?}");
            assert!(error.to_string().contains("certificate"), "{error}");
            assert!(heard.len() <= 2, "{heard:?}");
        }
    }
}

#[tokio::test]
async fn the_name_to_check_can_be_given_and_checks_be_left_out() {
    let authority = Authority::new();
    for is_implicit in [false, true] {
        let named = TlsOptions {
            server_name: Some("other.example.org".to_owned()),
            ..trusting(&authority)
        };
        let unchecked = TlsOptions {
            insecure_skip_verify: true,
            ..TlsOptions::default()
        };
        for tls in [named, unchecked] {
            let (sent, _) = told(
                script(&authority, "other.example.org", is_implicit),
                |options| {
                    options.encryption = encryption(is_implicit);
                    options.tls = tls;
                },
            )
            .await;
            assert_eq!(sent, Ok(()));
        }
    }
}

#[tokio::test]
async fn starttls_is_demanded() {
    for script in [
        Script::with(&["AUTH LOGIN", "SIZE 10"]),
        Script::with(&["STARTTLS", "AUTH LOGIN"]).at("STARTTLS", Manner::Say("454 not now")),
        Script::with(&["STARTTLS", "AUTH LOGIN"]).at("STARTTLS", Manner::Close),
        // TLS never begins.
        Script::with(&["STARTTLS", "AUTH LOGIN"]),
        Script::with(&["STARTTLS"]).at("STARTTLS", Manner::Say("220 go\r\n250 trust me")),
    ] {
        let (sent, heard) = told(script, |options| {
            options.encryption = Encryption::StartTls;
            options.credentials = credentials("swordfish", "");
        })
        .await;
        assert!(
            matches!(
                sent,
                Err(SmtpError::NotSent { .. } | SmtpError::Refused { code: 454, .. })
            ),
            "{sent:?}"
        );
        let is_quiet = |line: &String| !line.starts_with("AUTH") && !line.starts_with("MAIL");
        assert!(heard.iter().all(is_quiet), "{heard:?}");
    }
}

#[tokio::test]
async fn what_was_said_before_tls_is_forgotten() {
    let authority = Authority::new();
    let mut script = script(&authority, "localhost", false);
    script.extensions.push("AUTH PLAIN");
    let (sent, heard) = told(script, |options| {
        options.encryption = Encryption::StartTls;
        options.tls = trusting(&authority);
        options.credentials = credentials("pw", "");
    })
    .await;
    assert_eq!(sent, Ok(()));
    assert_eq!(
        heard[..4],
        [
            "EHLO me.example.org",
            "STARTTLS",
            "EHLO me.example.org",
            "AUTH PLAIN AG1lAHB3"
        ]
    );
}

#[tokio::test]
async fn silence_in_the_handshake_ends_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(Script::default()).await;
    let options = SmtpOptions {
        port: listener.local_addr().unwrap().port(),
        encryption: Encryption::Implicit,
        ..options(&server)
    };
    let client = SmtpClient::new(&options).unwrap();
    let error = deliver(&client, &mail(), SHORT).await.unwrap_err();
    assert!(matches!(error, SmtpError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_changed_authority_counts_at_the_next_mail() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, old.pair.cert.pem()).unwrap();
    let server = Server::start(script(&new, "localhost", true)).await;
    let mut options = options(&server);
    options.encryption = Encryption::Implicit;
    options.tls.ca = Some(Source::File(file.clone()));
    let client = SmtpClient::new(&options).unwrap();
    deliver(&client, &mail(), PLENTY).await.unwrap_err();
    fs::write(&file, new.pair.cert.pem()).unwrap();
    assert_eq!(deliver(&client, &mail(), PLENTY).await, Ok(()));
    fs::write(&file, "half-written").unwrap();
    assert_eq!(deliver(&client, &mail(), PLENTY).await, Ok(()));
}

#[test]
fn unusable_settings_are_refused() {
    let options = SmtpOptions {
        host: "localhost".to_owned(),
        port: 25,
        hello: "localhost".to_owned(),
        encryption: Encryption::StartTls,
        tls: TlsOptions {
            ca: Some(Source::inline("x")),
            ..TlsOptions::default()
        },
        credentials: None,
    };
    let error = SmtpClient::new(&options).unwrap_err().to_string();
    assert!(error.contains("ca holds no certificate"), "{error}");
}
