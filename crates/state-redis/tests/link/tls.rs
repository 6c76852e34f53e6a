use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redis_harness::server::free_port;
use redis_harness::{Cluster, RedisServer, is_missing};
use state_redis::Value;
use state_redis::error::LinkErrorKind;
use state_redis::link::{Heard, Link, LinkOptions, Topology};
use tempfile::TempDir;

use super::{add, error_of, get};

/// A certificate authority's and a server's files.
struct Papers {
    folder: TempDir,
}

impl Papers {
    fn issue(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // Two names, or OpenSSL takes the server's certificate for self-signed.
        authority
            .distinguished_name
            .push(DnType::CommonName, "an authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let server = server.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
        write("ca.pem", issuer.pem()).unwrap();
        write("server.pem", server.pem()).unwrap();
        write("key.pem", key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn args(&self, port: u16) -> Vec<String> {
        let path = |name| self.path(name).display().to_string();
        let pairs = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", path("server.pem")),
            ("--tls-key-file", path("key.pem")),
            ("--tls-ca-cert-file", path("ca.pem")),
            ("--tls-auth-clients", "no".to_owned()),
        ];
        pairs
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}

fn start(papers: &Papers, port: u16, more: &[&str]) -> RedisServer {
    let args = papers.args(port);
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.extend(more);
    RedisServer::start_with(&args)
}

fn options(papers: &Papers, host: &str, port: u16) -> LinkOptions {
    LinkOptions {
        topology: Topology::Single {
            host: host.to_owned(),
            port,
        },
        tls: true,
        tls_ca_file: Some(papers.path("ca.pem")),
        ..LinkOptions::default()
    }
}

#[tokio::test]
async fn an_encrypted_connection_checks_the_server() {
    if is_missing("an_encrypted_connection_checks_the_server") {
        return;
    }
    let papers = Papers::issue("localhost");
    let port = free_port();
    let _server = start(&papers, port, &[]);
    let link = Link::new(options(&papers, "localhost", port)).unwrap();
    assert!(link.describe().starts_with("rediss://"));
    assert_eq!(link.run(add(&link, "n", 1)).await, Ok(Value::Int(1)));
    let mut ear = link.subscribe("wake".to_owned());
    assert_eq!(ear.next().await, Heard::Reconnected);
    // Another name than the certificate's, another authority, and the system's own authorities.
    let other = Papers::issue("localhost");
    let mut system = options(&papers, "localhost", port);
    system.tls_ca_file = None;
    for options in [
        options(&papers, "127.0.0.1", port),
        options(&other, "localhost", port),
        system,
    ] {
        let link = Link::new(options).unwrap();
        let error = error_of(&link, get(&link, "n")).await;
        assert_eq!(error.kind, LinkErrorKind::Unreachable, "{error}");
        assert!(error.message.contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_authority_is_a_matter_of_settings() {
    if is_missing("a_missing_authority_is_a_matter_of_settings") {
        return;
    }
    let server = RedisServer::start();
    let papers = Papers::issue("localhost");
    std::fs::remove_file(papers.path("ca.pem")).unwrap();
    let link = Link::new(options(&papers, "localhost", server.port())).unwrap();
    let error = error_of(&link, get(&link, "n")).await;
    assert_eq!(error.kind, LinkErrorKind::Config, "{error}");
    assert!(error.message.contains("ca.pem"), "{error}");
}

#[tokio::test]
async fn a_cluster_can_be_encrypted() {
    if is_missing("a_cluster_can_be_encrypted") {
        return;
    }
    let papers = Papers::issue("127.0.0.1");
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let args = |port: &u16| {
        let mut args = papers.args(*port);
        args.extend(["--tls-cluster".to_owned(), "yes".to_owned()]);
        args
    };
    let _all = Cluster::start_with(ports.iter().map(args).collect(), Some(ports[0]));
    let nodes = ports
        .iter()
        .map(|port| ("127.0.0.1".to_owned(), *port))
        .collect();
    let mut options = options(&papers, "unused", 1);
    options.topology = Topology::Cluster { nodes };
    let link = Link::new(options).unwrap();
    let calls = (0..16)
        .map(|n| add(&link, &format!("{{s{n:02}}}"), 1))
        .collect();
    for result in link.run_all(calls).await {
        assert_eq!(result, Ok(Value::Int(1)));
    }
}
