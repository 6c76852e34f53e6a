//! Errors in a user's file: where, what, and what to do about it.

use std::fmt;

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Why a file is refused; prints `file:line:column: message (hint)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    file: Option<String>,
    mark: Option<Mark>,
    message: String,
    hint: Option<String>,
}

/// The result of reading a piece of a file.
pub(crate) type Result<T> = std::result::Result<T, ConfigError>;

impl ConfigError {
    /// An error at a place.
    pub(crate) fn at(mark: Mark, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner {
            file: None,
            mark: Some(mark),
            message,
            hint: None,
        }))
    }

    /// An error without a place, such as one in an environment variable.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            file: None,
            mark: None,
            message: message.into(),
            hint: None,
        }))
    }

    /// Adds what the reader can do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the file's name.
    pub(crate) fn in_file(mut self, name: &str) -> Self {
        if !name.is_empty() {
            self.0.file = Some(name.to_owned());
        }
        self
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it is wrong.
    pub fn mark(&self) -> Option<Mark> {
        self.0.mark
    }

    /// What the reader can do, where we know.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            file,
            mark,
            message,
            hint,
        } = &*self.0;
        match (file, mark) {
            (Some(file), Some(mark)) => write!(f, "{file}:{}:{}: ", mark.line, mark.column)?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(mark)) => write!(f, "line {}, column {}: ", mark.line, mark.column)?,
            (None, None) => {}
        }
        f.write_str(message)?;
        hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for ConfigError {}

/// The known word nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Longer words are not typing mistakes of anything, and the comparison is quadratic.
    if 64 < word.len() {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|known| (distance(word, known), *known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= allowed)
        .map(|(_, known)| known)
}

/// How many characters must be inserted, removed or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(0);
            let replaced = diagonal + usize::from(x != *y);
            let here = replaced.min(above + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            diagonal = above;
            left = here;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
