//! Lines to and from a server, each under the deadline.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// Most bytes of a line of an answer; RFC 5321 says 512, some servers say more.
const LINE_BYTES_MAX: u64 = 4096;

/// Most lines of one answer; the longest are lists of extensions, some dozen.
const LINES_MAX: usize = 200;

/// What a conversation runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that breaks once and for all.
pub(super) struct Line {
    /// None after the first failure.
    stream: Option<BufReader<Box<dyn Stream>>>,
    pub(super) until: Instant,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Its lines without their codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Its words on one line.
    pub(super) fn words(&self) -> String {
        self.lines.join(" ")
    }
}

/// Why a connection is of no use any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost(String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Line {
    /// Connects; tries every address of the name.
    pub(super) async fn connect(host: &str, port: u16, until: Instant) -> Result<Self, Lost> {
        let found = within(until, lookup_host((host, port))).await;
        let addresses: Vec<_> = found.map_err(lost)?.collect();
        let mut why = Lost("the name has no address".to_owned());
        for (index, address) in addresses.iter().enumerate() {
            // One that does not answer must not use up the time of the others.
            let left = until.saturating_duration_since(Instant::now());
            let rest = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let own = Instant::now() + left / rest;
            match within(own, TcpStream::connect(address)).await {
                Ok(tcp) => return Ok(Self::over(tcp, until)),
                Err(Failure::Late) => why = Lost("no connection before the deadline".to_owned()),
                Err(failure) => why = lost(failure),
            }
        }
        Err(why)
    }

    fn over(tcp: TcpStream, until: Instant) -> Self {
        // A command is a small packet that waits for its answer. Without this it is slower, not wrong.
        let _ = tcp.set_nodelay(true);
        Self {
            stream: Some(BufReader::new(Box::new(tcp))),
            until,
        }
    }

    /// Begins TLS.
    pub(super) async fn encrypt(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<(), Lost> {
        let plain = self.stream.take().ok_or_else(closed)?;
        // Somebody on the way could have put words into the server's mouth that would count as encrypted.
        if !plain.buffer().is_empty() {
            return Err(Lost("the server spoke on after STARTTLS".to_owned()));
        }
        let connecting = TlsConnector::from(config).connect(name, plain.into_inner());
        let encrypted = within(self.until, connecting).await.map_err(lost)?;
        self.stream = Some(BufReader::new(Box::new(encrypted)));
        Ok(())
    }

    /// Sends bytes, all the way out of our buffers.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let writing = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        let written = within(self.until, writing).await;
        written.map_err(|failure| self.broken(lost(failure)))
    }

    /// Reads an answer of one or more lines.
    pub(super) async fn read(&mut self) -> Result<Reply, Lost> {
        let mut lines = Vec::new();
        while lines.len() < LINES_MAX {
            let line = self.read_line().await?;
            let Some((code, is_last, words)) = parse(&line) else {
                let shown: String = line.chars().take(80).collect();
                return Err(self.broken(Lost(format!("an answer that is not SMTP: {shown:?}"))));
            };
            lines.push(words.to_owned());
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
        Err(self.broken(Lost(format!("an answer of more than {LINES_MAX} lines"))))
    }

    async fn read_line(&mut self) -> Result<String, Lost> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let mut bytes = Vec::new();
        let mut bounded = stream.take(LINE_BYTES_MAX);
        let read = within(self.until, bounded.read_until(b'\n', &mut bytes)).await;
        let why = match read {
            Ok(_) if bytes.ends_with(b"\n") => {
                let text = String::from_utf8_lossy(&bytes);
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
            Ok(read) if u64::try_from(read).is_ok_and(|read| read == LINE_BYTES_MAX) => Lost(
                format!("an answer with a line of over {LINE_BYTES_MAX} bytes"),
            ),
            Ok(_) => closed(),
            Err(failure) => lost(failure),
        };
        Err(self.broken(why))
    }

    fn broken(&mut self, why: Lost) -> Lost {
        self.stream = None;
        why
    }
}

enum Failure {
    Late,
    Io(std::io::Error),
}

async fn within<T>(
    until: Instant,
    work: impl Future<Output = std::io::Result<T>>,
) -> Result<T, Failure> {
    match timeout_at(until, work).await {
        Ok(done) => done.map_err(Failure::Io),
        Err(_) => Err(Failure::Late),
    }
}

fn lost(failure: Failure) -> Lost {
    match failure {
        Failure::Late => Lost("no answer before the deadline".to_owned()),
        Failure::Io(error) => Lost(error.to_string()),
    }
}

fn closed() -> Lost {
    Lost("the server closed the connection".to_owned())
}

/// Takes a line apart: its code, whether it ends the answer, its words.
fn parse(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = code.bytes().all(|b| b.is_ascii_digit());
    let code = code
        .parse()
        .ok()
        .filter(|code| is_code && (200..600).contains(code))?;
    match rest.split_at_checked(1) {
        None => Some((code, true, "")),
        Some((" ", words)) => Some((code, true, words)),
        Some(("-", words)) => Some((code, false, words)),
        Some(_) => None,
    }
}
