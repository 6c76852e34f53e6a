//! Why a template gave no text.

use std::fmt;

use gotmpl::html::EscapeError;
use gotmpl::{ExecError, ParseError};

/// Most bytes of a failure that a message or a log line shows.
const SHOWN_BYTES_MAX: usize = 500;

/// Why a template gave no text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the source: a file's, or empty for the text of a configuration.
    pub template: String,
    /// The line in that source, counted from 1; 0 when there is no place.
    pub line: usize,
    /// How many bytes stand before it in that line, as Go counts columns; 0 when there is no place.
    pub column: usize,
    /// What is wrong, as Go tells it with its place.
    pub message: String,
    /// Whether a bound was reached.
    pub is_limit: bool,
}

impl Failure {
    /// One without a place.
    pub fn plain(message: impl Into<String>) -> Self {
        Self {
            template: String::new(),
            line: 0,
            column: 0,
            message: message.into(),
            is_limit: false,
        }
    }

    /// The place as Go writes it.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}:{}: ", self.template, self.line, self.column)
    }

    /// The message, cut to what fits into a line.
    pub fn shown(&self) -> &str {
        let mut end = SHOWN_BYTES_MAX.min(self.message.len());
        while !self.message.is_char_boundary(end) {
            end -= 1;
        }
        self.message.get(..end).unwrap_or("")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())?;
        // Go's parser tells no column, so this one is counted as editors do.
        if 0 < self.line && !self.message.contains(&self.place()) {
            write!(f, " (line {}, column {})", self.line, self.column + 1)?;
        }
        Ok(())
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self {
            message: error.to_string(),
            template: error.name,
            line: error.line,
            column: error.column.saturating_sub(1),
            is_limit: false,
        }
    }
}

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Self {
        let message = error.to_string();
        let (is_limit, place) = (error.limit.is_some(), error.place);
        let (template, line, column) = place.map_or((error.executing, 0, 0), |place| {
            (place.source, place.line, place.column)
        });
        Self {
            template,
            line,
            column,
            message,
            is_limit,
        }
    }
}

impl From<EscapeError> for Failure {
    fn from(error: EscapeError) -> Self {
        let message = error.to_string();
        let is_limit = error.code == gotmpl::html::ErrorCode::Limit;
        let (template, line, column) = error.place.map_or((error.template, 0, 0), |place| {
            (place.source, place.line, place.column)
        });
        Self {
            template,
            line,
            column,
            message,
            is_limit,
        }
    }
}
