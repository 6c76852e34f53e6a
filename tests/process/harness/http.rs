//! HTTP/1.1 as far as tests need it: one request on a connection of its own, and the reading of messages.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for one read or write.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Longest body that is read.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// A request or an answer.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The words of the first line.
    pub first: String,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Message {
    /// The value of a header, its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name)?;
        Some(&found.1)
    }

    /// The status of an answer; zero when the first line has none.
    #[must_use]
    pub fn status(&self) -> u16 {
        let word = self.first.split(' ').nth(1).unwrap_or_default();
        word.parse().unwrap_or(0)
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// The target of a request.
    #[must_use]
    pub fn target(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}): {self:?}"),
        }
    }

    /// Reads one message; `None` at the end of the connection.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(mut message) = Self::read_head(reader)? else {
            return Ok(None);
        };
        message.read_body(reader)?;
        Ok(Some(message))
    }

    /// Reads a message up to its body; `None` at the end of the connection.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        if reader.read_line(&mut message.first)? == 0 {
            return Ok(None);
        }
        message.first = message.first.trim_end().to_owned();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                let value = value.trim().to_owned();
                message.headers.push((name.to_ascii_lowercase(), value));
            }
        }
        Ok(Some(message))
    }

    /// Reads the body that follows the head.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub fn read_body(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        self.body = body(self, reader)?;
        Ok(())
    }
}

fn body(message: &Message, reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    if message.header("transfer-encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            read_some(reader, &mut bytes, size)?;
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = message.header("content-length") {
        read_some(
            reader,
            &mut bytes,
            length.parse().map_err(io::Error::other)?,
        )?;
    } else if message.first.starts_with("HTTP/") && message.status() != 204 {
        reader.take(BODY_MAX as u64).read_to_end(&mut bytes)?;
    }
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn read_some(reader: &mut impl BufRead, bytes: &mut Vec<u8>, size: usize) -> io::Result<()> {
    if bytes.len() + size > BODY_MAX {
        return Err(io::Error::other("the body is too large for a test"));
    }
    let start = bytes.len();
    bytes.resize(start + size, 0);
    reader.read_exact(&mut bytes[start..])
}

/// Makes one request over a stream that may be encrypted.
///
/// # Errors
/// When the connection breaks or no answer comes in time.
pub fn exchange(
    stream: impl Read + Write,
    host: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Message> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            head.push_str("Content-Type: application/json\r\n");
        }
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut reader = BufReader::new(stream);
    let text = format!("{head}\r\n{body}");
    reader.get_mut().write_all(text.as_bytes())?;
    reader.get_mut().flush()?;
    Message::read(&mut reader)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Makes one request on a connection of its own.
///
/// # Errors
/// When there is no connection, it breaks, or no answer comes in time.
pub fn request(
    address: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Message> {
    request_within(TIMEOUT, address, (method, target), headers, body)
}

/// As [`request`], waiting at most so long for each read or write.
///
/// # Errors
/// When there is no connection, it breaks, or no answer comes in time.
pub fn request_within(
    timeout: Duration,
    address: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Message> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.set_nodelay(true)?;
    exchange(stream, address, (method, target), headers, body)
}
