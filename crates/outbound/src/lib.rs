//! The only door out: every request this program makes to somebody else's server passes here.
//!
//! Callers see the port [`Http`]: one request, one deadline, one answer. [`HttpClient`] is the real
//! thing, set up by [`HttpOptions`] (an Alertmanager `http_config`); [`RecordingHttp`] is the fake
//! for tests. Mail goes through the port [`Smtp`] and its [`SmtpClient`]. A failure says whether the request may have reached the receiver ([`SendError`]),
//! because that decides whether repeating it can tell somebody twice.
//!
//! URLs often carry a secret in their path or query, so no error and no `Debug` text here shows
//! more of a URL than its host.

mod client;
mod error;
pub mod form;
mod message;
mod options;
mod record;
mod redaction;
mod renewed;
mod secret;
pub mod smtp;
mod source;
mod tls;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
pub use http::Method;

pub use client::HttpClient;
pub use error::{BuildError, SendError};
pub use message::{RESPONSE_BODY_BYTES_MAX, Request, Response};
pub use options::{
    Authentication, Authorization, BasicAuth, HeaderValues, HttpOptions, OAuth2, ProxyOptions,
    Source, TlsOptions, TlsVersion,
};
pub use record::{Answer, Recorded, RecordingHttp};
pub use redaction::redact;
pub use secret::Secret;
pub use smtp::{Smtp, SmtpClient};

/// Sends HTTP requests.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request and gives its answer, whatever its status.
    ///
    /// The deadline covers everything: name lookup, connection, redirects and the answer.
    ///
    /// # Errors
    /// No answer came; the variant says whether the request may have been accepted nevertheless.
    async fn send(&self, request: Request, deadline: Duration) -> Result<Response, SendError>;
}
