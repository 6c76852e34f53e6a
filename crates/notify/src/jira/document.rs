//! Descriptions of version 3 of the API: documents in JSON (Atlassian Document Format).

use serde_json::Value;

use crate::go_json::{self, Object};

/// What a template says as a document: one that it wrote itself as it is, or a text in a document around it.
pub(super) fn document(said: &str, text: &str) -> String {
    match serde_json::from_str(said) {
        Ok(Value::Object(_)) => go_json::compact(said),
        _ => around(text),
    }
}

/// A document of one paragraph.
fn around(text: &str) -> String {
    let mut nodes = Vec::new();
    for (index, line) in text.trim().lines().enumerate() {
        if 0 < index {
            nodes.push(Object::new().text("type", "hardBreak").done());
        }
        // A text without a character is none to Jira.
        if !line.is_empty() {
            nodes.push(Object::new().text("type", "text").text("text", line).done());
        }
    }
    let paragraph = Object::new()
        .text("type", "paragraph")
        .list("content", nodes)
        .done();
    Object::new()
        .text("type", "doc")
        .number("version", 1)
        .list("content", [paragraph])
        .done()
}
