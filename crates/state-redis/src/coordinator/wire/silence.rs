//! Silences.

use std::sync::Arc;

use domain::label::Interner;
use domain::matcher::{MatchOp, Matcher};
use domain::silence::Silence;
use serde::Deserialize;

use super::{Pairs, Text, instant, object, quoted, read_stated};
use crate::coordinator::reply::{Read, unreadable};

/// A silence as its tenant's hash holds it.
pub(in crate::coordinator) fn silence_text(silence: &Silence) -> String {
    let matchers: Vec<_> = silence.matchers.iter().map(matcher_text).collect();
    format!(
        r#"{{"at":["{}","{}","{}"],"id":{},"startsAt":"{}","endsAt":"{}","updatedAt":"{}","createdBy":{},"comment":{},"matchers":[{}],"annotations":{}}}"#,
        instant(silence.starts_at),
        instant(silence.ends_at),
        instant(silence.updated_at),
        quoted(&silence.id),
        silence.starts_at.rfc3339_nano(),
        silence.ends_at.rfc3339_nano(),
        silence.updated_at.rfc3339_nano(),
        quoted(&silence.created_by),
        quoted(&silence.comment),
        matchers.join(","),
        object(silence.annotations.pairs()),
    )
}

/// Names and values that are not UTF-8 are written as the hexadecimal digits of their bytes.
fn matcher_text(matcher: &Matcher) -> String {
    let op = quoted(matcher.op().as_str());
    let (name, value) = (matcher.name_bytes(), matcher.value_bytes());
    if let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) {
        let (name, value) = (quoted(name), quoted(value));
        return format!(r#"{{"name":{name},"op":{op},"value":{value}}}"#);
    }
    let (name, value) = (hex(name), hex(value));
    format!(r#"{{"name":"{name}","op":{op},"value":"{value}","isHex":true}}"#)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
struct WireSilence<'a> {
    #[serde(borrow)]
    at: [Text<'a>; 3],
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(rename = "startsAt", borrow)]
    starts_at: Text<'a>,
    #[serde(rename = "endsAt", borrow)]
    ends_at: Text<'a>,
    #[serde(rename = "updatedAt", borrow)]
    updated_at: Text<'a>,
    #[serde(rename = "createdBy", borrow)]
    created_by: Text<'a>,
    #[serde(borrow)]
    comment: Text<'a>,
    #[serde(borrow)]
    matchers: Vec<WireMatcher<'a>>,
    #[serde(borrow)]
    annotations: Pairs<'a>,
}

#[derive(Deserialize)]
struct WireMatcher<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    op: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(default, rename = "isHex")]
    is_hex: bool,
}

/// Reads what [`silence_text`] wrote.
pub(in crate::coordinator) fn read_silence(text: &str, interner: &Interner) -> Read<Arc<Silence>> {
    let wire: WireSilence<'_> =
        serde_json::from_str(text).map_err(|error| unreadable(&format!("a silence: {error}")))?;
    let [starts, ends, updated] = &wire.at;
    let matchers = wire.matchers.iter().map(read_matcher);
    Ok(Arc::new(Silence {
        id: Arc::from(&*wire.id.0),
        matchers: matchers.collect::<Read<_>>()?,
        starts_at: read_stated(&starts.0, &wire.starts_at.0)?,
        ends_at: read_stated(&ends.0, &wire.ends_at.0)?,
        updated_at: read_stated(&updated.0, &wire.updated_at.0)?,
        created_by: wire.created_by.0.into_owned(),
        comment: wire.comment.0.into_owned(),
        annotations: interner.labels(wire.annotations.iter()),
    }))
}

fn read_matcher(wire: &WireMatcher<'_>) -> Read<Matcher> {
    let ops = [
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ];
    let op = ops.into_iter().find(|op| op.as_str() == wire.op.0);
    let op = op.ok_or_else(|| unreadable("a matcher's operator"))?;
    let bytes_of = |text: &str| {
        if wire.is_hex {
            unhex(text)
        } else {
            Ok(text.as_bytes().to_vec())
        }
    };
    let (name, value) = (bytes_of(&wire.name.0)?, bytes_of(&wire.value.0)?);
    Matcher::from_bytes(op, &name, &value).map_err(|_| unreadable("a matcher"))
}

fn unhex(digits: &str) -> Read<Vec<u8>> {
    let wrong = || unreadable("a matcher's bytes");
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        u8::from_str_radix(pair, 16).map_err(|_| wrong())
    });
    pairs.collect()
}
