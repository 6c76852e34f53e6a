//! Reading matchers in the mode the configuration chooses.

use super::bytes::to_text;
use super::{Matcher, MatcherError, classic, print_matchers, utf8};
use crate::quote::quote;

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

impl Parsed {
    fn silent(matchers: Vec<Matcher>) -> Self {
        Self {
            matchers,
            warning: None,
        }
    }
}

/// Reads a list of matchers, with or without braces.
///
/// # Errors
/// Alertmanager's text for an input the mode does not accept.
pub fn parse_matchers(input: &[u8], mode: MatcherMode) -> Result<Parsed, MatcherError> {
    match mode {
        MatcherMode::Classic => classic::parse_list(input).map(Parsed::silent),
        MatcherMode::Utf8 => utf8::parse_list(input).map(Parsed::silent),
        MatcherMode::Fallback => reconcile(
            input,
            classic::parse_list(input),
            utf8::parse_list(input),
            |matchers| print_matchers(matchers),
        )
        .map(|(matchers, warning)| Parsed { matchers, warning }),
    }
}

/// Reads exactly one matcher, as API filters and command lines give it.
///
/// # Errors
/// Alertmanager's text for an input the mode does not accept.
pub fn parse_matcher(input: &[u8], mode: MatcherMode) -> Result<Matcher, MatcherError> {
    if mode == MatcherMode::Classic {
        return classic::parse_one(input);
    }
    if input.starts_with(b"{") || input.ends_with(b"}") {
        let text = to_text(input);
        return Err(MatcherError::Syntax(format!(
            "unexpected open or close brace: {text}"
        )));
    }
    if mode == MatcherMode::Utf8 {
        return utf8::parse_one(input);
    }
    reconcile(
        input,
        classic::parse_one(input),
        utf8::parse_one(input),
        Matcher::to_string,
    )
    .map(|(matcher, _)| matcher)
}

/// Chooses between the two readings of an input, as Alertmanager's fallback mode does.
fn reconcile<T: PartialEq>(
    input: &[u8],
    classic: Result<T, MatcherError>,
    utf8: Result<T, MatcherError>,
    print: impl Fn(&T) -> String,
) -> Result<(T, Option<String>), MatcherError> {
    let input = || quote(&to_text(input));
    match (classic, utf8) {
        (Err(error), Err(_)) => Err(error),
        (Err(_), Ok(utf8)) => Ok((utf8, None)),
        (Ok(classic), Err(error)) => {
            let warning = format!(
                "the UTF-8 matcher notation does not accept {} ({error}); it was read in the classic notation: \
                 write {} instead, with values and regular expressions in double quotes and backslashes doubled",
                input(),
                print(&classic)
            );
            Ok((classic, Some(warning)))
        }
        (Ok(classic), Ok(utf8)) if classic == utf8 => Ok((classic, None)),
        (Ok(classic), Ok(utf8)) => {
            let warning = format!(
                "the two matcher notations read {} differently: the classic reading {} is used, the UTF-8 one is {}",
                input(),
                print(&classic),
                print(&utf8)
            );
            Ok((classic, Some(warning)))
        }
    }
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
