//! Regular expressions.

use std::sync::Arc;

use regex::{Captures, Regex};

use super::{CallError, Context, Function, Limit, Signature, Type};
use crate::Value;
use crate::fmt::quote::fits_backquotes;

pub(super) const MATCH: Function = Function {
    name: "match",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| match arguments {
        [Value::String(pattern, _), Value::String(text, _)] => {
            let regex = compiled(cx, &pattern.to_str(), |error| error)?;
            regex.pay(cx, text.len())?;
            Ok(Value::Bool(regex.regex.is_match(&text.to_str())))
        }
        _ => Ok(Value::Bool(false)),
    },
};

pub(super) const RE_REPLACE_ALL: Function = Function {
    name: "reReplaceAll",
    signature: Signature::new(&[Type::String, Type::String, Type::String]),
    run: |cx, arguments| match arguments {
        [
            Value::String(pattern, _),
            Value::String(replacement, _),
            Value::String(text, _),
        ] => {
            let pattern = pattern.to_str();
            // Go panics here, and the message of the panic is the error.
            let regex = compiled(cx, &pattern, |error| {
                let quoted = if fits_backquotes(pattern.as_bytes()) {
                    format!("`{pattern}`")
                } else {
                    crate::quote::quote(&pattern)
                };
                format!("regexp: Compile({quoted}): {error}")
            })?;
            regex.pay(cx, text.len())?;
            replace_all(cx, &regex.regex, &replacement.to_str(), &text.to_str())
        }
        _ => Ok(Value::from("")),
    },
};

/// A compiled expression and what it costs to go on by one character.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Arc<Regex>,
    weight: usize,
}

/// Characters times states that an expression passes in about the time of one step.
const WORK_PER_STEP: usize = 64;

/// Steps to compile one state of an expression.
const COMPILE_STEPS: usize = 8;

/// Steps to begin a match and find its groups.
const STEPS_PER_MATCH: u64 = 6;

/// States of the largest expression.
const WEIGHT_MAX: u64 = 50_000;

impl Pattern {
    fn pay(&self, cx: &mut Context<'_>, length: usize) -> Result<(), CallError> {
        // Small expressions run as automata whose steps do not depend on the number of states.
        let work = length.saturating_mul(self.weight.clamp(8, 1_000));
        Ok(cx.step(work / WORK_PER_STEP)?)
    }
}

fn compiled(
    cx: &mut Context<'_>,
    pattern: &str,
    failed: impl Fn(String) -> String,
) -> Result<Pattern, CallError> {
    if let Some(known) = cx.known_pattern(pattern) {
        return Ok(known);
    }
    cx.step(pattern.len().saturating_mul(COMPILE_STEPS))?;
    let node = goregex::parse(pattern).map_err(|error| failed(error.to_string()))?;
    let weight = node.weight();
    if weight > WEIGHT_MAX {
        return Err(failed(format!(
            "error parsing regexp: expression too large: `{pattern}`"
        ))
        .into());
    }
    let weight = usize::try_from(weight).unwrap_or(usize::MAX);
    cx.step(weight.saturating_mul(COMPILE_STEPS))?;
    let regex = goregex::compile_node(&node, pattern).map_err(|error| failed(error.to_string()))?;
    let known = Pattern {
        regex: Arc::new(regex),
        weight,
    };
    cx.remember_pattern(pattern, known.clone());
    Ok(known)
}

fn replace_all(
    cx: &mut Context<'_>,
    regex: &Regex,
    replacement: &str,
    text: &str,
) -> Result<Value, CallError> {
    let pieces = pieces(replacement);
    let matches_max = cx.steps_left() / STEPS_PER_MATCH;
    let mut matches = 0;
    let made = cx.text(|out| {
        let mut end = 0;
        for found in regex.captures_iter(text) {
            let Some(whole) = found.get(0) else {
                continue;
            };
            matches += 1;
            if matches > matches_max {
                return Err(Limit::Steps.into());
            }
            out.push(text.get(end..whole.start()).unwrap_or_default().as_bytes())?;
            for piece in &pieces {
                out.push(piece.of(&found).as_bytes())?;
            }
            end = whole.end();
        }
        Ok(out.push(text.get(end..).unwrap_or_default().as_bytes())?)
    })?;
    cx.step(usize::try_from(matches * STEPS_PER_MATCH).unwrap_or(usize::MAX))?;
    Ok(made)
}

/// A piece of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'r> {
    Text(&'r str),
    Number(usize),
    Name(&'r str),
}

impl<'r> Piece<'r> {
    fn of<'f>(self, found: &'f Captures<'r>) -> &'f str
    where
        'r: 'f,
    {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => found.get(number).map_or("", |group| group.as_str()),
            Self::Name(name) => found.name(name).map_or("", |group| group.as_str()),
        }
    }
}

/// Reads a replacement by Go's rules: `$1x` is the group named `1x`, `${1}x` is group 1 and an x.
fn pieces(replacement: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        pieces.push(Piece::Text(before));
        if let Some(after) = after.strip_prefix('$') {
            pieces.push(Piece::Text("$"));
            rest = after;
        } else if let Some((piece, after)) = group(after) {
            pieces.push(piece);
            rest = after;
        } else {
            pieces.push(Piece::Text("$"));
            rest = after;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Reads the name or number of a group, and what follows it.
fn group(text: &str) -> Option<(Piece<'_>, &str)> {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let length = body
        .find(|char: char| char != '_' && !char.is_alphanumeric())
        .unwrap_or(body.len());
    let (name, mut rest) = body.split_at(length);
    if name.is_empty() {
        return None;
    }
    if braced.is_some() {
        rest = rest.strip_prefix('}')?;
    }
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
        && !(name.len() > 1 && name.starts_with('0'));
    let piece = match name.parse().ok().filter(|_| is_number) {
        Some(number) => Piece::Number(number),
        None => Piece::Name(name),
    };
    Some((piece, rest))
}
