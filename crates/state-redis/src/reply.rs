//! Answers of our scripts: a word first, then what belongs to it.

use redis::Value;

use crate::error::{LinkError, LinkErrorKind};
use state::StateError;

/// An answer whose word has been read.
pub(crate) struct Reply {
    word: String,
    rest: std::vec::IntoIter<Value>,
}

impl Reply {
    /// Reads the word of an answer.
    pub(crate) fn read(value: Value) -> Result<Self, LinkError> {
        let Value::Array(parts) = value else {
            return Err(unknown("not a list"));
        };
        let mut rest = parts.into_iter();
        let word = rest
            .next()
            .and_then(text)
            .ok_or_else(|| unknown("no word"))?;
        Ok(Self { word, rest })
    }

    /// The word.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }

    /// The next part, a number that is not negative.
    pub(crate) fn number(&mut self) -> Result<u64, LinkError> {
        let number = match self.rest.next() {
            Some(Value::Int(number)) => u64::try_from(number).ok(),
            Some(other) => text(other).and_then(|text| text.parse().ok()),
            None => None,
        };
        number.ok_or_else(|| unknown("no number"))
    }

    /// The next part, a text.
    pub(crate) fn text(&mut self) -> Result<String, LinkError> {
        let found = self.rest.next().and_then(text);
        found.ok_or_else(|| unknown("no text"))
    }

    /// The next part, a list of texts.
    pub(crate) fn texts(&mut self) -> Result<Vec<String>, LinkError> {
        let Some(Value::Array(parts)) = self.rest.next() else {
            return Err(unknown("no list of texts"));
        };
        let texts: Option<Vec<_>> = parts.into_iter().map(text).collect();
        texts.ok_or_else(|| unknown("not all are texts"))
    }

    /// The error for a word nobody expects.
    pub(crate) fn unexpected(&self) -> LinkError {
        unknown(&self.word)
    }
}

/// A value that is text.
pub(crate) fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

fn unknown(what: &str) -> LinkError {
    let message = format!("redis gave an answer we do not know: `{what}`");
    LinkError::new(LinkErrorKind::Unexpected, message)
}

/// What a failure means to callers of the ports: nobody knows, ask again or do without.
pub(crate) fn unavailable(error: LinkError) -> StateError {
    StateError::Unavailable(error.message)
}
