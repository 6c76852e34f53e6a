//! Matchers: the tests of one label that routes, silences, inhibition rules and API filters are made of.
//!
//! [`parse_matchers`] reads Alertmanager's two notations (see [`MatcherMode`]), [`Matcher::matches`] applies one
//! matcher, and [`MatcherIndex`] finds the few entries among thousands whose matchers can hold for a label set.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::label::Labels;

mod allowance;
mod bytes;
mod classic;
mod index;
mod lexer;
mod parse;
mod print;
mod test_value;
mod unquote;
mod utf8;

pub use allowance::Allowance;
pub use goregex as go_regex;
pub use index::MatcherIndex;
pub use parse::{MatcherMode, Parsed, is_valid_label_name, parse_matcher, parse_matchers};
pub use print::print_matchers;

use go_regex::RegexError;
use test_value::ValueTest;

/// How a matcher compares the label's value with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchOp {
    /// `=`: the values are equal.
    Equal,
    /// `!=`: the values differ.
    NotEqual,
    /// `=~`: the whole value matches the regular expression.
    Regex,
    /// `!~`: the whole value does not match the regular expression.
    NotRegex,
}

impl MatchOp {
    /// The operator as it is written between name and value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    /// Whether the matcher's value is a regular expression.
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }

    /// Whether the matcher holds when the comparison does not.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotRegex)
    }

    /// The operator for the two flags API v2 writes (`isEqual`, `isRegex`).
    pub fn from_flags(is_equal: bool, is_regex: bool) -> Self {
        match (is_equal, is_regex) {
            (true, false) => Self::Equal,
            (false, false) => Self::NotEqual,
            (true, true) => Self::Regex,
            (false, true) => Self::NotRegex,
        }
    }
}

/// Why a matcher or a list of matchers is refused; prints Alertmanager's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// The notation is wrong; the text says where and what was expected.
    #[error("{0}")]
    Syntax(String),
    /// The value is not a valid regular expression.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// The matchers of a request are more than its [`Allowance`].
    #[error("the matchers are too many or their regular expressions too large together")]
    TooCostly,
}

/// One test of one label; cloning copies a pointer.
///
/// Equality, order and hash look at name, operator and value only.
#[derive(Clone)]
pub struct Matcher(Arc<Inner>);

struct Inner {
    op: MatchOp,
    name: Text,
    value: Text,
    test: ValueTest,
    cost: u64,
}

/// A text that is nearly always UTF-8; when it is not, the raw bytes are kept beside the lossy reading.
struct Text {
    text: Box<str>,
    raw: Option<Box<[u8]>>,
}

impl Text {
    fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                text: text.into(),
                raw: None,
            },
            Err(_) => {
                let text = bytes::to_text(bytes).into_boxed_str();
                Self {
                    text,
                    raw: Some(bytes.into()),
                }
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }
}

impl Matcher {
    /// Builds a matcher, compiling the value when the operator takes a regular expression.
    ///
    /// # Errors
    /// [`MatcherError::Regex`] when the value is not a regular expression Go would accept.
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Self, MatcherError> {
        Self::from_bytes(op, name.as_bytes(), value.as_bytes())
    }

    /// As [`Matcher::new`] for a name and value that need not be UTF-8, which parsed text may produce.
    ///
    /// # Errors
    /// As [`Matcher::new`]; a regular expression must be UTF-8.
    pub fn from_bytes(op: MatchOp, name: &[u8], value: &[u8]) -> Result<Self, MatcherError> {
        let (test, cost) = if op.is_regex() {
            ValueTest::regex(value)?
        } else {
            (ValueTest::literal(value), 0)
        };
        Ok(Self(Arc::new(Inner {
            op,
            name: Text::new(name),
            value: Text::new(value),
            test,
            cost,
        })))
    }

    /// Builds an `=` matcher, which cannot fail.
    pub fn equal(name: &str, value: &str) -> Self {
        Self(Arc::new(Inner {
            op: MatchOp::Equal,
            name: Text::new(name.as_bytes()),
            value: Text::new(value.as_bytes()),
            test: ValueTest::literal(value.as_bytes()),
            cost: 0,
        }))
    }

    /// The operator.
    pub fn op(&self) -> MatchOp {
        self.0.op
    }

    /// The label's name; invalid UTF-8 reads as U+FFFD.
    pub fn name(&self) -> &str {
        &self.0.name.text
    }

    /// The value or regular expression as written; invalid UTF-8 reads as U+FFFD.
    pub fn value(&self) -> &str {
        &self.0.value.text
    }

    /// The name's raw bytes.
    pub fn name_bytes(&self) -> &[u8] {
        self.0.name.bytes()
    }

    /// The value's raw bytes.
    pub fn value_bytes(&self) -> &[u8] {
        self.0.value.bytes()
    }

    /// What making the matcher cost beyond what every matcher costs, in units of about 0.3 µs.
    pub fn cost(&self) -> u64 {
        self.0.cost
    }

    fn has_utf8_name(&self) -> bool {
        self.0.name.raw.is_none()
    }

    fn has_utf8_value(&self) -> bool {
        self.0.value.raw.is_none()
    }

    /// Whether the matcher holds for this value of its label; an absent label has the value `""`.
    pub fn matches(&self, value: &str) -> bool {
        self.0.test.holds(value) != self.0.op.is_negative()
    }

    /// Whether the matcher holds for this label set.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        // A name that is not UTF-8 names no label, so it must not find one spelled U+FFFD.
        let found = if self.has_utf8_name() {
            labels.get(self.name())
        } else {
            None
        };
        self.matches(found.unwrap_or(""))
    }

    /// The one pair a label set must have for this matcher to hold; `None` when there is no such pair.
    pub fn as_pair(&self) -> Option<(&str, &str)> {
        // Names and values that are not UTF-8 occur in no label set, and their lossy reading must not find others.
        let is_pair = self.op() == MatchOp::Equal
            && !self.matches_empty()
            && self.has_utf8_name()
            && self.has_utf8_value();
        is_pair.then(|| (self.name(), self.value()))
    }

    /// Whether the matcher holds for a label that is empty or absent.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

/// Whether every matcher holds for this label set.
pub fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches_labels(labels))
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Matcher {}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Matcher {
    /// Alertmanager's order: by name, then value, then operator.
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        (self.name_bytes(), self.value_bytes(), self.op()).cmp(&(
            other.name_bytes(),
            other.value_bytes(),
            other.op(),
        ))
    }
}

impl Hash for Matcher {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name_bytes().hash(state);
        self.value_bytes().hash(state);
        self.op().hash(state);
    }
}

impl fmt::Display for Matcher {
    /// Writes `name="value"`; the form silences, group keys and logs show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::write_matcher(f, self)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
