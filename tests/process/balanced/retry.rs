//! What nginx repeats at the next instance, and what it does not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::alert::{self, Alert};
use harness::http::{Message, request};
use harness::listener::{Handler, Listener, Reply};
use harness::peer::NGINX;
use harness::{PATIENCE, wait_for};

use harness::nginx::Nginx;

/// What an instance answers to everything.
type Replies = fn() -> Reply;

/// An instance that misbehaves.
struct Bad {
    reply: Replies,
    asked: AtomicU32,
}

impl Bad {
    fn start(reply: Replies) -> (Arc<Self>, Listener) {
        let bad = Arc::new(Self {
            reply,
            asked: AtomicU32::new(0),
        });
        let listener = Listener::start(bad.clone());
        (bad, listener)
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Handler for Bad {
    fn answer(&self, _: &Message) -> (Reply, Option<u64>) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        ((self.reply)(), None)
    }

    fn written(&self, _: u64, _: bool) {}
}

fn good() -> Reply {
    Reply::with(200, "good")
}

/// Goal: whatever goes wrong with a POST of alerts at one instance, the sender hears 200 from another, soon enough for
/// Prometheus. Method: one bad and one good instance behind nginx, and more posts than one for either.
#[test]
fn a_post_of_alerts_goes_to_the_next_instance() {
    let Some(nginx) = NGINX.find("a_post_of_alerts_goes_to_the_next_instance") else {
        return;
    };
    let badly: [(&str, Replies); 4] = [
        ("dies with it", || Reply::Close),
        ("says 503", || Reply::with(503, "not now")),
        ("says 502", || Reply::with(502, "not now")),
        ("is stopped", || {
            std::thread::sleep(Duration::from_secs(8));
            Reply::Close
        }),
    ];
    let body = alert::body(&[Alert::named("a")]);
    for (how, reply) in badly {
        let (bad, first) = Bad::start(reply);
        let (_, second) = Bad::start(good);
        let nginx = Nginx::start(&nginx, &[first.address().into(), second.address().into()]);
        for _ in 0..3 {
            let began = Instant::now();
            let answer = request(nginx.address(), ("POST", "/api/v2/alerts"), &[], &body);
            let answer = answer.expect("an answer");
            assert_eq!(answer.status(), 200, "one {how}: {}", nginx.errors());
            assert!(began.elapsed() < Duration::from_secs(9), "one {how}");
        }
        assert_ne!(bad.asked(), 0, "the one that {how} was never asked");
        // A worker writes its line after the answer, on a busy machine well after it.
        let is_repeated = || {
            let passed = nginx.passed();
            passed.iter().any(|one| one.asked == 2).then_some(())
        };
        let found = wait_for(PATIENCE, is_repeated);
        assert!(found.is_some(), "one {how}: {:?}", nginx.passed());
        assert!(
            bad.asked() < 3,
            "the one that {how} was not left alone: {:?}",
            nginx.passed()
        );
    }
}

/// An instance that has no time for readers.
struct Busy;

impl Handler for Busy {
    fn answer(&self, request: &Message) -> (Reply, Option<u64>) {
        let status = if request.method() == "GET" { 503 } else { 200 };
        (Reply::with(status, ""), None)
    }

    fn written(&self, _: u64, _: bool) {}
}

/// Goal: readers do not take an instance away from senders. Method: every instance refuses a reader, which nginx counts as a
/// failure of each, so that it has none left that it would ask by itself.
#[test]
fn when_all_have_failed_they_are_asked_all_the_same() {
    let Some(nginx) = NGINX.find("when_all_have_failed_they_are_asked_all_the_same") else {
        return;
    };
    let instances = [(); 3].map(|()| Listener::start(Arc::new(Busy)));
    let addresses = instances.each_ref().map(|one| one.address().into());
    let nginx = Nginx::start(&nginx, &addresses);
    for _ in 0..3 {
        let answer = request(nginx.address(), ("GET", "/-/coordinated"), &[], "");
        assert_eq!(answer.expect("an answer").status(), 503);
        let body = alert::body(&[Alert::named("a")]);
        let answer = request(nginx.address(), ("POST", "/api/v2/alerts"), &[], &body);
        assert_eq!(
            answer.expect("an answer").status(),
            200,
            "{}",
            nginx.errors()
        );
    }
}

/// Goal: nothing that would count twice is done twice, and what means one instance is not passed on.
#[test]
fn a_post_of_a_silence_is_not_repeated() {
    let Some(nginx) = NGINX.find("a_post_of_a_silence_is_not_repeated") else {
        return;
    };
    let (bad, first) = Bad::start(|| Reply::Close);
    let (counted, second) = Bad::start(|| Reply::Close);
    let nginx = Nginx::start(&nginx, &[first.address().into(), second.address().into()]);
    let body = alert::silence("a", "b", Duration::from_secs(60));
    let answer = request(nginx.address(), ("POST", "/api/v2/silences"), &[], &body);
    assert_eq!(answer.expect("an answer").status(), 502);
    assert_eq!(bad.asked() + counted.asked(), 1);

    // A GET is.
    let answer = request(nginx.address(), ("GET", "/api/v2/alerts"), &[], "");
    assert_eq!(answer.expect("an answer").status(), 502);
    let asked = bad.asked() + counted.asked();
    assert!(asked > 1, "{asked}");

    for (method, target) in [("POST", "/-/reload"), ("GET", "/metrics")] {
        let answer = request(nginx.address(), (method, target), &[], "");
        assert_eq!(answer.expect("an answer").status(), 403, "{target}");
    }
    assert_eq!(bad.asked() + counted.asked(), asked, "one was passed on");
}

/// Goal: an event reaches the browser when it happens. Method: an instance that says one event and then nothing.
#[test]
fn events_are_not_held_back() {
    let Some(nginx) = NGINX.find("events_are_not_held_back") else {
        return;
    };
    let source = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = source.local_addr().expect("it is bound").to_string();
    let nginx = Nginx::start(&nginx, &[address]);
    let mut client = TcpStream::connect(nginx.address()).expect("nginx listens");
    client
        .write_all(
            b"GET /api/belfry/v1/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
        )
        .expect("written");

    let (mut instance, _) = source.accept().expect("nginx asks");
    let mut head = BufReader::new(instance.try_clone().expect("a second handle"));
    let mut line = String::new();
    while line.trim_end() != "" || line.is_empty() {
        line.clear();
        assert_ne!(head.read_line(&mut line).expect("a request"), 0);
    }
    instance
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\ndata: {}\n\n")
        .expect("written");

    client
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    let mut seen = Vec::new();
    let mut piece = [0; 1024];
    while !String::from_utf8_lossy(&seen).contains("data: {}") {
        let read = client
            .read(&mut piece)
            .expect("the event, while all stay connected");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    drop(instance);
}
