//! The webhook's own `payload`: any structure, written as JSON instead of the standard body.
//!
//! Alertmanager reads every text in it once more as YAML and keeps what comes out unless that is a text again, so `'007'`
//! becomes 7 and `''` becomes null. Templates inside it come with template execution; until then the configuration
//! refuses them.

use config::Value;

use crate::go_json::{push_float, push_text};

/// Most values a payload may grow to; texts that hold YAML can multiply through aliases.
const VALUES_MAX: usize = 100_000;

/// How deep texts may hold YAML with texts that hold YAML; bounds the recursion.
const DEPTH_MAX: usize = 256;

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

/// Writes a payload as Go writes it, without the final newline.
pub(crate) fn custom(payload: &Value) -> Result<String, PayloadError> {
    let mut writer = Writer {
        out: String::new(),
        values_left: VALUES_MAX,
    };
    writer.value(payload, DEPTH_MAX)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    values_left: usize,
}

impl Writer {
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

    fn list<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        depth_left: usize,
        write: impl Fn(&mut Self, T, usize) -> Result<(), PayloadError>,
    ) -> Result<(), PayloadError> {
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
        self.out.push('{');
        for (index, (key, value)) in texts.into_iter().enumerate() {
            if 0 < index {
                self.out.push(',');
            }
            push_text(&mut self.out, key);
            self.out.push(':');
            self.value(value, depth_left)?;
        }
        self.out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
