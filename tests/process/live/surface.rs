//! What a running server shows: paths below a prefix, TLS and users, metrics.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Arc;

use harness::PATIENCE;
use harness::alert::Alert;
use harness::http::{self, Message};
use harness::server::{Place, Server};
use harness::sink::Sink;
use rustls::pki_types::ServerName;

/// What dashboards and their alerts ask for (spec §1.5).
const DASHBOARDS: [&str; 14] = [
    "alertmanager_alerts",
    "alertmanager_alerts_invalid_total",
    "alertmanager_alerts_received_total",
    "alertmanager_cluster_failed_peers",
    "alertmanager_cluster_members",
    "alertmanager_config_hash",
    "alertmanager_config_last_reload_successful",
    "alertmanager_notification_latency_seconds_bucket",
    "alertmanager_notification_latency_seconds_count",
    "alertmanager_notification_latency_seconds_sum",
    "alertmanager_notifications_failed_total",
    "alertmanager_notifications_total",
    "alertmanager_silences",
    "process_start_time_seconds",
];

fn config(sink: &Sink) -> String {
    format!(
        "route: {{receiver: hook, group_wait: 100ms, group_interval: 1s}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        sink.url("/hook")
    )
}

#[test]
fn everything_lies_below_the_route_prefix() {
    let sink = Sink::start();
    let server = Place::new(&config(&sink)).start(&["--web.route-prefix=/foo"]);
    for target in [
        "/foo/api/v2/status",
        "/foo/-/healthy",
        "/foo/-/ready",
        "/foo/metrics",
        "/foo/api/v2/alerts",
    ] {
        assert_eq!(server.get(target).status(), 200, "{target}");
    }
    assert_eq!(server.get("/api/v2/status").status(), 404);
    let moved = server.get("/");
    assert_eq!(moved.status(), 302);
    assert!(
        moved
            .header("location")
            .is_some_and(|to| to.starts_with("/foo")),
        "{moved:?}"
    );
    let alerts = harness::alert::body(&[Alert::named("a")]);
    assert_eq!(
        server
            .send("POST", "/foo/api/v2/alerts", &alerts)
            .expect("an answer")
            .status(),
        200
    );
    assert!(sink.wait(PATIENCE, |told| told.path == "/hook").is_some());
}

/// One line of the text format that is no comment: its name and value.
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let value = match rest.strip_prefix('{') {
        Some(labels) => {
            let (labels, value) = labels.rsplit_once("} ")?;
            let is_closed = labels.is_empty() || labels.ends_with('"');
            is_closed.then_some(value)?
        }
        None => rest.trim_start(),
    };
    let value = value.split(' ').next()?.replace("Inf", "inf");
    is_name.then_some((name, value.parse().ok()?))
}

#[test]
fn metrics_can_be_read_and_have_the_names_of_dashboards() {
    let sink = Sink::start();
    let server = Place::new(&config(&sink)).start(&[]);
    server.post(&[Alert::named("a")]);
    assert!(sink.wait(PATIENCE, |told| told.is_accepted()).is_some());
    let is_counted = || {
        server
            .get("/metrics")
            .body
            .contains("alertmanager_notifications_total{integration=\"webhook\"} 1\n")
    };
    let counted = harness::wait_for(PATIENCE, || is_counted().then_some(()));
    let page = server.get("/metrics");
    assert!(counted.is_some(), "{}", page.body);
    assert!(
        page.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain")),
        "{:?}",
        page.headers
    );
    let mut names = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in page
        .body
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some((name, _)) = sample(line) else {
            panic!("no sample: {line}");
        };
        names.insert(name);
        let (identity, _) = line.rsplit_once(' ').expect("a sample has a value");
        assert!(series.insert(identity), "twice: {identity}");
    }
    let missing: Vec<_> = DASHBOARDS
        .iter()
        .filter(|name| !names.contains(**name))
        .collect();
    assert!(missing.is_empty(), "not in /metrics: {missing:?}");
    for integration in ["webhook", "email", "pagerduty", "slack", "mattermost"] {
        let zero = format!(
            "alertmanager_notifications_failed_total{{integration=\"{integration}\",reason=\"clientError\"}} 0\n"
        );
        assert!(page.body.contains(&zero), "no {zero}");
    }
}

/// Speaks TLS to a server whose certificate is the only one trusted.
fn over_tls(
    server: &Server,
    certificate: &[u8],
    target: &str,
    headers: &[(&str, &str)],
) -> std::io::Result<Message> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(certificate.to_vec().into())
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let socket = TcpStream::connect(server.address())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let stream = rustls::StreamOwned::new(session, socket);
    http::exchange(stream, "localhost", ("GET", target), headers, "")
}

#[test]
fn the_web_file_turns_on_tls_and_users() {
    let sink = Sink::start();
    let place = Place::new(&config(&sink));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    place.write("cert.pem", &made.cert.pem());
    place.write("key.pem", &made.signing_key.serialize_pem());
    let hash = bcrypt::hash("open sesame", 4).expect("a hash");
    let web = format!(
        "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users: {{ali: '{hash}'}}\n\
         http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n"
    );
    place.write("web.yml", &web);
    let flag = format!("--web.config.file={}", place.path("web.yml").display());
    let server = place.start(&[&flag]);
    let certificate = made.cert.der().to_vec();
    let get = |headers: &[(&str, &str)]| {
        over_tls(&server, &certificate, "/api/v2/status", headers).expect("an answer")
    };

    let refused = get(&[]);
    assert_eq!(refused.status(), 401);
    assert!(refused.header("www-authenticate").is_some(), "{refused:?}");
    assert_eq!(
        get(&[("Authorization", "Basic YWxpOndyb25n")]).status(),
        401
    );
    // ali:open sesame
    let let_in = get(&[("Authorization", "Basic YWxpOm9wZW4gc2VzYW1l")]);
    assert_eq!(let_in.status(), 200, "{let_in:?}");
    assert_eq!(let_in.header("x-frame-options"), Some("deny"));
    let plain = server.send("GET", "/api/v2/status", "");
    assert!(
        plain.is_err() || plain.is_ok_and(|answer| answer.status() == 400),
        "TLS is not optional"
    );
}
