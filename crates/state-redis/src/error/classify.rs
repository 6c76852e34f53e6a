//! From what the client and the server say to what the caller can do.

use std::error::Error as _;
use std::io;

use redis::{ErrorKind, RedisError};

use super::{LinkError, LinkErrorKind as Kind};

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        if let Some(code) = error.code() {
            return server_error(code, error.detail().unwrap_or_default());
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::new(
                Kind::WrongPass,
                "WRONGPASS the user or the password is wrong",
            ),
            ErrorKind::ClusterConnectionNotFound => {
                Self::new(Kind::Unreachable, "no connection to a node of the cluster")
            }
            ErrorKind::InvalidClientConfig => Self::new(Kind::Config, error.to_string()),
            ErrorKind::Io => match io_source(&error) {
                Some(source) => Self::from(source),
                None => Self::new(Kind::Unreachable, error.to_string()),
            },
            // What cannot be parsed is often something else that listens on that port.
            _ => Self::new(Kind::Unexpected, error.to_string()),
        }
    }
}

impl From<&io::Error> for LinkError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Self::new(Kind::Timeout, "no answer in time")
            }
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Self::new(Kind::Unreachable, "the server closed the connection")
            }
            _ => Self::new(Kind::Unreachable, plain(&error.to_string())),
        }
    }
}

fn io_source(error: &RedisError) -> Option<&io::Error> {
    let source = error.source()?;
    // redis-rs hands its sources out behind an `Arc`.
    let shared = source.downcast_ref::<std::sync::Arc<dyn std::error::Error + Send + Sync>>();
    match shared {
        Some(shared) => shared.downcast_ref(),
        None => source.downcast_ref(),
    }
}

/// The system's words without its number: `Connection refused`, not `Connection refused (os error 111)`.
fn plain(text: &str) -> &str {
    text.split_once(" (os error")
        .map_or(text, |(words, _)| words)
}

/// An error the server answered with, by its code word and the rest.
pub(crate) fn server_error(code: &str, detail: &str) -> LinkError {
    let whole = format!("{code} {detail}");
    let whole = whole.trim_end();
    let kind = match code {
        "LOADING" => Kind::Loading,
        "MISCONF" => Kind::Misconf,
        "OOM" => Kind::Oom,
        "NOREPLICAS" => Kind::NoReplicas,
        // A replica that lost its master refuses for the same reason: we talk to the wrong server.
        "READONLY" | "MASTERDOWN" => Kind::ReadOnly,
        "NOAUTH" | "DENIED" => Kind::NoAuth,
        "WRONGPASS" => Kind::WrongPass,
        "NOPERM" => Kind::NoPerm,
        "CLUSTERDOWN" | "TRYAGAIN" | "ASK" => Kind::ClusterDown,
        "MOVED" => {
            let advice = "this Redis is part of a cluster; configure it as one";
            return LinkError::new(Kind::ClusterDown, format!("{whole}: {advice}"));
        }
        "BUSY" | "UNKILLABLE" => Kind::Busy,
        "ERR" => general(detail),
        _ => Kind::Script(whole.to_owned()),
    };
    let kind = match kind {
        Kind::Script(_) => Kind::Script(whole.to_owned()),
        other => other,
    };
    LinkError::new(kind, whole)
}

/// What hides behind `ERR`.
fn general(detail: &str) -> Kind {
    let has = |words: &str| detail.contains(words);
    if has("ACL failure in script") || has("user executing the script") {
        Kind::NoPerm
    } else if has("max number of clients") {
        Kind::Unreachable
    } else if has("cluster support disabled") || has("DB index is out of range") {
        Kind::Config
    } else if has("unknown command")
        || has("unknown subcommand")
        || has("Unknown Redis command")
        || has("Unknown command")
        || has("Unknown subcommand")
        // How a server without `#!` headers reads line 1.
        || has("unexpected symbol near '#'")
    {
        Kind::OldServer
    } else {
        Kind::Script(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, LinkError, plain, server_error};

    #[track_caller]
    fn check(code: &str, detail: &str, expected: &Kind) {
        let LinkError { kind, message } = server_error(code, detail);
        assert_eq!(&kind, expected, "{message}");
    }

    #[test]
    fn code_words_become_reactions() {
        check("LOADING", "Redis is loading", &Kind::Loading);
        check("MASTERDOWN", "Link with MASTER is down", &Kind::ReadOnly);
        check("ERR", "unknown command 'XADD'", &Kind::OldServer);
        check("DENIED", "protected mode", &Kind::NoAuth);
    }

    #[test]
    fn our_own_errors_keep_their_code_word_first() {
        check("STALE", "fence 3", &Kind::Script("STALE fence 3".into()));
        check("STALE", "", &Kind::Script("STALE".into()));
        check("ERR", "odd", &Kind::Script("ERR odd".into()));
    }

    #[test]
    fn the_systems_words_stay_without_its_number() {
        assert_eq!(
            plain("Connection refused (os error 111)"),
            "Connection refused"
        );
        let refused = std::io::Error::from_raw_os_error(111);
        assert_eq!(LinkError::from(&refused).message, "Connection refused");
    }
}
