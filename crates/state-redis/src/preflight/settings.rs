//! What the server tells of itself, as far as it may be asked.

use std::collections::BTreeMap;

use redis::Value;

use crate::call::Call;
use crate::error::{LinkError, LinkErrorKind};
use crate::link::Link;

/// The server's version; empty when it may not be asked.
pub(super) async fn version(link: &Link) -> Result<String, LinkError> {
    if let Some(info) = ask(link, Call::command("INFO").arg("server")).await? {
        let fields = lines(&info);
        let version = fields
            .get("redis_version")
            .or_else(|| fields.get("valkey_version"));
        if let Some(version) = version {
            return Ok((*version).to_owned());
        }
    }
    let Some(hello) = ask(link, Call::command("HELLO")).await? else {
        return Ok(String::new());
    };
    Ok(pairs(hello).remove("version").unwrap_or_default())
}

/// Settings that hurt, as far as they can be read.
pub(super) async fn warnings(link: &Link) -> Result<Vec<String>, LinkError> {
    let mut settings = BTreeMap::new();
    for name in ["appendonly", "save"] {
        let call = Call::command("CONFIG GET").arg(name);
        if let Some(answer) = ask(link, call).await? {
            settings.extend(pairs(answer));
        }
    }
    let setting = |name: &str| settings.get(name).map(String::as_str);
    let mut warnings = Vec::new();
    let policy = eviction_policy(link).await?;
    if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
        warnings.push(format!(
            "Redis has `maxmemory-policy {policy}` and may throw away groups and silences when memory is short; set `noeviction`"
        ));
    }
    if ask(link, Call::command("INFO").arg("stats"))
        .await?
        .is_none()
    {
        warnings.push(
            "Redis does not answer `INFO`, so nobody would notice that it throws keys away; allow it with `ACL SETUSER … +info`".to_owned(),
        );
    }
    if setting("appendonly") == Some("no") && setting("save") == Some("") {
        warnings.push(
            "Redis keeps nothing on disk (`appendonly no`, `save \"\"`): its restart loses what is not known to an instance; set `appendonly yes`".to_owned(),
        );
    }
    Ok(warnings)
}

/// The server's `maxmemory-policy`; nothing when it does not tell.
pub(super) async fn eviction_policy(link: &Link) -> Result<Option<String>, LinkError> {
    let call = Call::command("CONFIG GET").arg("maxmemory-policy");
    if let Some(answer) = ask(link, call).await?
        && let Some(policy) = pairs(answer).remove("maxmemory-policy")
    {
        return Ok(Some(policy));
    }
    let info = ask(link, Call::command("INFO").arg("memory")).await?;
    let policy = info.as_ref().map(lines);
    let policy = policy.and_then(|fields| fields.get("maxmemory_policy").copied());
    Ok(policy.map(str::to_owned))
}

/// An answer, or nothing when the server does not want to give one.
async fn ask(link: &Link, call: Call) -> Result<Option<Value>, LinkError> {
    match link.run(call).await {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind {
            LinkErrorKind::NoPerm | LinkErrorKind::OldServer | LinkErrorKind::Script(_) => Ok(None),
            _ => Err(error),
        },
    }
}

/// The fields of an INFO answer.
fn lines(info: &Value) -> BTreeMap<&str, &str> {
    let text = match info {
        Value::BulkString(bytes) => str::from_utf8(bytes).unwrap_or_default(),
        Value::VerbatimString { text, .. } => text,
        _ => "",
    };
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .collect()
}

/// The fields of an answer that is a list of names and values; values that are no text are left out.
fn pairs(answer: Value) -> BTreeMap<String, String> {
    let Value::Array(parts) = answer else {
        return BTreeMap::new();
    };
    let texts: Vec<Option<String>> = parts
        .into_iter()
        .map(|part| redis::from_redis_value(part).ok())
        .collect();
    let (pairs, _) = texts.as_chunks::<2>();
    pairs
        .iter()
        .filter_map(|[name, value]| Some((name.clone()?, value.clone()?)))
        .collect()
}
