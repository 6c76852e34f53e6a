//! Finds out by doing what the server lacks, before anything depends on it.

use redis::{RedisError, Value};

use crate::call::{Arg, Call};
use crate::error::{LinkError, LinkErrorKind, server_error};
use crate::link::{Heard, Link};
use crate::script::Script;

mod settings;

/// Tries the commands our scripts use.
static PREFLIGHT: Script = Script::new("preflight", include_str!("../lua/preflight.lua"));

/// What our key names begin with (protocol.md §3).
const KEY_FAMILIES: [&str; 14] = [
    "alert:",
    "lock:",
    "fence:",
    "queue:",
    "events:",
    "shard:",
    "silences:",
    "session:",
    "sessions:",
    "cache:",
    "rate:",
    "instance:",
    "probe:",
    "preflight:",
];

/// What needs the right to read a key, and the right to write it: of one that is not there, and is not there after it either.
const ON_EACH_FAMILY: [&str; 2] = ["GET", "DEL"];

/// The oldest version that understands `#!lua`.
const VERSION_MIN: u32 = 7;

/// What is known of a server that can do the work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version as it tells it; empty when it does not.
    pub version: String,
    /// Settings of it that will hurt, for a log.
    pub warnings: Vec<String>,
}

/// Something that did not work: a command, or keys or a channel it was tried on.
struct Lack {
    what: String,
    /// What to give the user in `ACL SETUSER`.
    right: String,
    error: LinkError,
}

/// Tries everything our scripts need on scratch keys; the error names what is missing.
///
/// # Errors
/// When Redis cannot be reached, is older than 7, lacks a command, or the user lacks a right.
pub async fn preflight(link: &Link) -> Result<ServerFacts, LinkError> {
    let version = settings::version(link).await?;
    if let Some(major) = version
        .split('.')
        .next()
        .and_then(|word| word.parse::<u32>().ok())
        && major < VERSION_MIN
    {
        let message = format!("Redis {VERSION_MIN} or newer is needed, this is {version}");
        return Err(LinkError::new(LinkErrorKind::OldServer, message));
    }
    let mut lacks = try_directly(link).await?;
    if lacks.is_empty() {
        lacks = try_in_script(link).await?;
    }
    if lacks.is_empty() {
        lacks.extend(try_to_subscribe(link).await?);
    }
    match summary(link, &lacks) {
        Some(error) => Err(error),
        None => Ok(ServerFacts {
            version,
            warnings: settings::warnings(link).await?,
        }),
    }
}

/// The server's `maxmemory-policy`; nothing when it does not tell.
pub(crate) async fn eviction_policy(link: &Link) -> Result<Option<String>, LinkError> {
    settings::eviction_policy(link).await
}

/// What is called outside scripts, and every family of keys.
async fn try_directly(link: &Link) -> Result<Vec<Lack>, LinkError> {
    let stream = scratch(link, "stream");
    let tried = [
        (
            "EVALSHA",
            Call::command("EVALSHA").arg("0".repeat(40)).arg(0_u64),
        ),
        (
            "EVAL",
            Call::command("EVAL")
                .arg("#!lua flags=allow-oom\nreturn 1")
                .arg(0_u64),
        ),
        (
            "SCAN",
            Call::command("SCAN").arg("0").arg("COUNT").arg(1_u64),
        ),
        (
            "XREAD",
            Call::command("XREAD").arg("STREAMS").key(stream).arg("0"),
        ),
    ];
    let mut names: Vec<(&str, &str)> = tried
        .iter()
        .map(|(name, _)| (*name, "preflight:"))
        .collect();
    let mut calls: Vec<Call> = tried.into_iter().map(|(_, call)| call).collect();
    for family in KEY_FAMILIES {
        for command in ON_EACH_FAMILY {
            names.push((command, family));
            let key = link.key(&format!("{family}{{s00}}preflight"));
            calls.push(Call::command(command).key(key));
        }
    }
    let mut lacks: Vec<Lack> = Vec::new();
    for ((command, family), result) in names.into_iter().zip(link.run_all(calls).await) {
        let Err(error) = result else { continue };
        if error.kind.is_noscript() {
            continue;
        }
        let pattern = link.key(&format!("{family}*"));
        let (what, right) = if is_about_keys(&error) {
            (format!("use keys `{pattern}`"), format!("~{pattern}"))
        } else {
            may_not_run(command)
        };
        if lacks.iter().all(|lack| lack.what != what) {
            lacks.push(Lack { what, right, error });
        }
    }
    only_lacks(lacks)
}

fn may_not_run(command: &str) -> (String, String) {
    let right = format!("+{}", command.to_lowercase());
    (format!("run `{command}`"), right)
}

/// Whether the user may run the command, but not on these keys: told apart by the words, which are all there is.
fn is_about_keys(error: &LinkError) -> bool {
    error.kind == LinkErrorKind::NoPerm && error.message.contains(" key")
}

/// The same of the channel.
fn is_about_channels(error: &LinkError) -> bool {
    error.kind == LinkErrorKind::NoPerm && error.message.contains("channel")
}

/// What is called inside scripts.
async fn try_in_script(link: &Link) -> Result<Vec<Lack>, LinkError> {
    let keys = ["text", "hash", "zset", "stream"].map(|name| scratch(link, name));
    let channel = link.key("preflight");
    let channels = format!("{}*", link.prefix());
    let call = Call::script(&PREFLIGHT, keys.to_vec(), vec![Arg::from(channel)]);
    let answer: Value = link.run(call).await?;
    let failed: Vec<(String, String)> = redis::from_redis_value(answer)
        .map_err(|error| LinkError::from(RedisError::from(error)))?;
    let lacks = failed.into_iter().map(|(command, text)| {
        let (code, detail) = text.split_once(' ').unwrap_or((&text, ""));
        let error = server_error(code, detail);
        let (what, right) = match is_about_channels(&error) {
            true => (
                format!("publish on channels `{channels}`"),
                format!("&{channels}"),
            ),
            false => may_not_run(&command),
        };
        Lack { what, right, error }
    });
    only_lacks(lacks.collect())
}

/// Whether the channels of the wake-ups may be listened to.
async fn try_to_subscribe(link: &Link) -> Result<Option<Lack>, LinkError> {
    let channel = link.key("preflight");
    let mut ear = link.subscribe(channel.clone());
    match ear.try_next().await {
        Ok(Heard::Reconnected | Heard::Message(_)) => Ok(None),
        Err(error) => {
            let channels = format!("{}*", link.prefix());
            let (what, right) = match is_about_channels(&error) {
                true => (
                    format!("subscribe to channels `{channels}`"),
                    format!("&{channels}"),
                ),
                false => (
                    "run `SUBSCRIBE`".to_owned(),
                    format!("+subscribe &{channels}"),
                ),
            };
            Ok(only_lacks(vec![Lack { what, right, error }])?.pop())
        }
    }
}

fn scratch(link: &Link, name: &str) -> String {
    link.key(&format!("preflight:{{s00}}:{name}"))
}

/// A refusal for another reason than a missing right or command ends the preflight as it is.
fn only_lacks(lacks: Vec<Lack>) -> Result<Vec<Lack>, LinkError> {
    let is_lack = |lack: &Lack| {
        matches!(
            lack.error.kind,
            LinkErrorKind::NoPerm | LinkErrorKind::OldServer
        )
    };
    match lacks.iter().find(|lack| !is_lack(lack)) {
        Some(other) => Err(other.error.clone()),
        None => Ok(lacks),
    }
}

/// One error that names everything; rights first, since an old server's lacks would hide them.
fn summary(link: &Link, lacks: &[Lack]) -> Option<LinkError> {
    let first = lacks.first()?;
    let is_right = |lack: &&Lack| lack.error.kind == LinkErrorKind::NoPerm;
    let rights: Vec<&Lack> = lacks.iter().filter(is_right).collect();
    if rights.is_empty() {
        let message = format!("the server cannot {}: {}", names(lacks.iter()), first.error);
        return Some(LinkError::new(LinkErrorKind::OldServer, message));
    }
    let user = link.user();
    let grants: Vec<&str> = rights.iter().map(|lack| lack.right.as_str()).collect();
    let message = format!(
        "the user `{user}` may not {}; allow it with `ACL SETUSER {user} {}`",
        names(rights.iter().copied()),
        grants.join(" ")
    );
    Some(LinkError::new(LinkErrorKind::NoPerm, message))
}

fn names<'a>(lacks: impl Iterator<Item = &'a Lack>) -> String {
    let names: Vec<&str> = lacks.map(|lack| lack.what.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Command names in calls of a script.
    fn called(text: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for opening in ["redis.call(", "redis.pcall(", "try("] {
            for rest in text.split(opening).skip(1) {
                let quote = rest.trim_start().chars().next();
                let Some(quote) = quote.filter(|c| "'\"".contains(*c)) else {
                    continue;
                };
                let name = rest.trim_start()[1..].split(quote).next();
                found.extend(name.map(str::to_uppercase));
            }
        }
        found
    }

    fn scripts(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the scripts").flatten() {
            let path = entry.path();
            if path.is_dir() {
                scripts(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).expect("a script");
                found.push((path.display().to_string(), text));
            }
        }
    }

    #[test]
    fn every_command_of_a_script_is_tried_first() {
        let mut found = Vec::new();
        scripts(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("lua"),
            &mut found,
        );
        let tried = called(super::PREFLIGHT.text());
        assert!(tried.contains("ZREMRANGEBYSCORE"), "{tried:?}");
        for (name, text) in found {
            let missing: Vec<_> = called(&text).difference(&tried).cloned().collect();
            assert!(
                missing.is_empty(),
                "{name} uses {missing:?}, which lua/preflight.lua does not try"
            );
        }
    }
}
