//! Loops.

use super::machine::Machine;
use super::op::RangeOp;
use super::scope::{Mark, Scope};
use crate::Value;
use crate::ast::Binding;
use crate::functions::{CallError, shown};
use crate::value::{IntType, List, Map, UintType};

/// A loop that is running.
pub(super) struct Loop<'t> {
    elements: Elements,
    /// The number of the next element.
    index: usize,
    /// What is restored before each element and after the last one.
    mark: Mark,
    op: &'t RangeOp,
    /// Where the body begins.
    body: usize,
}

/// What a loop goes through.
enum Elements {
    List(List),
    Map(Map),
    Ints(i64, IntType),
    Uints(u64, UintType),
}

impl Elements {
    /// The key, which is none for numbers, and the element of a place.
    fn get(&self, index: usize) -> Option<(Value, Value)> {
        match self {
            Self::List(list) => {
                let item = list.items().get(index)?;
                Some((Value::count(index), item.clone().into_element()))
            }
            Self::Map(map) => {
                let (key, value) = map.entries().get(index)?;
                Some((Value::string(key.clone()), value.clone().into_element()))
            }
            Self::Ints(end, kind) => {
                let index = i64::try_from(index).ok().filter(|index| index < end)?;
                Some((Value::Nil, Value::Int(index, *kind)))
            }
            Self::Uints(end, kind) => {
                let index = u64::try_from(index).ok().filter(|index| index < end)?;
                Some((Value::Nil, Value::Uint(index, *kind)))
            }
        }
    }
}

impl<'t> Machine<'t, '_> {
    /// Begins a loop over a value.
    pub(super) fn range(&mut self, op: &'t RangeOp, value: &Value) -> Result<(), CallError> {
        let elements = if let Some(list) = value.as_list() {
            Elements::List(list)
        } else if let Some(map) = value.as_map() {
            Elements::Map(map)
        } else {
            match value {
                Value::Int(..) | Value::Uint(..) if op.variables.len() > 1 => {
                    let shown = shown(value);
                    return Err(format!(
                        "can't use {shown} to iterate over more than one variable"
                    )
                    .into());
                }
                Value::Int(end, kind) => Elements::Ints(*end, *kind),
                Value::Uint(end, kind) => Elements::Uints(*end, *kind),
                Value::Nil | Value::NilElement => {
                    self.next = op.otherwise;
                    return Ok(());
                }
                other => return Err(format!("range can't iterate over {}", shown(other)).into()),
            }
        };
        if elements.get(0).is_none() {
            self.next = op.otherwise;
            return Ok(());
        }
        let begun = Loop {
            elements,
            index: 0,
            mark: self.mark(),
            op,
            body: self.next,
        };
        self.scopes.push(Scope::Loop(Box::new(begun)));
        self.next_element()
    }

    /// Goes to the next element of the innermost loop, or behind the loop.
    pub(super) fn next_element(&mut self) -> Result<(), CallError> {
        let Some(Scope::Loop(running)) = self.scopes.last_mut() else {
            return Ok(());
        };
        let element = running.elements.get(running.index);
        running.index += 1;
        let (op, body, variables) = (running.op, running.body, running.mark.variables);
        let Some((key, element)) = element else {
            self.break_loop();
            return Ok(());
        };
        self.variables.truncate(variables);
        match (op.binding, op.variables.as_slice()) {
            (Binding::Declare, names) => {
                self.put(variables, 1, &element, !names.is_empty());
                self.put(variables, 2, &key, names.len() > 1);
            }
            (Binding::Assign, [name]) => self.set(Binding::Assign, *name, element.clone())?,
            (Binding::Assign, names) => {
                for (name, value) in names.iter().zip([&key, &element]) {
                    self.set(Binding::Assign, *name, value.clone())?;
                }
            }
        }
        self.dot = element;
        self.next = body;
        Ok(())
    }

    /// Gives a value to the variable so many places below the top.
    fn put(&mut self, top: usize, below: usize, value: &Value, is_wanted: bool) {
        let index = top.checked_sub(below).filter(|_| is_wanted);
        if let Some(variable) = index.and_then(|index| self.variables.get_mut(index)) {
            variable.value = value.clone();
        }
    }

    /// Closes everything inside the innermost loop.
    fn close_to_loop(&mut self) {
        while let Some(scope) = self.scopes.pop() {
            if matches!(scope, Scope::Loop(_)) {
                self.scopes.push(scope);
                return;
            }
        }
    }

    /// Ends the innermost loop.
    pub(super) fn break_loop(&mut self) {
        self.close_to_loop();
        if let Some(Scope::Loop(running)) = self.scopes.pop() {
            self.next = running.op.end;
            self.go_back(running.mark);
        }
    }

    /// Goes on with the next element of the innermost loop.
    pub(super) fn continue_loop(&mut self) {
        self.close_to_loop();
        if let Some(Scope::Loop(running)) = self.scopes.last() {
            self.next = running.op.next;
        }
    }
}
