//! Through which proxy requests go, by Go's rules.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use reqwest::{Proxy, Url};

use super::no_proxy::NoProxy;
use crate::{BuildError, ProxyOptions};

/// The proxies of plain requests and of those over TLS.
struct Ways {
    plain: Option<Url>,
    tls: Option<Url>,
    /// Whom they are not for; without any, not even this machine is reached directly.
    except: Option<NoProxy>,
}

/// What is in force for these options.
///
/// # Errors
/// The address is no proxy's, or a header cannot be sent.
pub(super) fn proxies(options: &ProxyOptions) -> Result<Vec<Proxy>, BuildError> {
    let ways = match &options.url {
        Some(url) => Ways::configured(url.expose(), options.no_proxy.as_deref())?,
        None if options.from_environment => Ways::surrounding(|name| std::env::var(name).ok()),
        None => return Ok(Vec::new()),
    };
    let mut connect_headers = HeaderMap::new();
    for (name, values) in &options.connect_headers {
        let invalid = || BuildError::Header { name: name.clone() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        for value in values {
            let value = HeaderValue::from_str(value.expose()).map_err(|_| invalid())?;
            connect_headers.append(header.clone(), value);
        }
    }
    let except = ways.except.map(Arc::new);
    let way = |scheme: &'static str, proxy: Option<Url>| {
        let (proxy, except) = (proxy?, except.clone());
        Some(Proxy::custom(move |url| {
            let is_direct = except.as_ref().is_some_and(|except| except.exempts(url));
            (url.scheme() == scheme && !is_direct).then(|| proxy.clone())
        }))
    };
    // Only a request over TLS goes through a tunnel, so only there are its headers due.
    let tunnelled = way("https", ways.tls).map(|proxy| match connect_headers.is_empty() {
        true => proxy,
        false => proxy.headers(connect_headers),
    });
    Ok(way("http", ways.plain)
        .into_iter()
        .chain(tunnelled)
        .collect())
}

impl Ways {
    fn configured(url: &str, no_proxy: Option<&str>) -> Result<Self, BuildError> {
        let url = Url::parse(url).ok().filter(is_proxy);
        let url = url.ok_or(BuildError::Proxy)?;
        Ok(Self {
            plain: Some(url.clone()),
            tls: Some(url),
            except: no_proxy.map(NoProxy::parse),
        })
    }

    /// What `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, or the same names in small letters.
    fn surrounding(variable: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.or_else(|| variable(&name.to_lowercase()))
        };
        let proxy = |name: &str| read(name).and_then(|text| guessed(&text));
        // Set for CGI programs, whose HTTP_PROXY may be a header of a request.
        let is_cgi = variable("REQUEST_METHOD").is_some_and(|method| !method.is_empty());
        Self {
            plain: proxy("HTTP_PROXY").filter(|_| !is_cgi),
            tls: proxy("HTTPS_PROXY"),
            except: Some(NoProxy::parse(&read("NO_PROXY").unwrap_or_default())),
        }
    }
}

fn is_proxy(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
}

/// An address, which may lack its scheme.
fn guessed(text: &str) -> Option<Url> {
    let whole = Url::parse(text).ok().filter(Url::has_host);
    let url = whole.or_else(|| Url::parse(&format!("http://{text}")).ok())?;
    is_proxy(&url).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_as_go_reads_it() {
        let ways = |set: &[(&str, &str)]| {
            Ways::surrounding(|name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let shown = |url: Option<Url>| url.map(String::from);
        let found = ways(&[
            ("HTTP_PROXY", "p.example.org:3128"),
            ("https_proxy", "https://us:pw@q.example.org"),
            ("NO_PROXY", ".example.org"),
            ("ALL_PROXY", "http://nobody.example.org"),
        ]);
        let http = Some("http://p.example.org:3128/".to_owned());
        assert_eq!(shown(found.plain), http);
        let https = Some("https://us:pw@q.example.org/".to_owned());
        assert_eq!(shown(found.tls), https);
        assert_eq!(found.except, Some(NoProxy::parse(".example.org")));
        let none = ways(&[
            ("ALL_PROXY", "http://nobody.example.org"),
            ("HTTP_PROXY", "ftp://x"),
        ]);
        assert!(none.plain.is_none() && none.tls.is_none());
        let cgi = ways(&[
            ("HTTP_PROXY", "http://p.example.org"),
            ("REQUEST_METHOD", "GET"),
        ]);
        assert!(cgi.plain.is_none());
    }
}
