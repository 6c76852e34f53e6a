//! Where the server listens, and the URL by which people reach it.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use config::{HostPort, HttpUrl};
use tokio::net::TcpListener;

use crate::options::Options;

/// Where people find the server.
pub(super) struct Place {
    /// The URL, without a slash at the end.
    pub(super) external_url: String,
    /// What every path begins with, without a slash at the end.
    pub(super) route_prefix: String,
}

/// Takes the addresses; nothing is accepted yet. With `may_move` any free port will do when one is taken.
pub(super) async fn bind(addresses: &[String], may_move: bool) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let parsed = HostPort::parse(address).map_err(anyhow::Error::msg)?;
        let port: u16 = parsed
            .port
            .parse()
            .with_context(|| format!("address {address}: the port is not a number up to 65535"))?;
        let bound = match bind_one(&parsed.host, port).await {
            Err(error) if may_move && error.kind() == io::ErrorKind::AddrInUse => {
                bind_one(&parsed.host, 0).await
            }
            bound => bound,
        };
        listeners.push(bound.with_context(|| format!("listen tcp {address}"))?);
    }
    anyhow::ensure!(!listeners.is_empty(), "no address to listen on");
    Ok(listeners)
}

async fn bind_one(host: &str, port: u16) -> io::Result<TcpListener> {
    if !host.is_empty() {
        return TcpListener::bind((host, port)).await;
    }
    // "Any" means both families where the system has IPv6.
    match TcpListener::bind(("::", port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", port)).await
        }
        bound => bound,
    }
}

/// Finds the external URL and the route prefix as upstream does; the port is the real one.
///
/// # Errors
/// The URL given is none people could follow.
pub(super) fn place(
    options: &Options,
    addresses: &[SocketAddr],
    has_tls: bool,
) -> Result<Place, String> {
    let stated = options.external_url.clone().unwrap_or_else(|| {
        let port = addresses.first().map_or(9093, SocketAddr::port);
        let scheme = if has_tls { "https" } else { "http" };
        format!("{scheme}://{}:{port}/", host_name())
    });
    let external_url = HttpUrl::parse(&stated)
        .map_err(|error| format!("failed to determine external URL: {error}"))?;
    let external_url = external_url.as_str().trim_end_matches('/').to_owned();
    if external_url.contains(['?', '#']) {
        return Err(format!(
            "failed to determine external URL: {stated:?} has a query or a fragment"
        ));
    }
    let prefix = options
        .route_prefix
        .as_deref()
        .unwrap_or_else(|| path(&external_url))
        .trim_matches('/');
    let route_prefix = if prefix.is_empty() {
        String::new()
    } else {
        format!("/{prefix}")
    };
    Ok(Place {
        external_url,
        route_prefix,
    })
}

/// A URL that works on this machine, whatever its name is.
pub(super) fn local_url(addresses: &[SocketAddr], place: &Place, has_tls: bool) -> String {
    let scheme = if has_tls { "https" } else { "http" };
    match addresses.first() {
        Some(address) if !address.ip().is_unspecified() => {
            format!("{scheme}://{address}{}", place.route_prefix)
        }
        Some(address) => format!(
            "{scheme}://localhost:{}{}",
            address.port(),
            place.route_prefix
        ),
        None => place.external_url.clone(),
    }
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .and_then(|slash| rest.get(slash..))
        .unwrap_or("")
}

/// Where others find an instance that listens there: one that listens on every address is known by its machine's name.
pub(super) fn reached_at(addresses: &[SocketAddr]) -> Option<String> {
    let address = addresses.first()?;
    Some(if address.ip().is_unspecified() {
        format!("{}:{}", host_name(), address.port())
    } else {
        address.to_string()
    })
}

/// The machine's name, as the kernel knows it.
fn host_name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let names = kernel.into_iter().chain(std::env::var("HOSTNAME").ok());
    let mut names = names
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name != "(none)");
    names.next().unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Source;
    use crate::options::{Features, Openness};

    fn options(external_url: Option<&str>, route_prefix: Option<&str>) -> Options {
        Options {
            listen: Vec::new(),
            may_move: false,
            external_url: external_url.map(str::to_owned),
            route_prefix: route_prefix.map(str::to_owned),
            database_url: String::new(),
            alertmanager_folder: None,
            redis: None,
            source: Source::Text(""),
            web_config_file: None,
            get_concurrency: 0,
            timeout: None,
            engine: engine::EngineOptions::default(),
            features: Features::default(),
            cluster: None,
            openness: Openness::DropIn,
            limits: api::limits::Limits::drop_in(),
            notes: Vec::new(),
        }
    }

    fn placed(
        external_url: Option<&str>,
        route_prefix: Option<&str>,
    ) -> Result<(String, String), String> {
        let address: SocketAddr = "127.0.0.1:4711".parse().expect("an address");
        place(&options(external_url, route_prefix), &[address], false)
            .map(|p| (p.external_url, p.route_prefix))
    }

    #[test]
    fn the_prefix_is_the_path_of_the_external_url_unless_given() {
        let cases = [
            ("http://a.example.org", None, "http://a.example.org", ""),
            ("http://a.example.org/", None, "http://a.example.org", ""),
            (
                "https://a.example.org/am/",
                None,
                "https://a.example.org/am",
                "/am",
            ),
            (
                "https://a.example.org/am",
                Some("/"),
                "https://a.example.org/am",
                "",
            ),
            (
                "https://a.example.org/am",
                Some("x/y/"),
                "https://a.example.org/am",
                "/x/y",
            ),
        ];
        for (url, prefix, expected_url, expected_prefix) in cases {
            let expected = (expected_url.to_owned(), expected_prefix.to_owned());
            assert_eq!(placed(Some(url), prefix), Ok(expected), "{url} {prefix:?}");
        }
        assert!(placed(Some("ftp://a.example.org"), None).is_err());
    }

    #[test]
    fn without_one_the_url_is_host_name_and_real_port() {
        let (url, prefix) = placed(None, None).expect("made");
        assert!(
            url.starts_with("http://") && url.ends_with(":4711"),
            "{url}"
        );
        assert_eq!(prefix, "");
    }

    #[test]
    fn an_instance_on_every_address_is_known_by_its_machine() {
        let reached = |address: &str| reached_at(&[address.parse().expect("an address")]);
        assert_eq!(reached("127.0.0.1:9093").as_deref(), Some("127.0.0.1:9093"));
        for every in ["0.0.0.0:9093", "[::]:9093"] {
            assert_eq!(reached(every), Some(format!("{}:9093", host_name())));
        }
    }
}
