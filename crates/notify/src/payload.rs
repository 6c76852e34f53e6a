//! The webhook's own `payload`: any structure, written as JSON instead of the standard body.
//!
//! Texts in it, keys included, are templates. Alertmanager reads every text that comes of one once more as YAML and keeps what that is
//! unless it is a text again, so `'007'` becomes 7 and `''` becomes null. There it then executes the texts inside once more as templates;
//! here it does not: whoever sends an alert must not write templates.

use std::collections::BTreeMap;

use config::Value;

use crate::go_json::{push_float, push_text};
use crate::template::{Failure, Markup, Rendering, TemplateSet, Text};

/// Most values a payload may grow to; texts that hold YAML can multiply through aliases.
const VALUES_MAX: usize = 100_000;

/// How deep texts may hold YAML with texts that hold YAML; bounds the recursion.
const DEPTH_MAX: usize = 256;

/// A payload with its templates parsed.
#[derive(Clone, Debug)]
pub(crate) struct Payload(Node);

#[derive(Clone, Debug)]
enum Node {
    /// Something without a text.
    Value(Value),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Text, Node)>),
}

impl Payload {
    /// Parses the templates of a payload.
    pub(crate) fn new(payload: &Value, set: &TemplateSet) -> Self {
        Self(Node::new(payload, set))
    }

    /// Whether it is the same for every message.
    pub(crate) fn is_literal(&self) -> bool {
        self.0.is_literal()
    }

    /// Writes it for a message as Go writes it, without the final newline.
    ///
    /// # Errors
    /// The first text that fails, or why the whole cannot be written.
    pub(crate) fn write(&self, rendering: &Rendering<'_>) -> Result<String, Failure> {
        let mut writer = Writer {
            out: String::new(),
            values_left: VALUES_MAX,
        };
        writer.node(&self.0, rendering, DEPTH_MAX)?;
        Ok(writer.out)
    }
}

impl Node {
    fn new(value: &Value, set: &TemplateSet) -> Self {
        let text = |text: &str| set.text(text, Markup::Plain);
        match value {
            Value::Text(own) => Self::Text(text(own)),
            Value::List(items) => Self::List(items.iter().map(|i| Self::new(i, set)).collect()),
            Value::Inline(items) => Self::List(items.iter().map(|i| Self::Text(text(i))).collect()),
            // Keys that are no texts are dropped, as Alertmanager does.
            Value::Map(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs
                    .filter_map(|(key, value)| Some((text(key.as_text()?), Self::new(value, set))));
                Self::Map(pairs.collect())
            }
            other => Self::Value(other.clone()),
        }
    }

    fn is_literal(&self) -> bool {
        match self {
            Self::Value(_) => true,
            Self::Text(text) => text.as_literal().is_some(),
            Self::List(items) => items.iter().all(Self::is_literal),
            Self::Map(pairs) => pairs
                .iter()
                .all(|(key, value)| key.as_literal().is_some() && value.is_literal()),
        }
    }
}

/// Why a payload cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayloadError {
    /// JSON has no such number.
    #[error("payload holds a number that JSON cannot write (not a number, or infinite)")]
    Number,
    /// It is too large.
    #[error("payload grows beyond {VALUES_MAX} values or {DEPTH_MAX} levels")]
    Size,
}

impl From<PayloadError> for Failure {
    fn from(error: PayloadError) -> Self {
        Self::plain(error.to_string())
    }
}

struct Writer {
    out: String,
    values_left: usize,
}

impl Writer {
    fn node(
        &mut self,
        node: &Node,
        rendering: &Rendering<'_>,
        depth_left: usize,
    ) -> Result<(), Failure> {
        let below = depth_left.checked_sub(1).ok_or(PayloadError::Size)?;
        match node {
            Node::Value(value) => self.value(value, depth_left)?,
            Node::Text(text) => self.text(&rendering.try_text(text)?, depth_left)?,
            Node::List(items) => {
                self.list(items.iter(), below, |w, i, d| w.node(i, rendering, d))?;
            }
            Node::Map(pairs) => {
                // Of several keys that turn out the same, the last one counts.
                let mut rendered = BTreeMap::new();
                for (key, value) in pairs {
                    rendered.insert(rendering.try_text(key)?, value);
                }
                self.pairs(rendered.iter(), below, |w, i, d| w.node(i, rendering, d))?;
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth_left: usize) -> Result<(), PayloadError> {
        let depth_left = depth_left.checked_sub(1).ok_or(PayloadError::Size)?;
        self.values_left = self.values_left.checked_sub(1).ok_or(PayloadError::Size)?;
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => self.out.push_str(&value.to_string()),
            Value::Float(value) => push_float(&mut self.out, *value).ok_or(PayloadError::Number)?,
            Value::Text(text) => return self.text(text, depth_left),
            Value::List(items) => return self.list(items.iter(), depth_left, Self::value),
            Value::Inline(items) => {
                let text = |writer: &mut Self, text: &String, depth| writer.text(text, depth);
                return self.list(items.iter(), depth_left, text);
            }
            Value::Map(pairs) => return self.map(pairs, depth_left),
        }
        Ok(())
    }

    /// A text that reads as anything else in YAML is that; all others stay as they are written.
    fn text(&mut self, text: &str, depth_left: usize) -> Result<(), PayloadError> {
        match Value::from_yaml(text) {
            Ok(Value::Text(_)) | Err(_) => {
                push_text(&mut self.out, text);
                Ok(())
            }
            Ok(structure) => self.value(&structure, depth_left),
        }
    }

    fn list<T, E>(
        &mut self,
        items: impl Iterator<Item = T>,
        depth_left: usize,
        write: impl Fn(&mut Self, T, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.out.push('[');
        for (index, item) in items.enumerate() {
            if 0 < index {
                self.out.push(',');
            }
            write(self, item, depth_left)?;
        }
        self.out.push(']');
        Ok(())
    }

    /// Keys that are no texts are dropped, as Alertmanager does.
    fn map(&mut self, pairs: &[(Value, Value)], depth_left: usize) -> Result<(), PayloadError> {
        let texts = pairs
            .iter()
            .filter_map(|(key, value)| Some((key.as_text()?, value)));
        let mut texts: Vec<(&str, &Value)> = texts.collect();
        texts.sort_by_key(|(key, _)| *key);
        self.pairs(texts.into_iter(), depth_left, Self::value)
    }

    fn pairs<K: AsRef<str>, T, E>(
        &mut self,
        pairs: impl Iterator<Item = (K, T)>,
        depth_left: usize,
        write: impl Fn(&mut Self, T, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.out.push('{');
        for (index, (key, value)) in pairs.enumerate() {
            if 0 < index {
                self.out.push(',');
            }
            push_text(&mut self.out, key.as_ref());
            self.out.push(':');
            write(self, value, depth_left)?;
        }
        self.out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
