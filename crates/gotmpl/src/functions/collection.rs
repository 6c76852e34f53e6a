//! Lists, maps and JSON.

use super::{CallError, Context, Function, Signature, Type};
use crate::Value;
use crate::value::{ElementType, GoString, Map, TextType, to_json};

pub(super) const STRING_SLICE: Function = Function {
    name: "stringSlice",
    signature: Signature::variadic(&[], Type::String),
    run: |cx, arguments| cx.list(arguments.to_vec(), ElementType::String),
};

pub(super) const LIST: Function = Function {
    name: "list",
    signature: Signature::variadic(&[], Type::Any),
    run: |cx, arguments| cx.list(arguments.to_vec(), ElementType::Any),
};

pub(super) const APPEND: Function = Function {
    name: "append",
    signature: Signature::variadic(&[Type::List], Type::Any),
    run: |cx, arguments| {
        let list = arguments.first().and_then(Value::as_list);
        let old = list.as_ref().map_or(&[][..], |list| list.items());
        let more = arguments.get(1..).unwrap_or_default();
        cx.list(old.iter().chain(more).cloned().collect(), ElementType::Any)
    },
};

pub(super) const DICT: Function = Function {
    name: "dict",
    signature: Signature::variadic(&[], Type::Any),
    run: dict,
};

pub(super) const TO_JSON: Function = Function {
    name: "toJson",
    signature: Signature::new(&[Type::Any]),
    run: |cx, arguments| {
        let value = arguments.first().unwrap_or(&Value::Nil);
        cx.text(|out| to_json(out, value))
    },
};

/// `args` of rule templates: `arg0`, `arg1` and so on.
pub(super) const ARGS: Function = Function {
    name: "args",
    signature: Signature::variadic(&[], Type::Any),
    run: |cx, arguments| {
        let named = arguments.iter().enumerate();
        let entries = named.map(|(index, value)| (format!("arg{index}").into(), value.clone()));
        map(cx, entries.collect())
    },
};

fn dict(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    if !arguments.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".into());
    }
    let mut entries = Vec::with_capacity(arguments.len() / 2);
    for pair in arguments.chunks_exact(2) {
        let [Value::String(key, TextType::String), value] = pair else {
            return Err("dict keys must be strings".into());
        };
        entries.push((key.clone(), value.clone()));
    }
    map(cx, entries)
}

fn map(cx: &mut Context<'_>, entries: Vec<(GoString, Value)>) -> Result<Value, CallError> {
    cx.allocate(entries.len().saturating_mul(size_of::<(GoString, Value)>()))?;
    let entries = entries
        .into_iter()
        .map(|(key, value)| (key, value.into_element()));
    Context::bounded(Map::new(entries.collect(), ElementType::Any).into())
}
