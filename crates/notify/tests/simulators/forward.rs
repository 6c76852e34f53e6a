//! Forwarding to the real Alertmanager, where there is one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::provider::Channel;

const TEST: &str = "alerts_are_taken_by_the_real_one";
const VARIABLE: &str = "BELFRY_TEST_ALERTMANAGER";
const INSTALLED: &str = "/usr/bin/prometheus-alertmanager";

/// The program, or a line that names the test as skipped.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os(VARIABLE).map_or_else(|| INSTALLED.into(), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    let is_required = std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{TEST} needs {}", path.display());
    // Written past the test runner's capture, so that it is seen.
    let said = format!("skipped: {TEST}: no {} (set {VARIABLE})", path.display());
    let _ = writeln!(std::io::stderr(), "{said}");
    None
}

struct Alertmanager {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    fn start(program: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: r}\nreceivers: [{name: r}]\n").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.route-prefix=/am")
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let own = Self {
            child,
            address,
            _folder: folder,
        };
        for _ in 0..200 {
            if own.get("/am/-/ready").is_some() {
                return own;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it did not become ready");
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: am\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn alerts_are_taken_by_the_real_one() {
    let Some(program) = program() else { return };
    let other = Alertmanager::start(program);
    let settings = format!("url: 'http://{}/am', ends_after: 2h", other.address);
    let channel = Channel::new("forward", &settings);
    channel.tell("<\"load\"> 漢字\nis high", 2).await.unwrap();
    let alerts = other.get("/am/api/v2/alerts").unwrap();
    let alerts: Value = serde_json::from_str(&alerts).unwrap();
    let alerts = alerts.as_array().unwrap();
    assert_eq!(alerts.len(), 2);
    for alert in alerts {
        assert_eq!(alert["labels"]["alertname"], "HighLoad");
        assert_eq!(alert["annotations"]["summary"], "<\"load\"> 漢字\nis high");
        assert_eq!(alert["status"]["state"], "active");
        assert_eq!(alert["startsAt"], "2026-03-04T05:06:07.089Z");
        assert!(alert["endsAt"].as_str().unwrap() > alert["updatedAt"].as_str().unwrap());
    }
}
