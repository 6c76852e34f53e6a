//! The proxy against an echo.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Cut, Direction, Flow, Proxy};

const SHORT: Duration = Duration::from_millis(200);

/// Answers every byte with itself.
fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(read @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).expect("the proxy listens");
    stream.set_read_timeout(Some(SHORT)).expect("a timeout");
    stream
}

/// What comes back for a word: the word, nothing in time (`None`), or an end of the connection.
fn say(stream: &mut TcpStream, word: &str) -> Result<Option<String>, String> {
    stream
        .write_all(word.as_bytes())
        .map_err(|error| error.to_string())?;
    hear(stream)
}

fn hear(stream: &mut TcpStream) -> Result<Option<String>, String> {
    let mut bytes = [0; 64];
    match stream.read(&mut bytes) {
        Ok(0) => Err("closed".to_owned()),
        Ok(read) => Ok(Some(String::from_utf8_lossy(&bytes[..read]).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn heard(word: &str) -> Result<Option<String>, String> {
    Ok(Some(word.to_owned()))
}

#[test]
fn what_was_under_way_in_a_blackhole_arrives_later() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    assert_eq!(say(&mut stream, "a"), heard("a"));
    proxy.flow(Flow::Blackhole);
    assert_eq!(say(&mut stream, "b"), Ok(None));
    proxy.flow(Flow::Open);
    assert_eq!(hear(&mut stream), heard("b"));
    proxy.flow(Flow::AnswersHeld);
    assert_eq!(say(&mut stream, "c"), Ok(None));
    proxy.flow(Flow::Open);
    assert_eq!(hear(&mut stream), heard("c"));
}

#[test]
fn resets_and_refusals_end_connections() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    assert_eq!(say(&mut stream, "a"), heard("a"));
    proxy.reset();
    assert!(hear(&mut stream).is_err());
    proxy.flow(Flow::Refuse);
    let mut stream = connect(&proxy);
    assert!(say(&mut stream, "b").is_err());
    proxy.flow(Flow::Open);
    assert_eq!(say(&mut connect(&proxy), "c"), heard("c"));
}

#[test]
fn a_half_open_connection_stays_silent_for_good() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    assert_eq!(say(&mut stream, "a"), heard("a"));
    proxy.flow(Flow::HalfOpen);
    assert_eq!(say(&mut stream, "b"), Ok(None));
    proxy.flow(Flow::Open);
    assert_eq!(say(&mut stream, "c"), Ok(None));
    assert_eq!(say(&mut connect(&proxy), "d"), heard("d"));
}

#[test]
fn answers_are_late_by_the_latency() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    proxy.delay(Duration::from_millis(80), Duration::from_millis(20));
    let began = Instant::now();
    assert_eq!(say(&mut stream, "a"), heard("a"));
    assert!(Duration::from_millis(59) <= began.elapsed());
}

#[test]
fn a_cut_lets_no_more_than_its_bytes_through() {
    let proxy = Proxy::start(echo(), 1);
    let direction = Direction::Answers;
    let bytes_max = 3;
    proxy.cut(Some(Cut {
        direction,
        bytes_max,
    }));
    let mut stream = connect(&proxy);
    let mut passed = String::new();
    if stream.write_all(b"abcdef").is_ok() {
        while let Ok(Some(part)) = hear(&mut stream) {
            passed.push_str(&part);
        }
    }
    assert!(passed.len() <= 3, "{passed}");
    assert!(hear(&mut stream).is_err());
    proxy.cut(None);
    assert_eq!(say(&mut connect(&proxy), "abcdef"), heard("abcdef"));
}

#[test]
fn it_leads_to_another_place_when_told() {
    let proxy = Proxy::start("127.0.0.1:1".parse().expect("an address"), 1);
    assert!(say(&mut connect(&proxy), "a").is_err());
    proxy.lead_to(echo());
    assert_eq!(say(&mut connect(&proxy), "b"), heard("b"));
}
