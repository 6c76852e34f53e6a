//! What requests carry.

use std::fs;

use super::server::Server;
use super::*;
use crate::{Authentication, Authorization, BasicAuth, HeaderValues, Source};

fn with(authentication: Authentication) -> HttpOptions {
    HttpOptions {
        authentication: Some(authentication),
        ..HttpOptions::default()
    }
}

fn basic(username: Source, password: Source) -> HttpOptions {
    with(Authentication::Basic(BasicAuth {
        username: Some(username),
        password: Some(password),
    }))
}

/// Sends to a fresh server and checks that a line is in the request's head.
async fn sends(options: &HttpOptions, line: &str) {
    let server = Server::ok().await;
    post(options, &server.url("/")).await.unwrap();
    let request = server.request();
    assert!(
        request.contains(&format!("\r\n{line}\r\n")),
        "no `{line}` in {request}"
    );
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::ok().await;
    let request = Request::post_json(server.url("/hook?k=v"), r#"{"a":1}"#)
        .with_header("Idempotency-Key", "x1");
    let response = client(&HttpOptions::default())
        .send(request, PLENTY)
        .await
        .unwrap();
    assert_eq!(
        (response.status, &*response.body, response.body_is_cut),
        (200, &b"ok"[..], false)
    );
    assert_eq!(response.header("Content-length"), Some("2"));
    let text = server.request();
    assert!(text.starts_with("POST /hook?k=v HTTP/1.1\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n{\"a\":1}"), "{text}");
    for line in [
        "User-Agent: Alertmanager/0.33.1",
        "Content-Type: application/json",
        "Idempotency-Key: x1",
        "Content-Length: 7",
    ] {
        assert!(
            text.contains(&format!("\r\n{line}\r\n")),
            "no `{line}` in {text}"
        );
    }
}

#[tokio::test]
async fn basic_and_bearer() {
    sends(
        &basic(Source::inline("user"), Source::inline("päss")),
        "Authorization: Basic dXNlcjpww6Rzcw==",
    )
    .await;
    let bearer = Authorization::bearer(Source::inline("tok"));
    sends(
        &with(Authentication::Authorization(bearer)),
        "Authorization: Bearer tok",
    )
    .await;
    let other = Authorization {
        scheme: "GenieKey".to_owned(),
        ..Authorization::bearer(Source::inline("k"))
    };
    sends(
        &with(Authentication::Authorization(other)),
        "Authorization: GenieKey k",
    )
    .await;
}

#[tokio::test]
async fn files_are_read_at_every_request_and_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let options = basic(Source::inline("u"), Source::File(file.clone()));
    let client = client(&options);
    let server = Server::ok().await;

    let missing = client
        .send(Request::post_json(server.url("/"), ""), PLENTY)
        .await
        .unwrap_err();
    assert!(matches!(missing, SendError::NotSent { .. }), "{missing}");
    assert!(
        missing
            .to_string()
            .starts_with("cannot read password_file `"),
        "{missing}"
    );

    for (content, header) in [(" one\n", "Basic dTpvbmU="), ("two", "Basic dTp0d28=")] {
        fs::write(&file, content).unwrap();
        client
            .send(Request::post_json(server.url("/"), ""), PLENTY)
            .await
            .unwrap();
        let last = server.requests().pop().unwrap();
        assert!(
            last.contains(&format!("Authorization: {header}\r\n")),
            "{last}"
        );
    }
}

#[tokio::test]
async fn the_nearest_credentials_win() {
    let options = basic(Source::inline("configured"), Source::inline("x"));
    let server = Server::ok().await;
    let url = format!("http://us%40er:p%3Ass@{}/", server.address);
    client(&options)
        .send(Request::post_json(&url, ""), PLENTY)
        .await
        .unwrap();
    let own = Request::post_json(&url, "").with_header("Authorization", "GenieKey k");
    client(&options).send(own, PLENTY).await.unwrap();
    let requests = server.requests();
    assert!(
        requests[0].contains("Authorization: Basic dXNAZXI6cDpzcw==\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].contains("Authorization: GenieKey k\r\n"),
        "{}",
        requests[1]
    );
    assert!(!requests.concat().contains("Basic Y29u"), "{requests:?}");
}

#[tokio::test]
async fn configured_headers_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("value");
    fs::write(&file, "three\n").unwrap();
    let values = HeaderValues {
        values: vec!["one".to_owned()],
        secrets: vec!["two".into()],
        files: vec![file],
    };
    let options = HttpOptions {
        headers: [("X-Scope".to_owned(), values)].into(),
        ..HttpOptions::default()
    };
    sends(&options, "X-Scope: one\r\nX-Scope: two\r\nX-Scope: three").await;
    assert!(!format!("{options:?}").contains("two"));
}

#[test]
fn options_that_cannot_be_carried_out_are_refused() {
    let header = HeaderValues {
        values: vec!["a\nb".to_owned()],
        ..HeaderValues::default()
    };
    let options = HttpOptions {
        headers: [("X-A".to_owned(), header)].into(),
        ..HttpOptions::default()
    };
    assert!(build_error(&options).to_string().contains("`X-A`"));
}

#[test]
fn nothing_secret_is_shown() {
    let request = Request::post_json("http://u:p@example.org/secret?token=1", "body")
        .with_header("Authorization", "hidden");
    let shown = format!("{request:?}");
    assert!(
        shown.contains("example.org") && shown.contains("Authorization"),
        "{shown}"
    );
    for secret in ["secret", "token", "hidden", "u:p", "\"body\""] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let options = basic(Source::inline("usr"), Source::inline("pwd"));
    let shown = format!("{:?}", client(&options));
    assert!(!shown.contains("usr") && !shown.contains("pwd"), "{shown}");
}
