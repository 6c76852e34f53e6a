//! As much of Redis's protocol as tests need: one command on a connection of its own.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// Longest wait for a connection, a read or a write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks one thing of the server at HOST:PORT. A nested answer comes as its lines; an error begins with `(error) `.
///
/// # Errors
/// When there is no connection, it breaks, or no answer comes within two seconds.
pub fn ask(address: &str, words: &[&str]) -> io::Result<String> {
    ask_as(address, None, words)
}

/// The same after `AUTH` with these words (a password, or a user and a password).
///
/// # Errors
/// As [`ask`].
pub fn ask_as(address: &str, auth: Option<&[&str]>, words: &[&str]) -> io::Result<String> {
    let address = address.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("no address"))?;
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    if let Some(auth) = auth {
        let mut login = vec!["AUTH"];
        login.extend(auth);
        exchange(&mut reader, &login)?;
    }
    exchange(&mut reader, words)
}

fn exchange(reader: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    reader.get_mut().write_all(text.as_bytes())?;
    let mut lines = Vec::new();
    read(reader, &mut lines)?;
    Ok(lines.join("\n"))
}

fn read(reader: &mut BufReader<TcpStream>, lines: &mut Vec<String>) -> io::Result<()> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).unwrap_or((line, ""));
    match kind {
        "$" => {
            let length: i64 = rest.parse().map_err(io::Error::other)?;
            let Ok(length) = usize::try_from(length) else {
                lines.push("(nil)".to_owned());
                return Ok(());
            };
            let mut bytes = vec![0; length + 2];
            reader.read_exact(&mut bytes)?;
            bytes.truncate(length);
            lines.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        "*" => {
            let count: i64 = rest.parse().map_err(io::Error::other)?;
            for _ in 0..count {
                read(reader, lines)?;
            }
        }
        "-" => lines.push(format!("(error) {rest}")),
        _ => lines.push(rest.to_owned()),
    }
    Ok(())
}
