//! What Slack and Mattermost share.

use crate::error::Result;
use crate::yaml::{Block, Fields, Node, Value};

/// A cell of the table in a chat message; Slack and Mattermost have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The heading.
    pub title: String,
    /// The text.
    pub value: String,
    /// Whether it may stand beside another; the message's own setting decides when not stated.
    pub short: Option<bool>,
}

impl Field {
    pub(super) fn decode(node: &Node, product: &str) -> Result<Self> {
        let f = Fields::new(node, "fields", &["title", "value", "short"])?;
        let field = Self {
            title: f.text("title")?,
            value: f.text("value")?,
            short: f.maybe_boolean("short")?,
        };
        if field.title.is_empty() {
            return Err(f.error(format!("missing title in {product} field configuration")));
        }
        if field.value.is_empty() {
            return Err(f.error(format!("missing value in {product} field configuration")));
        }
        Ok(field)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .all_texts(&[("title", &self.title), ("value", &self.value)])
            .some("short", self.short.map(Value::Bool))
            .done()
    }
}
