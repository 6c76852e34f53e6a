//! A program started by a test, and what it writes.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a program wrote so far.
#[derive(Clone, Default)]
pub struct Output(Arc<(Mutex<String>, Condvar)>);

impl Output {
    fn follow(source: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let own = output.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let (text, changed) = &*own.0;
                let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
                changed.notify_all();
            }
        });
        output
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until something is found in it.
    #[must_use]
    pub fn wait<T>(&self, patience: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let (text, changed) = &*self.0;
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = find(&text) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = changed.wait_timeout(text, left);
            text = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A running program; killed when dropped.
pub struct Program {
    child: Child,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
}

impl Program {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?} does not start: {error}"),
        };
        let stdout = Output::follow(child.stdout.take().expect("it is piped"));
        let stderr = Output::follow(child.stderr.take().expect("it is piped"));
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    /// When the program is gone.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "no process {id} to signal");
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it ended, and how.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    #[track_caller]
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        match crate::wait_for(patience, || self.ended()) {
            Some(status) => status,
            None => panic!("it does not end; its log:\n{}", self.stderr.text()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a program ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end, within a minute.
///
/// # Panics
/// When it cannot be started, or goes on.
#[must_use]
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    let mut program = Program::start(command);
    let status = program.wait(Duration::from_secs(60));
    // The readers see the end of the pipes shortly after the process is gone.
    let settled = |output: &Output| {
        let mut last = output.text();
        loop {
            std::thread::sleep(Duration::from_millis(15));
            let now = output.text();
            if now == last {
                return now;
            }
            last = now;
        }
    };
    Ended {
        code: status.code(),
        stdout: settled(&program.stdout),
        stderr: settled(&program.stderr),
    }
}
