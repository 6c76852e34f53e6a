//! Where redirects lead and what goes along.

use super::server::{Server, answer};
use super::*;
use crate::{Authentication, Authorization, HeaderValues, Source};

fn redirecting(status: &'static str, to: &str) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let location = format!("Location: {to}\r\n");
    move |request| {
        if request.contains("/start") {
            answer(status, &location, "moved")
        } else {
            answer("200 OK", "", "ok")
        }
    }
}

/// Posts to a server that redirects to itself; gives the first line and the body it got then.
async fn follows(status: &'static str) -> (String, String) {
    let server = Server::answering(redirecting(status, "/end?x=1")).await;
    let response = post(&HttpOptions::default(), &server.url("/start"))
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    let last = server.requests().pop().unwrap();
    let (head, body) = last.split_once("\r\n\r\n").unwrap();
    assert_eq!(head.contains("Content-Type"), !body.is_empty(), "{head}");
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn some_redirects_turn_a_post_into_a_get() {
    for status in ["301 Moved", "302 Found", "303 See Other"] {
        let (line, body) = follows(status).await;
        assert_eq!(
            (line.as_str(), body.as_str()),
            ("GET /end?x=1 HTTP/1.1", ""),
            "{status}"
        );
    }
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let (line, body) = follows(status).await;
        assert_eq!(
            (line.as_str(), body.as_str()),
            ("POST /end?x=1 HTTP/1.1", "{}"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_the_answer_when_it_is_not_followed() {
    let server = Server::answering(redirecting("302 Found", "/end")).await;
    let options = HttpOptions {
        follow_redirects: false,
        ..HttpOptions::default()
    };
    let response = post(&options, &server.url("/start")).await.unwrap();
    assert_eq!((response.status, &*response.body), (302, &b"moved"[..]));

    for answered in [
        answer("302 Found", "", ""),
        answer("304 Same", "Location: /end\r\n", ""),
    ] {
        let server = Server::answering(move |_| answered.clone()).await;
        let response = post(&HttpOptions::default(), &server.url("/start"))
            .await
            .unwrap();
        assert!((302..305).contains(&response.status));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_circle_ends() {
    let server = Server::answering(redirecting("307 Again", "/start")).await;
    let error = failed(&HttpOptions::default(), &server.url("/start")).await;
    assert!(
        error.to_string().ends_with("stopped after 10 redirects"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 10);
}

#[tokio::test]
async fn a_stranger_gets_no_secrets() {
    let stranger = Server::ok().await;
    let elsewhere = format!("http://localhost:{}/end", stranger.address.port());
    let server = Server::answering(redirecting("307 There", &elsewhere)).await;
    let bearer = Authorization::bearer(Source::inline("tok"));
    let key = HeaderValues {
        secrets: vec!["key".into()],
        ..HeaderValues::default()
    };
    let options = HttpOptions {
        authentication: Some(Authentication::Authorization(bearer)),
        headers: [("X-Key".to_owned(), key)].into(),
        ..HttpOptions::default()
    };
    post(&options, &server.url("/start")).await.unwrap();
    assert!(server.request().contains("X-Key: key\r\n"));
    assert!(server.request().contains("Authorization: Bearer tok\r\n"));
    let request = stranger.request();
    assert!(
        request.starts_with("POST /end HTTP/1.1\r\n") && request.ends_with("{}"),
        "{request}"
    );
    assert!(
        !request.contains("X-Key") && !request.contains("Authorization"),
        "{request}"
    );
    assert!(!request.contains("Referer"), "{request}");
}

#[tokio::test]
async fn a_server_hears_where_it_redirected_from_without_the_user() {
    let server = Server::answering(redirecting("307 There", "/end")).await;
    let url = server.url("/start?a=1").replace("http://", "http://us:pw@");
    post(&HttpOptions::default(), &url).await.unwrap();
    let requests = server.requests();
    assert!(!requests[0].contains("Referer"), "{}", requests[0]);
    let referer = format!("Referer: {}\r\n", server.url("/start?a=1"));
    assert!(requests[1].contains(&referer), "{}", requests[1]);
}

#[tokio::test]
async fn a_failure_after_a_redirect_is_sure_only_when_the_request_was_passed_on() {
    for (status, may_have_arrived) in [("307 There", false), ("303 There", true)] {
        let server = Server::answering(redirecting(status, "http://127.0.0.1:1/end")).await;
        let error = failed(&HttpOptions::default(), &server.url("/start")).await;
        assert_eq!(
            error.may_have_arrived(),
            may_have_arrived,
            "{status}: {error:?}"
        );
    }
}
