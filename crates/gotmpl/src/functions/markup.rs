//! The markup of chats and links into our own pages: functions of our own, which Alertmanager does not have.

use super::text::first;
use super::{CallError, Context, Function, Signature, Type, escape};
use crate::markup::Dialect;
use crate::value::{Map, Shape, Value};

/// `escapeFor "feishu" .Labels.instance`: the text in one line, without any meaning in that markup.
pub(super) const ESCAPE_FOR: Function = Function {
    name: "escapeFor",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| {
        let (dialect, text) = (dialect(arguments)?, text(cx, arguments, 1)?);
        cx.made(dialect.escape(&text))
    },
};

/// `linesFor "feishu" .Annotations.description`: the same with its lines kept.
pub(super) const LINES_FOR: Function = Function {
    name: "linesFor",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| {
        let (dialect, text) = (dialect(arguments)?, text(cx, arguments, 1)?);
        cx.made(dialect.escape_lines(&text))
    },
};

/// `linkFor "feishu" "Source" .GeneratorURL`: a link, or nothing when that is no address of the web.
pub(super) const LINK_FOR: Function = Function {
    name: "linkFor",
    signature: Signature::new(&[Type::String, Type::String, Type::String]),
    run: |cx, arguments| {
        let dialect = dialect(arguments)?;
        let (shown, url) = (text(cx, arguments, 1)?, text(cx, arguments, 2)?);
        cx.made(dialect.link(&shown, &url))
    },
};

/// `silenceURL .Labels`: where a silence for these labels is made.
pub(super) const SILENCE_URL: Function = Function {
    name: "silenceURL",
    signature: Signature::new(&[Type::Any]),
    run: |cx, arguments| page(cx, arguments, "/#/silences/new?filter="),
};

/// `alertURL .Labels`: where the alerts with these labels are shown.
pub(super) const ALERT_URL: Function = Function {
    name: "alertURL",
    signature: Signature::new(&[Type::Any]),
    run: |cx, arguments| page(cx, arguments, "/#/alerts?filter="),
};

/// `explainURL .Fingerprint`: where it is told why an alert was told, or not.
pub(super) const EXPLAIN_URL: Function = Function {
    name: "explainURL",
    signature: Signature::new(&[Type::String]),
    run: |cx, arguments| {
        let fingerprint = text(cx, arguments, 0)?;
        let before = format!(
            "{}/api/belfry/v1/explain?fingerprint=",
            cx.environment().external_url
        );
        cx.text(|out| {
            out.push(before.as_bytes())?;
            Ok(escape::query(out, fingerprint.as_bytes())?)
        })
    },
};

fn dialect(arguments: &[Value]) -> Result<Dialect, CallError> {
    let name = first(arguments)?.to_str();
    Dialect::named(&name).ok_or_else(|| format!("there is no markup of the name {name:?}").into())
}

fn text(cx: &mut Context<'_>, arguments: &[Value], index: usize) -> Result<String, CallError> {
    let text = arguments.get(index).and_then(Value::as_string);
    let text = text.ok_or("a string is missing")?;
    cx.read(text.len().saturating_mul(8))?;
    Ok(text.to_str().into_owned())
}

fn page(cx: &mut Context<'_>, arguments: &[Value], path: &str) -> Result<Value, CallError> {
    let labels = arguments
        .first()
        .and_then(map)
        .ok_or("labels are missing")?;
    let mut filter = String::from("{");
    for (index, (name, value)) in labels.entries().iter().enumerate() {
        let value = value.as_string().map(|v| v.to_str()).unwrap_or_default();
        cx.read(8 * (name.len() + value.len()))?;
        if 0 < index {
            filter.push_str(", ");
        }
        push_name(&mut filter, &name.to_str());
        filter.push('=');
        push_quoted(&mut filter, &value);
    }
    filter.push('}');
    let before = format!("{}{path}", cx.environment().external_url);
    cx.text(|out| {
        out.push(before.as_bytes())?;
        // A `+` is a space in queries alone, and this one stands behind a `#`.
        for piece in filter.split_inclusive(' ') {
            let words = piece.strip_suffix(' ');
            escape::query(out, words.unwrap_or(piece).as_bytes())?;
            if words.is_some() {
                out.push(b"%20")?;
            }
        }
        Ok(())
    })
}

fn map(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::Object(object) => match object.shape() {
            Shape::Map(map) => Some(map),
            _ => None,
        },
        _ => None,
    }
}

fn push_name(out: &mut String, name: &str) {
    let mut bytes = name.bytes();
    let is_classic = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    if is_classic {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
}

/// A text as matchers quote it.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}
