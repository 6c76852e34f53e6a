//! What is sent and what comes back.

use std::fmt::{Debug, Formatter, Result};

use bytes::Bytes;
use http::Method;

/// Most bytes of an answer's body that are read.
///
/// Bodies serve for error texts and small identifiers; 64 KiB is far beyond both, and a receiver
/// that streams for ever must not fill our memory.
pub const RESPONSE_BODY_BYTES_MAX: usize = 64 * 1024;

/// A request to somebody else's server.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to; often a secret. A user and password in it become basic authentication.
    pub url: String,
    /// Headers by name. They win over what the client's options would add.
    pub headers: Vec<(String, String)>,
    /// The body, possibly empty.
    pub body: Bytes,
}

impl Request {
    /// Makes a POST of a JSON document.
    #[must_use]
    pub fn post_json(url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            url: url.into(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Finds the first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Gives the host and the port of the URL, which is all of it that may be shown.
    #[must_use]
    pub fn shown_host(&self) -> String {
        reqwest::Url::parse(&self.url)
            .map_or_else(|_| "<invalid url>".to_owned(), |url| shown_host(&url))
    }
}

impl Debug for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.shown_host())
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first [`RESPONSE_BODY_BYTES_MAX`] bytes of the body.
    pub body: Bytes,
    /// Whether the body had more, or its end did not come before the deadline.
    pub body_is_cut: bool,
}

impl Response {
    /// Makes an answer of a status alone.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// Finds the first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| &**value)
}

/// Gives host and port of a URL.
pub(crate) fn shown_host(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
