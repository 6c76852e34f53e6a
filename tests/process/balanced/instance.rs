//! An instance that comes back at the same address.

use std::process::Command;

use harness::free_port;
use harness::server::{Place, Server, binary};

/// A place with an address; its server may be running or not.
pub(crate) struct Instance {
    place: Place,
    address: String,
    server: Option<Server>,
}

impl Instance {
    /// Starts a drop-in with this configuration.
    pub(crate) fn start(config: &str) -> Self {
        let mut instance = Self {
            place: Place::new(config),
            address: format!("127.0.0.1:{}", free_port()),
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
            .arg("--cluster.listen-address=");
        self.server = Some(Server::start(&mut command));
    }
}
