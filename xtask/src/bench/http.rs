//! The least HTTP/1.1 client that the bench needs: one connection, kept alive, whole bodies.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A server that takes longer than this for one answer has failed the bench.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to the program under test.
pub(super) struct Client {
    reader: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

impl Client {
    /// Connects; the address is always one of this machine's own.
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            reader: BufReader::with_capacity(256 * 1024, stream),
            head: String::new(),
            body: Vec::new(),
        })
    }

    /// Sends a GET and returns the body of its 200 answer.
    pub(super) fn get(&mut self, path: &str) -> Result<&[u8]> {
        self.exchange("GET", path, b"")
    }

    /// Posts JSON and expects a 200.
    pub(super) fn post(&mut self, path: &str, json: &[u8]) -> Result<&[u8]> {
        self.exchange("POST", path, json)
    }

    fn exchange(&mut self, method: &str, path: &str, json: &[u8]) -> Result<&[u8]> {
        self.head.clear();
        write!(self.head, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n")?;
        if method == "POST" {
            write!(
                self.head,
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                json.len()
            )?;
        }
        self.head.push_str("\r\n");
        let stream = self.reader.get_mut();
        stream.write_all(self.head.as_bytes())?;
        stream.write_all(json)?;
        self.body.clear();
        let status = read_answer(&mut self.reader, &mut self.body)
            .with_context(|| format!("reading the answer to {method} {path}"))?;
        if status != 200 {
            let said: String = String::from_utf8_lossy(&self.body)
                .chars()
                .take(300)
                .collect();
            bail!("{method} {path} answered {status}: {said}");
        }
        Ok(&self.body)
    }
}

/// Reads one answer into `body` and returns its status.
pub(super) fn read_answer(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<u16> {
    let line = read_line(reader)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("no status in {line:?}"))?;
    let mut length = None;
    let mut chunked = false;
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(
                value
                    .parse::<u64>()
                    .with_context(|| format!("content-length {value:?}"))?,
            );
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    if chunked {
        loop {
            let line = read_line(reader)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size =
                u64::from_str_radix(size, 16).with_context(|| format!("chunk size {line:?}"))?;
            read_exactly(reader, size, body)?;
            read_line(reader)?;
            if size == 0 {
                return Ok(status);
            }
        }
    }
    read_exactly(reader, length.unwrap_or(0), body)?;
    Ok(status)
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if reader.take(64 * 1024).read_line(&mut line)? == 0 {
        bail!("the connection was closed");
    }
    Ok(line.trim_end().to_owned())
}

fn read_exactly(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> Result<()> {
    let read = reader.take(length).read_to_end(body)?;
    if read as u64 != length {
        bail!("the connection was closed after {read} of {length} bytes");
    }
    Ok(())
}
