//! An instance that comes back at the same address.

use std::process::Command;

use harness::server::{Place, Server, binary};
use harness::{PATIENCE, free_port, wait_for};

use crate::shared::Shared;

/// A place with an address; its server may be running or not.
pub(crate) struct Instance {
    place: Place,
    address: String,
    variables: [(&'static str, String); 2],
    server: Option<Server>,
}

impl Instance {
    /// Starts a drop-in with this configuration that shares this Redis.
    pub(crate) fn start(config: &str, shared: &Shared) -> Self {
        let password = shared.password_file().display().to_string();
        let mut instance = Self {
            place: Place::new(config),
            address: format!("127.0.0.1:{}", free_port()),
            variables: [
                ("BELFRY_REDIS_URL", shared.url()),
                ("BELFRY_REDIS_PASSWORD_FILE", password),
            ],
            server: None,
        };
        instance.restart();
        instance
    }

    /// HOST:PORT.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again on what it left.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(binary());
        command
            .arg("alertmanager")
            .arg(format!(
                "--config.file={}",
                self.place.path("alertmanager.yml").display()
            ))
            .arg(format!(
                "--storage.path={}",
                self.place.path("data").display()
            ))
            .arg(format!("--web.listen-address={}", self.address))
            .arg("--cluster.listen-address=")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        self.server = Some(Server::start(&mut command));
    }

    /// Waits until it works together with the others.
    pub(crate) fn wait_coordinated(&self) {
        let server = self.server.as_ref().expect("it runs");
        let is_coordinated = || {
            let answer = server.get("/-/coordinated");
            let mode = answer.header("x-belfry-mode");
            (answer.status() == 200 && mode == Some("coordinated")).then_some(())
        };
        let found = wait_for(PATIENCE, is_coordinated);
        assert!(found.is_some(), "alone:\n{}", server.program.stderr.text());
    }
}
