//! What a function takes.

use std::borrow::Cow;

use crate::value::{ElementType, IntType, TextType, Value};

/// Number and types of the arguments of a function or method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The types of the arguments that must be there.
    pub parameters: &'static [Type],
    /// The type of any number of further arguments.
    pub rest: Option<Type>,
    /// What it gives.
    pub results: Results,
}

/// What a function gives. Templates can only call those that give one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// One value, or one and an error.
    One,
    /// Two values, of which the second has this type and is no error.
    Pair(&'static str),
    /// So many values.
    Many(u8),
}

impl Signature {
    /// Takes exactly these.
    #[must_use]
    pub const fn new(parameters: &'static [Type]) -> Self {
        Self {
            parameters,
            rest: None,
            results: Results::One,
        }
    }

    /// Takes these and any number of another type.
    #[must_use]
    pub const fn variadic(parameters: &'static [Type], rest: Type) -> Self {
        Self {
            parameters,
            rest: Some(rest),
            results: Results::One,
        }
    }

    /// The type of the argument at a place.
    #[must_use]
    pub fn at(&self, index: usize) -> Type {
        let fixed = self.parameters.get(index).copied();
        fixed.or(self.rest).unwrap_or(Type::Any)
    }
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Anything, nil included: `reflect.Value`.
    Value,
    /// Anything, nil included: `interface {}`.
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float,
    /// `string`
    String,
    /// `[]string`
    Strings,
    /// `[]interface {}`
    List,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// A value of the type of this name.
    Named(&'static str),
}

/// The kinds of constants a parameter takes as they stand in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConstantKind {
    Any,
    Bool,
    Integer(IntType),
    Float,
    String,
    /// No constant fits.
    None,
}

impl Type {
    /// Go's name of the type.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Value => "reflect.Value",
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float => "float64",
            Self::String => "string",
            Self::Strings => "[]string",
            Self::List => "[]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Named(name) => name,
        }
        .into()
    }

    /// Says whether everything can be given.
    #[must_use]
    pub fn takes_any(self) -> bool {
        matches!(self, Self::Value | Self::Any)
    }

    /// Says whether nil can be given.
    #[must_use]
    pub fn takes_nil(self) -> bool {
        match self {
            Self::Value | Self::Any | Self::Strings | Self::List => true,
            Self::Named(name) => name.starts_with(['*', '[']) || name.starts_with("map["),
            _ => false,
        }
    }

    /// Says whether a value can be given as it is.
    #[must_use]
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Value | Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_, IntType::Int))
            | (Self::Int64, Value::Int(_, IntType::Int64))
            | (Self::Float, Value::Float(_))
            | (Self::String, Value::String(_, TextType::String))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Int(_, IntType::Duration)) => true,
            (Self::Strings, _) => has_elements(value, ElementType::String),
            (Self::List, _) => has_elements(value, ElementType::Any),
            (Self::Named(name), _) => value.type_name() == name,
            _ => false,
        }
    }

    /// What constants the parameter takes.
    pub(crate) fn constants(self) -> ConstantKind {
        match self {
            Self::Value | Self::Any => ConstantKind::Any,
            Self::Bool => ConstantKind::Bool,
            Self::Int => ConstantKind::Integer(IntType::Int),
            Self::Int64 => ConstantKind::Integer(IntType::Int64),
            Self::Duration => ConstantKind::Integer(IntType::Duration),
            Self::Float => ConstantKind::Float,
            Self::String => ConstantKind::String,
            Self::Strings | Self::List | Self::Time | Self::Named(_) => ConstantKind::None,
        }
    }
}

/// A slice of this element type; a named type of such slices fits too.
fn has_elements(value: &Value, element_type: ElementType) -> bool {
    value
        .as_list()
        .is_some_and(|list| list.element_type() == element_type)
}
