//! Two instances that share one home: what is done on the one is seen on the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use engine::EngineOptions;
use runtime::clock::SystemClock;
use runtime::tasks::Shutdown;
use runtime::timing::Timing;
use state::coordinated::Coordinated;
use state::coordinator::InstanceReport;
use state::coordinator::model::Model;
use state::coordinator::model::weather::{End, Fate, Weather};

use crate::stream::Stream;
use crate::support::{Answer, Options, Server, default_tenant, start_with};

const PATH: &str = "/api/belfry/v1/events";

const CONFIG: &str = "\
route: {receiver: r, group_by: [alertname], group_wait: 1h}
receivers: [{name: r}]
";

/// The line between an instance and what it shares.
#[derive(Default)]
struct Line {
    is_cut: AtomicBool,
}

impl Weather for Line {
    fn meets(&self, _instance: &str, _request: &'static str) -> Fate {
        if self.is_cut.load(Ordering::Relaxed) {
            Fate::ending(End::Unreachable)
        } else {
            Fate::FINE
        }
    }
}

/// An instance that runs.
struct Instance {
    server: Server,
    line: Arc<Line>,
    shutdown: Shutdown,
}

fn timing() -> Timing {
    Timing::scaled(0.1)
}

fn model() -> Model {
    Model::new(SystemClock::shared(), timing())
}

async fn instance(model: &Model, id: &str) -> Instance {
    let line = Arc::new(Line::default());
    let report = InstanceReport {
        id: id.to_owned(),
        address: format!("{id}.example.org:9093"),
        version: "0.0.0".to_owned(),
        started_at: Some(SystemClock::shared().now()),
        ..InstanceReport::default()
    };
    let client = model.connect_through(id, Arc::clone(&line) as _);
    let state = Coordinated::new(Arc::new(client), report, SystemClock::shared(), timing());
    let options = Options {
        state: Some(Arc::clone(&state) as _),
        engine: EngineOptions {
            timing: timing(),
            ..EngineOptions::default()
        },
        ..Options::default()
    };
    let server = start_with(vec![default_tenant(CONFIG)], options).await;
    state.start().await;
    let shutdown = Shutdown::new();
    tokio::spawn(Arc::clone(&state).run_follower(shutdown.listener()));
    tokio::spawn(state.run_keeper(shutdown.listener()));
    tokio::spawn(Arc::clone(&server.engine).dispatch(shutdown.listener()));
    Instance {
        server,
        line,
        shutdown,
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

impl Instance {
    async fn get_at_least(&self, path: &str, version: &str) -> Answer {
        let request = Request::get(path).header("x-belfry-at-least", version);
        self.server
            .send(request.body(Body::empty()).expect("a request"))
            .await
    }

    async fn post_alert(&self, name: &str) -> String {
        let body =
            serde_json::json!([{"labels": {"alertname": name}, "endsAt": "2099-01-01T00:00:00Z"}]);
        for _ in 0..50 {
            let answer = self.server.post("/api/v2/alerts", body.to_string()).await;
            // A process that was starved of its processor refuses for a moment what may have waited; senders post it again.
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                assert_eq!(answer.status, StatusCode::OK);
                return version(&answer);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{name} is refused all the time");
    }

    async fn silence(&self, name: &str) -> (String, String) {
        let body = serde_json::json!({
            "matchers": [{"name": "alertname", "value": name, "isRegex": false}],
            "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
            "createdBy": "me", "comment": "",
        });
        let answer = self.server.post("/api/v2/silences", body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let id = answer.json()["silenceID"]
            .as_str()
            .expect("an id")
            .to_owned();
        (id, version(&answer))
    }

    /// Waits until answers name this mode.
    async fn until(&self, mode: &str) -> Answer {
        for _ in 0..200 {
            let answer = self.server.get("/-/coordinated").await;
            if answer.headers["x-belfry-mode"] == mode {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the mode does not become {mode}");
    }

    /// Ids of the instances this one shows, once there are as many as expected.
    async fn peers(&self, count: usize) -> serde_json::Value {
        for _ in 0..200 {
            let status = self.server.get("/api/v2/status").await.json();
            if status["cluster"]["peers"].as_array().map(Vec::len) == Some(count) {
                return status["cluster"].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("there are not {count} peers");
    }
}

fn version(answer: &Answer) -> String {
    let version = answer.headers["x-belfry-version"].to_str();
    version.expect("ASCII").to_owned()
}

#[tokio::test]
async fn what_is_done_on_one_is_read_on_the_other() {
    let model = model();
    let (a, b) = (instance(&model, "a").await, instance(&model, "b").await);
    for round in 0..20 {
        let name = format!("A{round}");
        let version = a.post_alert(&name).await;
        let path = format!("/api/v2/alerts?filter=alertname=%22{name}%22");
        let seen = b.get_at_least(&path, &version).await;
        assert_eq!(seen.json()[0]["labels"]["alertname"], *name);
        assert_eq!(seen.json()[0]["status"]["state"], "active");
        let (id, version) = b.silence(&name).await;
        let seen = a.get_at_least(&path, &version).await;
        assert_eq!(seen.json()[0]["status"]["silencedBy"][0], *id);
        let gone = Request::delete(format!("/api/v2/silence/{id}")).body(Body::empty());
        let gone = a.server.send(gone.expect("a request")).await;
        assert_eq!(gone.status, StatusCode::OK);
        let seen = b.get_at_least(&path, &self::version(&gone)).await;
        assert_eq!(seen.json()[0]["status"]["state"], "active");
    }
}

#[tokio::test]
async fn a_version_nobody_was_given_is_refused() {
    let model = model();
    let a = instance(&model, "a").await;
    for bad in ["", "7", "1.c.x.a", "x"] {
        let answer = a.get_at_least("/api/v2/alerts", bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let explain = "/api/belfry/v1/explain?fingerprint=0000000000000000";
    assert_eq!(
        a.get_at_least(explain, "x").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn both_show_who_is_there() {
    let model = model();
    let (a, b) = (instance(&model, "a").await, instance(&model, "b").await);
    for one in [&a, &b] {
        let cluster = one.peers(2).await;
        assert_eq!(cluster["status"], "ready");
        assert_eq!(cluster["peers"][0]["name"], "a");
        assert_eq!(cluster["peers"][1]["address"], "b.example.org:9093");
        let answer = one.until("coordinated").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (StatusCode::OK, "coordinated")
        );
    }
    a.post_alert("A").await;
    let status = b.server.get("/api/belfry/v1/status").await.json();
    assert_eq!(status["mode"], "coordinated");
    assert_eq!(status["instance"], "b");
    assert_eq!(status["instances"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["shards"].as_array().map(Vec::len), Some(16));
    assert_eq!(status["queues"]["due"], 1);
    let hash = |n: usize| status["instances"][n]["configs"]["default"].clone();
    assert_eq!(hash(0), "0");
    assert_eq!(hash(0), hash(1));
}

#[tokio::test]
async fn a_client_goes_on_at_another_instance() {
    let model = model();
    let (a, b) = (instance(&model, "a").await, instance(&model, "b").await);
    let mut stream = Stream::open(&a.server, PATH, &[]).await;
    for n in 0..30 {
        a.post_alert(&format!("First{n}")).await;
    }
    b.silence("First1").await;
    for _ in 0..30 {
        let event = stream.named("alert").await;
        assert_eq!(event.data["alert"]["receivers"][0]["name"], "r");
    }
    stream.named("silence").await;
    let id = stream.last_id.clone();
    drop(stream);
    for n in 0..30 {
        a.post_alert(&format!("Second{n}")).await;
    }
    let (silence, _) = a.silence("Second1").await;
    let mut stream = Stream::resume(&b.server, &id).await;
    let (mut names, mut silences) = (Vec::new(), Vec::new());
    while names.len() < 30 || silences.is_empty() {
        let event = stream.next().await.expect("the stream goes on");
        match event.name.as_str() {
            "alert" => names.push(event.data["alert"]["labels"]["alertname"].to_string()),
            "silence" => silences.push(event.data["id"].clone()),
            "reset" => panic!("nothing was trimmed: {event:?}"),
            _ => {}
        }
    }
    assert!(
        names.iter().all(|name| name.contains("Second")),
        "{names:?}"
    );
    assert_eq!(silences, [serde_json::Value::from(silence)]);
    assert_eq!(
        stream
            .soon()
            .await
            .iter()
            .filter(|event| event.name == "alert")
            .count(),
        0
    );
    assert!(!stream.is_over());
}

#[tokio::test]
async fn alone_it_says_so_everywhere_and_comes_back() {
    let model = model();
    let (a, b) = (instance(&model, "a").await, instance(&model, "b").await);
    a.peers(2).await;
    let mut stream = Stream::open(&a.server, PATH, &[]).await;
    let before = stream.last_id.clone();
    a.line.is_cut.store(true, Ordering::Relaxed);
    let version = b.post_alert("Elsewhere").await;
    let answer = a.until("degraded").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().starts_with("degraded: "), "{}", answer.text());
    assert_eq!(a.server.get("/-/ready").await.status, StatusCode::OK);
    let cluster = a.peers(1).await;
    assert_eq!(
        (&cluster["status"], &cluster["name"]),
        (&"settling".into(), &"a".into())
    );
    let status = a.server.get("/api/belfry/v1/status").await.json();
    assert_eq!(status["mode"], "degraded");
    assert!(status["cause"].is_string(), "{status}");
    assert_eq!(status["shards"].as_array().map(Vec::len), Some(16));
    let unseen = a.get_at_least("/api/v2/alerts", &version).await;
    assert_eq!(unseen.status, StatusCode::SERVICE_UNAVAILABLE);
    let reset = stream.named("reset").await;
    assert_eq!(reset.data["reason"], "mode");
    let alone = a.post_alert("Alone").await;
    assert_eq!(
        stream.named("alert").await.data["alert"]["labels"]["alertname"],
        "Alone"
    );
    assert_eq!(
        a.get_at_least("/api/v2/alerts", &alone).await.status,
        StatusCode::OK
    );
    let unseen = b.get_at_least("/api/v2/alerts", &alone).await;
    assert_eq!(unseen.status, StatusCode::SERVICE_UNAVAILABLE);
    a.line.is_cut.store(false, Ordering::Relaxed);
    a.until("coordinated").await;
    assert_eq!(stream.named("reset").await.data["reason"], "mode");
    assert_eq!(
        a.get_at_least("/api/v2/alerts", &version).await.status,
        StatusCode::OK
    );
    a.peers(2).await;
    // Whoever was away meanwhile goes on where it was: the feeds have what was taken in alone, too.
    let mut late = Stream::resume(&a.server, &before).await;
    let mut names = alert_names(&mut late, 2).await;
    names.sort();
    assert_eq!(names, ["Alone", "Elsewhere"]);
}

/// Names of the next alerts; nothing tells the client to begin anew before them.
async fn alert_names(stream: &mut Stream, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < count {
        let event = stream.next().await.expect("the stream goes on");
        assert_ne!(event.name, "reset", "{event:?}");
        if event.name == "alert" {
            let name = &event.data["alert"]["labels"]["alertname"];
            names.push(name.as_str().expect("a name").to_owned());
        }
    }
    names
}

#[tokio::test]
async fn a_client_goes_on_at_an_instance_that_was_started_since() {
    let model = model();
    let a = instance(&model, "a").await;
    let mut stream = Stream::open(&a.server, PATH, &[]).await;
    a.post_alert("Seen").await;
    let (seen, _) = a.silence("Seen").await;
    stream.named("silence").await;
    stream.soon().await;
    let id = stream.last_id.clone();
    let names: Vec<String> = (0..100).map(|n| format!("Missed{n}")).collect();
    for name in &names {
        a.post_alert(name).await;
    }
    let (missed, _) = a.silence("Missed").await;
    drop((stream, a));
    let a = instance(&model, "a").await;
    let mut stream = Stream::resume(&a.server, &id).await;
    let mut told = alert_names(&mut stream, 50).await;
    // Away again, on the way.
    let id = stream.last_id.clone();
    drop(stream);
    let mut stream = Stream::resume(&a.server, &id).await;
    told.extend(alert_names(&mut stream, 50).await);
    // Which silences are news is not kept: all of them are told.
    let mut silences = Vec::new();
    for _ in 0..2 {
        let event = stream.named("silence").await;
        silences.push(event.data["id"].as_str().expect("an id").to_owned());
    }
    let mut wanted = [seen, missed];
    silences.sort();
    wanted.sort();
    assert_eq!(silences, wanted);
    a.post_alert("Live").await;
    assert_eq!(alert_names(&mut stream, 1).await, ["Live"]);
    told.sort();
    let mut names = names;
    names.sort();
    assert_eq!(told, names, "each once, and what was seen not again");
}

#[tokio::test]
async fn what_no_feed_keeps_any_more_makes_a_client_begin_anew() {
    let model = model();
    let a = instance(&model, "a").await;
    let stream = Stream::open(&a.server, PATH, &[]).await;
    let id = stream.last_id.clone();
    drop(stream);
    for n in 0..10 {
        a.post_alert(&format!("Name{n}")).await;
    }
    drop(a);
    model.trim_feed(0);
    model.trim_feed(1_000);
    let a = instance(&model, "a").await;
    let mut stream = Stream::resume(&a.server, &id).await;
    let event = stream.next().await.expect("an event");
    assert_eq!(event.name, "reset");
    assert_eq!(event.data["reason"], "trimmed");
    a.post_alert("Live").await;
    assert_eq!(alert_names(&mut stream, 1).await, ["Live"]);
}

/// Of other data, or of data that was lost: not a position of an instance that is only faster.
#[tokio::test]
async fn a_position_in_other_data_is_unknown() {
    let model = model();
    let a = instance(&model, "a").await;
    let mut stream = Stream::open(&a.server, PATH, &[]).await;
    a.post_alert("A").await;
    stream.named("alert").await;
    let id = stream.last_id.clone();
    drop((stream, a));
    model.flush_all();
    let other = self::model();
    for model in [model, other] {
        let restarted = instance(&model, "b").await;
        let mut stream = Stream::resume(&restarted.server, &id).await;
        let event = stream.next().await.expect("an event");
        assert_eq!(event.name, "reset");
        assert_eq!(event.data["reason"], "unknown");
    }
}
