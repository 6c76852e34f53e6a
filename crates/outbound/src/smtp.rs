//! The door for mail: one message, one deadline, one verdict.
//!
//! ```text
//! connect ─▶ (TLS) ─▶ greeting ─▶ EHLO ─▶ (STARTTLS, EHLO) ─▶ (AUTH) ─▶ MAIL ─▶ RCPT … ─▶ DATA ─▶ message ─▶ . ─▶ QUIT
//! ╰──────────────── surely not accepted, whatever happens ─────────────────────────────────────╯    ╰ nobody knows until it is answered
//! ```
//!
//! The dialogue is ours and not a library's: docs/adr/0003 says why. A message belongs to all its recipients or to none: if the server
//! refuses one of them, it is not sent, as in Alertmanager.

mod auth;
mod extensions;
mod line;
mod options;
mod session;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::time::Instant;

use crate::BuildError;
use crate::renewed::Renewed;
use crate::tls::{Material, client_config};
pub use options::{Encryption, SmtpCredentials, SmtpOptions, port_number};
use session::Session;

/// Without an end in sight we still stop waiting after a day.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A message with its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address it comes from, bare.
    pub from: String,
    /// The addresses it goes to, bare.
    pub to: Vec<String>,
    /// Head and body. Whatever ends a line in it is sent as CR LF, and a line may begin with a dot.
    pub message: Bytes,
}

/// Why a message was not accepted, or may not have been. Texts are free of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SmtpError {
    /// It was surely not accepted, and another attempt may go better: no connection, no TLS, connection lost before the end of the message.
    #[error("{cause}")]
    NotSent {
        /// What happened.
        cause: String,
    },
    /// The server said no. A code from 500 on means: for good.
    #[error("{cause}")]
    Refused {
        /// Its answer's code.
        code: u16,
        /// To what it said no, and in which words.
        cause: String,
    },
    /// The whole message went out and no answer came: repeating it may tell twice.
    #[error("{cause}")]
    Ambiguous {
        /// What happened.
        cause: String,
    },
    /// The mail or the settings are wrong, so repeating it cannot help.
    #[error("{cause}")]
    Invalid {
        /// What is wrong.
        cause: String,
    },
}

/// Sends mail.
#[async_trait]
pub trait Smtp: Send + Sync {
    /// Hands one message to the server; gives the words in which it accepted it, with their code.
    ///
    /// The deadline covers everything from the name lookup to the server's answer.
    ///
    /// # Errors
    /// The server did not accept it; the variant says whether it may have done so nevertheless.
    async fn send(&self, mail: &Mail, deadline: Duration) -> Result<String, SmtpError>;
}

/// Sends mail through one server, over a connection of its own for each message.
#[derive(Debug)]
pub struct SmtpClient {
    options: SmtpOptions,
    /// None when TLS is never spoken.
    tls: Option<Tls>,
}

/// How TLS is spoken with a server.
#[derive(Debug)]
struct Tls {
    config: Renewed<Arc<ClientConfig>>,
    name: ServerName<'static>,
}

impl SmtpClient {
    /// Builds a client; reads the certificate files.
    ///
    /// # Errors
    /// The options cannot be carried out; the text says which and why.
    pub fn new(options: &SmtpOptions) -> Result<Self, BuildError> {
        if options.hello.is_empty() || !options.hello.bytes().all(|b| b.is_ascii_graphic()) {
            let cause = format!("hello {:?} is not a host name", options.hello);
            return Err(BuildError::Smtp { cause });
        }
        let tls = match options.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Implicit => Some(Tls::new(options)?),
        };
        Ok(Self {
            options: options.clone(),
            tls,
        })
    }
}

impl Tls {
    fn new(options: &SmtpOptions) -> Result<Self, BuildError> {
        let name = options.tls.server_name.as_ref().unwrap_or(&options.host);
        let name = ServerName::try_from(name.clone()).map_err(|_| BuildError::Smtp {
            cause: format!("`{name}` is neither a host name nor an address"),
        })?;
        Ok(Self {
            config: Renewed::new(&options.tls, |material| config(options, material))?,
            name,
        })
    }
}

fn config(options: &SmtpOptions, material: &Material) -> Result<Arc<ClientConfig>, BuildError> {
    let mut config = client_config(&options.tls, material, false)?;
    // What follows is not HTTP.
    config.alpn_protocols.clear();
    Ok(Arc::new(config))
}

#[async_trait]
impl Smtp for SmtpClient {
    async fn send(&self, mail: &Mail, deadline: Duration) -> Result<String, SmtpError> {
        let until = Instant::now() + deadline.min(DEADLINE_MAX);
        mail.check()?;
        let tls = match &self.tls {
            None => None,
            Some(tls) => {
                let config = tls.config.get(|material| config(&self.options, material));
                Some((config.await, tls.name.clone()))
            }
        };
        let mut session = Session::connect(&self.options, tls, until).await?;
        let sent = session.deliver(mail).await;
        session.quit().await;
        sent
    }
}

impl Mail {
    /// Refuses addresses that would end the command they stand in.
    fn check(&self) -> Result<(), SmtpError> {
        let is_bad = |address: &String| {
            address.is_empty() || address.contains(|c: char| c.is_control() || c == '<' || c == '>')
        };
        if self.to.is_empty() {
            let cause = "the mail has no recipient".to_owned();
            return Err(SmtpError::Invalid { cause });
        }
        match std::iter::once(&self.from)
            .chain(&self.to)
            .find(|a| is_bad(a))
        {
            None => Ok(()),
            Some(bad) => Err(SmtpError::Invalid {
                cause: format!("{bad:?} is not an address"),
            }),
        }
    }
}
