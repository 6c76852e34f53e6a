//! Values of named types: structs with fields, and anything with methods.

use std::fmt::Debug;

use super::{GoString, List, Map, Value};
use crate::functions::{CallError, Context, Signature};

/// A value of a named Go type.
pub trait Object: Debug + Send + Sync {
    /// Go's name of the type, `template.KV`; that of a pointer begins with `*`.
    fn type_name(&self) -> &'static str;

    /// What the value is made of.
    fn shape(&self) -> Shape;

    /// The value of a field of a struct.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// What a method wants; none when there is no such method.
    fn method(&self, _name: &str) -> Option<Signature> {
        None
    }

    /// Calls a method with as many arguments of such types as its signature says.
    ///
    /// # Errors
    /// As the method says.
    fn call(
        &self,
        _cx: &mut Context<'_>,
        name: &str,
        _arguments: &[Value],
    ) -> Result<Value, CallError> {
        Err(CallError::from(format!("no method {name}")))
    }

    /// What its method `String` gives, when it has one; printing then uses it. It has to be quick.
    fn text(&self) -> Option<GoString> {
        None
    }

    /// The elements from one to before another, when it is a list of a named type: they are of that type, too.
    fn part(&self, _from: usize, _to: usize) -> Option<Value> {
        None
    }

    /// How many levels of lists and maps it may have inside.
    fn depth(&self) -> u16 {
        8
    }
}

/// What an object is made of.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A struct with these exported fields, in order.
    Struct(&'static [Field]),
    /// A slice.
    List(List),
    /// A map.
    Map(Map),
}

/// A field of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its name in JSON.
    pub json: &'static str,
    /// Whether JSON leaves it out when it is empty.
    pub is_omitted_when_empty: bool,
}

impl Field {
    /// A field that JSON always has.
    #[must_use]
    pub const fn new(name: &'static str, json: &'static str) -> Self {
        Self {
            name,
            json,
            is_omitted_when_empty: false,
        }
    }

    /// A field that JSON leaves out when it is empty.
    #[must_use]
    pub const fn optional(name: &'static str, json: &'static str) -> Self {
        Self {
            name,
            json,
            is_omitted_when_empty: true,
        }
    }
}
