//! The client against small servers on 127.0.0.1, and the fake against a clock that does not run.

pub(crate) mod authority;
mod credentials;
mod failure;
mod oauth2;
mod proxy;
mod record;
mod redirect;
mod server;
mod tls;

use std::time::Duration;

use crate::{BuildError, Http, HttpClient, HttpOptions, Request, Response, SendError};

/// Long enough for a busy machine; no test waits for it.
const PLENTY: Duration = Duration::from_secs(20);

fn client(options: &HttpOptions) -> HttpClient {
    HttpClient::new(options, "Alertmanager/0.33.1").unwrap()
}

fn build_error(options: &HttpOptions) -> BuildError {
    HttpClient::new(options, "test").unwrap_err()
}

/// Sends a small POST.
async fn post(options: &HttpOptions, url: &str) -> Result<Response, SendError> {
    client(options)
        .send(Request::post_json(url, "{}"), PLENTY)
        .await
}

/// Sends a small POST and gives the text of the failure.
async fn failed(options: &HttpOptions, url: &str) -> SendError {
    post(options, url).await.unwrap_err()
}
