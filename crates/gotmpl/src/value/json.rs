//! Values as Go's `encoding/json` writes them, with its escapes for HTML.

use std::borrow::Cow;

use super::{GoString, Object, Shape, Value};
use crate::fmt::{Buffer, Full, TIME_PUSHES, float};
use crate::functions::CallError;

/// Characters that are looked at in the time it takes to append a piece.
const CHARACTERS_PER_WORK: usize = 4;

/// Writes a value as JSON.
///
/// # Errors
/// Go's text for a value that JSON cannot express, or that the buffer is full.
pub fn to_json(out: &mut Buffer<'_>, value: &Value) -> Result<(), CallError> {
    match value {
        Value::Nil | Value::NilElement => out.push(b"null")?,
        Value::Bool(value) => out.push(if *value { b"true" } else { b"false" })?,
        Value::Int(value, _) => out.push(value.to_string().as_bytes())?,
        Value::Uint(value, _) => out.push(value.to_string().as_bytes())?,
        Value::Float(value) => {
            out.work(float::work(*value, None))?;
            out.push(number(*value)?.as_bytes())?;
        }
        Value::Complex(..) => return Err("json: unsupported type: complex128".into()),
        Value::String(text, _) => string(out, text.as_bytes())?,
        Value::Time(time) => {
            out.work(TIME_PUSHES)?;
            let text = time.to_rfc3339_nano().ok_or_else(|| {
                CallError::from("json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]")
            })?;
            string(out, text.as_bytes())?;
        }
        Value::List(list) => items(out, list.items())?,
        Value::Map(map) => entries(out, map.entries())?,
        Value::Object(object) => match object.shape() {
            Shape::Struct(_) => structure(out, object.as_ref())?,
            Shape::List(list) => items(out, list.items())?,
            Shape::Map(map) => entries(out, map.entries())?,
        },
    }
    Ok(())
}

fn items(out: &mut Buffer<'_>, items: &[Value]) -> Result<(), CallError> {
    out.push(b"[")?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b",")?;
        }
        to_json(out, item)?;
    }
    Ok(out.push(b"]")?)
}

fn entries(out: &mut Buffer<'_>, entries: &[(GoString, Value)]) -> Result<(), CallError> {
    out.push(b"{")?;
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b",")?;
        }
        string(out, key.as_bytes())?;
        out.push(b":")?;
        to_json(out, value)?;
    }
    Ok(out.push(b"}")?)
}

fn structure(out: &mut Buffer<'_>, object: &dyn Object) -> Result<(), CallError> {
    let Shape::Struct(fields) = object.shape() else {
        return Ok(());
    };
    out.push(b"{")?;
    let mut is_first = true;
    for field in fields {
        let value = object.field(field.name).unwrap_or(Value::Nil);
        if field.is_omitted_when_empty && !value.is_true() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(b",")?;
        }
        string(out, field.json.as_bytes())?;
        out.push(b":")?;
        to_json(out, &value)?;
    }
    Ok(out.push(b"}")?)
}

/// Go's choice between plain and exponent form, with at least one digit of exponent.
fn number(value: f64) -> Result<String, CallError> {
    if !value.is_finite() {
        let shown = float::shortest(value);
        return Err(format!("json: unsupported value: {shown}").into());
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Go writes 1e-07 as 1e-7, but keeps 1e+21 as it is.
        let text = float::exponent(value);
        return Ok(match text.split_once("e-0") {
            Some((digits, exponent)) => format!("{digits}e-{exponent}"),
            None => text,
        });
    }
    Ok(float::plain(value))
}

fn string(out: &mut Buffer<'_>, bytes: &[u8]) -> Result<(), Full> {
    out.push(b"\"")?;
    // Looked at one by one, unlike bytes that are copied.
    out.work(bytes.len() / CHARACTERS_PER_WORK)?;
    // What needs no escape is written in one piece.
    let (mut start, mut at) = (0, 0);
    for char in super::text::chars(bytes) {
        let length = char.map_or(1, char::len_utf8);
        if let Some(escape) = escape(char) {
            out.push(bytes.get(start..at).unwrap_or_default())?;
            out.push(escape.as_bytes())?;
            start = at + length;
        }
        at += length;
    }
    out.push(bytes.get(start..).unwrap_or_default())?;
    out.push(b"\"")
}

fn escape(char: Result<char, u8>) -> Option<Cow<'static, str>> {
    Some(match char {
        Err(_) => "\\ufffd".into(),
        Ok('"') => "\\\"".into(),
        Ok('\\') => "\\\\".into(),
        Ok('\n') => "\\n".into(),
        Ok('\r') => "\\r".into(),
        Ok('\t') => "\\t".into(),
        Ok('\u{8}') => "\\b".into(),
        Ok('\u{c}') => "\\f".into(),
        Ok(char @ ('\u{0}'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) => {
            format!("\\u{:04x}", u32::from(char)).into()
        }
        Ok(_) => return None,
    })
}
