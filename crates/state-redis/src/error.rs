//! What went wrong between us and Redis, by what the caller can do about it.

mod classify;

pub(crate) use classify::server_error;

/// Why Redis did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LinkError {
    /// What the caller can do about it.
    pub kind: LinkErrorKind,
    /// What happened, for people; never a secret.
    pub message: String,
}

impl LinkError {
    /// An error of this kind with these words.
    pub fn new(kind: LinkErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// The kinds of [`LinkError`]: reactions, not sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkErrorKind {
    /// No connection: refused, reset, name not found, no master known.
    Unreachable,
    /// No answer in time, or too many commands are waiting for one.
    Timeout,
    /// The server still reads its data from disk.
    Loading,
    /// The server cannot save to disk and refuses writes.
    Misconf,
    /// The server is out of memory and refuses writes.
    Oom,
    /// Too few replicas are in reach, so the server refuses writes.
    NoReplicas,
    /// The server is a replica; the connection was dropped, the next call looks for the master.
    ReadOnly,
    /// A password is needed and none was given.
    NoAuth,
    /// The user or the password is wrong.
    WrongPass,
    /// The user lacks a right.
    NoPerm,
    /// The cluster does not serve this key now, or the server belongs to a cluster we were not told of.
    ClusterDown,
    /// A script or another long command keeps the server busy.
    Busy,
    /// The server lacks a command or does not understand `#!lua`: it is older than 7.
    OldServer,
    /// One of our scripts, or a command, was answered with an error; its code word comes first.
    Script(String),
    /// The answer has a shape we do not know.
    Unexpected,
    /// The settings cannot work.
    Config,
}

impl LinkErrorKind {
    /// Whether the server does not know the script by its hash.
    pub(crate) fn is_noscript(&self) -> bool {
        matches!(self, Self::Script(text) if text.starts_with("NOSCRIPT"))
    }

    /// Whether Redis as a whole does not serve us now, so that another way is needed.
    pub fn is_unavailable(&self) -> bool {
        !matches!(self, Self::Script(_) | Self::Unexpected)
    }

    /// Whether waiting for more failures of this kind is pointless.
    pub fn opens_at_once(&self) -> bool {
        matches!(
            self,
            Self::Loading
                | Self::Misconf
                | Self::NoReplicas
                | Self::NoAuth
                | Self::WrongPass
                | Self::NoPerm
                | Self::ClusterDown
                | Self::OldServer
        )
    }

    /// Whether a person has to change a right or a password.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::NoAuth | Self::WrongPass | Self::NoPerm)
    }
}
