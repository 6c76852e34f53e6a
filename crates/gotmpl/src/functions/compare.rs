//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`.

use std::cmp::Ordering;

use super::{CallError, Context, shown_as_string};
use crate::Value;
use crate::value::Shape;

/// The kinds of values that can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    String,
    /// Nothing, structs, lists, maps.
    Other,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(..) => Kind::Int,
        Value::Uint(..) => Kind::Uint,
        Value::Float(_) => Kind::Float,
        Value::Complex(..) => Kind::Complex,
        Value::String(..) => Kind::String,
        _ => Kind::Other,
    }
}

fn incompatible(a: &Value, b: &Value) -> CallError {
    let (a, b) = (a.type_name(), b.type_name());
    format!("incompatible types for comparison: {a} and {b}").into()
}

/// Compares two values of kinds that have an order.
fn order(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    Some(match (a, b) {
        (Value::Int(a, _), Value::Int(b, _)) => Some(a.cmp(b)),
        (Value::Uint(a, _), Value::Uint(b, _)) => Some(a.cmp(b)),
        (Value::Int(a, _), Value::Uint(b, _)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Uint(a, _), Value::Int(b, _)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::String(a, _), Value::String(b, _)) => Some(a.cmp(b)),
        _ => return None,
    })
}

fn is_equal(a: &Value, b: &Value) -> Result<bool, CallError> {
    if let Some(order) = order(a, b) {
        return Ok(order == Some(Ordering::Equal));
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Complex(a, b), Value::Complex(c, d)) => Ok(a == c && b == d),
        (a, b) if a.is_nil() || b.is_nil() => Ok(a.is_nil() && b.is_nil()),
        (a, b) if kind(a) != kind(b) => Err(incompatible(a, b)),
        (Value::Time(a), Value::Time(b)) => {
            Ok(a.nanoseconds() == b.nanoseconds() && a.to_string() == b.to_string())
        }
        _ => structures(a, b),
    }
}

/// Structs and pointers can be compared; lists and maps cannot.
fn structures(a: &Value, b: &Value) -> Result<bool, CallError> {
    let shape = |value: &Value| match value {
        Value::Object(object) => match object.shape() {
            Shape::Struct(_) => 0,
            Shape::List(_) => 1,
            Shape::Map(_) => 2,
        },
        Value::List(_) => 1,
        Value::Map(_) => 2,
        _ => 0,
    };
    if shape(a) != shape(b) {
        let (shown_a, shown_b) = (shown_as_string(a), super::shown(b));
        let (type_a, type_b) = (a.type_name(), b.type_name());
        return Err(
            format!("non-comparable types {shown_a}: {type_a}, {type_b}: {shown_b}").into(),
        );
    }
    match (a, b) {
        (Value::Object(one), Value::Object(other)) if a.type_name().starts_with('*') => {
            Ok(std::sync::Arc::ptr_eq(one, other))
        }
        (_, b) => {
            let shown = shown_as_string(b);
            Err(format!("non-comparable type {shown}: {}", b.type_name()).into())
        }
    }
}

pub(super) fn eq(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let Some((first, others)) = arguments.split_first() else {
        return Ok(Value::Bool(false));
    };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if is_equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    match arguments {
        [a, b] => Ok(Value::Bool(!is_equal(a, b)?)),
        _ => Err("missing argument for comparison".into()),
    }
}

fn ordered(
    arguments: &[Value],
    is_wanted: fn(Option<Ordering>) -> bool,
) -> Result<Value, CallError> {
    let [a, b] = arguments else {
        return Err("missing argument for comparison".into());
    };
    if kind(a) == Kind::Other || kind(b) == Kind::Other {
        return Err("invalid type for comparison".into());
    }
    match order(a, b) {
        Some(order) => Ok(Value::Bool(is_wanted(order))),
        None if kind(a) == kind(b) => Err("invalid type for comparison".into()),
        None => Err(incompatible(a, b)),
    }
}

pub(super) fn lt(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    ordered(arguments, |order| order == Some(Ordering::Less))
}

pub(super) fn le(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    ordered(arguments, |order| order.is_some_and(Ordering::is_le))
}

pub(super) fn gt(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    // Go asks whether it is not less or equal, which NaN always fulfils.
    ordered(arguments, |order| !order.is_some_and(Ordering::is_le))
}

pub(super) fn ge(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    ordered(arguments, |order| order != Some(Ordering::Less))
}
