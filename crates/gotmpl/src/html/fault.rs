//! What can be wrong with a template as HTML.

use std::fmt::{Display, Formatter, Result};

use thiserror::Error;

use crate::ast::Source;
use crate::quote::quote;

/// The kinds of mistake that contextual escaping finds; the names are those of Go's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// A value lands in a place that has no single meaning.
    AmbigContext,
    /// The text is not HTML that every browser reads alike.
    BadHtml,
    /// Branches end in different contexts.
    BranchEnd,
    /// A template ends inside a tag, a script or the like.
    EndContext,
    /// A called template does not exist.
    NoSuchTemplate,
    /// A template calls itself and each call changes the context.
    OutputContext,
    /// A value stands inside a character set of a JavaScript regular expression.
    PartialCharset,
    /// A value stands after the backslash of an escape.
    PartialEscape,
    /// A pipeline escapes by itself, in a place where that is not safe.
    PredefinedEscaper,
    /// A `/` in JavaScript may be a division or start a regular expression.
    SlashAmbig,
    /// A bound of [`Limits`](super::Limits) is exceeded; Go has no such code.
    Limit,
}

/// A template that cannot be escaped safely.
///
/// It prints as Go prints it, `html/template:NAME:LINE:COLUMN: MESSAGE`, with the place only
/// where Go gives one; [`place`](Self::place) is there even where Go gives none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct EscapeError {
    /// What kind of mistake it is.
    pub code: ErrorCode,
    /// The template that was to be executed.
    pub template: String,
    /// Where the mistake is, when it is at one place.
    pub place: Option<Place>,
    /// What is wrong, in the words of Go.
    pub message: String,
}

/// A place in a template source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name under which the source was given to the parser.
    pub source: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 0, as Go counts it here.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset.
    pub(super) fn of(source: &Source, offset: usize) -> Self {
        let (line, _) = source.line_and_column(offset);
        let before = &source.text.as_bytes()[..offset.min(source.text.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        Self {
            source: source.name.to_string(),
            line,
            column: before.len() - line_start,
        }
    }
}

impl EscapeError {
    /// Says whether Go's message has the place.
    fn prints_place(&self) -> bool {
        !matches!(
            self.code,
            ErrorCode::BadHtml
                | ErrorCode::EndContext
                | ErrorCode::PartialCharset
                | ErrorCode::PartialEscape
                | ErrorCode::SlashAmbig
        )
    }
}

impl Display for EscapeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("html/template:")?;
        match &self.place {
            Some(place) if self.prints_place() => {
                write!(f, "{}:{}:{}:", place.source, place.line, place.column)?;
            }
            _ if self.template.is_empty() => {}
            _ => write!(f, "{}:", self.template)?,
        }
        write!(f, " {}", self.message)
    }
}

/// A mistake inside one piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What kind of mistake it is.
    pub(super) code: ErrorCode,
    /// What is wrong.
    pub(super) message: String,
    /// How far into the text it is.
    pub(super) at: usize,
}

impl Fault {
    /// Makes a fault.
    pub(super) fn new(code: ErrorCode, message: String) -> Self {
        Self {
            code,
            message,
            at: 0,
        }
    }

    /// Makes a fault about the text that is not HTML.
    pub(super) fn bad_html(message: String) -> Self {
        Self::new(ErrorCode::BadHtml, message)
    }
}

/// The most characters of a template that a message repeats.
const SHOWN_CHARS: usize = 200;

/// Quotes text for a message; a long one is cut.
pub(super) fn shown(text: &str) -> String {
    shown_up_to(text, SHOWN_CHARS)
}

/// Quotes at most the first characters of a text for a message.
pub(super) fn shown_up_to(text: &str, chars_max: usize) -> String {
    let end = text
        .char_indices()
        .nth(chars_max)
        .map_or(text.len(), |(index, _)| index);
    quote(&text[..end])
}
