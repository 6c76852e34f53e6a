//! Flags, read as Alertmanager's are (kingpin): `--flag=v` or `--flag v`, `--no-flag` for switches, Go durations.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a flag's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A switch; takes no value.
    Switch,
    /// A Go duration.
    Duration,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The value when the flag is not given; repeatable flags have one default value too.
    pub(crate) default: &'static str,
    pub(crate) is_repeatable: bool,
    pub(crate) help: &'static str,
}

impl Flag {
    /// A flag that is given at most once.
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default,
            is_repeatable: false,
            help,
        }
    }

    /// The same, given as often as one likes.
    pub(crate) const fn repeatable(self) -> Self {
        Self {
            is_repeatable: true,
            ..self
        }
    }
}

/// A command and what it can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// How it is called.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// Its flags, in groups.
    pub(crate) flags: &'static [&'static [Flag]],
    /// What other arguments are, if it takes any.
    pub(crate) arguments: Option<&'static str>,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To run with these values.
    Run(Values),
    /// To print what there is.
    Help,
    /// To print the version.
    Version,
}

/// The values of a command's flags.
#[derive(Debug)]
pub(crate) struct Values {
    command: Command,
    given: BTreeMap<&'static str, Vec<String>>,
    /// Arguments that are no flags.
    pub(crate) arguments: Vec<String>,
}

impl Command {
    fn all(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        self.flags.iter().flat_map(|group| group.iter())
    }

    fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.all().find(|flag| flag.name == name)
    }

    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    /// What is wrong, in kingpin's words.
    pub(crate) fn parse(self, args: &[String]) -> Result<Asked, String> {
        let mut values = Values {
            command: self,
            given: BTreeMap::new(),
            arguments: Vec::new(),
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--help" | "-h" | "--help-long" | "--help-man" => return Ok(Asked::Help),
                "--version" => return Ok(Asked::Version),
                "--" => {
                    let others: Vec<_> = rest.by_ref().cloned().collect();
                    others
                        .into_iter()
                        .try_for_each(|other| values.argument(other))?;
                }
                long if long.starts_with("--") => {
                    let body = long.get(2..).unwrap_or_default();
                    let (name, value) = match body.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (body, None),
                    };
                    values.take(name, value, || rest.next().cloned())?;
                }
                short if short.starts_with('-') && short.len() > 1 => {
                    let first: String = short.chars().take(2).collect();
                    return Err(format!("unknown short flag '{first}'"));
                }
                _ => values.argument(arg.clone())?,
            }
        }
        Ok(Asked::Run(values))
    }

    /// What `--help` prints.
    pub(crate) fn help(&self) -> String {
        let arguments = self
            .arguments
            .map(|name| format!(" {name}"))
            .unwrap_or_default();
        let mut text = format!(
            "usage: {} [<flags>]{arguments}\n\n{}\n\nFlags:\n",
            self.name, self.about
        );
        push_help(&mut text, "-h, --help", "Show this text.");
        for flag in self.all() {
            let shown = match flag.kind {
                Kind::Switch => format!("    --[no-]{}", flag.name),
                _ if flag.default.is_empty() => {
                    format!("    --{}={}", flag.name, placeholder(flag))
                }
                Kind::Text => format!("    --{}={:?}", flag.name, flag.default),
                _ => format!("    --{}={}", flag.name, flag.default),
            };
            let dots = if flag.is_repeatable { " ..." } else { "" };
            push_help(&mut text, &format!("{shown}{dots}"), flag.help);
        }
        push_help(&mut text, "    --version", "Show the version.");
        text
    }
}

fn placeholder(flag: &Flag) -> String {
    flag.name
        .rsplit('.')
        .next()
        .unwrap_or(flag.name)
        .to_ascii_uppercase()
}

fn push_help(text: &mut String, flag: &str, help: &str) {
    const COLUMN: usize = 33;
    text.push_str("  ");
    text.push_str(flag);
    let mut at = flag.len() + 2;
    if at + 2 > COLUMN {
        text.push('\n');
        at = 0;
    }
    text.push_str(&" ".repeat(COLUMN - at));
    let mut width = 0;
    for word in help.split(' ') {
        if width + word.len() > 64 {
            text.push('\n');
            text.push_str(&" ".repeat(COLUMN));
            width = 0;
        }
        if width > 0 {
            text.push(' ');
        }
        text.push_str(word);
        width += word.len() + 1;
    }
    text.push('\n');
}

impl Values {
    fn argument(&mut self, text: String) -> Result<(), String> {
        if self.command.arguments.is_none() {
            return Err(format!("unexpected {text}"));
        }
        self.arguments.push(text);
        Ok(())
    }

    fn take(
        &mut self,
        name: &str,
        value: Option<String>,
        next: impl FnOnce() -> Option<String>,
    ) -> Result<(), String> {
        let unknown = || format!("unknown long flag '--{name}'");
        let (flag, is_off) = match self.command.flag(name) {
            Some(flag) => (flag, false),
            None => {
                let positive = name
                    .strip_prefix("no-")
                    .and_then(|name| self.command.flag(name));
                (
                    positive
                        .filter(|flag| flag.kind == Kind::Switch)
                        .ok_or_else(unknown)?,
                    true,
                )
            }
        };
        let value = match (flag.kind, value) {
            (Kind::Switch, None) => (!is_off).to_string(),
            (Kind::Switch, Some(value))
                if !is_off && matches!(value.as_str(), "true" | "false") =>
            {
                value
            }
            (Kind::Switch, Some(value)) => return Err(format!("unexpected {value}")),
            (_, Some(value)) => value,
            (_, None) => next().ok_or_else(|| format!("expected argument for flag '--{name}'"))?,
        };
        check(flag, &value)?;
        let all = self.given.entry(flag.name).or_default();
        if !flag.is_repeatable && !all.is_empty() {
            return Err(format!("flag '{}' cannot be repeated", flag.name));
        }
        all.push(value);
        Ok(())
    }

    /// The value that was given, if one was.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.given
            .get(name)
            .and_then(|all| all.last())
            .map(String::as_str)
    }

    /// Names of the flags that were given.
    pub(crate) fn given_names(&self) -> impl Iterator<Item = &'static str> {
        self.given.keys().copied()
    }

    /// The value, or the default.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.given(name)
            .unwrap_or_else(|| self.command.flag(name).map_or("", |flag| flag.default))
    }

    /// The value, or the default, unless it is empty.
    pub(crate) fn some_text(&self, name: &str) -> Option<String> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    /// All values, or the default alone.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        match self.given.get(name) {
            Some(all) => all.clone(),
            None => self.some_text(name).into_iter().collect(),
        }
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// A duration; a negative one counts as none.
    pub(crate) fn duration(&self, name: &str) -> Duration {
        let read = config::duration::parse_go(self.text(name));
        read.ok()
            .and_then(config::duration::GoDuration::positive)
            .unwrap_or_default()
    }

    /// A number; a negative one counts as 0, which is "no limit" wherever numbers are used.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.text(name).parse().unwrap_or(0)
    }
}

fn check(flag: &Flag, value: &str) -> Result<(), String> {
    let quoted = domain::quote::quote(value);
    match flag.kind {
        Kind::Text | Kind::Switch => Ok(()),
        Kind::Duration => config::duration::parse_go(value)
            .map(drop)
            .map_err(|error| error.to_string()),
        Kind::Int => value
            .parse::<i64>()
            .map(drop)
            .map_err(|_| format!("strconv.ParseInt: parsing {quoted}: invalid syntax")),
        Kind::Float => value
            .parse::<f64>()
            .map(drop)
            .map_err(|_| format!("strconv.ParseFloat: parsing {quoted}: invalid syntax")),
        Kind::Choice(choices) if choices.contains(&value) => Ok(()),
        Kind::Choice(choices) => Err(format!(
            "enum value must be one of {}, got '{value}'",
            choices.join(",")
        )),
    }
}

#[cfg(test)]
mod tests;
