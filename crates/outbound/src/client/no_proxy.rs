//! Which servers are reached without the proxy, as Go's `httpproxy` reads `no_proxy` and `NO_PROXY`.

use std::net::IpAddr;

use reqwest::Url;

/// A list of exceptions. Whatever it says, this machine itself (`localhost`, 127.0.0.0/8, ::1) is one, as in Go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy {
    /// `*`: nobody is reached through the proxy.
    is_everybody: bool,
    addresses: Vec<Addresses>,
    domains: Vec<Domain>,
}

/// An address, at any port or at one, or all addresses of a network.
#[derive(Debug, PartialEq, Eq)]
struct Addresses {
    network: IpAddr,
    prefix_bits: u32,
    port: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Domain {
    /// With a dot in front.
    suffix: String,
    /// Whether the domain itself is excepted, beside those below it.
    is_itself: bool,
    port: Option<String>,
}

impl NoProxy {
    /// Reads a list; entries that make no sense are left out, as in Go.
    pub(super) fn parse(list: &str) -> Self {
        let mut read = Self::default();
        for entry in list.split(',').map(|entry| entry.trim().to_lowercase()) {
            if entry == "*" {
                return Self {
                    is_everybody: true,
                    ..Self::default()
                };
            }
            read.add(&entry);
        }
        read
    }

    fn add(&mut self, entry: &str) {
        if let Some((network, prefix_bits)) = network(entry) {
            let port = None;
            self.addresses.push(Addresses {
                network,
                prefix_bits,
                port,
            });
            return;
        }
        let (host, port) = split_port(entry);
        if let Ok(address) = host.parse::<IpAddr>() {
            let network = address.to_canonical();
            self.addresses.push(Addresses {
                network,
                prefix_bits: bits(network),
                port,
            });
            return;
        }
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let below = host.strip_prefix('.');
        let Some(suffix) = ascii(below.unwrap_or(host)) else {
            return;
        };
        self.domains.push(Domain {
            suffix,
            is_itself: below.is_none(),
            port,
        });
    }

    /// Whether a server is reached without the proxy.
    pub(super) fn exempts(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        let port = port.to_string();
        let is_port = |wanted: &Option<String>| wanted.as_ref().is_none_or(|it| *it == port);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = address.to_canonical();
            let is_in = |one: &Addresses| one.has(address) && is_port(&one.port);
            return self.is_everybody || address.is_loopback() || self.addresses.iter().any(is_in);
        }
        let is_in = |one: &Domain| one.has(host) && is_port(&one.port);
        self.is_everybody || host == "localhost" || self.domains.iter().any(is_in)
    }
}

impl Addresses {
    fn has(&self, address: IpAddr) -> bool {
        let kept = |address: IpAddr| {
            let number = match address {
                IpAddr::V4(address) => u128::from(u32::from(address)),
                IpAddr::V6(address) => u128::from(address),
            };
            number.checked_shr(bits(address).saturating_sub(self.prefix_bits))
        };
        address.is_ipv4() == self.network.is_ipv4() && kept(address) == kept(self.network)
    }
}

impl Domain {
    fn has(&self, host: &str) -> bool {
        host.ends_with(&self.suffix) || (self.is_itself && self.suffix.get(1..) == Some(host))
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// `10.0.0.0/8`.
fn network(entry: &str) -> Option<(IpAddr, u32)> {
    let (address, prefix_bits) = entry.split_once('/')?;
    let address = address.parse::<IpAddr>().ok()?;
    let prefix_bits = prefix_bits.parse().ok()?;
    (prefix_bits <= bits(address)).then_some((address, prefix_bits))
}

/// `host:port`, `[address]:port`, or something without a port.
fn split_port(entry: &str) -> (&str, Option<String>) {
    let Some((host, port)) = entry.rsplit_once(':') else {
        return (entry, None);
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(host) => (host, some(port)),
        None if host.contains([':', '[', ']']) => (entry, None),
        None => (host, some(port)),
    }
}

fn some(port: &str) -> Option<String> {
    (!port.is_empty()).then(|| port.to_owned())
}

/// A domain as URLs have it, with a dot in front; nothing if it is none.
fn ascii(domain: &str) -> Option<String> {
    if domain.is_empty() {
        return None;
    }
    let url = Url::parse(&format!("http://x.{domain}/")).ok()?;
    let host = url.host_str()?.strip_prefix('x')?;
    Some(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each with whether the proxy is left out, by the rules of golang.org/x/net/http/httpproxy.
    const TABLE: [(&str, &str, bool); 40] = [
        ("", "http://a.example.org", false),
        ("", "http://localhost:9093", true),
        ("", "http://127.0.0.9:80", true),
        ("", "http://[::1]:80", true),
        ("*", "http://10.0.0.1", true),
        ("*", "https://a.example.org", true),
        ("b.example.org, *", "http://a.example.org", true),
        ("example.org", "http://example.org", true),
        ("example.org", "http://a.example.org", true),
        ("example.org", "http://an-example.org", false),
        (" EXAMPLE.org ", "http://Example.ORG", true),
        (".example.org", "http://example.org", false),
        (".example.org", "http://a.example.org", true),
        (".example.org", "http://a.b.example.org", true),
        ("*.example.org", "http://example.org", false),
        ("*.example.org", "http://a.example.org", true),
        ("*example.org", "http://a.example.org", false),
        ("example.org:81", "http://example.org", false),
        ("example.org:81", "http://example.org:81", true),
        ("example.org:80", "http://example.org", true),
        ("example.org:443", "https://a.example.org", true),
        (".example.org:443", "https://example.org", false),
        ("10.0.0.0/8", "http://10.1.2.3", true),
        ("10.0.0.0/8", "http://11.1.2.3", false),
        ("0.0.0.0/0", "http://11.1.2.3", true),
        ("0.0.0.0/0", "http://[2001:db8::1]", false),
        ("2001:db8::/32", "http://[2001:db8:1::1]", true),
        ("2001:db8::/32", "http://[2001:db9::1]", false),
        ("10.0.0.1", "http://10.0.0.1:8080", true),
        ("10.0.0.1:80", "http://10.0.0.1:8080", false),
        ("10.0.0.1:8080", "http://10.0.0.1:8080", true),
        ("2001:db8::1", "http://[2001:db8::1]", true),
        ("[2001:db8::1]:80", "http://[2001:db8::1]", true),
        ("[2001:db8::1]:81", "http://[2001:db8::1]", false),
        ("[2001:db8::1]", "http://[2001:db8::1]", false),
        ("0.1", "http://10.0.0.1", false),
        (
            "bücher.example.org",
            "http://xn--bcher-kva.example.org",
            true,
        ),
        (",,:80, ,.", "http://a.example.org", false),
        ("a.example.org b.example.org", "http://b.example.org", false),
        ("x.example.org,a.example.org", "http://a.example.org", true),
    ];

    #[test]
    fn exceptions_are_gos() {
        for (list, url, expected) in TABLE {
            let parsed = Url::parse(url).expect(url);
            assert_eq!(
                NoProxy::parse(list).exempts(&parsed),
                expected,
                "{list:?} {url}"
            );
        }
    }
}
