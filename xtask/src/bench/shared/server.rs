//! A Redis of the bench's own: started, asked what it counted, stopped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::bench::machine;
use crate::peers;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server without persistence; it is killed when this is dropped.
pub(super) struct RedisServer {
    child: Child,
    address: SocketAddr,
}

impl RedisServer {
    /// Where the program is: what the tests use, or one in the `PATH`.
    pub(super) fn program() -> Option<PathBuf> {
        let is_ours = |(variable, _): &(&str, PathBuf)| *variable == "BELFRY_TEST_REDIS_SERVER";
        let peer = peers::present().into_iter().find(is_ours);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let in_path = || {
            std::env::split_paths(&path)
                .map(|folder| folder.join("redis-server"))
                .find(|program| program.is_file())
        };
        peer.map(|(_, program)| program).or_else(in_path)
    }

    /// Starts one on a free port and waits until it answers.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command
            .args(["--port", &address.port().to_string()])
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(libraries) = libraries(program) {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let server = Self { child, address };
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if server.ask("PING").is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("{} does not answer on {address}", program.display())
    }

    /// Its first database, as a URL.
    pub(super) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// The CPU time used so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        machine::cpu_time(self.child.id())
    }

    /// The resident memory now, in bytes.
    pub(super) fn resident(&self) -> Result<f64> {
        machine::resident(self.child.id())
    }

    /// Asks a command of plain words whose answer is one text or number.
    pub(super) fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        match line.split_at_checked(1) {
            Some(("+" | ":", text)) => Ok(text.to_owned()),
            Some(("$", length)) => {
                // A key that is not there has the length -1.
                let length: usize = length.parse().unwrap_or(0);
                let mut text = vec![0; length];
                reader.read_exact(&mut text)?;
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            _ => bail!("{command} was answered with {line:?}"),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Libraries that were unpacked beside the program, which a machine may lack.
fn libraries(program: &Path) -> Option<PathBuf> {
    if program.starts_with("/usr") {
        return None;
    }
    let folders = fs::read_dir(program.parent()?.parent()?.join("lib")).ok()?;
    folders
        .flatten()
        .map(|folder| folder.path())
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
}
