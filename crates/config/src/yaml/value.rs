//! Values of any shape: what a `payload` or `details` holds, and what is printed.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number between `i64::MIN` and `u64::MAX`.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A list of short texts printed on one line; only printing makes it.
    Inline(Vec<String>),
    /// Keys and values in the order they are printed.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads a YAML text as yaml.v2 reads it into no particular type; an empty one is null.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn from_yaml(text: &str) -> crate::error::Result<Self> {
        super::tree::parse(text)?.map_or(Ok(Self::Null), |node| super::typed::any(&node))
    }

    /// A map whose keys are sorted as yaml.v2 prints maps.
    pub(crate) fn sorted(mut pairs: Vec<(Value, Value)>) -> Self {
        pairs.sort_by(|(a, _), (b, _)| key_order(a, b));
        Self::Map(pairs)
    }

    /// A map of texts.
    pub(crate) fn texts(map: &BTreeMap<String, String>) -> Self {
        let pair = |(key, value): (&String, &String)| (key.as_str().into(), value.as_str().into());
        Self::sorted(map.iter().map(pair).collect())
    }

    /// The keys and values of a map with text keys.
    pub(crate) fn keyed(map: &BTreeMap<String, Value>) -> Self {
        Self::sorted(
            map.iter()
                .map(|(key, value)| (key.as_str().into(), value.clone()))
                .collect(),
        )
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

fn key_number(key: &Value) -> Option<f64> {
    match key {
        #[expect(
            clippy::cast_precision_loss,
            reason = "only an order of printed keys depends on it"
        )]
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

/// yaml.v2's order of keys: numbers, then texts with digits compared as numbers.
fn key_order(a: &Value, b: &Value) -> Ordering {
    match (key_number(a), key_number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => match (a, b) {
            (Value::Text(a), Value::Text(b)) => text_order(a, b),
            (Value::Text(_), _) => Ordering::Greater,
            (_, Value::Text(_)) => Ordering::Less,
            _ => Ordering::Equal,
        },
    }
}

fn text_order(a: &str, b: &str) -> Ordering {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let Some(i) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (Some(&x), Some(&y)) = (a.get(i), b.get(i)) else {
        return Ordering::Equal;
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number that has begun is a digit like any other, not a leading one.
    let is_inside = (x == '0' || y == '0') && {
        let before = a.get(..i).unwrap_or(&[]);
        before
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .any(|c| *c != '0')
    };
    let start = i64::from(is_inside);
    let (x_number, x_end) = digits(&a, i, start);
    let (y_number, y_end) = digits(&b, i, start);
    x_number
        .cmp(&y_number)
        .then(x_end.cmp(&y_end))
        .then(x.cmp(&y))
}

fn digits(text: &[char], from: usize, start: i64) -> (i64, usize) {
    let mut number = start;
    let mut end = from;
    while let Some(digit) = text.get(end).and_then(|c| c.to_digit(10)) {
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    (number, end)
}
