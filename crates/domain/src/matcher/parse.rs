//! Reading matchers in the mode the configuration chooses.

use super::{Matcher, MatcherError};

/// Which notation matchers are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum MatcherMode {
    /// Both notations; the classic reading wins where they differ, with a warning.
    #[default]
    Fallback,
    /// Only the classic notation, and only classic label names.
    Classic,
    /// Only the UTF-8 notation.
    Utf8,
}

/// What was read, and what the reader should be told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The matchers in the order written.
    pub matchers: Vec<Matcher>,
    /// What Alertmanager logs about an input the two notations read differently.
    pub warning: Option<String>,
}

/// Reads a list of matchers, with or without braces.
///
/// # Errors
/// Alertmanager's text for an input the mode does not accept.
pub fn parse_matchers(input: &[u8], mode: MatcherMode) -> Result<Parsed, MatcherError> {
    let _ = mode;
    Err(MatcherError::Syntax(format!(
        "bad matcher format: {}",
        String::from_utf8_lossy(input)
    )))
}

/// Reads exactly one matcher, as API filters and command lines give it.
///
/// # Errors
/// Alertmanager's text for an input the mode does not accept.
pub fn parse_matcher(input: &[u8], mode: MatcherMode) -> Result<Matcher, MatcherError> {
    let _ = mode;
    Err(MatcherError::Syntax(format!(
        "bad matcher format: {}",
        String::from_utf8_lossy(input)
    )))
}

/// Whether a label may have this name: `[a-zA-Z_][a-zA-Z0-9_]*` in classic mode, otherwise any non-empty text.
pub fn is_valid_label_name(name: &str, mode: MatcherMode) -> bool {
    if mode != MatcherMode::Classic {
        return !name.is_empty();
    }
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
