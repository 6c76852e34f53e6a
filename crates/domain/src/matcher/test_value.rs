//! The comparison a matcher makes, with the regex engine left out where a plain comparison does.

use std::convert::Infallible;

use regex::Regex;

use super::bytes::to_text;
use super::go_regex::{self, Meter, Node, Program, RegexError};

/// How many texts an expression may stand for to be compared as texts.
const MAX_TEXTS: usize = 1000;
/// How many characters these may have together.
const MAX_TEXT_CHARS: usize = 64 << 10;

/// A test of a label's value.
pub(super) enum ValueTest {
    /// Equal to this text.
    Literal(Box<str>),
    /// Never holds: the text to equal is not UTF-8, and label values are.
    Never,
    /// Equal to one of these texts, which are sorted.
    OneOf(Box<[Box<str>]>),
    /// A text with anything before or after it.
    Affix(Affix),
    /// Matches this anchored expression.
    Regex(Box<Regex>),
    /// The same for an expression that the crate would take long to compile.
    Program(Box<Program>),
}

/// Weight of the heaviest expression that is left to the `regex` crate, which takes about 5 ms to compile it.
const CRATE_WEIGHT_MAX: u64 = 20_000;

/// Work to compile any other, which is about 60 ms.
const PROGRAM_WORK_MAX: usize = 20_000_000;

/// Memory of any other.
const PROGRAM_BYTES_MAX: usize = 4 << 20;

/// Work that takes about as long as compiling one unit of weight in the crate.
const WORK_PER_WEIGHT: u64 = 100;

/// What is left to compile a program.
struct CompileMeter {
    work_left: usize,
    bytes_left: usize,
}

struct TooLarge;

impl Meter for CompileMeter {
    type Exhausted = TooLarge;

    fn work(&mut self, states: usize) -> Result<(), TooLarge> {
        self.work_left = self.work_left.checked_sub(states).ok_or(TooLarge)?;
        Ok(())
    }

    fn hold(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }
}

/// Matching is bounded by the length of labels, and cannot fail.
struct Unbounded;

impl Meter for Unbounded {
    type Exhausted = Infallible;

    fn work(&mut self, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn hold(&mut self, _: usize) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ValueTest {
    pub(super) fn literal(value: &[u8]) -> Self {
        std::str::from_utf8(value).map_or(Self::Never, |text| Self::Literal(text.into()))
    }

    /// Compiles `^(?:value)$`; says also what that cost, as [`Matcher::cost`](super::Matcher::cost) does.
    pub(super) fn regex(value: &[u8]) -> Result<(Self, u64), RegexError> {
        let value = std::str::from_utf8(value).map_err(|error| {
            let rest = value.get(error.valid_up_to()..).unwrap_or_default();
            RegexError::invalid_utf8(&to_text(rest))
        })?;
        let pattern = format!("^(?:{value})$");
        let node = go_regex::parse(&pattern)?;
        let weight = node.weight();
        if let Some(inner) = node.anchored_inner() {
            if let Some(mut texts) = texts_of(inner) {
                texts.sort_unstable();
                texts.dedup();
                let cost = texts.len() as u64;
                let test = match <[String; 1]>::try_from(texts) {
                    Ok([text]) => Self::Literal(text.into()),
                    Err(texts) => Self::OneOf(texts.into_iter().map(Into::into).collect()),
                };
                return Ok((test, cost));
            }
            if let Some(affix) = Affix::of(inner) {
                return Ok((Self::Affix(affix), 0));
            }
        }
        if weight <= CRATE_WEIGHT_MAX {
            let regex = go_regex::compile_node(&node, &pattern)?;
            return Ok((Self::Regex(Box::new(regex)), weight));
        }
        let mut meter = CompileMeter {
            work_left: PROGRAM_WORK_MAX,
            bytes_left: PROGRAM_BYTES_MAX,
        };
        let program = Program::compile(&node, &mut meter)
            .map_err(|TooLarge| RegexError::too_large(&pattern))?;
        let work = (PROGRAM_WORK_MAX - meter.work_left) as u64;
        Ok((Self::Program(Box::new(program)), work / WORK_PER_WEIGHT))
    }

    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Literal(text) => **text == *value,
            Self::Never => false,
            Self::OneOf(texts) => texts.binary_search_by(|text| (**text).cmp(value)).is_ok(),
            Self::Affix(affix) => affix.holds(value),
            Self::Regex(regex) => regex.is_match(value),
            Self::Program(program) => {
                let Ok(is_match) = program.is_match(value, &mut Unbounded);
                is_match
            }
        }
    }
}

/// All the texts an expression matches, when these are few and it has nothing but literals and alternatives.
fn texts_of(node: &Node) -> Option<Vec<String>> {
    match node {
        Node::Empty => Some(vec![String::new()]),
        Node::Literal { c, fold: false } => Some(vec![c.to_string()]),
        Node::Capture { node, .. } => texts_of(node),
        Node::Repeat {
            node,
            min: 0,
            max: Some(1),
            ..
        } => {
            let mut texts = texts_of(node)?;
            texts.push(String::new());
            Some(texts)
        }
        Node::Concat(nodes) => {
            let mut texts = vec![String::new()];
            for node in nodes {
                extend_all(&mut texts, node)?;
            }
            Some(texts)
        }
        Node::Alternate(nodes) => {
            let mut texts = Vec::new();
            for node in nodes {
                texts.extend(texts_of(node)?);
                bounded(&texts)?;
            }
            Some(texts)
        }
        _ => None,
    }
}

/// Appends every text of the node to every text there is.
fn extend_all(texts: &mut Vec<String>, node: &Node) -> Option<()> {
    if let Node::Literal { c, fold: false } = node {
        texts.iter_mut().for_each(|text| text.push(*c));
        // One text grows with the pattern; many would multiply it.
        return if texts.len() > 1 {
            bounded(texts)
        } else {
            Some(())
        };
    }
    let tails = texts_of(node)?;
    if let [tail] = tails.as_slice() {
        texts.iter_mut().for_each(|text| text.push_str(tail));
        return bounded(texts);
    }
    if texts.len().saturating_mul(tails.len()) > MAX_TEXTS {
        return None;
    }
    *texts = texts
        .iter()
        .flat_map(|text| tails.iter().map(move |tail| format!("{text}{tail}")))
        .collect();
    bounded(texts)
}

fn bounded(texts: &[String]) -> Option<()> {
    let chars: usize = texts.iter().map(String::len).sum();
    (texts.len() <= MAX_TEXTS && chars <= MAX_TEXT_CHARS).then_some(())
}

/// `text.*`, `.*text`, `.*text.*` and plain `.*` or `.+`.
pub(super) struct Affix {
    before: Option<Wild>,
    text: Box<str>,
    after: Option<Wild>,
}

/// A `.*` or `.+`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wild {
    non_empty: bool,
    newline: bool,
}

impl Wild {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Repeat {
                node,
                min: min @ (0 | 1),
                max: None,
                ..
            } => match **node {
                Node::Any { newline } => Some(Self {
                    non_empty: *min == 1,
                    newline,
                }),
                _ => None,
            },
            _ => None,
        }
    }

    fn holds(self, part: &str) -> bool {
        !(self.non_empty && part.is_empty()) && (self.newline || !part.contains('\n'))
    }
}

impl Affix {
    fn of(node: &Node) -> Option<Self> {
        let nodes = match node {
            Node::Concat(nodes) => nodes.as_slice(),
            other => std::slice::from_ref(other),
        };
        let (before, nodes) = match nodes.split_first() {
            Some((first, rest)) if Wild::of(first).is_some() => (Wild::of(first), rest),
            _ => (None, nodes),
        };
        let (after, nodes) = match nodes.split_last() {
            Some((last, rest)) if Wild::of(last).is_some() => (Wild::of(last), rest),
            _ => (None, nodes),
        };
        let mut text = String::new();
        for node in nodes {
            let Node::Literal { c, fold: false } = node else {
                return None;
            };
            text.push(*c);
        }
        if let (Some(before), Some(after)) = (before, after) {
            // On both sides only where it does not matter at which occurrence the text is found.
            let simple = before == after && !before.non_empty;
            if !simple || text.contains('\n') {
                return None;
            }
        }
        Some(Self {
            before,
            text: text.into(),
            after,
        })
    }

    fn holds(&self, value: &str) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(_)) => before.holds(value) && value.contains(&*self.text),
            (Some(before), None) => value
                .strip_suffix(&*self.text)
                .is_some_and(|part| before.holds(part)),
            (None, Some(after)) => value
                .strip_prefix(&*self.text)
                .is_some_and(|part| after.holds(part)),
            (None, None) => *self.text == *value,
        }
    }
}
