//! One conversation with a server.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::auth::{Mechanism, choose, cram_md5};
use super::extensions::Extensions;
use super::line::{Line, Lost, Reply};
use super::options::{Encryption, SmtpCredentials, SmtpOptions};
use super::{Mail, SmtpError};
use crate::redact;

/// How long a farewell may take: the message has its verdict by then.
const QUIT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Most bytes of an answer that an error shows.
const SHOWN_BYTES_MAX: usize = 1024;

type TlsParts = (Arc<ClientConfig>, ServerName<'static>);

/// A conversation with a server.
pub(super) struct Session<'o> {
    options: &'o SmtpOptions,
    line: Line,
    tls: Option<TlsParts>,
    is_encrypted: bool,
    extensions: Extensions,
    /// What was told to the server in confidence; it may repeat it.
    secrets: Vec<String>,
}

impl<'o> Session<'o> {
    /// Connects, with TLS if the connection begins with it.
    pub(super) async fn connect(
        options: &'o SmtpOptions,
        tls: Option<TlsParts>,
        until: Instant,
    ) -> Result<Self, SmtpError> {
        let connected = Line::connect(&options.host, options.port, until).await;
        let mut session = Self {
            options,
            line: connected.map_err(|lost| not_sent(options, "connect", &lost.to_string()))?,
            tls,
            is_encrypted: false,
            extensions: Extensions::default(),
            secrets: Vec::new(),
        };
        if options.encryption == Encryption::Implicit {
            session.encrypt("TLS").await?;
        }
        Ok(session)
    }

    /// Delivers a message and gives the server's last words; the connection serves for no other.
    pub(super) async fn deliver(&mut self, mail: &Mail) -> Result<String, SmtpError> {
        self.open().await?;
        self.envelope(mail).await?;
        self.message(&mail.message).await
    }

    /// Says farewell if anybody listens. What comes of it changes nothing.
    pub(super) async fn quit(&mut self) {
        self.line.until = self.line.until.min(Instant::now() + QUIT_WAIT_MAX);
        if self.line.write(b"QUIT\r\n").await.is_ok() {
            let _ = self.line.read().await;
        }
    }

    /// Everything up to the point where the server listens to whom it trusts.
    async fn open(&mut self) -> Result<(), SmtpError> {
        let greeting = self.line.read().await;
        self.judged("greeting", 2, greeting)?;
        self.hello().await?;
        if self.options.encryption == Encryption::StartTls {
            if !self.extensions.has("STARTTLS") {
                let why = "the server does not offer STARTTLS, and require_tls is true";
                return Err(not_sent(self.options, "STARTTLS", why));
            }
            self.command("STARTTLS", 2).await?;
            self.encrypt("STARTTLS").await?;
            // Whatever was said before could have been said by anybody.
            self.hello().await?;
        }
        match (&self.options.credentials, self.extensions.get("AUTH")) {
            (Some(credentials), Some(offered)) => {
                let is_private = self.is_encrypted || is_here(&self.options.host);
                let mechanism = choose(offered, credentials, is_private).await;
                let mechanism = mechanism.map_err(|error| self.placed("AUTH", error))?;
                self.authenticate(credentials, &mechanism).await
            }
            _ => Ok(()),
        }
    }

    async fn hello(&mut self) -> Result<(), SmtpError> {
        let name = &self.options.hello;
        self.extensions = match self.command(&format!("EHLO {name}"), 2).await {
            Ok(reply) => Extensions::of(&reply),
            // A server that knows no extensions.
            Err(SmtpError::Refused { code: 500.., .. }) => {
                self.command(&format!("HELO {name}"), 2).await?;
                Extensions::default()
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    async fn encrypt(&mut self, step: &str) -> Result<(), SmtpError> {
        let Some((config, name)) = self.tls.clone() else {
            return Err(not_sent(self.options, step, "no TLS is set up"));
        };
        let encrypted = self.line.encrypt(config, name).await;
        encrypted.map_err(|lost| not_sent(self.options, step, &lost.to_string()))?;
        self.is_encrypted = true;
        Ok(())
    }

    async fn authenticate(
        &mut self,
        credentials: &SmtpCredentials,
        mechanism: &Mechanism,
    ) -> Result<(), SmtpError> {
        let user = &credentials.username;
        self.secrets.push(mechanism.secret().to_owned());
        self.secrets.push(STANDARD.encode(mechanism.secret()));
        match mechanism {
            Mechanism::CramMd5 { secret } => {
                let asked = self.command("AUTH CRAM-MD5", 3).await?;
                let challenge = STANDARD.decode(asked.words().trim()).ok();
                let proof = challenge.and_then(|challenge| cram_md5(secret, &challenge));
                let Some(proof) = proof else {
                    let why = "the challenge cannot be read";
                    return Err(not_sent(self.options, "AUTH CRAM-MD5", why));
                };
                self.proof("AUTH CRAM-MD5", "", &format!("{user} {proof}"), 2)
                    .await
            }
            Mechanism::Plain { password } => {
                let proof = format!("{}\0{user}\0{password}", credentials.identity);
                self.proof("AUTH PLAIN", "AUTH PLAIN ", &proof, 2).await
            }
            Mechanism::Login { password } => {
                self.command("AUTH LOGIN", 3).await?;
                self.proof("AUTH LOGIN", "", user, 3).await?;
                self.proof("AUTH LOGIN", "", password, 2).await
            }
        }
    }

    /// Sends what proves who we are; no error shows it.
    async fn proof(
        &mut self,
        step: &str,
        before: &str,
        proof: &str,
        class: u16,
    ) -> Result<(), SmtpError> {
        let coded = STANDARD.encode(proof);
        let line = format!("{before}{coded}\r\n");
        self.secrets.push(coded);
        let answered = self.ask(line.as_bytes()).await;
        self.judged(step, class, answered).map(drop)
    }

    async fn envelope(&mut self, mail: &Mail) -> Result<(), SmtpError> {
        let mut from = format!("MAIL FROM:<{}>", mail.from);
        if self.extensions.has("8BITMIME") {
            from.push_str(" BODY=8BITMIME");
        }
        let foreign = std::iter::once(&mail.from)
            .chain(&mail.to)
            .find(|a| !a.is_ascii());
        if let Some(address) = foreign {
            // Only where it is needed: a message that demands it is returned by the first server on its way that lacks it.
            if !self.extensions.has("SMTPUTF8") {
                let why = format!("the server does not offer SMTPUTF8, which `{address}` needs");
                let cause = placed(self.options, "MAIL", &why);
                return Err(SmtpError::Invalid { cause });
            }
            from.push_str(" SMTPUTF8");
        }
        self.command(&from, 2).await?;
        for address in &mail.to {
            self.command(&format!("RCPT TO:<{address}>"), 2).await?;
        }
        self.command("DATA", 3).await.map(drop)
    }

    async fn message(&mut self, message: &[u8]) -> Result<String, SmtpError> {
        let written = self.line.write(&on_the_wire(message)).await;
        written.map_err(|lost| not_sent(self.options, "message", &lost.to_string()))?;
        // From here on the server can have it, even if only a part of this line is known to have left us.
        let answered = self.ask(b".\r\n").await;
        let unknown = |why: &str| SmtpError::Ambiguous {
            cause: placed(self.options, "end of message", why),
        };
        match answered {
            Err(lost) => Err(unknown(&lost.to_string())),
            Ok(reply) if !matches!(reply.code, 200..300 | 400..600) => {
                Err(unknown(&self.shown(&reply)))
            }
            Ok(reply) => {
                let accepted = self.judged("end of message", 2, Ok(reply))?;
                Ok(self.shown(&accepted))
            }
        }
    }

    /// Sends a command, which is no secret, and expects an answer of a class: 2 for done, 3 for go on.
    async fn command(&mut self, command: &str, class: u16) -> Result<Reply, SmtpError> {
        let answered = self.ask(format!("{command}\r\n").as_bytes()).await;
        self.judged(command, class, answered)
    }

    async fn ask(&mut self, line: &[u8]) -> Result<Reply, Lost> {
        self.line.write(line).await?;
        self.line.read().await
    }

    fn judged(
        &self,
        step: &str,
        class: u16,
        answered: Result<Reply, Lost>,
    ) -> Result<Reply, SmtpError> {
        let reply = match answered {
            Ok(reply) => reply,
            Err(lost) => return Err(not_sent(self.options, step, &lost.to_string())),
        };
        if reply.code / 100 == class {
            return Ok(reply);
        }
        let said = self.shown(&reply);
        if reply.code < 400 {
            return Err(not_sent(
                self.options,
                step,
                &format!("unexpected answer {said}"),
            ));
        }
        Err(SmtpError::Refused {
            code: reply.code,
            cause: placed(self.options, step, &said),
        })
    }

    /// An answer as errors show it: one line, not too long, without secrets.
    fn shown(&self, reply: &Reply) -> String {
        let words = redact(&reply.words(), &self.secrets);
        let mut words = words.replace(|c: char| c.is_control(), " ");
        let mut end = SHOWN_BYTES_MAX.min(words.len());
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        words.truncate(end);
        format!("{} {words}", reply.code).trim_end().to_owned()
    }

    fn placed(&self, step: &str, error: SmtpError) -> SmtpError {
        let at = |cause: &str| placed(self.options, step, cause);
        match error {
            SmtpError::Invalid { cause } => SmtpError::Invalid { cause: at(&cause) },
            other => SmtpError::NotSent {
                cause: at(&other.to_string()),
            },
        }
    }
}

fn placed(options: &SmtpOptions, step: &str, why: &str) -> String {
    format!("{}:{}: {step}: {why}", options.host, options.port)
}

fn not_sent(options: &SmtpOptions, step: &str, why: &str) -> SmtpError {
    SmtpError::NotSent {
        cause: placed(options, step, why),
    }
}

/// Whether what is sent to a host leaves this machine not at all.
fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

/// The message with every line ended by CR LF and every leading dot doubled (RFC 5321, 4.5.2), up to the line of one dot.
fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 32 + 2);
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| matches!(b, b'\r' | b'\n'));
        let (line, after) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, b""));
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = match after {
            [b'\r', b'\n', next @ ..] | [_, next @ ..] => next,
            [] => after,
        };
    }
    out
}
