//! A program started by a test, and what it writes.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a program wrote so far.
#[derive(Clone, Default)]
pub struct Output(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    text: String,
    is_over: bool,
}

impl Output {
    fn follow(source: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let own = output.clone();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(source);
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                own.lock().text.push_str(&String::from_utf8_lossy(&line));
                own.0.1.notify_all();
                line.clear();
            }
            own.lock().is_over = true;
            own.0.1.notify_all();
        });
        output
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was written so far, in whole lines.
    #[must_use]
    pub fn text(&self) -> String {
        self.lock().text.clone()
    }

    /// Waits until something is found in it.
    #[must_use]
    pub fn wait<T>(&self, patience: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.until(patience, |written| find(&written.text))
    }

    /// Waits until nothing more can come, and answers all of it.
    ///
    /// # Panics
    /// When the other end stays open.
    #[must_use]
    #[track_caller]
    pub fn whole(&self) -> String {
        let whole = self.until(crate::PATIENCE, |written| {
            written.is_over.then(|| written.text.clone())
        });
        whole.expect("the program's output ends with it")
    }

    fn until<T>(&self, patience: Duration, find: impl Fn(&Written) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut written = self.lock();
        loop {
            if let Some(found) = find(&written) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.0.1.wait_timeout(written, left);
            written = waited.unwrap_or_else(PoisonError::into_inner).0;
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

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is stopped, as by SIGSTOP.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        // PID (NAME) STATE …, and the name may hold anything.
        let stat = stat.unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
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
    Ended {
        code: status.code(),
        stdout: program.stdout.whole(),
        stderr: program.stderr.whole(),
    }
}
