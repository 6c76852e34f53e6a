//! Go's own functions, except comparisons.

use super::{CallError, Context, Function, Signature, Type, compare, escape};
use crate::Value;
use crate::fmt::{print, print_result, printf, println};
use crate::value::{ElementType, List, UintType};

const ONE: Signature = Signature::new(&[Type::Value]);
const TWO: Signature = Signature::new(&[Type::Value, Type::Value]);
const SOME: Signature = Signature::variadic(&[Type::Value], Type::Value);
const ANY: Signature = Signature::variadic(&[], Type::Any);

pub(super) const TABLE: &[Function] = &[
    // The executor ends `and` and `or` as soon as they are decided; here all arguments are known.
    Function {
        name: "and",
        signature: SOME,
        run: last,
    },
    Function {
        name: "call",
        signature: SOME,
        run: call,
    },
    Function {
        name: "eq",
        signature: SOME,
        run: compare::eq,
    },
    Function {
        name: "ge",
        signature: TWO,
        run: compare::ge,
    },
    Function {
        name: "gt",
        signature: TWO,
        run: compare::gt,
    },
    Function {
        name: "html",
        signature: ANY,
        run: html,
    },
    Function {
        name: "index",
        signature: SOME,
        run: index,
    },
    Function {
        name: "js",
        signature: ANY,
        run: js,
    },
    Function {
        name: "le",
        signature: TWO,
        run: compare::le,
    },
    Function {
        name: "len",
        signature: ONE,
        run: length,
    },
    Function {
        name: "lt",
        signature: TWO,
        run: compare::lt,
    },
    Function {
        name: "ne",
        signature: TWO,
        run: compare::ne,
    },
    Function {
        name: "not",
        signature: ONE,
        run: not,
    },
    Function {
        name: "or",
        signature: SOME,
        run: last,
    },
    Function {
        name: "print",
        signature: ANY,
        run: |cx, arguments| cx.text(|out| Ok(print(out, arguments)?)),
    },
    Function {
        name: "printf",
        signature: Signature::variadic(&[Type::String], Type::Any),
        run: sprintf,
    },
    Function {
        name: "println",
        signature: ANY,
        run: |cx, arguments| cx.text(|out| Ok(println(out, arguments)?)),
    },
    Function {
        name: "slice",
        signature: SOME,
        run: slice,
    },
    Function {
        name: "urlquery",
        signature: ANY,
        run: urlquery,
    },
];

fn last(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    Ok(arguments.last().cloned().unwrap_or(Value::Nil))
}

fn not(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    Ok(Value::Bool(!arguments.iter().any(Value::is_true)))
}

fn call(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    match arguments.first() {
        None | Some(Value::Nil) => Err("call of nil".into()),
        Some(value) => {
            let shown = super::shown(value);
            Err(format!("non-function {shown} of type {}", value.type_name()).into())
        }
    }
}

fn length(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let value = arguments.first().unwrap_or(&Value::Nil);
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    let length = match value {
        Value::String(text, _) => Some(text.len()),
        other => other
            .as_list()
            .map(|list| list.len())
            .or_else(|| other.as_map().map(|map| map.len())),
    };
    match length {
        Some(length) => Ok(Value::count(length)),
        None => Err(format!("len of type {}", value.type_name()).into()),
    }
}

fn sprintf(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    match arguments {
        [Value::String(format, _), arguments @ ..] => {
            cx.read(format.len())?;
            cx.text(|out| Ok(printf(out, format.as_bytes(), arguments)?))
        }
        _ => Ok(Value::from("")),
    }
}

/// An index into something of a length; the length itself is allowed, as in Go.
fn position(index: &Value, length: usize) -> Result<usize, CallError> {
    let number = match index {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => number.cast_signed(),
        Value::Nil | Value::NilElement => return Err("cannot index slice/array with nil".into()),
        other => {
            return Err(format!("cannot index slice/array with type {}", other.type_name()).into());
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|number| *number <= length)
        .ok_or_else(|| format!("index out of range: {number}").into())
}

fn index(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let Some((item, indexes)) = arguments.split_first() else {
        return Ok(Value::Nil);
    };
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for index in indexes {
        item = element(&item, index)?;
    }
    Ok(item)
}

fn element(item: &Value, index: &Value) -> Result<Value, CallError> {
    if let Value::String(text, _) = item {
        let bytes = text.as_bytes();
        let byte = bytes.get(position(index, bytes.len())?);
        let byte = byte.ok_or("reflect: string index out of range")?;
        return Ok(Value::Uint((*byte).into(), UintType::Uint8));
    }
    if let Some(list) = item.as_list() {
        let item = list.items().get(position(index, list.len())?);
        let item = item.ok_or("reflect: slice index out of range")?;
        return Ok(item.clone().into_element());
    }
    if let Some(map) = item.as_map() {
        let key = match index {
            Value::Nil | Value::NilElement => {
                return Err("value is nil; should be of type string".into());
            }
            Value::String(key, crate::value::TextType::String) => key,
            other => {
                return Err(
                    format!("value has type {}; should be string", other.type_name()).into(),
                );
            }
        };
        let found = map.get(key.as_bytes()).cloned();
        return Ok(found.map_or_else(|| map.element_type().zero(), Value::into_element));
    }
    if item.is_nil() {
        return Err("index of nil pointer".into());
    }
    Err(format!("can't index item of type {}", item.type_name()).into())
}

fn slice(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let Some((item, indexes)) = arguments.split_first() else {
        return Ok(Value::Nil);
    };
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let list = item.as_list();
    let length = match (item, &list) {
        (Value::String(..), _) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".into());
        }
        (Value::String(text, _), _) => text.len(),
        (_, Some(list)) => list.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name()).into()),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [from, to, end] = bounds;
    for (low, high) in [(from, to), (to, end)] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}").into());
        }
    }
    match (item, list) {
        (Value::String(text, kind), _) => {
            let part = text.as_bytes().get(from..to).unwrap_or_default();
            cx.allocate(part.len())?;
            Ok(Value::String(part.into(), *kind))
        }
        (Value::Object(object), Some(list)) if object.part(from, to).is_some() => {
            cx.allocate(list.len().saturating_mul(size_of::<Value>()))?;
            Ok(object.part(from, to).unwrap_or(Value::Nil))
        }
        (_, Some(list)) => {
            let part = list.items().get(from..to).unwrap_or_default().to_vec();
            cx.list(part, list.element_type())
        }
        _ => Ok(Value::from(List::new(Vec::new(), ElementType::Any))),
    }
}

/// The arguments as one text: a single string as it is, anything else as `print` prints it.
fn joined(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Vec<u8>, CallError> {
    if let [Value::String(text, crate::value::TextType::String)] = arguments {
        cx.allocate(text.len())?;
        return Ok(text.as_bytes().to_vec());
    }
    let shown: Vec<Value> = arguments.iter().map(printable).collect();
    let text = cx.text(|out| match shown.as_slice() {
        [one] => Ok(print_result(out, one)?),
        more => Ok(print(out, more)?),
    })?;
    Ok(text
        .as_string()
        .map(|text| text.as_bytes().to_vec())
        .unwrap_or_default())
}

fn printable(value: &Value) -> Value {
    match value {
        Value::Nil | Value::NilElement => Value::from("<no value>"),
        other => other.clone(),
    }
}

fn html(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let text = joined(cx, arguments)?;
    cx.text(|out| Ok(escape::html(out, &text)?))
}

fn js(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let text = joined(cx, arguments)?;
    cx.text(|out| Ok(escape::js(out, &text)?))
}

fn urlquery(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let text = joined(cx, arguments)?;
    cx.text(|out| Ok(escape::query(out, &text)?))
}
