//! Go's grammar: one pass over the pattern with an explicit stack of open groups.

use super::ast::{Assertion, Node};
use super::class::{self, Escaped};
use super::{MAX_DEPTH, MAX_REPETITIONS, RegexError};

/// The most a repetition may ask for, also as the product of nested repetitions.
const MAX_REPEAT: u32 = 1000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_newline: bool,
    pub(super) lazy: bool,
}

/// A group that is open: the finished alternatives and the one being read.
#[derive(Default)]
struct Group {
    alternatives: Vec<Node>,
    current: Vec<Node>,
    /// The flags to return to when it closes.
    outer: Flags,
    /// What it is when it captures.
    capture: Option<Capture>,
}

/// The number and the name of a capture group.
struct Capture {
    number: u32,
    name: Option<String>,
}

impl Group {
    fn finish_alternative(&mut self) {
        let mut nodes = std::mem::take(&mut self.current);
        let node = match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Concat(nodes),
        };
        self.alternatives.push(node);
    }

    fn finish(mut self) -> Node {
        self.finish_alternative();
        let node = match self.alternatives.len() {
            1 => self.alternatives.pop().unwrap_or(Node::Empty),
            _ => Node::Alternate(self.alternatives),
        };
        match self.capture {
            Some(Capture { number, name }) => Node::Capture {
                node: Box::new(node),
                number,
                name,
            },
            None => node,
        }
    }
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    open: Vec<Group>,
    group: Group,
    /// Capture groups opened so far.
    captures: u32,
    /// The text from the repetition just read on, when the last thing read was one.
    repetition: Option<&'a str>,
}

pub(super) fn parse(pattern: &str) -> Result<Node, RegexError> {
    let mut parser = Parser {
        whole: pattern,
        rest: pattern,
        flags: Flags::default(),
        open: Vec::new(),
        group: Group::default(),
        captures: 0,
        repetition: None,
    };
    while !parser.rest.is_empty() {
        parser.step()?;
    }
    if !parser.open.is_empty() {
        return Err(RegexError::new("missing closing )", pattern));
    }
    Ok(parser.group.finish())
}

impl<'a> Parser<'a> {
    fn step(&mut self) -> Result<(), RegexError> {
        let before = self.rest;
        let last_repetition = self.repetition.take();
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            '(' => return self.open(before),
            ')' => return self.close(),
            '|' => self.group.finish_alternative(),
            '^' => self.push(Node::Assert(if self.flags.multi_line {
                Assertion::LineStart
            } else {
                Assertion::TextStart
            })),
            '$' => self.push(Node::Assert(if self.flags.multi_line {
                Assertion::LineEnd
            } else {
                Assertion::TextEnd
            })),
            '.' => self.push(Node::Any {
                newline: self.flags.dot_newline,
            }),
            '[' => {
                let (class, rest) = class::parse_class(before, self.flags.fold_case)?;
                self.rest = rest;
                self.push(Node::Class(class));
            }
            '*' => return self.repeat(0, None, before, last_repetition),
            '+' => return self.repeat(1, None, before, last_repetition),
            '?' => return self.repeat(0, Some(1), before, last_repetition),
            '{' => match parse_counts(before) {
                Some((counts, rest)) => {
                    self.rest = rest;
                    let (min, max) = counts.ok_or_else(|| {
                        RegexError::new("invalid repeat count", consumed(before, rest))
                    })?;
                    return self.repeat(min, max, before, last_repetition);
                }
                None => self.literal('{'),
            },
            '\\' => return self.escape(before),
            c => self.literal(c),
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn push(&mut self, node: Node) {
        self.group.current.push(node);
    }

    fn literal(&mut self, c: char) {
        // Folding a character that has no case would only keep plain texts from being recognized as such.
        let fold = self.flags.fold_case && (c.is_ascii_alphabetic() || !c.is_ascii());
        self.push(Node::Literal { c, fold });
    }

    fn open(&mut self, before: &'a str) -> Result<(), RegexError> {
        let outer = self.flags;
        let (mut captures, mut name) = (true, None);
        if before.starts_with("(?") {
            match self.perl_group(before)? {
                PerlGroup::Flags => return Ok(()),
                PerlGroup::Plain => captures = false,
                PerlGroup::Named(text) => name = Some(text.to_owned()),
            }
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(RegexError::new("expression nests too deeply", self.whole));
        }
        self.captures += u32::from(captures);
        let number = self.captures;
        let group = Group {
            outer,
            capture: captures.then_some(Capture { number, name }),
            ..Group::default()
        };
        self.open.push(std::mem::replace(&mut self.group, group));
        Ok(())
    }

    fn close(&mut self) -> Result<(), RegexError> {
        let Some(parent) = self.open.pop() else {
            return Err(RegexError::new("unexpected )", self.whole));
        };
        let group = std::mem::replace(&mut self.group, parent);
        self.flags = group.outer;
        let node = group.finish();
        self.push(node);
        Ok(())
    }

    /// Reads what follows `(?`: a name, flags for what follows, or flags and a group.
    fn perl_group(&mut self, before: &'a str) -> Result<PerlGroup<'a>, RegexError> {
        let name_at = [("(?P<", 4), ("(?<", 3)]
            .into_iter()
            .find(|(prefix, width)| before.starts_with(prefix) && before.len() > *width);
        if let Some((_, width)) = name_at {
            let Some(end) = before.find('>') else {
                return Err(RegexError::new("invalid named capture", before));
            };
            let name = before.get(width..end).unwrap_or("");
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(RegexError::new("invalid named capture", &before[..=end]));
            }
            self.rest = &before[end + 1..];
            return Ok(PerlGroup::Named(name));
        }
        self.next();
        let mut flags = self.flags;
        let (mut negated, mut saw_flag) = (false, false);
        while let Some(c) = self.next() {
            match c {
                'i' => flags.fold_case = !negated,
                'm' => flags.multi_line = !negated,
                's' => flags.dot_newline = !negated,
                'U' => flags.lazy = !negated,
                '-' if !negated => {
                    negated = true;
                    saw_flag = false;
                    continue;
                }
                ':' | ')' if !negated || saw_flag => {
                    self.flags = flags;
                    return Ok(if c == ':' {
                        PerlGroup::Plain
                    } else {
                        PerlGroup::Flags
                    });
                }
                _ => break,
            }
            saw_flag = true;
        }
        let text = consumed(before, self.rest);
        Err(RegexError::new("invalid or unsupported Perl syntax", text))
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        before: &'a str,
        last_repetition: Option<&'a str>,
    ) -> Result<(), RegexError> {
        let mut greedy = !self.flags.lazy;
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            greedy = !greedy;
        }
        if let Some(last) = last_repetition {
            let text = consumed(last, self.rest);
            return Err(RegexError::new("invalid nested repetition operator", text));
        }
        let text = consumed(before, self.rest);
        let Some(node) = self.group.current.pop() else {
            return Err(RegexError::new(
                "missing argument to repetition operator",
                text,
            ));
        };
        if (min >= 2 || max.is_some_and(|max| max >= 2))
            && !repeats_at_most(&node, max.unwrap_or(min), MAX_REPEAT)
        {
            return Err(RegexError::new("invalid repeat count", text));
        }
        if repeat_chain(&node) >= MAX_REPETITIONS {
            return Err(RegexError::new("expression nests too deeply", self.whole));
        }
        self.push(Node::Repeat {
            node: Box::new(node),
            min,
            max,
            greedy,
        });
        self.repetition = Some(before);
        Ok(())
    }

    fn escape(&mut self, before: &'a str) -> Result<(), RegexError> {
        if let Some(quoted) = before.strip_prefix(r"\Q") {
            let (literal, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            self.rest = rest;
            literal.chars().for_each(|c| self.literal(c));
            return Ok(());
        }
        let assertion = match before.as_bytes().get(1) {
            Some(b'A') => Some(Assertion::TextStart),
            Some(b'z') => Some(Assertion::TextEnd),
            Some(b'b') => Some(Assertion::WordBoundary),
            Some(b'B') => Some(Assertion::NoWordBoundary),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.next();
            self.push(Node::Assert(assertion));
            return Ok(());
        }
        let (escaped, rest) = class::parse_escape(before)?;
        self.rest = rest;
        match escaped {
            Escaped::Char(code) => match char::from_u32(code) {
                Some(c) => self.literal(c),
                // A surrogate or worse: nothing in a text can match it.
                None => self.push(Node::Class(class::NOTHING.to_owned())),
            },
            Escaped::Set(set) => {
                self.push(Node::Class(class::fold(
                    format!("[{set}]"),
                    self.flags.fold_case,
                )));
            }
        }
        Ok(())
    }
}

enum PerlGroup<'a> {
    Flags,
    Plain,
    Named(&'a str),
}

/// The part of `from` before `rest`, which is its tail.
pub(super) fn consumed<'a>(from: &'a str, rest: &str) -> &'a str {
    from.get(..from.len().saturating_sub(rest.len()))
        .unwrap_or(from)
}

/// Whether nested repetitions multiply to at most `limit`.
fn repeats_at_most(node: &Node, times: u32, limit: u32) -> bool {
    if times > limit {
        return false;
    }
    product_at_most(node, limit.checked_div(times).unwrap_or(limit))
}

fn product_at_most(node: &Node, limit: u32) -> bool {
    match node {
        Node::Repeat { node, min, max, .. } => {
            // `*`, `+` and `?` are no counted repetitions in Go.
            let counted = *min >= 2 || max.is_some_and(|max| max >= 2);
            let times = if counted { max.unwrap_or(*min) } else { 0 };
            repeats_at_most(node, times, limit)
        }
        Node::Concat(nodes) | Node::Alternate(nodes) => {
            nodes.iter().all(|node| product_at_most(node, limit))
        }
        Node::Capture { node, .. } => product_at_most(node, limit),
        _ => true,
    }
}

/// How many repetitions are stacked directly on each other (`a*(?i)*(?i)*`).
fn repeat_chain(mut node: &Node) -> usize {
    let mut length = 0;
    while let Node::Repeat { node: inner, .. } = node {
        node = inner;
        length += 1;
    }
    length
}

/// `Some(None)` is a repetition whose numbers are out of range.
type Counts = Option<(u32, Option<u32>)>;

/// Reads `{n}`, `{n,}` or `{n,m}`; `None` when it is none of these and `{` stands for itself.
fn parse_counts(text: &str) -> Option<(Counts, &str)> {
    let (min, rest) = parse_count(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = parse_count(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let valid = min <= MAX_REPEAT && max.is_none_or(|max| max <= MAX_REPEAT && min <= max);
    Some((valid.then_some((min, max)), rest))
}

/// Reads a decimal number without leading zeros; one that is too large reads as the largest.
fn parse_count(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
