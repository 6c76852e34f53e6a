//! How to talk to a mail server, as plain data.

use crate::{Source, TlsOptions};

/// Everything about one mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpOptions {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name we greet with.
    pub hello: String,
    /// Whether and when TLS begins.
    pub encryption: Encryption,
    /// How TLS is done.
    pub tls: TlsOptions,
    /// Who we are; nobody in particular when missing, or when the server does not ask.
    pub credentials: Option<SmtpCredentials>,
}

/// Whether and when TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    None,
    /// After STARTTLS; a server that does not offer it is sent nothing.
    StartTls,
    /// With the connection.
    Implicit,
}

/// A user and the proofs that mechanisms of authentication ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SmtpCredentials {
    /// The user.
    pub username: String,
    /// For PLAIN and LOGIN.
    pub password: Option<Source>,
    /// For CRAM-MD5.
    pub secret: Option<Source>,
    /// On whose behalf the user acts, for PLAIN; usually empty.
    pub identity: String,
}

/// Reads a port: a number, or the name of a service that speaks SMTP.
#[must_use]
pub fn port_number(text: &str) -> Option<u16> {
    match text {
        "smtp" => Some(25),
        "submission" => Some(587),
        "smtps" | "submissions" => Some(465),
        _ => text.parse().ok(),
    }
}
