//! One server.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{PATIENCE, holds_within, program, resp};

/// The first port that is tried. All are below those the system gives to outgoing connections, which could otherwise
/// take a server's port while it is down; a cluster's bus, 10,000 above, is too.
const PORT_FIRST: u64 = 11_000;
/// How many ports there are.
const PORT_COUNT: u64 = 10_000;

/// A server that runs until it is killed or dropped.
pub struct RedisServer {
    program: PathBuf,
    args: Vec<String>,
    port: u16,
    is_sentinel: bool,
    child: Option<Child>,
    folder: TempDir,
    auth: Vec<String>,
}

impl RedisServer {
    /// Starts one without persistence.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further arguments (`["--maxmemory", "2mb"]`); what is given twice counts as said last, so
    /// persistence can be switched on here (`["--appendonly", "yes"]`).
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start_with(args: &[&str]) -> Self {
        let mut server = Self::down_with(args);
        server.begin(|_| {});
        server
    }

    /// One that is not running yet, its port chosen: [`RedisServer::restart`] starts it.
    ///
    /// # Panics
    /// When there is no server program.
    #[must_use]
    #[track_caller]
    pub fn down_with(args: &[&str]) -> Self {
        let program = program().expect("redis-server is installed (see `is_missing`)");
        let folder = tempfile::Builder::new()
            .prefix("redis-")
            .tempdir()
            .expect("a folder");
        Self {
            program,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            port: free_port(),
            is_sentinel: false,
            child: None,
            folder,
            auth: Vec::new(),
        }
    }

    /// A sentinel with this configuration, running.
    #[track_caller]
    pub(crate) fn sentinel(configuration: &str) -> Self {
        let mut server = Self::down_with(&[]);
        server.is_sentinel = true;
        server.begin(|server| {
            let text = format!("port {}\n{configuration}", server.port);
            std::fs::write(server.folder.path().join("sentinel.conf"), text).expect("a file");
        });
        server
    }

    /// Starts it for the first time; when another server was faster to take the port, on another one.
    #[track_caller]
    fn begin(&mut self, prepare: impl Fn(&Self)) {
        for _ in 0..5 {
            prepare(self);
            self.launch();
            if self.comes_up() {
                return;
            }
            if !self.log().contains("Address already in use") {
                break;
            }
            self.port = free_port();
        }
        panic!("the server does not come up:\n{}", self.log());
    }

    /// Logs in with these words wherever this server is asked from here on (a password, or a user and a password).
    #[must_use]
    pub fn with_auth(mut self, auth: &[&str]) -> Self {
        self.auth = auth.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// HOST:PORT.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Adds arguments for the next [`RedisServer::restart`].
    pub fn add_args(&mut self, args: &[&str]) {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
    }

    /// Asks it one thing; see [`resp::ask`].
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn command(&self, words: &[&str]) -> String {
        match self.try_command(words) {
            Ok(answer) => answer,
            Err(error) => panic!("{words:?} to {}: {error}", self.address()),
        }
    }

    /// Asks it one thing.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn try_command(&self, words: &[&str]) -> io::Result<String> {
        let auth: Vec<&str> = self.auth.iter().map(String::as_str).collect();
        let auth = (!auth.is_empty()).then_some(auth.as_slice());
        resp::ask_as(&self.address(), auth, words)
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it with SIGTERM, which lets it save, and waits until it is gone.
    ///
    /// # Panics
    /// When it stays.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            let is_gone = holds_within(PATIENCE, || child.try_wait().is_ok_and(|s| s.is_some()));
            let _ = child.kill();
            let _ = child.wait();
            assert!(is_gone, "the server stays after SIGTERM");
        }
    }

    /// Kills it if it runs and starts it on the same port and folder.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn restart(&mut self) {
        self.launch();
        assert!(
            self.comes_up(),
            "the server does not come up:\n{}",
            self.log()
        );
    }

    /// Waits until it answers or ends.
    fn comes_up(&mut self) -> bool {
        let mut is_over = false;
        let is_up = holds_within(PATIENCE, || {
            let ended = self.child.as_mut().map(Child::try_wait);
            is_over = !matches!(ended, Some(Ok(None)));
            is_over || self.answers()
        });
        is_up && !is_over
    }

    /// Whether it answers; `NOAUTH`, `NOPERM` and `LOADING` are answers too, unless another process gives them.
    fn answers(&self) -> bool {
        let info = self.try_command(&["INFO", "server"]);
        let own = format!("process_id:{}\r", self.id().unwrap_or_default());
        info.is_ok_and(|info| !info.contains("process_id:") || info.contains(&own))
    }

    /// The same without waiting for an answer.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[track_caller]
    pub fn launch(&mut self) {
        self.kill();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log");
        let mut command = Command::new(&self.program);
        if self.is_sentinel {
            command.arg("sentinel.conf").arg("--sentinel");
        } else {
            // `--tls-port` among the arguments wants the plain port given here too.
            let port = self.port.to_string();
            command.args(["--port", &port, "--bind", "127.0.0.1"]);
            command.args(["--save", "", "--appendonly", "no"]);
            command.args(["--repl-diskless-sync-delay", "0"]);
            command.args(&self.args);
        }
        let command = command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a second handle"))
            .stdout(log);
        match command.spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => panic!("{command:?} does not start: {error}"),
        }
    }

    /// Stops it in its tracks (SIGSTOP): connections stay open, nothing is answered.
    ///
    /// # Panics
    /// When it does not run.
    #[track_caller]
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// When it does not run.
    #[track_caller]
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Waits until it has this many connections besides the one that asks, or fewer.
    #[must_use]
    pub fn has_clients(&self, count: usize, patience: Duration) -> bool {
        holds_within(patience, || {
            let list = self.try_command(&["CLIENT", "LIST"]);
            list.is_ok_and(|list| {
                list.lines().filter(|l| l.starts_with("id=")).count() == count + 1
            })
        })
    }

    /// What it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    #[track_caller]
    fn signal(&self, name: &str) {
        let id = self.id().expect("the server runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no process {id}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port nobody listens on, nor on the one 10,000 above.
///
/// # Panics
/// When there is none.
#[must_use]
#[track_caller]
pub fn free_port() -> u16 {
    for _ in 0..1000 {
        // Drawn anew each time, so that tests running at once seldom choose the same.
        let drawn = RandomState::new().hash_one(0_u8) % PORT_COUNT;
        let port = u16::try_from(PORT_FIRST + drawn).unwrap_or(u16::MAX);
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
    panic!("no free port");
}
