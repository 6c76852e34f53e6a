//! Tokens: asked for, kept, refused, and never shown.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::server::{Server, answer};
use super::*;
use crate::{Authentication, OAuth2, ProxyOptions, Source, TlsOptions};

const SECRET: &str = "sw0rd/f sh";

fn of(token_url: &str) -> OAuth2 {
    OAuth2 {
        client_id: "me&you".to_owned(),
        client_secret: Some(Source::inline(SECRET)),
        token_url: token_url.to_owned(),
        ..OAuth2::default()
    }
}

fn with(oauth2: OAuth2) -> HttpOptions {
    HttpOptions {
        authentication: Some(Authentication::OAuth2(Box::new(oauth2))),
        ..HttpOptions::default()
    }
}

fn json(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// Gives `token-1`, `token-2` and so on, with something more about each.
async fn tokens(more: &'static str) -> Server {
    let count = AtomicUsize::new(0);
    Server::answering(move |_| {
        let n = 1 + count.fetch_add(1, Ordering::Relaxed);
        json(&format!(r#"{{"access_token":"token-{n}"{more}}}"#))
    })
    .await
}

fn authorization(request: &str) -> &str {
    let line = request
        .lines()
        .find_map(|l| l.strip_prefix("Authorization: "));
    line.unwrap_or_default()
}

fn authorizations(server: &Server) -> Vec<String> {
    let requests = server.requests();
    requests
        .iter()
        .map(|r| authorization(r).to_owned())
        .collect()
}

/// Sends that many messages, one after the other.
async fn send(client: &HttpClient, server: &Server, count: usize) {
    for _ in 0..count {
        let request = Request::post_json(server.url("/hook"), "{}");
        client.send(request, PLENTY).await.unwrap();
    }
}

async fn failure(oauth2: OAuth2, deadline: Duration) -> SendError {
    let receiver = Server::ok().await;
    let request = Request::post_json(receiver.url("/hook"), "{}");
    let error = client(&with(oauth2)).send(request, deadline).await;
    assert_eq!(receiver.requests(), [""; 0], "nothing may be sent");
    let error = error.unwrap_err();
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    error
}

#[tokio::test]
async fn a_token_is_asked_for_as_go_does_and_kept() {
    let (server, receiver) = (tokens("").await, Server::ok().await);
    let mut oauth2 = of(&server.url("/token?x=y"));
    oauth2.scopes = vec!["a".to_owned(), "b/c".to_owned()];
    oauth2.endpoint_params = [("audience".to_owned(), "all of you".to_owned())].into();
    send(&client(&with(oauth2)), &receiver, 3).await;
    let request = server.request();
    assert!(
        request.starts_with("POST /token?x=y HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nUser-Agent: Alertmanager/"),
        "{request}"
    );
    assert!(
        request
            .ends_with("\r\n\r\naudience=all+of+you&grant_type=client_credentials&scope=a+b%2Fc"),
        "{request}"
    );
    // me%26you:sw0rd%2Ff+sh
    assert_eq!(
        authorization(&request),
        "Basic bWUlMjZ5b3U6c3cwcmQlMkZmK3No"
    );
    assert_eq!(authorizations(&receiver), ["Bearer token-1"; 3]);
}

#[tokio::test]
async fn the_server_says_what_kind_of_token_it_is() {
    for (answered, expected) in [
        (
            r#"{"access_token":"t0ken","token_type":"bearer"}"#,
            "Bearer t0ken",
        ),
        (
            r#"{"access_token":"t0ken","token_type":"mac"}"#,
            "MAC t0ken",
        ),
        (
            r#"{"access_token":"t0ken","token_type":"Own"}"#,
            "Own t0ken",
        ),
        ("access_token=t0%2Fken&expires_in=60", "Bearer t0/ken"),
    ] {
        let server = Server::answering(move |_| json(answered)).await;
        let receiver = Server::ok().await;
        let client = client(&with(of(&server.url("/"))));
        send(&client, &receiver, 1).await;
        assert_eq!(authorizations(&receiver), [expected]);
    }
}

#[tokio::test]
async fn a_token_wins_over_what_a_request_has_and_strangers_get_none() {
    let (server, stranger) = (tokens("").await, Server::ok().await);
    let place = stranger.url("/").replace("127.0.0.1", "localhost");
    let receiver =
        Server::answering(move |_| answer("307 Go", &format!("Location: {place}\r\n"), "")).await;
    let url = format!("http://user:pass@{}/", receiver.address);
    let request = Request::post_json(url, "{}").with_header("Authorization", "GenieKey k");
    let client = client(&with(of(&server.url("/"))));
    client.send(request, PLENTY).await.unwrap();
    assert_eq!(authorizations(&receiver), ["Bearer token-1"]);
    assert_eq!(authorizations(&stranger), [""]);
}

#[tokio::test]
async fn a_token_is_fetched_anew_ten_seconds_before_its_end() {
    for (more, used) in [
        (r#","expires_in":3600"#, "token-1"),
        (r#","expires_in":"3600""#, "token-1"),
        (r#","expires_in":0"#, "token-1"),
        (r#","expires_in":11"#, "token-1"),
        (r#","expires_in":10"#, "token-2"),
        (r#","expires_in":-5"#, "token-2"),
    ] {
        let (server, receiver) = (tokens(more).await, Server::ok().await);
        let client = client(&with(of(&server.url("/"))));
        send(&client, &receiver, 2).await;
        let bearers = authorizations(&receiver);
        assert_eq!(
            bearers,
            ["Bearer token-1".to_owned(), format!("Bearer {used}")]
        );
    }
}

#[tokio::test]
async fn those_who_wait_share_one_token() {
    let (server, receiver) = (tokens("").await, Server::ok().await);
    let client = client(&with(of(&server.url("/"))));
    tokio::join!(
        send(&client, &receiver, 2),
        send(&client, &receiver, 2),
        send(&client, &receiver, 2)
    );
    assert_eq!(server.requests().len(), 1);
    assert_eq!(receiver.requests().len(), 6);
}

#[tokio::test]
async fn a_server_that_reads_no_header_gets_a_form() {
    let server = Server::answering(|request| match request.contains("client_secret=") {
        true => json(r#"{"access_token":"t0ken","expires_in":1}"#),
        false => answer("401 No", "", r#"{"error":"invalid_client"}"#),
    })
    .await;
    let receiver = Server::ok().await;
    send(&client(&with(of(&server.url("/")))), &receiver, 2).await;
    let requests = server.requests();
    // The header is tried once.
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(authorization(&requests[0]).starts_with("Basic "));
    for request in &requests[1..] {
        assert_eq!(authorization(request), "");
        assert!(
            request.ends_with(
                "\r\n\r\nclient_id=me%26you&client_secret=sw0rd%2Ff+sh&grant_type=client_credentials"
            ),
            "{request}"
        );
    }
    assert_eq!(authorizations(&receiver), ["Bearer t0ken"; 2]);
}

#[tokio::test]
async fn a_secret_that_changed_asks_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let (server, receiver) = (tokens("").await, Server::ok().await);
    let mut oauth2 = of(&server.url("/"));
    oauth2.client_secret = Some(Source::File(file.clone()));
    let error = failure(oauth2.clone(), PLENTY).await.to_string();
    assert!(
        error.starts_with("cannot read client_secret_file `"),
        "{error}"
    );
    let client = client(&with(oauth2));
    for secret in ["one\n", "one", "two"] {
        fs::write(&file, secret).unwrap();
        send(&client, &receiver, 1).await;
    }
    fs::remove_file(&file).unwrap();
    send(&client, &receiver, 1).await;
    let bearers = authorizations(&receiver);
    assert_eq!(bearers[..2], ["Bearer token-1"; 2]);
    // What is kept serves while the file is away.
    assert_eq!(bearers[2..], ["Bearer token-2"; 2]);
    // me%26you:one and me%26you:two
    let asked = authorizations(&server);
    assert_eq!(asked, ["Basic bWUlMjZ5b3U6b25l", "Basic bWUlMjZ5b3U6dHdv"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_dropped_and_the_message_is_not_sent_again() {
    let server = tokens("").await;
    let receiver = Server::answering(|request| match authorization(request) {
        "Bearer token-1" => answer("401 No", "", "who is token-1?"),
        _ => answer("200 OK", "", "ok"),
    })
    .await;
    let client = client(&with(of(&server.url("/"))));
    let request = Request::post_json(receiver.url("/hook"), "{}");
    let response = client.send(request, PLENTY).await.unwrap();
    // A token never reaches a log by what a receiver echoes.
    assert_eq!(
        (response.status, &*response.body),
        (401, &b"who is <secret>?"[..])
    );
    assert_eq!(receiver.requests().len(), 1);
    send(&client, &receiver, 2).await;
    let expected = ["Bearer token-1", "Bearer token-2", "Bearer token-2"];
    assert_eq!(authorizations(&receiver), expected);
}

#[tokio::test]
async fn a_refusal_is_told_without_secrets() {
    for (status, body, said) in [
        (
            "401 No",
            r#"{"error":"invalid_client","error_description":"not\nsw0rd/f sh, Basic bWUlMjZ5b3U6c3cwcmQlMkZmK3No"}"#,
            "answered 401: invalid_client: not <secret>, Basic <secret>",
        ),
        (
            "400 No",
            "no sw0rd%2Ff+sh here",
            "answered 400: no <secret> here",
        ),
        ("503 No", "", "answered 503"),
        (
            "500 No",
            r#"{"access_token":"leaked-one"}"#,
            r#"answered 500: {"access_token":"<secret>"}"#,
        ),
        ("200 OK", r#"{"error":"busy"}"#, "answered 200: busy"),
        ("200 OK", "error=busy", "answered 200: busy"),
        ("200 OK", "{}", "answered 200 without an access_token"),
        ("200 OK", "<html>", "answered 200 without an access_token"),
        (
            "200 OK",
            r#"{"access_token":"a\nb"}"#,
            "answered 200 with a token that no header can hold",
        ),
    ] {
        let server = Server::answering(move |_| answer(status, "", body)).await;
        let error = failure(of(&server.url("/secret-path")), PLENTY).await;
        let host = server.address;
        let expected = format!("cannot fetch an oauth2 token: {host} {said}");
        assert_eq!(error.to_string(), expected);
    }
    let long = Server::answering(|_| answer("400 No", "", &"x".repeat(5000))).await;
    let error = failure(of(&long.url("/")), PLENTY).await.to_string();
    assert!(error.len() < 400, "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_no_more_than_the_deadline() {
    let short = Duration::from_millis(200);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    let error = failure(of(&url), short).await.to_string();
    assert!(error.ends_with("no answer before the deadline"), "{error}");
    // Those who wait behind it are in time as well.
    let receiver = Server::ok().await;
    let client = client(&with(of(&url)));
    let send = || client.send(Request::post_json(receiver.url("/"), "{}"), short);
    let (one, two) = tokio::join!(send(), send());
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    }
    drop(listener);
    let error = failure(of(&url), PLENTY).await.to_string();
    assert!(
        error.to_lowercase().contains("connection refused"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    assert_eq!(receiver.requests(), [""; 0]);
}

#[tokio::test]
async fn the_token_server_has_a_proxy_of_its_own() {
    let (proxy, receiver) = (tokens("").await, Server::ok().await);
    let mut oauth2 = of("http://tokens.example.org/token");
    oauth2.proxy = ProxyOptions {
        url: Some(proxy.url("").into()),
        ..ProxyOptions::default()
    };
    send(&client(&with(oauth2)), &receiver, 1).await;
    let request = proxy.request();
    assert!(
        request.starts_with("POST http://tokens.example.org/token HTTP/1.1\r\n"),
        "{request}"
    );
    assert_eq!(authorizations(&receiver), ["Bearer token-1"]);
}

#[test]
fn what_can_fetch_no_token_is_refused() {
    let scoped = OAuth2 {
        scopes: vec!["a".to_owned()],
        endpoint_params: [("scope".to_owned(), "b".to_owned())].into(),
        ..of("http://example.org/")
    };
    let tls = TlsOptions {
        cert: Some(Source::inline("c")),
        ..TlsOptions::default()
    };
    for (oauth2, expected) in [
        (of("token"), "oauth2: token_url: the url is invalid"),
        (
            of("ftp://example.org/"),
            "oauth2: token_url: the url is invalid",
        ),
        (scoped, "oauth2: the scope is given twice"),
        (
            OAuth2 {
                tls,
                ..of("https://example.org/")
            },
            "oauth2: tls_config: cert and key go together",
        ),
    ] {
        let error = build_error(&with(oauth2)).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let shown = format!("{:?}", client(&with(of("http://example.org/"))));
    assert!(!shown.contains("sw0rd"), "{shown}");
}
