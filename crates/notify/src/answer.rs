//! What a provider answers in JSON, as far as anybody looks at it.

use outbound::Response;
use serde_json::Value;

use crate::provider::Wire;
use crate::{DeliveryError, FailureReason};

/// An answer; null when it is no JSON, or when only its beginning arrived.
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn of(response: &Response) -> Self {
        Self::of_bytes(&response.body)
    }

    pub(crate) fn of_bytes(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// Whether there is anything to be read.
    pub(crate) fn is_json(&self) -> bool {
        !self.0.is_null()
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

    /// Whether there is a yes at a pointer.
    pub(crate) fn is_set(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool) == Some(true)
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

/// What became of a message whose answer is a success by its status and says nothing that is understood: nobody knows, so
/// it is repeated.
pub(crate) async fn unreadable(wire: &Wire<'_>, body: &[u8], url: &str) -> DeliveryError {
    let body = String::from_utf8_lossy(body);
    let said = format!("the answer is not understood: {body}");
    DeliveryError {
        is_ambiguous: true,
        reason: FailureReason::Other,
        ..wire.refused(&said, url, true).await
    }
}
