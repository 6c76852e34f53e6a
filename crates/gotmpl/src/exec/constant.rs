//! Constants: what they are alone, and what they become as an argument.

use super::op::Constant;
use crate::Value;
use crate::ast::{Number, Operand, OperandKind};
use crate::functions::{ConstantKind, Type};

/// The constant that an operand is.
pub(super) fn written(operand: &Operand) -> Option<Constant> {
    Some(match &operand.kind {
        OperandKind::Nil => Constant::Nil,
        OperandKind::Bool(value) => Constant::Bool(*value),
        OperandKind::Number(number) => Constant::Number(Box::new(number.clone())),
        OperandKind::String(literal) => Constant::String {
            value: Value::string(&*literal.value),
            quoted: literal.quoted.clone(),
        },
        _ => return None,
    })
}

/// The value of a constant where nothing asks for a type.
pub(super) fn ideal(kind: &OperandKind) -> Option<Value> {
    match kind {
        OperandKind::Bool(value) => Some(Value::Bool(*value)),
        OperandKind::Number(number) => Some(ideal_number(number)),
        OperandKind::String(literal) => Some(Value::string(&*literal.value)),
        _ => None,
    }
}

/// Go's choice: what is written like a float is one.
fn ideal_number(number: &Number) -> Value {
    let text = &*number.text;
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let is_hex_int = is_hex && !text.contains(['p', 'P']);
    let looks_like_float =
        !is_hex_int && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']);
    match (number.complex, number.float, number.int) {
        (Some((real, imaginary)), ..) => Value::Complex(real, imaginary),
        (_, Some(float), _) if looks_like_float => Value::Float(float),
        (.., Some(int)) => Value::int(int),
        // Beyond the integers of a template; Go says so at execution.
        (_, float, None) => number.uint.map_or_else(
            || Value::Float(float.unwrap_or(f64::NAN)),
            |uint| Value::Uint(uint, crate::value::UintType::Uint),
        ),
    }
}

impl Constant {
    /// The value as an argument of a type.
    pub(super) fn argument(&self, parameter: Type) -> Result<Value, String> {
        let found = || match self {
            Self::Nil => "nil".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.text.to_string(),
            Self::String { quoted, .. } => quoted.to_string(),
        };
        let expected = |what: &str| format!("expected {what}; found {}", found());
        match (parameter.constants(), self) {
            (_, Self::Nil) if parameter.takes_nil() => Ok(Value::Nil),
            (_, Self::Nil) => Err(format!("cannot assign nil to {}", parameter.name())),
            (ConstantKind::Any | ConstantKind::Bool, Self::Bool(value)) => Ok(Value::Bool(*value)),
            (ConstantKind::Any | ConstantKind::String, Self::String { value, .. }) => {
                Ok(value.clone())
            }
            (ConstantKind::Any, Self::Number(number)) => match ideal_number(number) {
                Value::Uint(..) => Err(format!("{} overflows int", number.text)),
                value => Ok(value),
            },
            (ConstantKind::Bool, _) => Err(expected("bool")),
            (ConstantKind::String, _) => Err(expected("string")),
            (ConstantKind::Integer(kind), Self::Number(number)) => match number.int {
                Some(int) => Ok(Value::Int(int, kind)),
                None => Err(expected("integer")),
            },
            (ConstantKind::Integer(_), _) => Err(expected("integer")),
            (ConstantKind::Float, Self::Number(number)) => match number.float {
                Some(float) => Ok(Value::Float(float)),
                None => Err(expected("float")),
            },
            (ConstantKind::Float, _) => Err(expected("float")),
            (ConstantKind::None, _) => {
                let name = parameter.name();
                Err(format!("can't handle {} for arg of type {name}", found()))
            }
        }
    }
}
