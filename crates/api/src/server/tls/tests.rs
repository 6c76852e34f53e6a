use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use config::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use runtime::tasks::Shutdown;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::limits::Limits;
use crate::server::{ServeOptions, serve};

struct Identity {
    cert: String,
    key: String,
}

fn identity(name: &str) -> Identity {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).expect("a valid name");
    Identity {
        cert: cert.pem(),
        key: signing_key.serialize_pem(),
    }
}

fn settings(server: &Identity) -> WebTls {
    let pem = |text: &str| Pem::Text(Secret::new(text));
    WebTls {
        cert: pem(&server.cert),
        key: pem(&server.key),
        client_auth: ClientAuth::NoClientCert,
        client_ca: None,
        client_allowed_sans: Vec::new(),
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
        cipher_suites: Vec::new(),
        curve_preferences: Vec::new(),
        prefer_server_cipher_suites: false,
    }
}

async fn start(settings: WebTls) -> (SocketAddr, Arc<Tls>, Shutdown) {
    let tls = Tls::new(settings, true).expect("valid settings");
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let router = Router::new().route("/", get(|| async { "hello" }));
    let shutdown = Shutdown::new();
    let options = ServeOptions {
        tls: Some(Arc::clone(&tls)),
        ..ServeOptions::plain(Limits::serve())
    };
    tokio::spawn(serve(listener, router, options, shutdown.listener()));
    (address, tls, shutdown)
}

/// Asks for `/` as a client that trusts `server` and shows `own`.
async fn ask(
    address: SocketAddr,
    server: &Identity,
    own: Option<&Identity>,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(server.cert.as_bytes()) {
        roots.add(cert.expect("PEM")).expect("a certificate");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain =
                CertificateDer::pem_slice_iter(own.cert.as_bytes()).map(|c| c.expect("PEM"));
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
            builder
                .with_client_auth_cert(chain.collect(), key)
                .expect("a pair")
        }
    };
    let stream = TcpStream::connect(address).await?;
    let name = rustls::pki_types::ServerName::try_from("belfry.test").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    // A server may close without the goodbye of TLS.
    match stream.read_to_string(&mut text).await {
        Err(error) if text.is_empty() => Err(error),
        _ => Ok(text),
    }
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_a_renewed_certificate_is_taken_up() {
    let (first, second) = (identity("belfry.test"), identity("belfry.test"));
    let (address, tls, _shutdown) = start(settings(&first)).await;
    assert!(
        ask(address, &first, None)
            .await
            .expect("answered")
            .ends_with("hello")
    );
    assert!(ask(address, &second, None).await.is_err());
    tls.reload(Some(settings(&second))).expect("valid settings");
    assert!(
        ask(address, &second, None)
            .await
            .expect("answered")
            .ends_with("hello")
    );
    let mut broken = settings(&first);
    broken.cert = Pem::Text(Secret::new("nonsense"));
    let error = tls
        .reload(Some(broken))
        .expect_err("no certificate")
        .to_string();
    assert_eq!(
        error,
        "TLS cannot be served: cert holds no certificate in PEM form"
    );
    assert!(ask(address, &second, None).await.is_ok());
}

#[tokio::test]
async fn clients_show_what_is_asked_of_them() {
    let (server, client, stranger) = (
        identity("belfry.test"),
        identity("prometheus.test"),
        identity("prometheus.test"),
    );
    let with = |client_auth, names: &[&str]| WebTls {
        client_auth,
        client_ca: Some(Pem::Text(Secret::new(client.cert.as_str()))),
        client_allowed_sans: names.iter().map(|name| (*name).to_owned()).collect(),
        ..settings(&server)
    };
    let cases = [
        (
            with(ClientAuth::RequireAndVerifyClientCert, &[]),
            [false, true, false],
        ),
        (
            with(ClientAuth::VerifyClientCertIfGiven, &[]),
            [true, true, false],
        ),
        (
            with(ClientAuth::RequireAnyClientCert, &[]),
            [false, true, true],
        ),
        (with(ClientAuth::RequestClientCert, &[]), [true, true, true]),
        (
            with(ClientAuth::RequireAnyClientCert, &["other.test"]),
            [false, false, false],
        ),
        (
            with(ClientAuth::RequireAnyClientCert, &["prometheus.test"]),
            [false, true, true],
        ),
    ];
    for (settings, expected) in cases {
        let case = format!(
            "{:?} {:?}",
            settings.client_auth, settings.client_allowed_sans
        );
        let (address, _tls, _shutdown) = start(settings).await;
        for (own, expected) in [None, Some(&client), Some(&stranger)]
            .into_iter()
            .zip(expected)
        {
            let answer = ask(address, &server, own).await;
            let is_answered = answer.as_ref().is_ok_and(|text| text.ends_with("hello"));
            assert_eq!(is_answered, expected, "{case}: {answer:?}");
        }
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    let server = identity("belfry.test");
    let refused = |settings: WebTls| Tls::new(settings, true).err().expect("refused").to_string();
    let mut old = settings(&server);
    (old.min_version, old.max_version) = (TlsVersion::Tls10, TlsVersion::Tls11);
    assert!(refused(old).contains("max_version"));
    let curves = WebTls {
        curve_preferences: vec!["CurveP521".to_owned()],
        ..settings(&server)
    };
    assert!(refused(curves).contains("curve_preferences"));
    let missing = WebTls {
        key: Pem::File("/nonexistent/key.pem".to_owned()),
        ..settings(&server)
    };
    assert!(refused(missing).contains("/nonexistent/key.pem cannot be read"));
}
