//! `.Field`: methods, fields of structs, entries of maps.

use super::machine::Machine;
use super::place::Place;
use crate::Value;
use crate::functions::{self, CallError, Context, MissingKey, Results, Signature, Type};
use crate::time::methods;
use crate::value::{ElementType, Shape};

/// What a method of a value wants; none when it has no such method.
pub(super) fn method(value: &Value, name: &str) -> Option<Signature> {
    match value {
        Value::Time(_) => methods::time_signature(name),
        Value::Int(_, kind) => methods::int_signature(*kind, name),
        Value::Object(object) => object.method(name),
        // What `Names` and `Values` give has this method since 0.34.
        Value::List(list) if name == "Join" && list.element_type() == ElementType::String => {
            Some(Signature::new(&[Type::String]))
        }
        _ => None,
    }
}

/// Calls a method that the value has.
pub(super) fn call_method(
    context: &mut Context<'_>,
    receiver: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, CallError> {
    match receiver {
        Value::Time(time) => methods::call_time(context, time, name, arguments),
        Value::Object(object) => object.call(context, name, arguments),
        Value::List(_) => join(context, receiver, arguments),
        other => methods::call_int(context, other, name, arguments),
    }
}

fn join(context: &mut Context<'_>, list: &Value, arguments: &[Value]) -> Result<Value, CallError> {
    match arguments {
        [Value::String(separator, _)] => functions::join(context, separator, list),
        _ => Ok(Value::from("")),
    }
}

/// Refuses a call with the wrong number of arguments, or of something that does not give one value.
pub(super) fn check_count(
    name: &str,
    signature: &Signature,
    count: usize,
    written: usize,
) -> Result<(), CallError> {
    let fixed = signature.parameters.len();
    if signature.rest.is_some() {
        if count < fixed {
            return Err(format!(
                "wrong number of args for {name}: want at least {fixed} got {written}"
            )
            .into());
        }
    } else if count != fixed {
        return Err(format!("wrong number of args for {name}: want {fixed} got {count}").into());
    }
    match signature.results {
        Results::One => Ok(()),
        Results::Pair(second) => Err(format!(
            "invalid function signature for {name}: second return value should be error; is {second}"
        )
        .into()),
        Results::Many(count) => {
            Err(format!("function {name} has {count} return values; should be 1 or 2").into())
        }
    }
}

/// Takes something that is not a method from a value.
pub(super) fn plain(
    value: &Value,
    name: &str,
    has_arguments: bool,
    missing_key: MissingKey,
) -> Result<Value, CallError> {
    match value {
        Value::Nil if missing_key == MissingKey::Error => {
            let quoted = crate::quote::quote(name);
            return Err(format!("nil data; no entry for key {quoted}").into());
        }
        Value::Nil => return Ok(Value::Nil),
        Value::NilElement => {
            return Err(format!("nil pointer evaluating interface {{}}.{name}").into());
        }
        Value::Object(object) if matches!(object.shape(), Shape::Struct(_)) => {
            if let Some(field) = object.field(name) {
                if has_arguments {
                    return Err(
                        format!("{name} has arguments but cannot be invoked as function").into(),
                    );
                }
                return Ok(field.into_element());
            }
        }
        _ => {}
    }
    if let Some(map) = value.as_map() {
        if has_arguments {
            return Err(format!("{name} is not a method but has arguments").into());
        }
        let found = map.get(name.as_bytes()).cloned().map(Value::into_element);
        return match (found, missing_key) {
            (Some(value), _) => Ok(value),
            (None, MissingKey::Zero) => Ok(map.element_type().zero()),
            (None, MissingKey::Invalid) => Ok(Value::Nil),
            (None, MissingKey::Error) => {
                let quoted = crate::quote::quote(name);
                Err(format!("map has no entry for key {quoted}").into())
            }
        };
    }
    Err(format!("can't evaluate field {name} in type {}", value.type_name()).into())
}

impl Machine<'_, '_> {
    pub(super) fn missing_key(&self) -> MissingKey {
        self.context.environment().missing_key
    }

    /// Replaces the top by its field, or by what its method gives without arguments.
    pub(super) fn field(&mut self, name: &str, place: Place) -> Result<(), CallError> {
        let receiver = self.pop();
        let value = match method(&receiver, name) {
            None => plain(&receiver, name, false, self.missing_key())?,
            Some(signature) => {
                check_count(name, &signature, 0, 0)?;
                let called = call_method(&mut self.context, &receiver, name, &[]);
                self.called(name, place, called)?
            }
        };
        self.values.push(value);
        Ok(())
    }
}
