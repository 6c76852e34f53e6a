//! What a provider answers in JSON, as far as anybody looks at it.

use outbound::Response;
use serde_json::Value;

/// An answer; null when it is no JSON.
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn of(response: &Response) -> Self {
        Self(serde_json::from_slice(&response.body).unwrap_or_default())
    }

    /// What is at a JSON pointer.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The text at a pointer, empty when there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or("")
    }

    /// The number at a pointer.
    pub(crate) fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// What is at a pointer, to be shown: texts as they are, the rest as JSON.
    pub(crate) fn shown(&self, pointer: &str) -> String {
        match self.at(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}
