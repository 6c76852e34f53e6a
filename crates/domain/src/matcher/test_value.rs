//! The comparison a matcher makes, with the regex engine left out where a plain comparison does.

use regex::Regex;

use super::go_regex::{self, RegexError};

/// A test of a label's value.
pub(super) enum ValueTest {
    /// Equal to this text.
    Literal(Box<str>),
    /// Never holds: the text to equal is not UTF-8, and label values are.
    Never,
    /// Matches this anchored expression.
    Regex(Regex),
}

impl ValueTest {
    pub(super) fn literal(value: &[u8]) -> Self {
        std::str::from_utf8(value).map_or(Self::Never, |text| Self::Literal(text.into()))
    }

    pub(super) fn regex(value: &[u8]) -> Result<Self, RegexError> {
        let text = String::from_utf8_lossy(value);
        Ok(Self::Regex(go_regex::compile(&format!("^(?:{text})$"))?))
    }

    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Literal(text) => **text == *value,
            Self::Never => false,
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}
