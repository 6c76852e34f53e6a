//! Answers in JSON: what a provider says inside of a 200.

use outbound::Response;
use serde_json::Value;

use crate::provider::Wire;
use crate::{DeliveryError, FailureReason};

/// An answer read as JSON.
pub(crate) struct Answer(Value);

impl Answer {
    /// Reads an answer's body; `None` when it is no JSON, or only its beginning arrived.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        serde_json::from_slice(&response.body).ok().map(Self)
    }

    /// A text of it, empty when there is none of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number of it.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// Whether it says yes under that name.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool) == Some(true)
    }
}

/// What became of a message whose answer is a success by its status and no JSON: nobody knows, so it is repeated.
pub(crate) async fn unreadable(wire: &Wire<'_>, response: &Response, url: &str) -> DeliveryError {
    let body = String::from_utf8_lossy(&response.body);
    let said = format!("the answer is no JSON: {body}");
    DeliveryError {
        is_ambiguous: true,
        reason: FailureReason::Other,
        ..wire.refused(&said, url, true).await
    }
}
