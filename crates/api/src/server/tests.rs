use axum::routing::get;
use runtime::tasks::Shutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn start(limits: Limits) -> (SocketAddr, Shutdown, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow));
    let shutdown = Shutdown::new();
    let task = tokio::spawn(serve(
        listener,
        router,
        ServeOptions::plain(limits),
        shutdown.listener(),
    ));
    (address, shutdown, task)
}

async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).await.expect("answered");
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[tokio::test]
async fn a_head_that_takes_too_long_ends_the_connection_and_a_rest_between_requests_does_not() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        ..Limits::serve()
    };
    let (address, _shutdown, _task) = start(limits).await;
    let mut patient = TcpStream::connect(address).await.expect("connected");
    assert!(ask(&mut patient, "/").await.ends_with("hello"));
    let mut slow = TcpStream::connect(address).await.expect("connected");
    slow.write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection must end");
    assert!(ask(&mut patient, "/slow").await.ends_with("slow"));
    assert!(ask(&mut patient, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn connections_from_one_address_are_bounded() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::serve()
    };
    let (address, _shutdown, _task) = start(limits).await;
    let mut first = TcpStream::connect(address).await.expect("connected");
    assert!(ask(&mut first, "/").await.ends_with("hello"));
    let mut second = TcpStream::connect(address).await.expect("connected");
    let mut rest = Vec::new();
    // Closed without an answer: an end, or a reset if our request was already on its way.
    let _ = second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _ = second.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(ask(&mut first, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_finish() {
    let (address, shutdown, task) = start(Limits::serve()).await;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let asking = tokio::spawn(async move { ask(&mut stream, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    shutdown.stop();
    assert!(asking.await.expect("no panic").ends_with("slow"));
    tokio::time::timeout(Duration::from_secs(5), task)
        .await
        .expect("stops")
        .expect("no panic");
    assert!(TcpStream::connect(address).await.is_err());
}
