//! Lua scripts, known to the server by the SHA-1 of their text.

use std::sync::OnceLock;

/// A script; made once, in a `static`.
///
/// Its text begins with `#!lua` on line 1, so that the server refuses it whole under OOM, READONLY, MISCONF or
/// NOREPLICAS instead of running half of it.
#[derive(Debug)]
pub struct Script {
    /// Its name, as messages show it.
    pub name: &'static str,
    text: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    /// A script of this name and text.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self {
            name,
            text,
            sha1: OnceLock::new(),
        }
    }

    /// Its text.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// The SHA-1 of its text in hex, computed once.
    pub fn sha1(&self) -> &str {
        self.sha1
            .get_or_init(|| redis::Script::new(self.text).get_hash().to_owned())
    }
}
