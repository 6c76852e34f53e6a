//! Reading cases whose shape nobody promised, and comparing values.

use std::collections::BTreeSet;
use std::fmt;

use domain::label::Labels;
use serde_json::Value;

use crate::report::{Difference, Outcome};

/// Reads the fields of a case; what is missing or of another type is a difference.
pub(crate) trait Shape {
    fn text(&self, key: &str) -> Result<&str, Difference>;
    fn text_or<'a>(&'a self, key: &str, absent: &'a str) -> Result<&'a str, Difference>;
    fn boolean(&self, key: &str) -> Result<bool, Difference>;
    fn list(&self, key: &str) -> Result<&[Value], Difference>;
    fn list_or_empty(&self, key: &str) -> Result<&[Value], Difference>;
    fn labels(&self, key: &str) -> Result<Labels, Difference>;
}

impl Shape for Value {
    fn text(&self, key: &str) -> Result<&str, Difference> {
        self[key]
            .as_str()
            .ok_or_else(|| wrong(key, "a text", &self[key]))
    }

    fn text_or<'a>(&'a self, key: &str, absent: &'a str) -> Result<&'a str, Difference> {
        if self[key].is_null() {
            Ok(absent)
        } else {
            self.text(key)
        }
    }

    fn boolean(&self, key: &str) -> Result<bool, Difference> {
        self[key]
            .as_bool()
            .ok_or_else(|| wrong(key, "true or false", &self[key]))
    }

    fn list(&self, key: &str) -> Result<&[Value], Difference> {
        let list = self[key].as_array().map(Vec::as_slice);
        list.ok_or_else(|| wrong(key, "a list", &self[key]))
    }

    fn list_or_empty(&self, key: &str) -> Result<&[Value], Difference> {
        if self[key].is_null() {
            Ok(&[])
        } else {
            self.list(key)
        }
    }

    fn labels(&self, key: &str) -> Result<Labels, Difference> {
        let object = self[key]
            .as_object()
            .ok_or_else(|| wrong(key, "an object", &self[key]))?;
        let pairs = object.iter().map(|(name, value)| {
            let value = value.as_str().ok_or_else(|| wrong(key, "texts", value))?;
            Ok((name.as_str(), value))
        });
        Ok(Labels::from_pairs(
            pairs.collect::<Result<Vec<_>, Difference>>()?,
        ))
    }
}

fn wrong(key: &str, what: &str, got: &Value) -> Difference {
    Difference::format(format!("{what} at `{key}`"), got)
}

/// A case's own name, or how it is found.
pub(crate) fn name(case: &Value, index: usize) -> String {
    case["name"]
        .as_str()
        .map_or_else(|| format!("case {index}"), str::to_owned)
}

/// Compares two values, shown as `what`.
pub(crate) fn equal<T: PartialEq + fmt::Debug>(what: &str, expected: &T, got: &T) -> Outcome {
    if expected == got {
        return Ok(());
    }
    Err(Difference::new(
        format!("{what} {expected:?}"),
        format!("{what} {got:?}"),
    ))
}

/// Compares two texts of several lines.
pub(crate) fn same_lines(expected: &str, got: &str) -> Outcome {
    if expected == got {
        Ok(())
    } else {
        Err(Difference::new(expected, got))
    }
}

/// Compares objects field by field; a field Go leaves out when it is empty may be missing in what was recorded.
pub(crate) fn same_fields(expected: &Value, got: &Value) -> Outcome {
    let names = |object: &Value| -> BTreeSet<String> {
        object
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    if !expected.is_object() {
        return Err(Difference::format("an object", expected));
    }
    for name in names(expected).union(&names(got)) {
        let (expected, got) = (&expected[name], &got[name]);
        let is_both_empty = expected.is_null() && is_empty(got);
        if expected != got && !is_both_empty {
            let shown = |value: &Value| format!("{name}: {value}");
            return Err(Difference::new(shown(expected), shown(got)));
        }
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
