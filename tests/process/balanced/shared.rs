//! A Redis with the settings and the user that the repository recommends.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use harness::nginx::deployed;
use redis_harness::RedisServer;
use tempfile::TempDir;

/// Made up for each run's folder and known to nobody else.
const PASSWORD: &str = "only-for-this-test";

/// The operator's, who may do what Belfry may not.
const OPERATORS_PASSWORD: &str = "only-for-this-test-too";

/// A Redis as deployed.
pub(crate) struct Shared {
    server: RedisServer,
    folder: TempDir,
}

impl Shared {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |name| std::fs::read_to_string(deployed(name)).expect("it is there");
        let users = read("redis/users.acl");
        let users = users
            .replace("REPLACE_WITH_SHA256_OF_THE_PASSWORD", &sha256(PASSWORD))
            .replace(
                "REPLACE_WITH_SHA256_OF_THE_OPERATORS_PASSWORD",
                &sha256(OPERATORS_PASSWORD),
            );
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("users.acl"), users).expect("written");
        let users = file("users.acl").display().to_string();
        let settings = read("redis/redis.conf").replace("/etc/redis/users.acl", &users);
        std::fs::write(file("redis.conf"), settings).expect("written");
        std::fs::write(file("password"), format!("{PASSWORD}\n")).expect("written");
        // What the harness says of persistence comes first and is overruled.
        let include = file("redis.conf").display().to_string();
        let server = RedisServer::start_with(&["--include", &include])
            .with_auth(&["operator", OPERATORS_PASSWORD]);
        Self { server, folder }
    }

    /// Its URL for an instance; the password is in a file.
    pub(crate) fn url(&self) -> String {
        format!("redis://belfry@{}/0", self.server.address())
    }

    /// The file with the password.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Stops it and starts it again on its files.
    pub(crate) fn restart(&mut self) {
        self.server.stop();
        self.server.restart();
        // It answers while it reads its files, and says so.
        for _ in 0..1_000 {
            if !self.ask(&["GET", "a"]).contains("LOADING") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("Redis does not come to an end of reading its files");
    }

    /// Asks it as somebody who may everything.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.server.command(words)
    }
}

fn sha256(text: &str) -> String {
    use std::io::Write as _;
    let mut command = Command::new("sha256sum");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("sha256sum runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}
