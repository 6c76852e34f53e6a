//! Where a cluster runs. As root each member has a network namespace of its own with two ways out: one to senders and receivers,
//! one to the other members and Redis, which can be cut. Otherwise all are on the loopback and nothing can be cut.

use std::process::Command;

/// A place for three members.
pub(crate) struct Ground {
    /// The number of its networks, when it has any.
    network: Option<u8>,
}

fn ip(words: &str) -> bool {
    let mut command = Command::new("ip");
    let output = command.args(words.split_whitespace()).output();
    output.is_ok_and(|output| output.status.success())
}

impl Ground {
    /// Makes one; `number` keeps clusters apart that run at the same time.
    pub(crate) fn new(number: u8, members: usize) -> Self {
        let ground = Self {
            network: Some(number),
        };
        ground.clear(members);
        if ground.build(members) {
            return ground;
        }
        ground.clear(members);
        Self { network: None }
    }

    fn build(&self, members: usize) -> bool {
        let Some(n) = self.network else {
            return false;
        };
        let mut is_built = true;
        for (way, third) in [("f", 1), ("c", 2)] {
            is_built &= ip(&format!("link add belfry{n}{way} type bridge"))
                && ip(&format!(
                    "addr add 10.23{n}.{third}.254/24 dev belfry{n}{way}"
                ))
                && ip(&format!("link set belfry{n}{way} up"));
        }
        for m in 0..members {
            let space = format!("belfry{n}m{m}");
            is_built &=
                ip(&format!("netns add {space}")) && ip(&format!("-n {space} link set lo up"));
            for (way, third) in [("f", 1), ("c", 2)] {
                let (near, far) = (format!("bf{n}{way}{m}"), format!("{way}0"));
                let host = m + 1;
                is_built &= is_built
                    && ip(&format!(
                        "link add {near} type veth peer name {far} netns {space}"
                    ))
                    && ip(&format!("link set {near} master belfry{n}{way} up"))
                    && ip(&format!(
                        "-n {space} addr add 10.23{n}.{third}.{host}/24 dev {far}"
                    ))
                    && ip(&format!("-n {space} link set {far} up"));
            }
        }
        is_built
    }

    /// Takes away what is there, left over from a run that was killed or not.
    fn clear(&self, members: usize) {
        let Some(n) = self.network else {
            return;
        };
        for m in 0..members {
            ip(&format!("netns del belfry{n}m{m}"));
            // The namespace goes when its last process does; its ways out go now.
            ip(&format!("link del bf{n}f{m}"));
            ip(&format!("link del bf{n}c{m}"));
        }
        ip(&format!("link del belfry{n}f"));
        ip(&format!("link del belfry{n}c"));
    }

    /// The command that starts a program as a member.
    pub(crate) fn command(&self, member: usize, program: &std::path::Path) -> Command {
        match self.network {
            None => Command::new(program),
            Some(n) => {
                let mut command = Command::new("ip");
                let space = format!("belfry{n}m{member}");
                command.args(["netns", "exec", &space]).arg(program);
                command
            }
        }
    }

    fn address(&self, third: u8, host: usize) -> String {
        match self.network {
            None => "127.0.0.1".to_owned(),
            Some(n) => format!("10.23{n}.{third}.{host}"),
        }
    }

    /// Where senders reach a member.
    pub(crate) fn front(&self, member: usize) -> String {
        self.address(1, member + 1)
    }

    /// Where members reach receivers, and senders the balancer.
    pub(crate) fn outside(&self) -> String {
        self.address(1, 254)
    }

    /// Where the other members reach a member.
    pub(crate) fn back(&self, member: usize) -> String {
        self.address(2, member + 1)
    }

    /// Where members reach Redis.
    pub(crate) fn shared(&self) -> String {
        self.address(2, 254)
    }

    /// Whether members can be cut off.
    pub(crate) fn can_cut(&self) -> bool {
        self.network.is_some()
    }

    /// Cuts a member off from the other members and Redis, or joins it again.
    pub(crate) fn cut(&self, member: usize, is_cut: bool) {
        if let Some(n) = self.network {
            let state = if is_cut { "down" } else { "up" };
            ip(&format!("link set bf{n}c{member} {state}"));
        }
    }
}

/// Members a ground is made for.
pub(crate) const MEMBERS: usize = 3;

impl Drop for Ground {
    fn drop(&mut self) {
        self.clear(MEMBERS);
    }
}
