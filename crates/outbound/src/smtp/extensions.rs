//! What a server can do beyond the basics, as it says in answer to EHLO.

use super::line::Reply;

/// The extensions a server names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extensions(Vec<(String, String)>);

impl Extensions {
    /// Reads the answer; its first line is a greeting.
    pub(super) fn of(reply: &Reply) -> Self {
        let named = reply.lines.iter().skip(1).map(|line| {
            let (name, parameters) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (name.to_ascii_uppercase(), parameters.to_owned())
        });
        Self(named.collect())
    }

    /// The parameters of an extension, if the server has it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(have, _)| have == name);
        found.map(|(_, parameters)| parameters.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}
