//! What a client program said, made comparable: addresses, ids and times are replaced by their names.

use std::path::Path;
use std::process::Command;

use harness::program::{Ended, run};

/// One command and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A session of one client with one server.
pub(crate) struct Session<'a> {
    program: &'a Path,
    url: String,
    /// Ids in the order they were seen.
    ids: Vec<String>,
    home: tempfile::TempDir,
    pub(crate) steps: Vec<Step>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(program: &'a Path, url: String) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self {
            program,
            url,
            ids: Vec::new(),
            home,
            steps: Vec::new(),
        }
    }

    /// A file for the client.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Runs one command, notes it, and answers it as it was.
    #[track_caller]
    pub(crate) fn run(&mut self, args: &[&str]) -> Ended {
        let mut command = Command::new(self.program);
        // No configuration of this machine's users may play a part.
        command
            .args(args)
            .env("HOME", self.home.path())
            .env("USER", "tester")
            .env("TZ", "UTC");
        command
            .arg(format!("--alertmanager.url={}", self.url))
            .current_dir(self.home.path());
        let ended = run(&mut command);
        let step = Step {
            stdout: self.plain(&ended.stdout),
            stderr: self.plain(&ended.stderr),
            command: self.plain(&args.join(" ")),
            code: ended.code,
        };
        self.steps.push(step);
        ended
    }

    /// Runs one command that must succeed without a word of complaint; answers its output.
    #[track_caller]
    pub(crate) fn ok(&mut self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{args:?}: {ended:?}"
        );
        ended.stdout
    }

    /// Like [`Session::ok`], for lines whose order means nothing.
    #[track_caller]
    pub(crate) fn unordered(&mut self, args: &[&str]) -> String {
        let out = self.ok(args);
        if let Some(step) = self.steps.last_mut() {
            let mut lines: Vec<&str> = step.stdout.lines().collect();
            lines.sort_unstable();
            step.stdout = lines.join("\n");
        }
        out
    }

    /// Runs one command that must fail with exit code 1 and say this.
    #[track_caller]
    pub(crate) fn fails(&mut self, args: &[&str], said: &str) {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {ended:?}");
    }

    fn plain(&mut self, text: &str) -> String {
        let text = text
            .replace(&self.url, "<url>")
            .replace(&self.home.path().display().to_string(), "<home>");
        let address = self.url.trim_start_matches("http://");
        let text = text.replace(address, "<address>");
        let text = replace(&text, 36, is_uuid, &mut |found| {
            let known = self.ids.iter().position(|id| id == found);
            let number = known.unwrap_or_else(|| {
                self.ids.push(found.to_owned());
                self.ids.len() - 1
            });
            format!("<id {number}>")
        });
        let text = digits(&text, "127.0.0.1:", char::is_ascii_digit);
        // amtool prints some fields of its structures as addresses in memory.
        let text = digits(&text, "0x", char::is_ascii_hexdigit);
        let text = replace(&text, 24, is_moment, &mut |_| "<moment>".to_owned());
        replace(&text, 19, is_moment, &mut |_| "<moment>".to_owned())
    }
}

/// Replaces the digits that follow a text wherever it stands.
fn digits(text: &str, before: &str, is_digit: fn(&char) -> bool) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        out.push('*');
        out.push_str(part.trim_start_matches(|c| is_digit(&c)));
    }
    out
}

/// Replaces every stretch of this length that is of a kind.
fn replace(
    text: &str,
    length: usize,
    is_kind: fn(&str) -> bool,
    by: &mut dyn FnMut(&str) -> String,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..length).filter(|stretch| is_kind(stretch)) {
            Some(stretch) => {
                out.push_str(&by(stretch));
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, kind)| match kind {
                b'x' => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
                b'9' => byte.is_ascii_digit(),
                b'T' => byte == b'T' || byte == b' ',
                other => byte == other,
            })
}

fn is_uuid(text: &str) -> bool {
    fits(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

fn is_moment(text: &str) -> bool {
    fits(text, "9999-99-99T99:99:99.999Z") || fits(text, "9999-99-99T99:99:99")
}
