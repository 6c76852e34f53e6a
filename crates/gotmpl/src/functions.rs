//! The functions a template may call.
//!
//! A call of an unknown function is a parse error, so the parser asks here too.

mod alertmanager;
mod builtin;
mod call;
mod collection;
mod compare;
pub(crate) mod escape;
mod markup;
mod numbers;
mod pattern;
mod prometheus;
mod signature;
mod text;
mod times;

pub(crate) use call::BYTES_PER_STEP;
pub use call::{CallError, Context, Environment, Limit, MissingKey, Query, RouteLabels, Sample};
pub(crate) use signature::ConstantKind;
pub use signature::{Results, Signature, Type};
pub(crate) use text::join;

use crate::fmt::{Buffer, printf};
use crate::value::Value;

/// A function of templates.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The name templates call it by.
    pub name: &'static str,
    /// What it takes. The executor checks number and types of the arguments, in Go's words.
    pub signature: Signature,
    /// Does it. An error of a template is told as `error calling NAME: TEXT`.
    pub run: fn(&mut Context<'_>, &[Value]) -> Result<Value, CallError>,
}

/// A set of functions: Go's own and others.
#[derive(Debug, Clone, Copy)]
pub struct Functions {
    /// Later lists win.
    lists: [&'static [Function]; 3],
}

impl Functions {
    /// Go's own functions, without any addition.
    pub const BUILTINS: Self = Self::with_builtins(&[]);

    /// Makes a set of Go's own functions and those given here.
    #[must_use]
    pub const fn with_builtins(functions: &'static [Function]) -> Self {
        Self {
            lists: [BUILTINS, functions, &[]],
        }
    }

    /// Makes a set of these functions and more; only one such addition is kept.
    #[must_use]
    pub const fn and(self, functions: &'static [Function]) -> Self {
        let [builtins, first, _] = self.lists;
        Self {
            lists: [builtins, first, functions],
        }
    }

    /// Finds a function.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static Function> {
        let mut lists = self.lists.iter().rev();
        lists.find_map(|list| list.iter().find(|function| function.name == name))
    }

    /// Says whether a function of this name exists.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Goes through all names, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lists
            .into_iter()
            .flatten()
            .map(|function| function.name)
    }
}

const BUILTINS: &[Function] = builtin::TABLE;

/// The functions of an Alertmanager notification template.
pub const ALERTMANAGER: Functions = Functions::with_builtins(alertmanager::TABLE);

/// The functions of labels and annotations of a Prometheus rule.
pub const PROMETHEUS: Functions = Functions::with_builtins(prometheus::TABLE);

/// Most bytes of a value that a message shows.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// A value as a message shows it by `%v`.
pub(crate) fn shown(value: &Value) -> String {
    shown_by(b"%v", value)
}

/// A value as a message shows it by `%s`.
fn shown_as_string(value: &Value) -> String {
    shown_by(b"%s", value)
}

fn shown_by(format: &[u8], value: &Value) -> String {
    let mut bytes = Vec::new();
    // A value that is too long is cut.
    let _ = printf(
        &mut Buffer::new(&mut bytes, SHOWN_BYTES_MAX),
        format,
        std::slice::from_ref(value),
    );
    String::from_utf8_lossy(&bytes).into_owned()
}
