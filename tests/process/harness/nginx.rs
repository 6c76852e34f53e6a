//! nginx with the configuration that the repository recommends.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::program::Program;
use crate::{PATIENCE, free_port, wait_for};

/// The names of the instances in the configuration.
const NAMES: [&str; 3] = [
    "belfry-1.example.org:9093",
    "belfry-2.example.org:9093",
    "belfry-3.example.org:9093",
];

/// What belongs around the repository's file: folders of its own, and a log of which instance answered what.
const AROUND: &str = "daemon off;
user root;
worker_processes 2;
pid FOLDER/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    log_format passed '$request_method $uri $status $upstream_addr';
    access_log FOLDER/access.log passed;
    include FOLDER/belfry.conf;
}
";

/// A running nginx; it ends with its workers when dropped.
pub struct Nginx {
    program: Program,
    address: String,
    folder: TempDir,
}

/// A line of the access log.
#[derive(Debug)]
pub struct Passed {
    /// Method and path.
    pub request: String,
    /// What the client was answered.
    pub status: u16,
    /// How many instances were asked.
    pub asked: usize,
}

/// A file of `deploy/`.
#[must_use]
pub fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(name)
}

impl Nginx {
    /// Starts it in front of these addresses, at most three, on a free port of the loopback.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(path: &Path, instances: &[String]) -> Self {
        Self::start_on("127.0.0.1", path, instances)
    }

    /// Starts it on a free port of one of this machine's addresses.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start_on(host: &str, path: &Path, instances: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("{host}:{}", free_port());
        let text = std::fs::read_to_string(deployed("nginx/belfry.conf")).expect("it is there");
        std::fs::write(
            folder.path().join("belfry.conf"),
            fitted(&text, &address, instances),
        )
        .expect("written");
        let around = AROUND.replace("FOLDER", &folder.path().display().to_string());
        std::fs::write(folder.path().join("nginx.conf"), around).expect("written");
        let mut command = Command::new(path);
        command.args(["-e", "stderr", "-p"]).arg(folder.path());
        command.arg("-c").arg(folder.path().join("nginx.conf"));
        let program = Program::start(&mut command);
        let is_up = wait_for(PATIENCE, || TcpStream::connect(&address).ok());
        assert!(is_up.is_some(), "no nginx:\n{}", program.stderr.text());
        Self {
            program,
            address,
            folder,
        }
    }

    /// HOST:PORT.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it passed on so far.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        let log = std::fs::read_to_string(self.folder.path().join("access.log"));
        let log = log.unwrap_or_default();
        log.lines()
            .filter_map(|line| {
                let mut words = line.splitn(4, ' ');
                let request = format!("{} {}", words.next()?, words.next()?);
                let status = words.next()?.parse().ok()?;
                let asked = words.next()?.split(", ").filter(|a| *a != "-").count();
                Some(Passed {
                    request,
                    status,
                    asked,
                })
            })
            .collect()
    }

    /// What it complained of.
    #[must_use]
    pub fn errors(&self) -> String {
        self.program.stderr.text()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers along when it is asked to stop; killed, it would leave them behind.
        if self.program.ended().is_none() {
            self.program.signal("TERM");
            let _ = wait_for(PATIENCE, || self.program.ended());
        }
    }
}

/// The repository's file with the test's addresses in the place of its own.
fn fitted(text: &str, address: &str, instances: &[String]) -> String {
    assert!(instances.len() <= NAMES.len(), "{instances:?}");
    let mut kept = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some(number) = NAMES.iter().position(|name| line.contains(name)) {
            let Some(instance) = instances.get(number) else {
                continue;
            };
            line = line.replace(NAMES[number], instance);
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    assert_eq!(
        kept.matches("listen 80;").count(),
        1,
        "one plain port is listened on"
    );
    kept.replace("listen 80;", &format!("listen {address};"))
}
