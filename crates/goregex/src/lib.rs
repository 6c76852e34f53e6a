//! Go's regular expressions (RE2 syntax).
//!
//! The two dialects differ in many small ways (`\d` and `\b` are ASCII in Go, `[a&&b]` and `[[a]` are plain classes,
//! `\Q..\E`, `\z`, octal escapes, repeat limits), so a pattern is parsed by Go's rules into a small tree. Two engines
//! run it: the `regex` crate, for which the tree is written out ([`compile_node`]) and which answers yes or no fast, and
//! [`Program`], which pays for each state it goes over, for patterns of people one does not trust.
//! Errors are Go's, since users read them.

use regex::{Regex, RegexBuilder};

mod ast;
mod class;
mod parser;
mod program;

pub use ast::{Assertion, Node};
pub use program::{Matches, Meter, Program};

/// How deep groups may nest. Go allows more; this bounds the recursion here and in the engine's compiler, which would
/// otherwise overrun the stack of a small thread.
const MAX_DEPTH: usize = 40;
/// How many repetitions may stand directly on each other, which only flags between them make possible.
const MAX_REPETITIONS: usize = 3;
/// Nesting as the `regex` crate counts it: a group costs up to five levels there.
const NEST_LIMIT: u32 = 250;
/// Memory one compiled expression may take.
const SIZE_LIMIT: usize = 10 << 20;
/// Memory the lazily built automaton of one expression may take, in each thread that uses it.
const DFA_LIMIT: usize = 256 << 10;

/// Why Go refuses a regular expression; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {reason}: `{expression}`")]
pub struct RegexError {
    reason: &'static str,
    expression: String,
}

impl RegexError {
    fn new(reason: &'static str, expression: &str) -> Self {
        Self {
            reason,
            expression: expression.to_owned(),
        }
    }

    /// The pattern is too large to run.
    #[must_use]
    pub fn too_large(pattern: &str) -> Self {
        Self::new("expression too large", pattern)
    }

    /// The pattern is not UTF-8 from here on.
    #[must_use]
    pub fn invalid_utf8(rest: &str) -> Self {
        Self::new("invalid UTF-8", rest)
    }
}

/// Parses a Go pattern.
///
/// # Errors
/// Go's error for a pattern Go does not accept.
pub fn parse(pattern: &str) -> Result<Node, RegexError> {
    parser::parse(pattern)
}

/// Compiles a Go pattern as it stands (not anchored) for the `regex` crate.
///
/// # Errors
/// Go's error for a pattern Go does not accept, or that the pattern is too large.
pub fn compile(pattern: &str) -> Result<Regex, RegexError> {
    compile_node(&parse(pattern)?, pattern)
}

/// Compiles a parsed pattern for the `regex` crate; `pattern` is what it was parsed from.
///
/// # Errors
/// The pattern is too large.
pub fn compile_node(node: &Node, pattern: &str) -> Result<Regex, RegexError> {
    build(&node.to_pattern(), pattern)
}

fn build(translated: &str, pattern: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(translated)
        .nest_limit(NEST_LIMIT)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_LIMIT)
        .build()
        .map_err(|error| {
            let reason = match error {
                regex::Error::CompiledTooBig(_) => "expression too large",
                // What Go accepts translates to what the crate accepts, except for how deep it may nest.
                _ => "expression nests too deeply",
            };
            RegexError::new(reason, pattern)
        })
}

#[cfg(test)]
mod tests;
