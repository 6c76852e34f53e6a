//! `template.KV` and `template.Pairs`.

use std::sync::{Arc, OnceLock};

use crate::functions::{CallError, Context, Signature, Type};
use crate::value::{ElementType, Field, GoString, List, Map, Object, Shape, Value};

/// Names and values: Alertmanager's `template.KV`. Copies share them.
#[derive(Debug, Clone)]
pub struct Kv(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    map: Map,
    /// The pairs as people see them; made when they are first asked for.
    pairs: OnceLock<Arc<Pairs>>,
}

impl Kv {
    /// Makes a set of names and values.
    #[must_use]
    pub fn new<N: Into<GoString>, V: Into<GoString>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| (name, Value::string(value)));
        Self::from_map(Map::of_strings(pairs))
    }

    fn from_map(map: Map) -> Self {
        Self(Arc::new(Inner {
            map,
            pairs: OnceLock::new(),
        }))
    }

    /// Says whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.map.is_empty()
    }

    /// The set as a value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(Arc::new(self.clone()))
    }

    fn pairs(&self) -> &Arc<Pairs> {
        self.0
            .pairs
            .get_or_init(|| Arc::new(Pairs::new(&self.0.map)))
    }

    fn without(&self, cx: &mut Context<'_>, names: &Value) -> Result<Value, CallError> {
        let names = names.as_list();
        let names = names.as_ref().map_or(&[][..], |names| names.items());
        let entries = self.0.map.entries();
        cx.step(entries.len().saturating_mul(names.len() + 4))?;
        let is_kept = |name: &GoString| !names.iter().any(|other| other.as_string() == Some(name));
        let kept = entries
            .iter()
            .filter(|(name, _)| is_kept(name))
            .cloned()
            .collect();
        let kept = Self::from_map(Map::new(kept, ElementType::String));
        cx.allocate(entries.len().saturating_mul(size_of::<(GoString, Value)>()))?;
        Ok(kept.to_value())
    }
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn shape(&self) -> Shape {
        Shape::Map(self.0.map.clone())
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "Names" | "SortedPairs" | "String" | "Values" => Some(Signature::new(&[])),
            "Remove" => Some(Signature::new(&[Type::Strings])),
            _ => None,
        }
    }

    fn call(
        &self,
        cx: &mut Context<'_>,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, CallError> {
        match (name, arguments) {
            ("Remove", [names]) => self.without(cx, names),
            ("SortedPairs", _) => Ok(Value::Object(Arc::clone(self.pairs()) as Arc<dyn Object>)),
            _ => self.pairs().call(cx, name, arguments),
        }
    }

    fn text(&self) -> Option<GoString> {
        Some(self.pairs().text.clone())
    }

    fn depth(&self) -> u16 {
        1
    }
}

/// The pairs in the order people see: `alertname` first, then by name.
#[derive(Debug)]
struct Pairs {
    pairs: List,
    names: List,
    values: List,
    text: GoString,
}

impl Pairs {
    fn new(map: &Map) -> Self {
        let is_first = |(name, _): &&(GoString, Value)| name.as_bytes() == b"alertname";
        let entries = map.entries().iter();
        let sorted: Vec<_> = entries
            .clone()
            .filter(is_first)
            .chain(entries.filter(|entry| !is_first(entry)))
            .map(|(name, value)| (name, value))
            .collect();
        Self::sorted(&sorted)
    }

    fn sorted(sorted: &[(&GoString, &Value)]) -> Self {
        let mut text = Vec::new();
        for (name, value) in sorted {
            if !text.is_empty() {
                text.extend_from_slice(b", ");
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_string().map_or(&[], GoString::as_bytes));
        }
        let pair = |(name, value): &(&GoString, &Value)| {
            Value::object(Pair {
                name: GoString::clone(name),
                value: Value::clone(value),
            })
        };
        let pairs: Vec<Value> = sorted.iter().map(pair).collect();
        let names = sorted
            .iter()
            .map(|(name, _)| Value::string(GoString::clone(name)));
        let values = sorted.iter().map(|(_, value)| Value::clone(value));
        Self {
            pairs: List::new(pairs, ElementType::Named("template.Pair")),
            names: List::of_strings(names),
            values: List::of_strings(values),
            text: text.into(),
        }
    }
}

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn shape(&self) -> Shape {
        Shape::List(self.pairs.clone())
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Names" | "String" | "Values").then_some(Signature::new(&[]))
    }

    fn call(
        &self,
        _cx: &mut Context<'_>,
        name: &str,
        _arguments: &[Value],
    ) -> Result<Value, CallError> {
        Ok(match name {
            "Names" => self.names.clone().into(),
            "Values" => self.values.clone().into(),
            _ => Value::string(self.text.clone()),
        })
    }

    fn text(&self) -> Option<GoString> {
        Some(self.text.clone())
    }

    fn part(&self, from: usize, to: usize) -> Option<Value> {
        let names = self.names.items().get(from..to)?.iter();
        let values = self.values.items().get(from..to)?;
        let names = names.filter_map(Value::as_string);
        let pairs: Vec<_> = names.zip(values).collect();
        Some(Value::object(Self::sorted(&pairs)))
    }

    fn depth(&self) -> u16 {
        2
    }
}

/// One name and its value.
#[derive(Debug)]
struct Pair {
    name: GoString,
    value: Value,
}

const PAIR_FIELDS: &[Field] = &[Field::new("Name", "Name"), Field::new("Value", "Value")];

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "template.Pair"
    }

    fn shape(&self) -> Shape {
        Shape::Struct(PAIR_FIELDS)
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Name" => Some(Value::string(self.name.clone())),
            "Value" => Some(self.value.clone()),
            _ => None,
        }
    }

    fn depth(&self) -> u16 {
        1
    }
}
