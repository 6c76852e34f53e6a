//! Regular expressions.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use goregex::{Matches, Meter, Program};

use super::{CallError, Context, Function, Limit, Signature, Type};
use crate::Value;
use crate::fmt::quote::fits_backquotes;

pub(super) const MATCH: Function = Function {
    name: "match",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| match arguments {
        [Value::String(pattern, _), Value::String(text, _)] => {
            let program = compiled(cx, &pattern.to_str(), |error| error)?;
            let text = text.to_str();
            let found = measured(cx, |gauge| program.is_match(&text, gauge))?;
            Ok(Value::Bool(found))
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
            let program = compiled(cx, &pattern, |error| {
                let quoted = if fits_backquotes(pattern.as_bytes()) {
                    format!("`{pattern}`")
                } else {
                    crate::quote::quote(&pattern)
                };
                format!("regexp: Compile({quoted}): {error}")
            })?;
            replace_all(cx, &program, &replacement.to_str(), &text.to_str())
        }
        _ => Ok(Value::from("")),
    },
};

/// A compiled expression and the memory it takes.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    program: Arc<Program>,
    pub(super) bytes: usize,
}

/// States that an expression passes in about the time of one step.
const STATES_PER_STEP: u64 = 16;

/// Bytes that a piece of a replacement takes, for each byte of the replacement at most.
const PIECE_BYTES: usize = 40;

/// Steps to read one byte of an expression.
const READ_STEPS: usize = 8;

/// What is left to an expression of an execution's steps and memory.
struct Gauge {
    states_left: u64,
    bytes_left: usize,
}

impl Meter for Gauge {
    type Exhausted = Limit;

    fn work(&mut self, states: usize) -> Result<(), Limit> {
        let left = self.states_left.checked_sub(states as u64);
        self.states_left = left.ok_or(Limit::Steps)?;
        Ok(())
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Limit> {
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or(Limit::Memory)?;
        Ok(())
    }
}

/// Does some work and pays its steps; its memory is given back.
fn measured<T>(
    cx: &mut Context<'_>,
    work: impl FnOnce(&mut Gauge) -> Result<T, Limit>,
) -> Result<T, CallError> {
    let (mut gauge, states) = gauge(cx);
    let done = work(&mut gauge)?;
    pay(cx, states - gauge.states_left)?;
    Ok(done)
}

fn gauge(cx: &Context<'_>) -> (Gauge, u64) {
    let states_left = cx.steps_left().saturating_mul(STATES_PER_STEP);
    let gauge = Gauge {
        states_left,
        bytes_left: cx.memory_left(),
    };
    (gauge, states_left)
}

fn pay(cx: &mut Context<'_>, states: u64) -> Result<(), Limit> {
    cx.step(usize::try_from(states / STATES_PER_STEP).unwrap_or(usize::MAX))
}

fn compiled(
    cx: &mut Context<'_>,
    pattern: &str,
    failed: impl Fn(String) -> String,
) -> Result<Arc<Program>, CallError> {
    if let Some(known) = cx.known_pattern(pattern) {
        return Ok(known.program);
    }
    cx.step(pattern.len().saturating_mul(READ_STEPS))?;
    let node = goregex::parse(pattern).map_err(|error| failed(error.to_string()))?;
    let (program, bytes) = measured(cx, |gauge| {
        let before = gauge.bytes_left;
        let program = Program::compile(&node, gauge)?;
        Ok((Arc::new(program), before - gauge.bytes_left))
    })?;
    let known = Pattern {
        program: Arc::clone(&program),
        bytes,
    };
    cx.remember_pattern(pattern, known)?;
    Ok(program)
}

fn replace_all(
    cx: &mut Context<'_>,
    program: &Program,
    replacement: &str,
    text: &str,
) -> Result<Value, CallError> {
    cx.read(PIECE_BYTES * replacement.len())?;
    cx.step(program.names().len())?;
    cx.expect_room(PIECE_BYTES * replacement.len())?;
    let pieces = pieces(replacement, program.names());
    // Only groups that are asked for are noted.
    let groups = pieces.iter().map(|piece| match piece {
        Piece::Text(_) => 0,
        Piece::Group(number) => *number,
        Piece::OneOf(numbers) => numbers.last().copied().unwrap_or(0),
    });
    let groups_end = groups.max().unwrap_or(0).saturating_add(1);
    let (mut gauge, states) = gauge(cx);
    let mut matches = Matches::new(program, text, groups_end, &mut gauge)?;
    let made = cx.text(|out| {
        let mut end = 0;
        while let Some(found) = matches.find(&mut gauge)? {
            let &[Some(start), Some(stop), ..] = found else {
                continue;
            };
            out.push(text.get(end..start).unwrap_or_default().as_bytes())?;
            for piece in &pieces {
                gauge.work(piece.work())?;
                out.push(piece.of(found, text).as_bytes())?;
            }
            end = stop;
        }
        Ok(out.push(text.get(end..).unwrap_or_default().as_bytes())?)
    })?;
    pay(cx, states - gauge.states_left)?;
    Ok(made)
}

/// A piece of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'r> {
    Text(&'r str),
    Group(usize),
    /// Groups of the same name: the first that took part.
    OneOf(Rc<[usize]>),
}

impl<'r> Piece<'r> {
    fn group(name: &str, groups: usize, names: &Names<'_>) -> Self {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
            && !(name.len() > 1 && name.starts_with('0'));
        match name.parse().ok().filter(|_| is_number) {
            // One that there is not is empty, and nothing has to be noted for it.
            Some(number) if number < groups => Self::Group(number),
            Some(_) => Self::Text(""),
            None => names
                .get(name)
                .map_or(Self::Text(""), |numbers| Self::OneOf(Rc::clone(numbers))),
        }
    }

    /// States that are passed in about the time to find the piece.
    fn work(&self) -> usize {
        match self {
            Self::Text(_) | Self::Group(_) => 0,
            Self::OneOf(numbers) => numbers.len(),
        }
    }

    fn of(&self, found: &[Option<usize>], text: &'r str) -> &'r str {
        let group = |number: usize| {
            let bounds = found.get(number.checked_mul(2)?..)?;
            match *bounds {
                [Some(start), Some(end), ..] => text.get(start..end),
                _ => None,
            }
        };
        let text = match self {
            Self::Text(text) => Some(*text),
            Self::Group(number) => group(*number),
            Self::OneOf(numbers) => numbers.iter().find_map(|number| group(*number)),
        };
        text.unwrap_or_default()
    }
}

/// The numbers of the groups with a name.
type Names<'p> = HashMap<&'p str, Rc<[usize]>>;

fn numbers(names: &[Option<String>]) -> Names<'_> {
    let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        if let Some(name) = name {
            numbers.entry(name).or_default().push(number);
        }
    }
    let numbers = numbers.into_iter();
    numbers.map(|(name, own)| (name, own.into())).collect()
}

/// Reads a replacement by Go's rules: `$1x` is the group named `1x`, `${1}x` is group 1 and an x.
fn pieces<'r>(replacement: &'r str, names: &[Option<String>]) -> Vec<Piece<'r>> {
    let groups = names.len();
    let names = numbers(names);
    let mut pieces = Vec::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        pieces.push(Piece::Text(before));
        if let Some(after) = after.strip_prefix('$') {
            pieces.push(Piece::Text("$"));
            rest = after;
        } else if let Some((name, after)) = group(after) {
            pieces.push(Piece::group(name, groups, &names));
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
fn group(text: &str) -> Option<(&str, &str)> {
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
    Some((name, rest))
}
