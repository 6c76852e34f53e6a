//! What a template can see: Go's dynamic values.
//!
//! A value carries the Go type it stands for, because templates can tell: by `%T`, by the methods
//! they call, in error messages. Copies are cheap; lists, maps and texts are shared.

mod json;
mod list;
mod map;
mod object;
mod text;

pub(crate) use text::chars;

pub use json::to_json;
pub use list::{ElementType, List};
pub use map::Map;
pub use object::{Field, Object, Shape};
pub use text::{GoString, TextType};

use std::borrow::Cow;
use std::sync::Arc;

use crate::time::Time;

/// How deep lists and maps may stand inside each other; printing and dropping recurse once per level.
pub const VALUE_DEPTH_MAX: u16 = 100;

/// A value of a template.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing: Go's untyped nil, which prints as `<no value>`.
    Nil,
    /// A nil that stands in a list or a map. Only the executor sees it; functions get [`Value::Nil`].
    NilElement,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    Int(i64, IntType),
    /// An unsigned integer.
    Uint(u64, UintType),
    /// A `float64`.
    Float(f64),
    /// A `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// A string, or a string that is known to be safe markup.
    String(GoString, TextType),
    /// A `time.Time`.
    Time(Time),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A value of a named type with fields or methods.
    Object(Arc<dyn Object>),
}

/// The types of signed integers; those with a name have methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntType {
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `time.Duration`, in nanoseconds
    Duration,
    /// `time.Month`, from 1
    Month,
    /// `time.Weekday`, Sunday is 0
    Weekday,
}

/// The types of unsigned integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UintType {
    /// `uint`
    Uint,
    /// `uint8`: a byte of a string
    Uint8,
}

impl IntType {
    /// Go's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Duration => "time.Duration",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
        }
    }
}

impl UintType {
    /// Go's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
        }
    }
}

impl Value {
    /// An `int`.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::Int(value, IntType::Int)
    }

    /// A length or an index as `int`.
    #[must_use]
    pub fn count(value: usize) -> Self {
        Self::int(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// A `time.Duration` in nanoseconds.
    #[must_use]
    pub fn duration(nanoseconds: i64) -> Self {
        Self::Int(nanoseconds, IntType::Duration)
    }

    /// A `string`.
    #[must_use]
    pub fn string(text: impl Into<GoString>) -> Self {
        Self::String(text.into(), TextType::String)
    }

    /// Wraps a value of a named type.
    #[must_use]
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// Says whether there is no value.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::NilElement)
    }

    /// The value as an element of a list or a map, where nil has the type of the element.
    #[must_use]
    pub fn into_element(self) -> Self {
        match self {
            Self::Nil => Self::NilElement,
            other => other,
        }
    }

    /// The value as functions get it.
    #[must_use]
    pub fn out_of_element(self) -> Self {
        match self {
            Self::NilElement => Self::Nil,
            other => other,
        }
    }

    /// The text of a string of any type.
    #[must_use]
    pub fn as_string(&self) -> Option<&GoString> {
        match self {
            Self::String(text, _) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is a slice, also one of a named type.
    #[must_use]
    pub fn as_list(&self) -> Option<List> {
        match self {
            Self::List(list) => Some(list.clone()),
            Self::Object(object) => match object.shape() {
                Shape::List(list) => Some(list),
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries, if this is a map, also one of a named type.
    #[must_use]
    pub fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) => match object.shape() {
                Shape::Map(map) => Some(map),
                _ => None,
            },
            _ => None,
        }
    }

    /// Go's name of the value's type, as `%T` prints it.
    #[must_use]
    pub fn type_name(&self) -> Cow<'static, str> {
        match self {
            Self::Nil => "<nil>".into(),
            Self::NilElement => "interface {}".into(),
            Self::Bool(_) => "bool".into(),
            Self::Int(_, kind) => kind.name().into(),
            Self::Uint(_, kind) => kind.name().into(),
            Self::Float(_) => "float64".into(),
            Self::Complex(..) => "complex128".into(),
            Self::String(_, kind) => kind.name().into(),
            Self::Time(_) => "time.Time".into(),
            Self::List(list) => format!("[]{}", list.element_type().name()).into(),
            Self::Map(map) => format!("map[string]{}", map.element_type().name()).into(),
            Self::Object(object) => object.type_name().into(),
        }
    }

    /// Go's idea of truth: anything that is not the zero value or empty. Every struct is true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::NilElement => false,
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Uint(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::String(text, _) => !text.is_empty(),
            Self::Time(_) => true,
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => match object.shape() {
                Shape::Struct(_) => true,
                Shape::List(list) => !list.is_empty(),
                Shape::Map(map) => !map.is_empty(),
            },
        }
    }

    /// How many levels of lists and maps the value has.
    #[must_use]
    pub fn depth(&self) -> u16 {
        match self {
            Self::List(list) => list.depth(),
            Self::Map(map) => map.depth(),
            Self::Object(object) => object.depth(),
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}
