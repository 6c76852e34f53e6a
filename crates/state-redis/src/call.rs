//! What is asked of Redis: a script or a command, with its keys and arguments.

use crate::script::Script;

/// An argument; text and numbers go out as their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg(pub(crate) Vec<u8>);

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::from(number.to_string())
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Self::from(number.to_string())
    }
}

/// One thing to ask of Redis.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) what: What,
    pub(crate) args: Vec<Arg>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Script {
        script: &'static Script,
        keys: Vec<String>,
    },
    Command(&'static str),
}

impl Call {
    /// Runs a script on these keys, all of one slot.
    pub fn script(script: &'static Script, keys: Vec<String>, args: Vec<Arg>) -> Self {
        let what = What::Script { script, keys };
        Self { what, args }
    }

    /// Begins a command; words of its name are parted by a space (`CONFIG GET`).
    pub fn command(name: &'static str) -> Self {
        Self {
            what: What::Command(name),
            args: Vec::new(),
        }
    }

    /// Adds a key, whole (see [`crate::link::Link::key`]).
    #[must_use]
    pub fn key(mut self, key: String) -> Self {
        self.args.push(Arg::from(key));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self
    }
}
