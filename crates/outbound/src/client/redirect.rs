//! One request of a chain of redirects, and what a redirect makes of it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use http::{Method, StatusCode};
use reqwest::Url;

use crate::message::shown_host;
use crate::{Request, SendError};

/// A request to one server, the first or one a redirect led to.
pub(super) struct Hop {
    pub(super) method: Method,
    /// Where to, without user and password.
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// User and password that stood in the URL.
    pub(super) user: Option<(String, String)>,
    /// Whether this server may see secrets meant for the first one.
    pub(super) is_trusted: bool,
    /// Whether an earlier hop may have accepted the request.
    pub(super) may_have_arrived: bool,
    /// Where the redirect came from, for who may see it: the address of a receiver often is a secret.
    pub(super) referer: Option<String>,
    /// The first server.
    origin: Url,
}

impl Hop {
    /// Makes the first hop of a request.
    pub(super) fn first(request: Request) -> Result<Self, SendError> {
        // The parser's own errors are few words and never quote the URL.
        let url = Url::parse(&request.url).map_err(|error| SendError::Invalid {
            cause: format!("the url is invalid: {error}"),
        })?;
        if !is_web(&url) {
            let cause = "the url is invalid: it must start with http:// or https:// and a host";
            return Err(SendError::Invalid {
                cause: cause.to_owned(),
            });
        }
        let (url, user) = without_user(url);
        Ok(Self {
            method: request.method,
            origin: url.clone(),
            url,
            headers: request.headers,
            body: request.body,
            user,
            is_trusted: true,
            may_have_arrived: false,
            referer: None,
        })
    }

    /// Makes the hop that an answer redirects to; none when the answer is final.
    ///
    /// As in Go, 301, 302 and 303 turn everything but HEAD into a GET without a body, while 307
    /// and 308 repeat the request. A redirect without a usable place is an answer.
    pub(super) fn next(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        follow: bool,
    ) -> Option<Self> {
        let keeps_method = match status.as_u16() {
            _ if !follow => return None,
            301..=303 => matches!(self.method, Method::GET | Method::HEAD),
            307 | 308 => true,
            _ => return None,
        };
        let url = self.url.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
        if !is_web(&url) {
            return None;
        }
        let (url, user) = without_user(url);
        let is_trusted = self.is_trusted && may_see_secrets(&self.origin, &url);
        let is_downgrade = self.url.scheme() == "https" && url.scheme() == "http";
        let mut next = Self {
            method: self.method.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            user: user.or_else(|| self.user.clone()),
            is_trusted,
            // A receiver that sends us elsewhere with the same request did not take it. One that
            // asks for a GET may well have.
            may_have_arrived: self.may_have_arrived || !keeps_method,
            referer: (is_trusted && !is_downgrade).then(|| self.url.to_string()),
            url,
            origin: self.origin.clone(),
        };
        if !keeps_method {
            next.method = Method::GET;
            next.body = Bytes::new();
            let of_body = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING];
            next.headers.retain(|(name, _)| {
                !of_body
                    .iter()
                    .any(|gone| name.eq_ignore_ascii_case(gone.as_str()))
            });
        }
        Some(next)
    }

    /// Gives host and port, all of the URL that may be shown.
    pub(super) fn shown_host(&self) -> String {
        shown_host(&self.url)
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Gives user and password of a URL as they are sent, or nothing where it has neither.
pub(crate) fn user_of(url: &str) -> Option<(String, String)> {
    without_user(Url::parse(url).ok()?).1
}

/// Moves user and password out of a URL.
fn without_user(mut url: Url) -> (Url, Option<(String, String)>) {
    if url.username().is_empty() && url.password().is_none() {
        return (url, None);
    }
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    // Both can only fail for URLs without a host, which are refused before.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (url, Some((user, password)))
}

/// Undoes percent encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        match tail {
            [high, low, after @ ..] if *first == b'%' => {
                if let Some((high, low)) = hex(*high).zip(hex(*low)) {
                    bytes.push(high << 4 | low);
                    rest = after;
                    continue;
                }
            }
            _ => {}
        }
        bytes.push(*first);
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Says whether secrets for one server may go to another: the same host or one below it, and
/// never from TLS to plain text.
fn may_see_secrets(origin: &Url, url: &Url) -> bool {
    if origin.scheme() == "https" && url.scheme() != "https" {
        return false;
    }
    let (Some(origin), Some(host)) = (origin.host_str(), url.host_str()) else {
        return false;
    };
    host == origin
        || host
            .strip_suffix(origin)
            .is_some_and(|below| below.ends_with('.'))
}
