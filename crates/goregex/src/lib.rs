//! Go's regular expressions (RE2 syntax), run by the `regex` crate.
//!
//! The two dialects differ in many small ways (`\d` and `\b` are ASCII in Go, `[a&&b]` and `[[a]` are plain classes,
//! `\Q..\E`, `\z`, octal escapes, repeat limits), so a pattern is parsed by Go's rules into a small tree and that tree
//! is written out for the `regex` crate. Errors are Go's, since users read them.

use regex::{Regex, RegexBuilder};

mod ast;
mod class;
mod parser;

use ast::Captures;
pub use ast::Node;

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

    /// The pattern is not UTF-8 from here on.
    #[must_use]
    pub fn invalid_utf8(rest: &str) -> Self {
        Self::new("invalid UTF-8", rest)
    }
}

/// Writes a Go pattern as a pattern of the `regex` crate with the same meaning and the same capture groups.
///
/// A capture group whose name the `regex` crate cannot express (a second one of the same name, or one that begins
/// with a digit) keeps its number but has no name.
///
/// # Errors
/// Go's error for a pattern Go does not accept.
pub fn translate(pattern: &str) -> Result<String, RegexError> {
    Ok(parser::parse(pattern)?.to_pattern(Captures::Keep))
}

/// Compiles a Go pattern as it stands (not anchored), with its capture groups.
///
/// # Errors
/// Go's error for a pattern Go does not accept, or that the pattern is too large.
pub fn compile(pattern: &str) -> Result<Regex, RegexError> {
    build(&translate(pattern)?, pattern)
}

/// Parses a Go pattern.
///
/// # Errors
/// Go's error for a pattern Go does not accept.
pub fn parse(pattern: &str) -> Result<Node, RegexError> {
    parser::parse(pattern)
}

/// Compiles a parsed pattern with its capture groups; `pattern` is what it was parsed from.
///
/// # Errors
/// The pattern is too large.
pub fn compile_node(node: &Node, pattern: &str) -> Result<Regex, RegexError> {
    build(&node.to_pattern(Captures::Keep), pattern)
}

/// Compiles a parsed pattern for yes-or-no matching: without capture groups, which cost memory.
///
/// # Errors
/// The pattern is too large.
pub fn compile_test(node: &Node, pattern: &str) -> Result<Regex, RegexError> {
    build(&node.to_pattern(Captures::Drop), pattern)
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
