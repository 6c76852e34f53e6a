//! What failures are called, and what their texts show.

use runtime::departure::Departure;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::server::{Server, answer};
use super::*;
use crate::{Method, RESPONSE_BODY_BYTES_MAX};

const SHORT: Duration = Duration::from_millis(200);

fn assert_shows_no_secret(error: &SendError) {
    let text = error.to_string();
    for secret in ["secret", "token", "user", "pass"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://user:pass@{address}/secret?token=1");
    let error = failed(&HttpOptions::default(), &url).await;
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    assert!(!error.may_have_arrived());
    assert!(
        error.to_string().starts_with(&format!("{address}: ")),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .to_lowercase()
            .contains("connection refused"),
        "{error}"
    );
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn an_unknown_name_is_not_sent() {
    // A label of 64 characters is refused before anybody is asked.
    let url = format!("http://{}.example.org/secret", "x".repeat(64));
    let error = failed(&HttpOptions::default(), &url).await;
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn a_timeout_after_the_request_went_out_is_ambiguous() {
    // It takes connections and reads nothing: the kernel accepts for it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret?token=1", listener.local_addr().unwrap());
    let error = client(&HttpOptions::default())
        .send(Request::post_json(url, "{}"), SHORT)
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Ambiguous { .. }), "{error:?}");
    assert!(
        error.to_string().ends_with("no answer before the deadline"),
        "{error}"
    );
    assert_shows_no_secret(&error);
}

/// Whether or not it is answered; and not of one before it that never went out.
#[tokio::test]
async fn a_request_that_goes_out_is_seen() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answering = Server::answering(|_| answer("200 OK", "", "")).await;
    let departure = Departure::default();
    let client = client(&HttpOptions::default());
    for (url, goes_out) in [
        (format!("http://{}/", silent.local_addr().unwrap()), true),
        (format!("https://{}/", silent.local_addr().unwrap()), false),
        (answering.url("/"), true),
    ] {
        let began = Instant::now();
        let sent = departure.of(client.send(Request::post_json(&url, "{}"), SHORT));
        let _ = sent.await;
        let is_seen = departure
            .at()
            .is_some_and(|at| began <= at && at <= Instant::now());
        assert_eq!(is_seen, goes_out, "{url}");
    }
}

#[tokio::test]
async fn a_timeout_before_the_connection_stands_is_not_sent() {
    // TLS never begins, so the request has no way out.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let error = client(&HttpOptions::default())
        .send(Request::post_json(url, "{}"), SHORT)
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_ambiguous() {
    let server = Server::answering(|_| String::new()).await;
    let error = failed(&HttpOptions::default(), &server.url("/secret")).await;
    assert!(error.may_have_arrived(), "{error:?}");
    assert_eq!(
        server.requests().len(),
        1,
        "a request that may have arrived is not repeated"
    );
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn a_bad_request_is_invalid() {
    let options = HttpOptions::default();
    for url in [
        "",
        "/path",
        "ftp://example.org/",
        "http://",
        "mailto:user@example.org",
        "http://a b/secret",
    ] {
        let error = failed(&options, url).await;
        assert!(
            matches!(error, SendError::Invalid { .. }),
            "{url}: {error:?}"
        );
        assert_shows_no_secret(&error);
    }
    let request = Request::post_json("http://127.0.0.1:1/", "").with_header("a b", "c");
    let error = client(&options).send(request, PLENTY).await.unwrap_err();
    assert!(matches!(error, SendError::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn any_status_is_an_answer() {
    let server = Server::answering(|_| answer("503 No", "Retry-After: 7\r\n", "why")).await;
    let response = post(&HttpOptions::default(), &server.url("/"))
        .await
        .unwrap();
    assert_eq!((response.status, &*response.body), (503, &b"why"[..]));
    assert_eq!(response.header("retry-after"), Some("7"));
}

#[tokio::test]
async fn a_long_body_is_cut() {
    let server =
        Server::answering(|_| answer("200 OK", "", &"x".repeat(RESPONSE_BODY_BYTES_MAX + 1))).await;
    let response = post(&HttpOptions::default(), &server.url("/"))
        .await
        .unwrap();
    assert_eq!(
        (response.body.len(), response.body_is_cut),
        (RESPONSE_BODY_BYTES_MAX, true)
    );
    let server =
        Server::answering(|_| answer("200 OK", "", &"x".repeat(RESPONSE_BODY_BYTES_MAX))).await;
    let response = post(&HttpOptions::default(), &server.url("/"))
        .await
        .unwrap();
    assert_eq!(
        (response.body.len(), response.body_is_cut),
        (RESPONSE_BODY_BYTES_MAX, false)
    );
}

#[tokio::test]
async fn an_answer_whose_body_never_ends_still_has_its_status() {
    let server =
        Server::answering(|_| "HTTP/1.1 202 OK\r\nContent-Length: 10\r\n\r\nhalf".to_owned()).await;
    let response = client(&HttpOptions::default())
        .send(
            Request::post_json(server.url("/"), ""),
            Duration::from_secs(1),
        )
        .await
        .unwrap();
    assert_eq!(
        (response.status, &*response.body, response.body_is_cut),
        (202, &b"half"[..], true)
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::ok().await;
    let client = client(&HttpOptions::default());
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
        let request = Request {
            method,
            ..Request::post_json(server.url("/"), "x")
        };
        assert_eq!(client.send(request, PLENTY).await.unwrap().status, 200);
    }
    let starts: Vec<String> = server
        .requests()
        .iter()
        .map(|text| text.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(starts, ["GET", "PUT", "POST", "DELETE"]);
}
