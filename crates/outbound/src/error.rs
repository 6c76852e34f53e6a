//! Why a request was not answered, and why a client cannot be built.

use std::path::PathBuf;

use thiserror::Error;

/// A request without an answer.
///
/// The cause names at most the host of the URL: the rest of it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// The receiver surely did not get the request: no name, no connection, no TLS.
    #[error("{cause}")]
    NotSent {
        /// What happened.
        cause: String,
    },
    /// The request went out and nobody knows what became of it; repeating it may tell twice.
    #[error("{cause}")]
    Ambiguous {
        /// What happened.
        cause: String,
    },
    /// The request itself is wrong, so repeating it cannot help.
    #[error("{cause}")]
    Invalid {
        /// What is wrong.
        cause: String,
    },
}

impl SendError {
    /// Says whether the receiver may have accepted the request.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Ambiguous { .. })
    }
}

/// Options from which no client can be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// No tokens can be fetched as `oauth2` says.
    #[error("oauth2: {cause}")]
    OAuth2 {
        /// What is wrong.
        cause: String,
    },
    /// The proxy URL is not one.
    #[error("proxy_url is not a valid http, https or socks5 URL")]
    Proxy,
    /// A header name or value cannot be sent.
    #[error("`{name}` is not a valid header or has an invalid value")]
    Header {
        /// The header's name.
        name: String,
    },
    /// A file of the TLS settings cannot be read.
    #[error("cannot read {field} `{}`: {source}", path.display())]
    File {
        /// The setting that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The TLS settings contradict each other or the certificates are unusable.
    #[error("tls_config: {cause}")]
    Tls {
        /// What is wrong and what would be right.
        cause: String,
    },
    /// A setting of a mail server cannot be carried out.
    #[error("{cause}")]
    Smtp {
        /// What is wrong and what would be right.
        cause: String,
    },
    /// The client itself refuses its settings.
    #[error("http_config: {cause}")]
    Client {
        /// What the client says.
        cause: String,
    },
}
