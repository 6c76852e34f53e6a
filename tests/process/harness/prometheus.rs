//! A real Prometheus that evaluates a rule file every second and posts to one address.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::free_port;
use crate::http::request;
use crate::program::Program;

/// Prometheus, its folder, and where it answers; killed when dropped.
pub struct Prometheus {
    /// The process.
    pub program: Program,
    address: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it with these rules, scraping `target` and posting alerts to `alertmanager`, both `HOST:PORT`.
    ///
    /// # Panics
    /// When its files cannot be written, or it cannot be started.
    #[must_use]
    pub fn start(path: &Path, rules: &str, target: &str, alertmanager: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{site: here}}}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: parts, static_configs: [{{targets: ['{target}']}}]}}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n"
        );
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("prometheus.yml"), config).expect("written");
        std::fs::write(file("rules.yml"), rules).expect("written");
        // It says nowhere which port it got, so it is given one.
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(path);
        command
            .arg(format!(
                "--config.file={}",
                file("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", file("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--rules.alert.resend-delay=1s", "--log.level=warn"]);
        Self {
            program: Program::start(&mut command),
            address,
            _folder: folder,
        }
    }

    /// The states of its alerts, sorted; empty while it does not answer.
    ///
    /// # Panics
    /// When it answers 200 with something else than JSON.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        let answer = request(&self.address, ("GET", "/api/v1/alerts"), &[], "");
        let Some(answer) = answer.ok().filter(|answer| answer.status() == 200) else {
            return Vec::new();
        };
        let alerts = answer.json()["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut states: Vec<_> = alerts
            .iter()
            .filter_map(|a| a["state"].as_str().map(str::to_owned))
            .collect();
        states.sort();
        states
    }
}
