//! What is asked of Redis: a script or a command, with its keys and arguments.

use redis::Cmd;

use crate::link::slot_of;
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
    /// Of the first key: where a cluster keeps it.
    pub(crate) slot: Option<u16>,
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
        let slot = keys.first().map(|key| slot_of(key));
        let what = What::Script { script, keys };
        Self { what, args, slot }
    }

    /// Begins a command; words of its name are parted by a space (`CONFIG GET`).
    pub fn command(name: &'static str) -> Self {
        Self {
            what: What::Command(name),
            args: Vec::new(),
            slot: None,
        }
    }

    /// The command, or the name of the script.
    pub(crate) fn name(&self) -> &'static str {
        match &self.what {
            What::Script { script, .. } => script.name,
            What::Command(name) => name,
        }
    }

    /// Adds a key, whole (see [`crate::link::Link::key`]).
    #[must_use]
    pub fn key(mut self, key: String) -> Self {
        self.slot.get_or_insert_with(|| slot_of(&key));
        self.args.push(Arg::from(key));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// As it goes out: a script by its hash.
    pub(crate) fn by_hash(&self) -> Cmd {
        match &self.what {
            What::Script { script, keys } => self.eval("EVALSHA", script.sha1(), keys),
            What::Command(name) => {
                let mut words = name.split(' ');
                let mut command = redis::cmd(words.next().unwrap_or_default());
                words.for_each(|word| {
                    command.arg(word);
                });
                self.with_args(command)
            }
        }
    }

    /// As it goes out where the hash is not known: a script by its text, which also loads it.
    pub(crate) fn by_text(&self) -> Cmd {
        match &self.what {
            What::Script { script, keys } => self.eval("EVAL", script.text(), keys),
            What::Command(_) => self.by_hash(),
        }
    }

    fn eval(&self, name: &'static str, script: &str, keys: &[String]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys);
        self.with_args(command)
    }

    fn with_args(&self, mut command: Cmd) -> Cmd {
        for arg in &self.args {
            command.arg(arg.0.as_slice());
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::{Arg, Call, Script};

    static DOUBLE: Script = Script::new("double", "#!lua\nreturn ARGV[1] * 2");

    #[track_caller]
    fn check(command: &redis::Cmd, expected: &str) {
        let words: Vec<_> = command.args_iter().collect();
        let text = |arg| match arg {
            redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => "?".to_owned(),
        };
        let words: Vec<String> = words.into_iter().map(text).collect();
        assert_eq!(words.join("|"), expected);
    }

    #[test]
    fn a_command_is_its_words_keys_and_arguments() {
        let call = Call::command("CONFIG GET").arg("maxmemory");
        check(&call.by_hash(), "CONFIG|GET|maxmemory");
        let call = Call::command("HSET").key("k".into()).arg("f").arg(-1_i64);
        check(&call.by_text(), "HSET|k|f|-1");
    }

    #[test]
    fn a_script_goes_by_hash_or_by_text() {
        let keys = vec!["{a}1".to_owned(), "{a}2".to_owned()];
        let call = Call::script(&DOUBLE, keys, vec![Arg::from(7_u64)]);
        check(
            &call.by_hash(),
            &format!("EVALSHA|{}|2|{{a}}1|{{a}}2|7", DOUBLE.sha1()),
        );
        check(
            &call.by_text(),
            "EVAL|#!lua\nreturn ARGV[1] * 2|2|{a}1|{a}2|7",
        );
    }
}
