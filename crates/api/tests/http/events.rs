//! Following a tenant's changes, on an instance that works alone.

use std::sync::Arc;
use std::time::Duration;

use api::auth::{Access, Gate, Token, Tokens};
use api::limits::Limits;
use axum::http::StatusCode;
use runtime::tasks::Shutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stream::Stream;
use crate::support::{Options, Server, TenantFile, default_tenant, start, start_with};

const PATH: &str = "/api/belfry/v1/events";

const CONFIG: &str = "\
route: {receiver: r, group_by: [alertname], group_wait: 1h}
receivers: [{name: r}]
";

fn alert(name: &str) -> String {
    serde_json::json!([{"labels": {"alertname": name}}]).to_string()
}

async fn post(server: &Server, name: &str) {
    let answer = server.post("/api/v2/alerts", alert(name)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

fn silence() -> String {
    serde_json::json!({
        "matchers": [{"name": "alertname", "value": "A", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "me", "comment": "quiet",
    })
    .to_string()
}

#[tokio::test]
async fn alerts_groups_and_silences_come_as_they_change() {
    let server = start(CONFIG).await;
    let mut stream = Stream::open(&server, PATH, &[]).await;
    post(&server, "A").await;
    let group = stream.next().await.expect("an event");
    assert_eq!(group.name, "group");
    assert_eq!(group.data["receiver"], "r");
    assert_eq!(group.data["labels"], serde_json::json!({"alertname": "A"}));
    let told = stream.next().await.expect("an event");
    assert_eq!(
        (told.name.as_str(), &told.data["isResolved"]),
        ("alert", &false.into())
    );
    assert_eq!(told.data["group"], group.data["group"]);
    assert_eq!(told.data["alert"]["labels"]["alertname"], "A");
    assert_eq!(told.data["alert"]["receivers"][0]["name"], "r");
    server.post("/api/v2/silences", silence()).await;
    let silence = stream.next().await.expect("an event");
    assert_eq!(
        (silence.name.as_str(), &silence.data["comment"]),
        ("silence", &"quiet".into())
    );
    assert_eq!(silence.data["status"]["state"], "active");
    // A refresh that changes nothing is no event.
    post(&server, "A").await;
    assert_eq!(stream.soon().await, []);
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    let server = start(CONFIG).await;
    let mut stream = Stream::open(&server, PATH, &[]).await;
    post(&server, "A").await;
    let first = stream.named("alert").await;
    drop(stream);
    post(&server, "B").await;
    let mut by_header = Stream::resume(&server, &first.id).await;
    let path = format!("{PATH}?after={}", first.id);
    let mut by_query = Stream::open(&server, &path, &[]).await;
    for stream in [&mut by_header, &mut by_query] {
        let next = stream.named("alert").await;
        assert_eq!(next.data["alert"]["labels"]["alertname"], "B");
        assert_eq!(stream.soon().await, []);
    }
    for unknown in ["nonsense", "0.1.1", "1.0"] {
        let mut stream = Stream::resume(&server, unknown).await;
        let reset = stream.next().await.expect("an event");
        assert_eq!(
            (reset.name.as_str(), &reset.data["reason"]),
            ("reset", &"unknown".into())
        );
        post(&server, "A").await;
        // From there it can go on.
        assert!(
            Stream::resume(&server, &reset.id)
                .await
                .soon()
                .await
                .is_empty()
        );
    }
}

#[tokio::test]
async fn tenants_see_their_own_changes_only() {
    let acme = TenantFile {
        id: "acme",
        text: CONFIG.to_owned(),
        anonymous_api: false,
    };
    let token = |name: &str, tenant: &str| Token {
        name: name.to_owned(),
        tenants: vec![tenant.parse().expect("a tenant id")],
    };
    let tokens = Tokens::new([
        ("t-acme", token("a", "acme")),
        ("t-default", token("d", "default")),
    ]);
    let options = Options {
        access: Some(Access::new(Gate::open(), tokens, false)),
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG), acme], options).await;
    let refused = Stream::try_open(&server, PATH, &[]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let as_acme = [("authorization", "Bearer t-acme")];
    let foreign = [
        ("authorization", "Bearer t-acme"),
        ("x-scope-orgid", "default"),
    ];
    let refused = Stream::try_open(&server, PATH, &foreign).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    let mut theirs = Stream::open(&server, PATH, &as_acme).await;
    let mut ours = Stream::open(&server, PATH, &[("authorization", "Bearer t-default")]).await;
    let request = axum::http::Request::post("/api/v2/alerts")
        .header("content-type", "application/json")
        .header("authorization", "Bearer t-default");
    server
        .send(request.body(alert("Secret").into()).expect("a request"))
        .await;
    assert_eq!(
        ours.named("alert").await.data["alert"]["labels"]["alertname"],
        "Secret"
    );
    assert_eq!(theirs.soon().await, []);
    // Nor when somebody takes up an id of the other.
    let id = ours
        .last_id
        .replace(|c: char| c != '.' && c != '0' && !c.is_ascii_hexdigit(), "");
    let stolen = Stream::open(&server, &format!("{PATH}?after={id}"), &as_acme)
        .await
        .soon()
        .await;
    assert!(
        stolen.iter().all(|event| event.name == "reset"),
        "{stolen:?}"
    );
}

#[tokio::test]
async fn a_reader_that_is_too_slow_begins_anew() {
    let server = start(CONFIG).await;
    let mut stream = Stream::open(&server, PATH, &[]).await;
    post(&server, "A").await;
    let first = stream.named("alert").await;
    for batch in 0..5 {
        let alerts: Vec<_> = (0..4_200)
            .map(|n| serde_json::json!({"labels": {"alertname": "Many", "n": format!("{batch}-{n}")}}))
            .collect();
        let body = serde_json::to_string(&alerts).expect("JSON");
        assert_eq!(
            server.post("/api/v2/alerts", body).await.status,
            StatusCode::OK
        );
    }
    let reset = stream.next().await.expect("an event");
    assert_eq!(
        (reset.name.as_str(), &reset.data["reason"]),
        ("reset", &"slow".into())
    );
    let mut late = Stream::resume(&server, &first.id).await;
    let reset = late.next().await.expect("an event");
    assert_eq!(
        (reset.name.as_str(), &reset.data["reason"]),
        ("reset", &"trimmed".into())
    );
    post(&server, "B").await;
    assert_eq!(
        stream.named("alert").await.data["alert"]["labels"]["alertname"],
        "B"
    );
}

#[tokio::test]
async fn a_reload_makes_everybody_begin_anew() {
    let server = start(CONFIG).await;
    let mut stream = Stream::open(&server, PATH, &[]).await;
    assert_eq!(server.post("/-/reload", "").await.status, StatusCode::OK);
    let reset = stream.next().await.expect("an event");
    assert_eq!(reset.data["reason"], "configuration");
}

#[tokio::test]
async fn only_so_many_may_follow() {
    let server = start(CONFIG).await;
    let mut streams = Vec::new();
    for _ in 0..1_000 {
        streams.push(Stream::try_open(&server, PATH, &[]).await);
    }
    let status = |response: &axum::response::Response| response.status();
    assert!(
        streams
            .iter()
            .all(|stream| status(stream) == StatusCode::OK)
    );
    let refused = Stream::try_open(&server, PATH, &[]).await;
    assert_eq!(status(&refused), StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    let again = Stream::try_open(&server, PATH, &[]).await;
    assert_eq!(status(&again), StatusCode::OK);
    // Those who follow take nothing from those who read.
    assert_eq!(server.get("/api/v2/alerts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn over_a_socket_events_come_at_once_and_a_stop_ends_the_stream() {
    let server = start(CONFIG).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let shutdown = Shutdown::new();
    let options = api::server::ServeOptions::plain(Limits::drop_in());
    let served = tokio::spawn(api::server::serve(
        listener,
        server.router.clone(),
        options,
        shutdown.listener(),
    ));
    let maintained = tokio::spawn(Arc::clone(&server.engine).maintain(shutdown.listener()));
    let mut socket = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut received = String::new();
    read_until(&mut socket, &mut received, "retry: 2000").await;
    assert!(received.contains("x-belfry-mode: embedded"), "{received}");
    post(&server, "A").await;
    read_until(&mut socket, &mut received, "event: alert").await;
    shutdown.stop();
    let ended = tokio::time::timeout(Duration::from_secs(5), served).await;
    ended
        .expect("the server stops before its patience ends")
        .expect("no panic");
    maintained.await.expect("no panic");
}

async fn read_until(socket: &mut tokio::net::TcpStream, received: &mut String, wanted: &str) {
    let mut buffer = [0; 4096];
    while !received.contains(wanted) {
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut buffer));
        let count = read.await.expect("in time").expect("read");
        assert_ne!(count, 0, "the connection ended: {received}");
        received.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}
