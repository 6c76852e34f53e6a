//! A redis-server of our own on a free port, and as much of its protocol as asking it something needs.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::program::Program;
use harness::{PATIENCE, wait_for};
use tempfile::TempDir;

/// Longest wait for an answer of Redis.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An answer of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Nothing.
    Nil,
    /// Several answers.
    List(Vec<Answer>),
    /// An error.
    Error(String),
}

impl Answer {
    /// The number, zero for anything else.
    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            _ => 0,
        }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Self::List(all) = self else {
            return Vec::new();
        };
        let text = |one: &Self| match one {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        };
        all.iter().filter_map(text).collect()
    }
}

/// Whether redis-server can be started; says that a test is skipped when it cannot.
///
/// # Panics
/// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
pub(crate) fn is_there(test: &str) -> bool {
    let found = Command::new("redis-server").arg("--version").output();
    if found.is_ok() {
        return true;
    }
    let is_required = std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{test} needs redis-server");
    let _ = writeln!(io::stderr(), "skipped: {test}: no redis-server");
    false
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A redis-server with a folder of its own; killed when dropped.
pub(crate) struct Redis {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    program: Option<Program>,
}

impl Redis {
    /// Starts one with these settings, as on its command line.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let mut redis = Self {
            folder: tempfile::tempdir().expect("a folder"),
            port: free_port(),
            settings: settings.iter().map(|&word| word.to_owned()).collect(),
            program: None,
        };
        redis.revive();
        redis
    }

    /// Starts it again on the same port and files, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn revive(&mut self) {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--repl-diskless-sync-delay", "0", "--loglevel", "notice"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.settings);
        self.program = Some(Program::start(&mut command));
        let is_up = || {
            let answer = self.ask(&["PING"]);
            matches!(answer, Ok(Answer::Text(_))).then_some(())
        };
        assert!(
            wait_for(PATIENCE, is_up).is_some(),
            "redis-server does not answer:\n{}",
            self.log()
        );
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill();
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Where it keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote since its last start.
    pub(crate) fn log(&self) -> String {
        let program = self.program.as_ref();
        program.map_or_else(String::new, |program| program.stdout.text())
    }

    /// Makes a call on a connection of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn ask(&self, words: &[&str]) -> io::Result<Answer> {
        ask(self.address(), words)
    }

    /// Makes a call that must be answered, and not with an error.
    ///
    /// # Errors
    /// What came instead.
    pub(crate) fn must(&self, words: &[&str]) -> Result<Answer, String> {
        match self.ask(words) {
            Ok(Answer::Error(error)) => Err(format!("redis answers {words:?} with {error}")),
            Ok(answer) => Ok(answer),
            Err(error) => Err(format!("redis does not answer {words:?}: {error}")),
        }
    }

    /// How many calls of commands that write it has counted, those inside scripts included.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn writes(&self) -> Result<u64, String> {
        const WRITING: [&str; 13] = [
            "hset", "hdel", "zadd", "zrem", "set", "del", "unlink", "xadd", "expire", "pexpire",
            "hincrby", "sadd", "srem",
        ];
        let Answer::Text(text) = self.must(&["INFO", "commandstats"])? else {
            return Err("no commandstats".to_owned());
        };
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let count = rest.split(',').next()?.parse::<u64>().ok()?;
            WRITING.contains(&name).then_some(count)
        };
        Ok(text.lines().filter_map(calls).sum())
    }
}

/// Makes one call at an address.
///
/// # Errors
/// When there is no answer.
pub(crate) fn ask(address: SocketAddr, words: &[&str]) -> io::Result<Answer> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    (&stream).write_all(text.as_bytes())?;
    read(&mut BufReader::new(&stream))
}

fn read(reader: &mut impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let rest = line.get(1..).unwrap_or_default();
    let number = || rest.parse::<i64>().map_err(io::Error::other);
    match line.chars().next() {
        Some('+') => Ok(Answer::Text(rest.to_owned())),
        Some('-') => Ok(Answer::Error(rest.to_owned())),
        Some(':') => Ok(Answer::Number(number()?)),
        Some('$') => {
            let Ok(size) = usize::try_from(number()?) else {
                return Ok(Answer::Nil);
            };
            let mut bytes = vec![0; size + 2];
            reader.read_exact(&mut bytes)?;
            bytes.truncate(size);
            Ok(Answer::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Some('*') => {
            let many = usize::try_from(number()?).unwrap_or(0);
            let all: io::Result<Vec<Answer>> = (0..many).map(|_| read(reader)).collect();
            Ok(Answer::List(all?))
        }
        _ => Err(io::Error::other(format!("no answer of Redis: {line:?}"))),
    }
}
