//! The client against a scripted server on 127.0.0.1.

mod accepted;
mod auth;
mod lost;
mod refused;
mod server;
mod tls;

use std::time::Duration;

use super::*;
use crate::{Source, TlsOptions};
use server::{Manner, Script, Server};

/// Long enough for a busy machine; no test waits for it.
const PLENTY: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn mail() -> Mail {
    Mail {
        from: "from@example.org".to_owned(),
        to: vec!["one@example.org".to_owned(), "two@example.org".to_owned()],
        message: Bytes::from_static(b"Subject: x\r\n\r\nhello\r\n"),
    }
}

fn options(server: &Server) -> SmtpOptions {
    SmtpOptions {
        host: "localhost".to_owned(),
        port: server.port,
        hello: "me.example.org".to_owned(),
        encryption: Encryption::None,
        tls: TlsOptions::default(),
        credentials: None,
    }
}

fn credentials(password: &str, secret: &str) -> Option<SmtpCredentials> {
    let source = |text: &str| (!text.is_empty()).then(|| Source::inline(text));
    Some(SmtpCredentials {
        username: "me".to_owned(),
        password: source(password),
        secret: source(secret),
        identity: String::new(),
    })
}

/// Sends a mail that the server, if it accepts it, accepts in the usual words.
async fn deliver(client: &SmtpClient, mail: &Mail, deadline: Duration) -> Result<(), SmtpError> {
    let words = client.send(mail, deadline).await?;
    assert_eq!(words, "250 queued");
    Ok(())
}

async fn send(options: &SmtpOptions, mail: &Mail) -> Result<(), SmtpError> {
    deliver(&SmtpClient::new(options).unwrap(), mail, PLENTY).await
}

/// Sends the usual mail and gives the verdict and what the server heard.
async fn told(
    script: Script,
    change: impl FnOnce(&mut SmtpOptions),
) -> (Result<(), SmtpError>, Vec<String>) {
    let server = Server::start(script).await;
    let mut options = options(&server);
    change(&mut options);
    let sent = send(&options, &mail()).await;
    (sent, server.heard())
}
