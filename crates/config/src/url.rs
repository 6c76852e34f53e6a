//! URLs as Go's `net/url` reads them: the same texts are accepted, and they print the same.

use std::fmt;

use crate::duration::quoted;

/// An http or https URL with a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpUrl(String);

/// Why a text is not a URL; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read as a URL at all.
    #[error("parse {url}: {reason}", url = quoted(url))]
    Malformed {
        /// The text, without its fragment.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It is neither http nor https.
    #[error("unsupported scheme {scheme} for URL", scheme = quoted(_0))]
    Scheme(String),
    /// It names no host.
    #[error("missing host for URL")]
    Host,
}

impl UrlError {
    /// The reason alone, for addresses that are secrets.
    pub(crate) fn without_url(&self) -> String {
        match self {
            Self::Malformed { reason, .. } => format!("the URL cannot be read: {reason}"),
            other => other.to_string(),
        }
    }
}

impl HttpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What Go and Alertmanager say about a text that is no http or https URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let parts = Parts::read(text)?;
        if parts.scheme != "http" && parts.scheme != "https" {
            return Err(UrlError::Scheme(parts.scheme));
        }
        if parts.host.is_empty() {
            return Err(UrlError::Host);
        }
        Ok(Self(parts.print(None)))
    }

    /// The URL's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same URL with a `/` at the end of its path.
    pub(crate) fn with_slash(&self) -> Self {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        let (path, rest) = self.0.split_at_checked(end).unwrap_or((&self.0, ""));
        if path.ends_with('/') {
            self.clone()
        } else {
            Self(format!("{path}/{rest}"))
        }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A proxy's URL: any URL Go can read; its password is never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProxyUrl {
    full: String,
    shown: String,
}

impl ProxyUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let parts = Parts::read(text)?;
        Ok(Self {
            full: parts.print(None),
            shown: parts.print(Some("xxxxx")),
        })
    }

    /// The URL with its password, for the one place that connects to it.
    pub fn expose(&self) -> &str {
        &self.full
    }

    /// The URL without its password.
    pub fn redacted(&self) -> &str {
        &self.shown
    }

    /// Whether it is the empty URL, which means "no proxy".
    pub fn is_empty(&self) -> bool {
        self.full.is_empty()
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[derive(Default)]
struct Parts<'a> {
    scheme: String,
    opaque: Option<&'a str>,
    user: Option<&'a str>,
    has_authority: bool,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Result<Self, UrlError> {
        let (url, fragment) = match text.split_once('#') {
            Some((url, fragment)) => (url, Some(fragment)),
            None => (text, None),
        };
        let malformed = |reason: String| UrlError::Malformed {
            url: url.to_owned(),
            reason,
        };
        let mut parts = Self::read_without_fragment(url).map_err(malformed)?;
        if let Some(fragment) = fragment {
            let malformed = |reason| UrlError::Malformed {
                url: text.to_owned(),
                reason,
            };
            check_escapes(fragment).map_err(malformed)?;
            parts.fragment = Some(fragment).filter(|fragment| !fragment.is_empty());
        }
        Ok(parts)
    }

    fn read_without_fragment(url: &'a str) -> Result<Self, String> {
        if url.chars().any(|c| c.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = split_scheme(url)?;
        let mut parts = Self {
            scheme: scheme.to_ascii_lowercase(),
            ..Self::default()
        };
        let rest = match rest.split_once('?') {
            Some((rest, query)) => {
                parts.query = Some(query);
                rest
            }
            None => rest,
        };
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                parts.opaque = Some(rest);
                return Ok(parts);
            }
            if rest
                .split('/')
                .next()
                .is_some_and(|segment| segment.contains(':'))
            {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        parts.path = rest;
        if (!scheme.is_empty() || !rest.starts_with("///")) && rest.starts_with("//") {
            let rest = rest.get(2..).unwrap_or("");
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            parts.has_authority = true;
            parts.path = path;
            let (user, host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, authority),
            };
            parts.host = host;
            check_host(host)?;
            if let Some(user) = user {
                check_user(user)?;
            }
            parts.user = user;
        }
        check_escapes(parts.path)?;
        Ok(parts)
    }

    /// Go's `URL.String`, with another password when one is given.
    fn print(&self, password: Option<&str>) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if let Some(opaque) = self.opaque {
            out.push_str(opaque);
        } else {
            if self.has_authority && (!self.scheme.is_empty() || !self.host.is_empty()) {
                out.push_str("//");
            }
            if let Some(user) = self.user {
                match (user.split_once(':'), password) {
                    (Some((name, _)), Some(password)) => {
                        out.push_str(&format!("{name}:{password}"));
                    }
                    _ => out.push_str(user),
                }
                out.push('@');
            }
            push_escaped(&mut out, self.host.as_bytes(), "-_.~!$&'()*+,;=:[]<>\"%");
            push_path(&mut out, self.path);
        }
        if let Some(query) = self.query {
            out.push('?');
            out.push_str(query);
        }
        if let Some(fragment) = self.fragment {
            out.push('#');
            push_path(&mut out, fragment);
        }
        out
    }
}

fn split_scheme(url: &str) -> Result<(&str, &str), String> {
    for (i, c) in url.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if 0 < i => {}
            ':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((url.get(..i).unwrap_or(""), url.get(i + 1..).unwrap_or(""))),
            _ => return Ok(("", url)),
        }
    }
    Ok(("", url))
}

fn check_host(host: &str) -> Result<(), String> {
    let port = if host.starts_with('[') {
        let Some(end) = host.rfind(']') else {
            return Err("missing ']' in host".to_owned());
        };
        host.get(end + 1..).unwrap_or("")
    } else {
        host.rfind(':').and_then(|i| host.get(i..)).unwrap_or("")
    };
    let digits = port.strip_prefix(':');
    if !port.is_empty() && !digits.is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    for (i, c) in host.char_indices() {
        let is_fine = !c.is_ascii()
            || c.is_ascii_alphanumeric()
            || "-_.~!$&'()*+,;=:[]<>\"".contains(c)
            || (c == '%' && host.starts_with('['));
        if c == '%' && !is_fine {
            let escape: String = host.chars().skip(i).take(3).collect();
            return Err(format!("invalid URL escape {}", quoted(&escape)));
        }
        if !is_fine {
            return Err(format!(
                "invalid character {} in host name",
                quoted(&c.to_string())
            ));
        }
    }
    Ok(())
}

fn check_user(user: &str) -> Result<(), String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(is_fine) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    check_escapes(user)
}

fn check_escapes(text: &str) -> Result<(), String> {
    for (i, _) in text.match_indices('%') {
        let escape = text.get(i + 1..i + 3).map(str::as_bytes);
        if !escape.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let shown: String = text.get(i..).unwrap_or("").chars().take(3).collect();
            return Err(format!("invalid URL escape {}", quoted(&shown)));
        }
    }
    Ok(())
}

/// Writes a path as it is when it is properly escaped, otherwise as Go escapes it.
fn push_path(out: &mut String, path: &str) {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:@[]%/".contains(c);
    if path.chars().all(may_stand) {
        out.push_str(path);
    } else {
        push_escaped(out, &unescape(path), "-_.~$&+,/:;=@");
    }
}

/// Writes bytes, escaping all but letters, digits and these characters.
fn push_escaped(out: &mut String, bytes: &[u8], allowed: &str) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || allowed.as_bytes().contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The bytes that an escaped text stands for; its escapes are already checked.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', a, b, ..] => std::str::from_utf8(&[*a, *b])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            rest.get(3..).unwrap_or(&[])
        } else {
            tail
        };
    }
    bytes
}

/// A `host:port` address; both empty when none is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    /// The port, a number or a service name.
    pub port: String,
}

impl HostPort {
    /// Reads an address; an empty text is "none".
    ///
    /// # Errors
    /// Go's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bad = |why: &str| format!("address {text}: {why}");
        let (front, port) = text
            .rsplit_once(':')
            .ok_or_else(|| bad("missing port in address"))?;
        let host = if let Some(inner) = text.strip_prefix('[') {
            let (host, tail) = inner
                .split_once(']')
                .ok_or_else(|| bad("missing ']' in address"))?;
            if front.len() != host.len() + 2 {
                let too_many = tail.starts_with(':');
                let why = if too_many {
                    "too many colons"
                } else {
                    "missing port"
                };
                return Err(bad(&format!("{why} in address")));
            }
            host
        } else if front.contains(':') {
            return Err(bad("too many colons in address"));
        } else {
            front
        };
        if host.contains('[') || port.contains('[') {
            return Err(bad("unexpected '[' in address"));
        }
        if host.contains(']') || port.contains(']') {
            return Err(bad("unexpected ']' in address"));
        }
        if port.is_empty() {
            return Err(format!("address {}: port cannot be empty", quoted(text)));
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.to_owned(),
        })
    }

    /// Whether no address is set.
    pub fn is_empty(&self) -> bool {
        self.host.is_empty() && self.port.is_empty()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match (self.is_empty(), host.contains(':')) {
            (true, _) => Ok(()),
            (false, true) => write!(f, "[{host}]:{port}"),
            (false, false) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests;
