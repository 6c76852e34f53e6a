//! Execution: a template becomes a list of simple operations once, and a machine with explicit stacks runs them.
//!
//! Running does not recurse on the native stack, however deep templates call each other or nest. What recurses is bounded:
//! compiling by [`Limits::nesting_max`], printing and dropping values by [`crate::value::VALUE_DEPTH_MAX`], and the
//! labels of a route that ask for one another by whoever answers `routeLabels`.

mod compile;
mod constant;
mod field;
mod invoke;
mod machine;
mod op;
mod place;
mod range;
mod scope;

pub(crate) use op::Program;

use thiserror::Error;

use crate::functions::{Context, Environment, Functions, Limit};
use crate::{Limits, Templates, Value};
use machine::Machine;

/// Why an execution ended before the template did.
///
/// It prints as Go prints it, `template: NAME:LINE:COLUMN: executing "NAME" at <PIECE>: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template: {}{message}", shown(place.as_ref(), executing))]
pub struct ExecError {
    /// The template that was executing.
    pub executing: String,
    /// Where it failed; none when it had not begun.
    pub place: Option<Location>,
    /// What is wrong, in the words of Go.
    pub message: String,
    /// The bound that was reached, if that is what is wrong.
    pub limit: Option<Limit>,
}

/// A place in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The name of the source.
    pub source: String,
    /// The line, counted from 1.
    pub line: usize,
    /// How many bytes stand before it in the line, as Go counts columns.
    pub column: usize,
    /// The piece of the template, in canonical form.
    pub piece: String,
}

fn shown(place: Option<&Location>, executing: &str) -> String {
    let Some(place) = place else {
        return if executing.is_empty() {
            String::new()
        } else {
            format!("{executing}: ")
        };
    };
    let Location {
        source,
        line,
        column,
        piece,
    } = place;
    let executing = crate::quote::quote(executing);
    format!("{source}:{line}:{column}: executing {executing} at <{piece}>: ")
}

impl Templates {
    /// Executes a template with a value as dot, and appends what it prints to `output`.
    ///
    /// # Errors
    /// What went wrong in the template, or the bound it reached. What was printed before stays in `output`.
    pub fn execute(
        &self,
        name: &str,
        dot: &Value,
        functions: &Functions,
        environment: &Environment<'_>,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<(), ExecError> {
        let Some(program) = self.program(name) else {
            let quoted = crate::quote::quote(name);
            return Err(ExecError {
                executing: String::new(),
                place: None,
                message: format!("no template {quoted} associated with template \"\""),
                limit: None,
            });
        };
        let context = Context::new(environment, limits);
        Machine::new(self, functions, limits, context, output, program).run(dot)
    }
}
