//! Buttons under a Slack message.

use crate::error::Result;
use crate::yaml::{Block, Fields, Node, Value};

/// A button: a link when it has a URL, otherwise an action with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackAction {
    /// `button`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Where it leads.
    pub url: String,
    /// How it looks.
    pub style: String,
    /// The action's name.
    pub name: String,
    /// The action's value.
    pub value: String,
    /// What is asked first.
    pub confirm: Option<SlackConfirmation>,
}

/// A question asked before an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackConfirmation {
    /// The question.
    pub text: String,
    /// Its title.
    pub title: String,
    /// Yes.
    pub ok_text: String,
    /// No.
    pub dismiss_text: String,
}

impl SlackAction {
    pub(super) fn decode(node: &Node) -> Result<Self> {
        const KEYS: &[&str] = &["type", "text", "url", "style", "name", "value", "confirm"];
        let f = Fields::new(node, "Slack action", KEYS)?;
        let mut action = Self {
            kind: f.text("type")?,
            text: f.text("text")?,
            url: f.text("url")?,
            style: f.text("style")?,
            name: f.text("name")?,
            value: f.text("value")?,
            confirm: f
                .some("confirm")
                .map(SlackConfirmation::decode)
                .transpose()?,
        };
        if action.kind.is_empty() {
            return Err(f.error("missing type in Slack action configuration"));
        }
        if action.text.is_empty() {
            return Err(f.error("missing text in Slack action configuration"));
        }
        if !action.url.is_empty() {
            // A link carries no action.
            action.name.clear();
            action.value.clear();
            action.confirm = None;
        } else if action.name.is_empty() {
            return Err(f.error("missing name or url in Slack action configuration"));
        }
        Ok(action)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .all_texts(&[
                ("type", &self.kind),
                ("text", &self.text),
                ("url", &self.url),
                ("style", &self.style),
                ("name", &self.name),
                ("value", &self.value),
            ])
            .some(
                "confirm",
                self.confirm.as_ref().map(SlackConfirmation::print),
            )
            .done()
    }
}

impl SlackConfirmation {
    fn decode(node: &Node) -> Result<Self> {
        const KEYS: &[&str] = &["text", "title", "ok_text", "dismiss_text"];
        let f = Fields::new(node, "Slack confirmation", KEYS)?;
        let confirmation = Self {
            text: f.text("text")?,
            title: f.text("title")?,
            ok_text: f.text("ok_text")?,
            dismiss_text: f.text("dismiss_text")?,
        };
        if confirmation.text.is_empty() {
            return Err(f.error("missing text in Slack confirmation configuration"));
        }
        Ok(confirmation)
    }

    fn print(&self) -> Value {
        Block::new()
            .all_texts(&[
                ("text", &self.text),
                ("title", &self.title),
                ("ok_text", &self.ok_text),
                ("dismiss_text", &self.dismiss_text),
            ])
            .done()
    }
}
