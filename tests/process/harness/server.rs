//! Belfry as a process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::alert::{self, Alert};
use crate::http::{self, Message};
use crate::program::Program;
use crate::{PATIENCE, wait_for};

/// The program under test: `BELFRY_TEST_BELFRY`, or this workspace's, built when it is not up to date.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("BELFRY_TEST_BELFRY") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    // …/target/debug/deps/crash-0123 → …/target and debug
    let own = std::env::current_exe().expect("this test is a file");
    let profile = own
        .ancestors()
        .nth(2)
        .expect("tests lie below a profile's folder");
    let target = profile
        .parent()
        .expect("profiles lie below the target folder");
    let binary = profile.join("belfry");
    // A run of the whole workspace has built it, but with other features of its dependencies than `-p belfry` chooses:
    // cargo would build these again, for minutes.
    if is_up_to_date(&binary).unwrap_or(false) {
        return binary;
    }
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--quiet", "-p", "belfry", "--target-dir"])
        .arg(target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    command.current_dir(workspace());
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "belfry does not build");
    binary
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether every source that cargo noted beside the binary is older than it; `None` when that cannot be known.
fn is_up_to_date(binary: &Path) -> Option<bool> {
    let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let built = changed(binary)?;
    let notes = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = notes.split_once(": ")?;
    let locks = [
        workspace().join("Cargo.lock"),
        workspace().join("Cargo.toml"),
    ];
    let sources = sources.split_whitespace().map(PathBuf::from).chain(locks);
    let mut are_older = true;
    for source in sources {
        are_older &= changed(&source)? < built;
    }
    Some(are_older)
}

/// A folder with a configuration and what the server keeps.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A new one with this configuration.
    ///
    /// # Panics
    /// When no folder can be made.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        place.write("alertmanager.yml", config);
        place
    }

    /// Writes a file into it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the file is written");
    }

    /// Replaces the configuration.
    pub fn configure(&self, config: &str) {
        self.write("alertmanager.yml", config);
    }

    /// The path of a file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command that starts a drop-in here on a free port.
    #[must_use]
    pub fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("alertmanager")
            .arg(format!(
                "--config.file={}",
                self.path("alertmanager.yml").display()
            ))
            .arg(format!("--storage.path={}", self.path("data").display()))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ])
            .args(flags);
        command
    }

    /// Starts a drop-in here and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    #[track_caller]
    pub fn start(&self, flags: &[&str]) -> Server {
        Server::start(&mut self.command(flags))
    }
}

/// A running server; killed when dropped.
pub struct Server {
    /// The process.
    pub program: Program,
    address: String,
}

impl Server {
    /// Starts it and waits until its log says where it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut program = Program::start(command);
        let address = wait_for(PATIENCE, || {
            let is_over = program.ended().is_some();
            let found = listening(&program.stderr.text());
            assert!(
                found.is_some() || !is_over,
                "it ended:\n{}",
                program.stderr.text()
            );
            found
        });
        let Some(address) = address else {
            panic!("it does not listen:\n{}", program.stderr.text());
        };
        Self { program, address }
    }

    /// HOST:PORT.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks for a page.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    #[track_caller]
    pub fn get(&self, target: &str) -> Message {
        self.send("GET", target, "").expect("an answer")
    }

    /// Asks for JSON.
    ///
    /// # Panics
    /// When no JSON comes.
    #[must_use]
    #[track_caller]
    pub fn json(&self, target: &str) -> Value {
        self.get(target).json()
    }

    /// Makes a request.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send(&self, method: &str, target: &str, body: &str) -> io::Result<Message> {
        http::request(&self.address, (method, target), &[], body)
    }

    /// Posts alerts, which must be accepted.
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn post(&self, alerts: &[Alert]) {
        let answer = self
            .send("POST", "/api/v2/alerts", &alert::body(alerts))
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Posts a silence on one label and answers its id.
    ///
    /// # Panics
    /// When it is not accepted.
    #[track_caller]
    pub fn silence(&self, name: &str, value: &str, long: Duration) -> String {
        let body = alert::silence(name, value, long);
        let answer = self
            .send("POST", "/api/v2/silences", &body)
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.json()["silenceID"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

/// The address in a log line that says where it listens.
#[must_use]
pub fn listening(log: &str) -> Option<String> {
    let line = log
        .split_inclusive('\n')
        .find(|line| line.contains("msg=\"Listening on\""))?;
    let (_, address) = line.split_once("address=")?;
    // A line still being written has no end.
    address.ends_with('\n').then(|| {
        address
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}
