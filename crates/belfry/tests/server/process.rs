//! A belfry process, and HTTP spoken to it by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for anything a test expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a process wrote so far.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<String>, Condvar)>);

impl Output {
    fn follow(source: impl std::io::Read + Send + 'static) -> Self {
        let output = Self::default();
        let own = output.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let (text, changed) = &*own.0;
                let mut text = text.lock().expect("not poisoned");
                text.push_str(&line);
                text.push('\n');
                changed.notify_all();
            }
        });
        output
    }

    /// Waits until `found` finds something in what was written.
    #[track_caller]
    fn until<T>(&self, patience: Duration, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + patience;
        let (text, changed) = &*self.0;
        let mut text = text.lock().expect("not poisoned");
        loop {
            if let Some(found) = found(&text) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "did not come in time; the output is:\n{text}"
            );
            text = changed.wait_timeout(text, left).expect("not poisoned").0;
        }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Mutex<Child>,
    stdout: Output,
    stderr: Output,
    address: String,
    folder: Option<TempDir>,
    /// How much of the log earlier checks used up.
    seen: Mutex<usize>,
}

impl Server {
    /// Starts a drop-in in a folder of its own with this configuration.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("am.yml"), config).expect("written");
        Self::drop_in(folder)
    }

    /// As [`Server::start`], with an environment variable.
    pub(crate) fn start_under(variable: (&str, &str), config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("am.yml"), config).expect("written");
        Self::drop_in_under(&[variable], folder)
    }

    pub(crate) fn drop_in(folder: TempDir) -> Self {
        Self::drop_in_under(&[], folder)
    }

    fn drop_in_under(variables: &[(&str, &str)], folder: TempDir) -> Self {
        let (config, data) = (folder.path().join("am.yml"), folder.path().join("data"));
        let config = format!("--config.file={}", config.display());
        let data = format!("--storage.path={}", data.display());
        let args = [
            "alertmanager",
            &config,
            &data,
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ];
        let mut server = Self::start_under_with(variables, &args);
        server.folder = Some(folder);
        server
    }

    /// Starts the program with these arguments and waits until it listens.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_under_with(&[], args)
    }

    fn start_under_with(variables: &[(&str, &str)], args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_belfry"))
            .envs(variables.iter().copied())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = Output::follow(child.stdout.take().expect("piped"));
        let stderr = Output::follow(child.stderr.take().expect("piped"));
        let address = if args.first() == Some(&"demo") {
            stdout.until(PATIENCE, |text| between(text, "It serves http://", " "))
        } else {
            stderr.until(PATIENCE, |text| {
                between(text, "msg=\"Listening on\" address=", "\n")
            })
        };
        Self {
            child: Mutex::new(child),
            stdout,
            stderr,
            address,
            folder: None,
            seen: Mutex::new(0),
        }
    }

    /// Starts a server again, on the same files, after this one has ended.
    pub(crate) fn restart(mut self) -> Self {
        let folder = self.folder.take().expect("it has a folder of its own");
        drop(self);
        Self::drop_in(folder)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder
            .as_ref()
            .expect("it has a folder of its own")
            .path()
    }

    pub(crate) fn config_file(&self) -> String {
        self.folder().join("am.yml").display().to_string()
    }

    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(PathBuf::from(self.config_file()), text).expect("written");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http(&self.address, "GET", path, "", "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        http(&self.address, "POST", path, "", body)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().expect("not poisoned").id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the process to end; `None` when a signal ended it.
    #[track_caller]
    pub(crate) fn exit_code(&self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self
                .child
                .lock()
                .expect("not poisoned")
                .try_wait()
                .expect("waited");
            if let Some(status) = ended {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a text in the part of the log no earlier check used up.
    #[track_caller]
    pub(crate) fn log_has(&self, text: &str) {
        let mut seen = self.seen.lock().expect("not poisoned");
        *seen = self.stderr.until(PATIENCE, |log| {
            Some(*seen + log.get(*seen..)?.find(text)? + text.len())
        });
    }

    /// Waits for a text on standard output and answers all that was written there.
    #[track_caller]
    pub(crate) fn stdout_until(&self, text: &str, patience: Duration) -> String {
        self.stdout.until(patience, |shown| {
            shown.contains(text).then(|| shown.to_owned())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What stands between two texts.
fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found.to_owned())
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    run_under(&[], args)
}

/// Runs the program to its end, with environment variables.
pub(crate) fn run_under(variables: &[(&str, &str)], args: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_belfry"))
        .envs(variables.iter().copied())
        .args(args)
        .output()
        .expect("it runs");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Makes one request on a connection of its own.
pub(crate) fn http(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Answer {
        status,
        body: if is_chunked {
            unchunk(body)
        } else {
            body.to_owned()
        },
    }
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        body.push_str(tail.get(..size).unwrap_or(tail));
        rest = tail.get(size + 2..).unwrap_or("");
    }
    body
}
