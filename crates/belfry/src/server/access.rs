//! Who may come in (decision 6 of DESIGN.md), and the line that says so where it matters.

use std::net::SocketAddr;

use anyhow::Context as _;
use api::auth::{Access, Tokens};

use crate::options::{Openness, Options};
use crate::web::WebFile;

/// Decides who may come in; says so once where it may surprise.
///
/// # Errors
/// The file of `--web.config.file` names a user or a header that is none.
pub(super) fn access(
    options: &Options,
    web: &WebFile,
    addresses: &[SocketAddr],
) -> anyhow::Result<Access> {
    let gate = web
        .gate()
        .map_err(anyhow::Error::msg)
        .context("--web.config.file")?;
    let is_open = is_open(options.openness, addresses);
    if !web.has_users()
        && let Some(line) = warning(options.openness, is_open, addresses)
    {
        tracing::warn!("{line}");
    }
    Ok(Access::new(gate, Tokens::default(), is_open))
}

/// Whether the default tenant is open to callers who do not say who they are.
fn is_open(openness: Openness, addresses: &[SocketAddr]) -> bool {
    match openness {
        Openness::DropIn => true,
        Openness::Loopback { anonymous_api } => anonymous_api || are_loopback(addresses),
    }
}

fn are_loopback(addresses: &[SocketAddr]) -> bool {
    addresses
        .iter()
        .all(|address| address.ip().to_canonical().is_loopback())
}

/// What to say when no users are configured.
fn warning(openness: Openness, is_open: bool, addresses: &[SocketAddr]) -> Option<&'static str> {
    match openness {
        Openness::DropIn => Some(
            "The API is open to anybody who reaches it, as Alertmanager's is; --web.config.file with basic_auth_users closes it",
        ),
        Openness::Loopback { .. } if !is_open => Some(
            "The API answers 401 to everybody: on this address it needs --web.config.file with basic_auth_users, \
             or auth.anonymous_api: true",
        ),
        Openness::Loopback { .. } if !are_loopback(addresses) => {
            Some("The API is open to anybody who reaches it: auth.anonymous_api is on")
        }
        Openness::Loopback { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_gets_in_unless_somebody_says_otherwise() {
        let closed = Openness::Loopback {
            anonymous_api: false,
        };
        let anonymous = Openness::Loopback {
            anonymous_api: true,
        };
        let cases = [
            (closed, "127.0.0.1:1", true, false),
            (closed, "[::1]:1", true, false),
            (closed, "[::ffff:127.0.0.1]:1", true, false),
            (closed, "0.0.0.0:1", false, true),
            (closed, "[::]:1", false, true),
            (closed, "192.0.2.1:1", false, true),
            (anonymous, "0.0.0.0:1", true, true),
            (anonymous, "127.0.0.1:1", true, false),
            (Openness::DropIn, "127.0.0.1:1", true, true),
            (Openness::DropIn, "0.0.0.0:1", true, true),
        ];
        for (openness, address, expected, warns) in cases {
            let addresses = [address.parse().expect("an address")];
            let open = is_open(openness, &addresses);
            assert_eq!(open, expected, "{openness:?} {address}");
            let line = warning(openness, open, &addresses);
            assert_eq!(line.is_some(), warns, "{openness:?} {address}");
        }
        let mixed = [
            "127.0.0.1:1".parse().expect("one"),
            "192.0.2.1:1".parse().expect("two"),
        ];
        assert!(!is_open(closed, &mixed));
    }
}
