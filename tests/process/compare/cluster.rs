//! Three members of either kind, with what stands around them.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use harness::nginx::Nginx;
use harness::program::Program;
use harness::server::Server;
use harness::sink::Sink;
use harness::{PATIENCE, free_port, wait_for};
use tempfile::TempDir;

use crate::ground::{Ground, MEMBERS};

/// From the start until members know each other: Alertmanager gossips for some rounds before it sends.
pub(crate) const SETTLE: Duration = Duration::from_secs(12);

/// Routes and times of both; `group_interval` and the like are about a tenth of what people use.
const CONFIG: &str = "route: {receiver: hook, group_by: [cluster], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";

/// Alertmanager's own times, a tenth of the defaults where they decide how long a member waits for another.
const THEIR_FLAGS: [&str; 3] = [
    "--cluster.peer-timeout=1500ms",
    "--cluster.pushpull-interval=6s",
    "--cluster.reconnect-interval=1s",
];

/// Ours, likewise.
const OUR_SCALE: &str = "0.1";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Three instances that share a Redis, behind nginx.
    Belfry,
    /// Three that gossip; senders post to each.
    Alertmanager,
}

impl Kind {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Belfry => "Belfry",
            Self::Alertmanager => "Alertmanager",
        }
    }
}

/// Where the programs are.
pub(crate) struct Programs {
    /// Belfry.
    pub(crate) belfry: PathBuf,
    /// Alertmanager.
    pub(crate) alertmanager: PathBuf,
    /// redis-server.
    pub(crate) redis: PathBuf,
    /// nginx.
    pub(crate) nginx: PathBuf,
}

/// A Redis that can be killed and come back, with its data or without.
struct Redis {
    program: PathBuf,
    host: String,
    port: u16,
    folder: TempDir,
    running: Option<Program>,
}

impl Redis {
    fn start(program: PathBuf, host: String) -> Self {
        let mut redis = Self {
            program,
            host,
            port: free_port(),
            folder: tempfile::tempdir().expect("a folder"),
            running: None,
        };
        redis.restart();
        redis
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn restart(&mut self) {
        self.running = None;
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", &self.host, "--port", &self.port.to_string()])
            .args([
                "--protected-mode",
                "no",
                "--save",
                "",
                "--appendonly",
                "yes",
            ])
            .args(["--maxmemory-policy", "noeviction", "--dir"])
            .arg(self.folder.path());
        self.running = Some(Program::start(&mut command));
        let is_up = wait_for(PATIENCE, || TcpStream::connect(self.address()).ok());
        assert!(is_up.is_some(), "redis-server does not come up");
    }

    fn lose(&mut self) {
        self.running = None;
        self.folder = tempfile::tempdir().expect("a folder");
        self.restart();
    }
}

/// One member, running or not.
struct Member {
    folder: TempDir,
    port: u16,
    server: Option<Server>,
}

/// Three members and what stands around them.
pub(crate) struct Cluster {
    kind: Kind,
    binary: PathBuf,
    members: Vec<Member>,
    gossip: Vec<String>,
    redis: Option<Redis>,
    nginx: Option<Nginx>,
    /// Their receiver.
    pub(crate) sink: Sink,
    // Last, so that it is taken away when all that used it is gone.
    ground: Ground,
}

impl Cluster {
    /// Starts all of it.
    pub(crate) fn start(kind: Kind, programs: &Programs) -> Self {
        let number = match kind {
            Kind::Belfry => 1,
            Kind::Alertmanager => 2,
        };
        let ground = Ground::new(number, MEMBERS);
        let sink = Sink::start_on(&ground.outside());
        let config = CONFIG.replace("SINK", &sink.url(""));
        let member = |_| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("alertmanager.yml"), &config).expect("written");
            Member {
                folder,
                port: free_port(),
                server: None,
            }
        };
        let members: Vec<_> = (0..MEMBERS).map(member).collect();
        let gossip = |m| format!("{}:{}", ground.back(m), free_port());
        let mut cluster = Self {
            kind,
            binary: match kind {
                Kind::Belfry => programs.belfry.clone(),
                Kind::Alertmanager => programs.alertmanager.clone(),
            },
            members,
            gossip: (0..MEMBERS).map(gossip).collect(),
            redis: None,
            nginx: None,
            sink,
            ground,
        };
        if kind == Kind::Belfry {
            cluster.redis = Some(Redis::start(
                programs.redis.clone(),
                cluster.ground.shared(),
            ));
            let fronts: Vec<_> = (0..MEMBERS).map(|m| cluster.front(m)).collect();
            let host = cluster.ground.outside();
            cluster.nginx = Some(Nginx::start_on(&host, &programs.nginx, &fronts));
        }
        for m in 0..MEMBERS {
            cluster.restart(m);
        }
        cluster
    }

    fn front(&self, m: usize) -> String {
        format!("{}:{}", self.ground.front(m), self.members[m].port)
    }

    /// Where a sender has to post everything: the balancer, or every member.
    pub(crate) fn doors(&self) -> Vec<String> {
        match &self.nginx {
            Some(nginx) => vec![nginx.address().to_owned()],
            None => (0..MEMBERS).map(|m| self.front(m)).collect(),
        }
    }

    /// Whether members can be cut off from each other.
    pub(crate) fn can_cut(&self) -> bool {
        self.ground.can_cut()
    }

    /// Ends a member with SIGKILL.
    pub(crate) fn kill(&mut self, m: usize) {
        self.members[m].server = None;
    }

    /// Starts a member on what it left.
    pub(crate) fn restart(&mut self, m: usize) {
        self.kill(m);
        let folder = self.members[m].folder.path();
        let mut command = self.ground.command(m, &self.binary);
        if self.kind == Kind::Belfry {
            command.arg("alertmanager");
        }
        command
            .arg(format!(
                "--config.file={}",
                folder.join("alertmanager.yml").display()
            ))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={}", self.front(m)));
        match &self.redis {
            Some(redis) => {
                command.arg("--cluster.listen-address=");
                command.env("BELFRY_REDIS_URL", format!("redis://{}/0", redis.address()));
                command.env("BELFRY_TIMING_SCALE", OUR_SCALE);
            }
            None => {
                command.arg(format!("--cluster.listen-address={}", self.gossip[m]));
                command.args(
                    self.gossip
                        .iter()
                        .map(|other| format!("--cluster.peer={other}")),
                );
                command.args(THEIR_FLAGS);
            }
        }
        self.members[m].server = Some(Server::start(&mut command));
    }

    /// Stops a member with SIGSTOP, or lets it go on.
    pub(crate) fn freeze(&self, m: usize, is_frozen: bool) {
        if let Some(server) = &self.members[m].server {
            server
                .program
                .signal(if is_frozen { "STOP" } else { "CONT" });
        }
    }

    /// Cuts a member off from the other members and Redis, or joins it again.
    pub(crate) fn cut(&self, m: usize, is_cut: bool) {
        self.ground.cut(m, is_cut);
    }

    /// Kills Redis and starts it again without its data.
    pub(crate) fn lose_redis(&mut self) {
        if let Some(redis) = &mut self.redis {
            redis.lose();
        }
    }

    /// Kills Redis and starts it again on its file.
    pub(crate) fn restart_redis(&mut self) {
        if let Some(redis) = &mut self.redis {
            redis.restart();
        }
    }
}
