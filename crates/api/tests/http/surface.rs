//! What the recorded exchanges do not cover: our own additions, limits, access, prefix, pages.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::support::{Options, Server, TenantFile, default_tenant, start, start_with};
use api::auth::{Access, Gate, Token, Tokens};
use api::limits::Limits;
use api::{Cluster, Peer, Web};
use axum::body::Body;
use axum::http::{Request, StatusCode};

const CONFIG: &str = "\
route: {receiver: r, group_by: [alertname], group_wait: 1h}
receivers: [{name: r}]
";

fn alerts(range: std::ops::Range<usize>) -> String {
    let alerts: Vec<_> = range
        .map(|n| {
            serde_json::json!({
                "labels": {"alertname": format!("A{}", n % 7), "n": n.to_string()},
                "annotations": {"text": "x".repeat(200)},
                "endsAt": "2099-01-01T00:00:00Z",
            })
        })
        .collect();
    serde_json::to_string(&alerts).expect("JSON")
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

async fn status(server: &Server, path: &str, headers: &[(&str, &str)]) -> u16 {
    server.send(request(path, headers)).await.status.as_u16()
}

#[tokio::test]
async fn pages_of_alerts_join_to_the_whole_list() {
    let server = start(CONFIG).await;
    assert_eq!(
        server.post("/api/v2/alerts", alerts(0..25)).await.status,
        StatusCode::OK
    );
    let whole = server.get("/api/v2/alerts").await.json();
    let mut joined = Vec::new();
    let mut path = "/api/v2/alerts?limit=10".to_owned();
    let mut pages = 0;
    loop {
        let answer = server.get(&path).await;
        joined.extend(answer.json().as_array().expect("a list").clone());
        pages += 1;
        let Some(cursor) = answer.headers.get("x-belfry-next-cursor") else {
            break;
        };
        path = format!(
            "/api/v2/alerts?limit=10&cursor={}",
            cursor.to_str().expect("ASCII")
        );
    }
    assert_eq!((pages, serde_json::Value::Array(joined)), (3, whole));
    for bad in ["limit=0", "limit=x", "cursor=zz"] {
        let answer = server.get(&format!("/api/v2/alerts?{bad}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn pages_of_groups_and_silences_join_to_the_whole_list() {
    let server = start(CONFIG).await;
    server.post("/api/v2/alerts", alerts(0..25)).await;
    for n in 0..5 {
        let body = serde_json::json!({
            "matchers": [{"name": "n", "value": n.to_string(), "isRegex": false}],
            "startsAt": "2030-01-01T00:00:00Z", "endsAt": "2031-01-01T00:00:00Z",
            "createdBy": "me", "comment": "",
        });
        let answer = server.post("/api/v2/silences", body.to_string()).await;
        assert!(answer.headers.contains_key("x-belfry-version"));
    }
    for (place, expected) in [("/api/v2/alerts/groups", 4), ("/api/v2/silences", 3)] {
        let whole = server.get(place).await.json();
        let mut joined = Vec::new();
        let mut path = format!("{place}?limit=2");
        let mut pages = 0;
        loop {
            let answer = server.get(&path).await;
            joined.extend(answer.json().as_array().expect("a list").clone());
            pages += 1;
            let Some(cursor) = answer.headers.get("x-belfry-next-cursor") else {
                break;
            };
            path = format!("{place}?limit=2&cursor={}", cursor.to_str().expect("ASCII"));
        }
        assert_eq!(
            (pages, serde_json::Value::Array(joined)),
            (expected, whole),
            "{place}"
        );
    }
}

#[tokio::test]
async fn large_answers_are_compressed_and_compressed_bodies_are_read() {
    let server = start(CONFIG).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed
        .write_all(alerts(0..1_000).as_bytes())
        .expect("memory");
    let post = Request::post("/api/v2/alerts")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    let answer = server
        .send(
            post.body(packed.finish().expect("memory").into())
                .expect("a request"),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let plain = server.get("/api/v2/alerts").await;
    assert_eq!(plain.json().as_array().map(Vec::len), Some(1_000));
    let packed = server
        .send(request("/api/v2/alerts", &[("accept-encoding", "gzip")]))
        .await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice())
        .read_to_end(&mut unpacked)
        .expect("gzip");
    assert!(unpacked == plain.body);
    assert!(packed.body.len() * 4 < plain.body.len());
}

#[tokio::test]
async fn limits_refuse_whole_bodies_or_single_alerts() {
    let limits = Limits {
        body_bytes: 100_000,
        ..Limits::serve()
    };
    let options = Options {
        limits: Some(limits),
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG)], options).await;
    let code = |body: String| {
        let server = &server;
        async move { server.post("/api/v2/alerts", body).await.status.as_u16() }
    };
    assert_eq!(code(alerts(0..1_000)).await, 413);
    let zeros = vec![b' '; 5_000_000];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&zeros).expect("memory");
    let post = Request::post("/api/v2/alerts")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    let bomb = server
        .send(
            post.body(packed.finish().expect("memory").into())
                .expect("a request"),
        )
        .await;
    assert_eq!(bomb.status, StatusCode::PAYLOAD_TOO_LARGE);
    let nested = format!(
        "[{{\"labels\":{{\"a\":\"b\"}},\"x\":{}1{}}}]",
        "[".repeat(20),
        "]".repeat(20)
    );
    assert_eq!(code(nested).await, 400);
    let long = format!(
        "[{{\"labels\":{{\"a\":\"{}\"}}}},{{\"labels\":{{\"alertname\":\"good\"}}}}]",
        "v".repeat(5_000)
    );
    let answer = server.post("/api/v2/alerts", long).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.json(),
        "value of label \"a\" has 5000 bytes: at most 4096 are accepted"
    );
    let stored = server.get("/api/v2/alerts").await.json();
    assert_eq!(stored.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn tenants_are_kept_apart_and_never_made() {
    let acme = TenantFile {
        id: "acme",
        text: CONFIG.to_owned(),
        anonymous_api: false,
    };
    let public = TenantFile {
        id: "public",
        text: CONFIG.to_owned(),
        anonymous_api: true,
    };
    let token = |name: &str, tenants: &[&str]| Token {
        name: name.to_owned(),
        tenants: tenants
            .iter()
            .map(|t| t.parse().expect("a tenant id"))
            .collect(),
    };
    let tokens = Tokens::new([
        ("t-acme", token("ci", &["acme"])),
        ("t-all", token("root", &[])),
    ]);
    let access = Some(Access::new(Gate::open(), tokens, false));
    let options = Options {
        access,
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG), acme, public], options).await;
    let path = "/api/v2/alerts";
    let (own, all) = (
        ("authorization", "Bearer t-acme"),
        ("authorization", "bearer t-all"),
    );
    let org = |name: &'static str| ("x-scope-orgid", name);
    assert_eq!(status(&server, path, &[]).await, 401);
    assert_eq!(status(&server, path, &[org("acme")]).await, 401);
    assert_eq!(status(&server, path, &[org("nobody")]).await, 401);
    assert_eq!(status(&server, path, &[org("public")]).await, 200);
    assert_eq!(status(&server, path, &[own]).await, 200);
    assert_eq!(status(&server, path, &[own, org("acme")]).await, 200);
    for other in ["default", "public", "nobody", "../acme", ""] {
        assert_eq!(
            status(&server, path, &[own, org(other)]).await,
            404,
            "{other}"
        );
    }
    assert_eq!(status(&server, path, &[all]).await, 200);
    assert_eq!(status(&server, path, &[all, org("acme")]).await, 200);
    assert_eq!(
        status(&server, path, &[("authorization", "Bearer wrong")]).await,
        401
    );
    assert_eq!(status(&server, "/metrics", &[]).await, 401);
    assert_eq!(status(&server, "/metrics", &[own]).await, 403);
    assert_eq!(status(&server, "/metrics", &[all]).await, 200);
    assert_eq!(status(&server, "/-/healthy", &[]).await, 200);
    assert_eq!(server.engine.tenants().len(), 3);

    let post = Request::post(path)
        .header("content-type", "application/json")
        .header(own.0, own.1);
    server
        .send(post.body(alerts(0..3).into()).expect("a request"))
        .await;
    let count = |headers: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move {
            server
                .send(request(path, &headers))
                .await
                .json()
                .as_array()
                .map(Vec::len)
        }
    };
    assert_eq!(count(vec![own]).await, Some(3));
    assert_eq!(count(vec![all]).await, Some(0));
    assert_eq!(count(vec![org("public")]).await, Some(0));
}

#[tokio::test]
async fn everything_lives_below_the_prefix() {
    let web = Web {
        route_prefix: "/am".to_owned(),
        ..Web::default()
    };
    let options = Options {
        web,
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG)], options).await;
    let answer = server.get("/").await;
    assert_eq!(
        (answer.status, &answer.headers["location"]),
        (StatusCode::FOUND, &"/am/".parse().expect("a value"))
    );
    for path in ["/am/", "/am/-/healthy", "/am/api/v2/status", "/am/metrics"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(server.get("/-/healthy").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        server.get("/am/api/v2/x").await.json()["message"],
        "path /api/v2/x was not found"
    );
    let answer = server.get("/am/api//v2/alerts?x=1").await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(answer.headers["location"], "/am/api/v2/alerts?x=1");
}

#[tokio::test]
async fn the_page_shows_what_is_firing_as_text() {
    let server = start(CONFIG).await;
    let empty = server.get("/").await;
    assert!(empty.text().contains("Nothing is firing"));
    let body = r#"[{"labels":{"alertname":"<script>alert(1)</script>"}}]"#;
    server.post("/api/v2/alerts", body).await;
    let page = server.get("/").await;
    assert!(page.text().contains("&lt;script&gt;") && !page.text().contains("<script"));
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        server.get("/favicon.ico").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.get("/assets/belfry.css").await.headers["content-type"],
        "text/css; charset=utf-8"
    );
    assert_eq!(
        server.get("/debug/pprof/").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_alert_is_explained() {
    let server = start(CONFIG).await;
    server.post("/api/v2/alerts", alerts(0..1)).await;
    let listed = server.get("/api/v2/alerts").await.json();
    let fingerprint = listed[0]["fingerprint"].as_str().expect("a fingerprint");
    let path = format!("/api/belfry/v1/explain?fingerprint={fingerprint}");
    let explained = server.get(&path).await.json();
    assert_eq!(explained["alert"]["labels"], listed[0]["labels"]);
    assert_eq!(explained["routes"][0]["isTaken"], true);
    assert_eq!(explained["groups"][0]["verdict"]["notify"], true);
    assert_eq!(explained["groups"][0]["receiver"], "r");
    let unknown = "/api/belfry/v1/explain?fingerprint=0000000000000000";
    assert_eq!(server.get(unknown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        server.get("/api/belfry/v1/explain").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn the_inbox_is_paged_by_id() {
    let server = start(CONFIG).await;
    for n in 0..5 {
        let message = store::NewMessage {
            tenant: "default".parse().expect("a tenant id"),
            idempotency_key: n.to_string(),
            at: domain::time::Timestamp::from_unix_ms(n),
            receiver: "r".to_owned(),
            status: "firing".to_owned(),
            group_key: "{}:{}".to_owned(),
            reason: "first notification".to_owned(),
            body: format!("{{\"n\":{n}}}"),
        };
        server
            .engine
            .inbox()
            .append(message)
            .await
            .expect("memory does not fail");
    }
    let page = server.get("/api/belfry/v1/inbox?limit=2").await.json();
    let messages = page["messages"].as_array().expect("a list");
    assert_eq!((messages.len(), &messages[0]["body"]["n"]), (2, &4.into()));
    let before = &messages[1]["id"];
    let page = server
        .get(&format!("/api/belfry/v1/inbox?limit=2&before={before}"))
        .await
        .json();
    assert_eq!(page["messages"][0]["body"]["n"], 2);
    assert_eq!(
        server.get("/api/belfry/v1/inbox?before=x").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn gets_are_bounded_until_their_answers_are_out() {
    let web = Web {
        get_concurrency: 1,
        ..Web::default()
    };
    let server = start_with(
        vec![default_tenant(CONFIG)],
        Options {
            web,
            ..Options::default()
        },
    )
    .await;
    server.post("/api/v2/alerts", alerts(0..2_000)).await;
    use tower::ServiceExt as _;
    let held = server
        .router
        .clone()
        .oneshot(request("/api/v2/alerts", &[]))
        .await
        .expect("infallible");
    let refused = server.get("/api/v2/status").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = "Limit of concurrent GET requests reached (1), try again later.\n";
    assert!(refused.text().starts_with(expected), "{}", refused.text());
    assert_eq!(server.get("/-/healthy").await.status, StatusCode::OK);
    assert_eq!(
        server.post("/api/v2/alerts", "[]").await.status,
        StatusCode::OK
    );
    drop(held);
    assert_eq!(server.get("/api/v2/status").await.status, StatusCode::OK);
    let metrics = server.get("/metrics").await.text();
    let line = r#"alertmanager_http_concurrency_limit_exceeded_total{method="get"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains(r#"handler="/api/v2/alerts""#));
}

#[tokio::test]
async fn a_body_that_never_comes_ends_at_the_timeout() {
    let web = Web {
        timeout: Some(Duration::from_millis(100)),
        ..Web::default()
    };
    let server = start_with(
        vec![default_tenant(CONFIG)],
        Options {
            web,
            ..Options::default()
        },
    )
    .await;
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = server.post("/api/v2/alerts", never).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.text(), "Exceeded configured timeout of 100ms.");
    let limits = Limits {
        body_pause: Duration::from_millis(50),
        ..Limits::serve()
    };
    let options = Options {
        limits: Some(limits),
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG)], options).await;
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(
        server.post("/api/v2/alerts", never).await.status,
        StatusCode::REQUEST_TIMEOUT
    );
}

#[tokio::test]
async fn the_status_lists_the_instance_when_others_may_work_with_it() {
    let own = Peer {
        name: "one".to_owned(),
        address: "127.0.0.1:9094".to_owned(),
    };
    let options = Options {
        cluster: Cluster { own: Some(own) },
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG)], options).await;
    let status = server.get("/api/v2/status").await.json();
    assert_eq!(
        status["cluster"],
        serde_json::json!({
            "name": "one", "status": "ready", "peers": [{"name": "one", "address": "127.0.0.1:9094"}],
        })
    );
    assert_eq!(status["versionInfo"]["version"], "0.33.1");
}
