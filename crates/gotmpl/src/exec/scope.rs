//! What is open while a template runs: variables, blocks, loops, templates.

use super::machine::Machine;
use super::op::{Address, Name, Program};
use super::place::Place;
use super::range::Loop;
use crate::Value;
use crate::ast::Binding;
use crate::functions::CallError;

/// A variable that is visible.
pub(super) struct Variable {
    pub(super) name: Name,
    pub(super) value: Value,
}

/// Something that was opened and will be closed.
pub(super) enum Scope<'t> {
    /// A conditional, or the outside of a loop.
    Block(Mark),
    /// A loop.
    Loop(Box<Loop<'t>>),
    /// A template that was called.
    Template(Return<'t>),
}

/// What closing a scope goes back to.
#[derive(Clone)]
pub(super) struct Mark {
    /// How many variables there were.
    pub(super) variables: usize,
    pub(super) dot: Value,
}

/// Where the caller of a template goes on.
pub(super) struct Return<'t> {
    pub(super) program: &'t Program,
    pub(super) next: Address,
    pub(super) at: Option<Place>,
    pub(super) mark: Mark,
    /// Where the caller's variables begin.
    pub(super) base: usize,
}

/// Variables that a look-up passes in about the time of one step.
const VARIABLES_PER_STEP: usize = 8;

impl<'t> Machine<'t, '_> {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            variables: self.variables.len(),
            dot: self.dot.clone(),
        }
    }

    pub(super) fn go_back(&mut self, mark: Mark) {
        self.variables.truncate(mark.variables);
        self.dot = mark.dot;
    }

    /// Closes the innermost block.
    pub(super) fn leave(&mut self) {
        if let Some(Scope::Block(mark)) =
            self.scopes.pop_if(|scope| matches!(scope, Scope::Block(_)))
        {
            self.go_back(mark);
        }
    }

    /// Finds a variable of the running template; of several the last one counts.
    fn find(&mut self, name: Name) -> Result<usize, CallError> {
        let visible = self.variables.get(self.base..).unwrap_or_default();
        let found = visible.iter().rposition(|variable| variable.name == name);
        let passed = visible.len() - found.unwrap_or(0);
        self.context.step(passed / VARIABLES_PER_STEP)?;
        match found {
            Some(index) => Ok(self.base + index),
            None => {
                let shown = self.program.variables.get(name).map_or("", AsRef::as_ref);
                Err(format!("undefined variable: {shown}").into())
            }
        }
    }

    pub(super) fn variable(&mut self, name: Name) -> Result<Value, CallError> {
        let index = self.find(name)?;
        let variable = self.variables.get(index);
        Ok(variable.map_or(Value::Nil, |variable| variable.value.clone()))
    }

    pub(super) fn set(
        &mut self,
        binding: Binding,
        name: Name,
        value: Value,
    ) -> Result<(), CallError> {
        match binding {
            Binding::Declare => self.variables.push(Variable { name, value }),
            Binding::Assign => {
                let index = self.find(name)?;
                if let Some(variable) = self.variables.get_mut(index) {
                    variable.value = value;
                }
            }
        }
        Ok(())
    }
}
