//! Requests that take a way round.

use super::server::{Server, answer};
use super::*;
use crate::ProxyOptions;

fn through(proxy: &Server, user: &str) -> HttpOptions {
    let url = format!("http://{user}{}", proxy.address);
    let proxy = ProxyOptions {
        url: Some(url.into()),
        ..ProxyOptions::default()
    };
    HttpOptions {
        proxy,
        ..HttpOptions::default()
    }
}

#[tokio::test]
async fn a_plain_request_is_handed_to_the_proxy() {
    let proxy = Server::ok().await;
    let mut options = through(&proxy, "us:pw@");
    options.proxy.connect_headers = [("X-Connect".to_owned(), vec!["1".into()])].into();
    let response = post(&options, "http://receiver.example.org/hook")
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    let request = proxy.request();
    assert!(
        request.starts_with("POST http://receiver.example.org/hook HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("Proxy-Authorization: Basic dXM6cHc=\r\n"),
        "{request}"
    );
    assert!(!request.contains("X-Connect"), "{request}");
}

#[tokio::test]
async fn a_tls_request_asks_for_a_tunnel() {
    let proxy = Server::answering(|_| answer("403 Forbidden", "", "")).await;
    let mut options = through(&proxy, "");
    options.proxy.connect_headers = [("X-Connect".to_owned(), vec!["1".into()])].into();
    let error = failed(&options, "https://receiver.example.org/secret").await;
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    let request = proxy.request().to_lowercase();
    assert!(
        request.starts_with("connect receiver.example.org:443 http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nx-connect: 1\r\n"), "{request}");
    assert!(!request.contains("secret"), "{request}");
}

/// Whether a request to this machine goes through the proxy with such exceptions.
async fn is_through(no_proxy: Option<&str>) -> bool {
    let (proxy, server) = (Server::ok().await, Server::ok().await);
    let mut options = through(&proxy, "");
    options.proxy.no_proxy = no_proxy.map(str::to_owned);
    post(&options, &server.url("/")).await.unwrap();
    assert_eq!(proxy.requests().len() + server.requests().len(), 1);
    !proxy.requests().is_empty()
}

/// As with Go, this machine is an exception as soon as there is a list of them.
#[tokio::test]
async fn excepted_hosts_are_reached_directly() {
    assert!(is_through(None).await);
    for list in ["example.org,127.0.0.1", "*", "example.org"] {
        assert!(!is_through(Some(list)).await, "{list}");
    }
}

#[tokio::test]
async fn others_go_through_the_proxy_as_before() {
    let proxy = Server::ok().await;
    let mut options = through(&proxy, "us:pw@");
    options.proxy.no_proxy = Some(".receiver.example.org, 10.0.0.0/8".to_owned());
    post(&options, "http://receiver.example.org/hook")
        .await
        .unwrap();
    let request = proxy.request();
    assert!(
        request.contains("Proxy-Authorization: Basic dXM6cHc=\r\n"),
        "{request}"
    );
}

#[test]
fn a_proxy_must_be_one() {
    for url in ["", "proxy", "ftp://example.org"] {
        let proxy = ProxyOptions {
            url: Some(url.into()),
            ..ProxyOptions::default()
        };
        let options = HttpOptions {
            proxy,
            ..HttpOptions::default()
        };
        assert!(matches!(build_error(&options), BuildError::Proxy), "{url}");
    }
}
