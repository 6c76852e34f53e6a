//! Printing values in the style of Go's yaml.v2, byte for byte.

use std::collections::BTreeMap;

use super::value::Value;
use crate::secret::{SECRET, Secret, SecretUrl};
use crate::url::HttpUrl;

mod style;
mod writer;

use writer::Writer;

/// Prints a document.
pub(crate) fn print(value: &Value) -> String {
    let mut writer = Writer::default();
    node(&mut writer, value, None, false);
    writer.finish()
}

/// Prints a value at an indentation. `parent` is the indentation around it, `is_in_mapping` whether it is a
/// mapping's value: lists there are not indented further.
fn node(w: &mut Writer, value: &Value, parent: Option<usize>, is_in_mapping: bool) {
    let deeper = parent.map_or(0, |indent| indent + 2);
    match value {
        Value::Null => w.plain("null", deeper),
        Value::Bool(value) => w.plain(if *value { "true" } else { "false" }, deeper),
        Value::Int(value) => w.plain(&value.to_string(), deeper),
        Value::Float(value) => w.plain(&style::go_float(*value), deeper),
        Value::Text(text) => w.text(text, parent.map_or(2, |indent| indent + 2)),
        Value::List(items) if items.is_empty() => w.mark("[]"),
        Value::Map(pairs) if pairs.is_empty() => w.mark("{}"),
        Value::Inline(items) => w.inline(items, parent.map_or(2, |indent| indent + 2)),
        Value::List(items) => {
            let indent = if is_in_mapping && !w.is_at_line_start() {
                parent
            } else {
                Some(deeper)
            };
            for item in items {
                w.indent(indent.unwrap_or(0));
                w.dash();
                node(w, item, indent, false);
            }
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                w.indent(deeper);
                w.key(key, deeper);
                node(w, value, Some(deeper), true);
            }
        }
    }
}

/// A mapping under construction, with yaml.v2's rules about what is left out.
#[derive(Default)]
pub(crate) struct Block(Vec<(Value, Value)>);

impl Block {
    /// An empty mapping.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a value whatever it is.
    pub(crate) fn value(mut self, key: &str, value: Value) -> Self {
        self.0.push((key.into(), value));
        self
    }

    /// Adds a value when there is one.
    pub(crate) fn some(self, key: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.value(key, value),
            None => self,
        }
    }

    /// Adds a text unless it is empty.
    pub(crate) fn text(self, key: &str, text: &str) -> Self {
        if text.is_empty() {
            self
        } else {
            self.value(key, text.into())
        }
    }

    /// Adds texts that are left out when empty, in this order.
    pub(crate) fn all_texts(self, texts: &[(&str, &str)]) -> Self {
        texts
            .iter()
            .fold(self, |block, (key, text)| block.text(key, text))
    }

    /// Adds a flag unless it is false.
    pub(crate) fn flag(self, key: &str, flag: bool) -> Self {
        if flag {
            self.value(key, Value::Bool(true))
        } else {
            self
        }
    }

    /// Adds `<secret>` unless the secret is empty.
    pub(crate) fn secret(self, key: &str, secret: &Secret) -> Self {
        if secret.is_empty() {
            self
        } else {
            self.value(key, SECRET.into())
        }
    }

    /// Adds `<secret>` when there is a secret; null when it is empty.
    pub(crate) fn maybe_secret(self, key: &str, secret: Option<&Secret>) -> Self {
        let value = |s: &Secret| {
            if s.is_empty() {
                Value::Null
            } else {
                SECRET.into()
            }
        };
        self.some(key, secret.map(value))
    }

    /// Adds a URL when there is one.
    pub(crate) fn url(self, key: &str, url: Option<&HttpUrl>) -> Self {
        self.some(key, url.map(|url| url.as_str().into()))
    }

    /// Adds `<secret>` when there is a URL.
    pub(crate) fn secret_url(self, key: &str, url: Option<&SecretUrl>) -> Self {
        self.some(key, url.map(|_| SECRET.into()))
    }

    /// Adds a list of texts unless it is empty.
    pub(crate) fn texts(self, key: &str, texts: &[String]) -> Self {
        self.list(key, texts.iter().map(|text| text.as_str().into()).collect())
    }

    /// Adds a list unless it is empty.
    pub(crate) fn list(self, key: &str, items: Vec<Value>) -> Self {
        if items.is_empty() {
            self
        } else {
            self.value(key, Value::List(items))
        }
    }

    /// Adds a map of texts unless it is empty.
    pub(crate) fn text_map(self, key: &str, map: &BTreeMap<String, String>) -> Self {
        if map.is_empty() {
            self
        } else {
            self.value(key, Value::texts(map))
        }
    }

    /// Adds a number unless it is zero.
    pub(crate) fn number(self, key: &str, number: i128) -> Self {
        if number == 0 {
            self
        } else {
            self.value(key, Value::Int(number))
        }
    }

    /// Adds a mapping unless it is empty.
    pub(crate) fn block(self, key: &str, block: Block) -> Self {
        if block.0.is_empty() {
            self
        } else {
            self.value(key, block.done())
        }
    }

    /// The mapping.
    pub(crate) fn done(self) -> Value {
        Value::Map(self.0)
    }
}
