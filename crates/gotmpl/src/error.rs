//! The one error this crate gives: a text that is not a template.

use thiserror::Error;

/// A mistake in a template text, with its place.
///
/// It prints as Go prints it, `template: NAME:LINE: MESSAGE`; the column is extra.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name under which the source was given to the parser.
    pub name: String,
    /// The line of the mistake, counted from 1.
    pub line: usize,
    /// The column of the mistake in characters, counted from 1.
    pub column: usize,
    /// What is wrong, in the words of Go's parser.
    pub message: String,
}

impl ParseError {
    /// Makes an error at a byte offset of the source.
    pub(crate) fn at(name: &str, source: &str, offset: usize, message: String) -> Self {
        let (line, column) = line_and_column(source, offset);
        Self {
            name: name.to_owned(),
            line,
            column,
            message,
        }
    }
}

/// Translates a byte offset into a line and a column, both counted from 1.
///
/// An offset beyond the end or inside a character counts as the next place before it.
pub(crate) fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &source[..offset];
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[line_start..].chars().count() + 1)
}
