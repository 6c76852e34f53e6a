//! A program under test: started, watched and stopped.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::machine;

const START_LIMIT: Duration = Duration::from_secs(120);
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
const KEPT_LINES: usize = 20;

/// A running program; it is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts the command and waits for the log line that says where it listens.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, found) = mpsc::channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ];
        for pipe in pipes.into_iter().flatten() {
            let (tail, sender) = (Arc::clone(&tail), sender.clone());
            thread::spawn(move || watch(pipe, &tail, &sender));
        }
        drop(sender);
        let address = match found.recv_timeout(START_LIMIT) {
            Ok(address) => address,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let why = match error {
                    RecvTimeoutError::Timeout => "did not say in time where it listens",
                    RecvTimeoutError::Disconnected => "ended before it listened",
                };
                let said: Vec<String> = tail
                    .lock()
                    .map(|tail| tail.iter().cloned().collect())
                    .unwrap_or_default();
                bail!("{command:?} {why}; its last words:\n{}", said.join("\n"));
            }
        };
        Ok(Self { child, address })
    }

    /// The CPU time used so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        machine::cpu_time(self.child.id())
    }

    /// The resident memory now, in bytes.
    pub(super) fn resident(&self) -> Result<f64> {
        machine::resident(self.child.id())
    }

    /// Waits until the program has finished what it does in the background: half a second with hardly any CPU used.
    pub(super) fn settle(&self) -> Result<()> {
        let started = Instant::now();
        let mut before = self.cpu()?;
        while started.elapsed() < SETTLE_LIMIT {
            thread::sleep(Duration::from_millis(500));
            let after = self.cpu()?;
            if after.saturating_sub(before) <= Duration::from_millis(10) {
                return Ok(());
            }
            before = after;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL on purpose: what was acknowledged has to survive it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(pipe: impl Read, tail: &Mutex<VecDeque<String>>, found: &Sender<SocketAddr>) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        if let Some(address) = listening_address(&line) {
            let _ = found.send(address);
        }
        if let Ok(mut tail) = tail.lock() {
            if tail.len() == KEPT_LINES {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }
}

/// The address in a line with `msg="Listening on"` and `address=HOST:PORT`.
pub(super) fn listening_address(line: &str) -> Option<SocketAddr> {
    if !line.contains("msg=\"Listening on\"") {
        return None;
    }
    line.split_whitespace()
        .find_map(|word| word.strip_prefix("address="))
        .and_then(|address| address.trim_matches('"').parse().ok())
}
