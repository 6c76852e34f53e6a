//! Calls of functions and methods: the number and types of arguments are checked in Go's order and words.

use std::sync::Arc;

use super::field;
use super::machine::Machine;
use super::op::{Address, Arguments, Constant};
use super::place::Place;
use crate::Value;
use crate::functions::{CallError, Function, Signature, Type};

/// A call that was begun.
pub(super) struct Pending {
    callee: Callee,
    signature: Signature,
    /// How many values there were below the arguments.
    base: usize,
    /// What the command before gave, which becomes the last argument.
    piped: Option<Value>,
}

enum Callee {
    Function(&'static Function),
    Method { receiver: Value, name: Arc<str> },
}

impl Machine<'_, '_> {
    pub(super) fn begin_function(
        &mut self,
        name: &str,
        arguments: Arguments,
    ) -> Result<(), CallError> {
        let Some(function) = self.functions.get(name) else {
            let quoted = crate::quote::quote(name);
            return Err(format!("{quoted} is not a defined function").into());
        };
        self.begin(
            Callee::Function(function),
            function.signature,
            name,
            arguments,
        )
    }

    pub(super) fn begin_method(
        &mut self,
        name: &Arc<str>,
        arguments: Arguments,
        end: Address,
    ) -> Result<(), CallError> {
        let receiver = self.pop();
        let Some(signature) = field::method(&receiver, name) else {
            // No field takes arguments; only nothing has every field, whatever the arguments are.
            let value = field::plain(&receiver, name, true, self.missing_key())?;
            if arguments.has_piped {
                self.pop();
            }
            self.values.push(value);
            self.next = end;
            return Ok(());
        };
        let callee = Callee::Method {
            receiver,
            name: Arc::clone(name),
        };
        self.begin(callee, signature, name, arguments)
    }

    fn begin(
        &mut self,
        callee: Callee,
        signature: Signature,
        name: &str,
        arguments: Arguments,
    ) -> Result<(), CallError> {
        let piped = if arguments.has_piped {
            Some(self.pop())
        } else {
            None
        };
        let count = arguments.count + usize::from(piped.is_some());
        field::check_count(name, &signature, count, arguments.count)?;
        self.pending.push(Pending {
            callee,
            signature,
            base: self.values.len(),
            piped,
        });
        Ok(())
    }

    /// The type of the next argument of the call that was begun last, when `on_top` arguments are not counted yet.
    fn parameter(&self, on_top: usize) -> Type {
        self.pending.last().map_or(Type::Any, |pending| {
            let index = self.values.len().saturating_sub(pending.base + on_top);
            pending.signature.at(index)
        })
    }

    pub(super) fn constant(&mut self, constant: &Constant) -> Result<(), CallError> {
        let value = constant.argument(self.parameter(0))?;
        self.values.push(value);
        Ok(())
    }

    pub(super) fn accept(&mut self) -> Result<(), CallError> {
        let parameter = self.parameter(1);
        let value = self.pop();
        self.values.push(converted(value, parameter)?);
        Ok(())
    }

    /// `and` ends at the first false argument, `or` at the first true one.
    pub(super) fn decide(&mut self, end: Address) {
        let Some(Pending {
            callee: Callee::Function(function),
            base,
            ..
        }) = self.pending.last()
        else {
            return;
        };
        let (is_or, base) = (function.name == "or", *base);
        let is_decided = self
            .values
            .last()
            .is_some_and(|value| value.is_true() == is_or);
        if is_decided {
            let value = self.pop();
            self.values.truncate(base);
            self.values.push(value);
            self.pending.pop();
            self.next = end;
        }
    }

    pub(super) fn invoke(&mut self, place: Place) -> Result<(), CallError> {
        let Some(pending) = self.pending.pop() else {
            return Ok(());
        };
        if let Some(piped) = pending.piped {
            let index = self.values.len().saturating_sub(pending.base);
            self.values
                .push(converted(piped, pending.signature.at(index))?);
        }
        let arguments = self.values.get(pending.base..).unwrap_or_default();
        let context = &mut self.context;
        // Most functions read the texts they get.
        let texts = arguments.iter().filter_map(Value::as_string);
        context.read(texts.map(|text| text.len()).sum())?;
        let (name, called) = match &pending.callee {
            Callee::Function(function) => (function.name, (function.run)(context, arguments)),
            Callee::Method { receiver, name } => (
                &**name,
                field::call_method(context, receiver, name, arguments),
            ),
        };
        let value = self.called(name, place, called)?;
        self.values.truncate(pending.base);
        self.values.push(value);
        Ok(())
    }

    /// What a call gave; its errors tell whose they are.
    pub(super) fn called(
        &mut self,
        name: &str,
        place: Place,
        called: Result<Value, CallError>,
    ) -> Result<Value, CallError> {
        called.map_err(|error| {
            self.at = Some(place);
            match error {
                CallError::Failed(text) => format!("error calling {name}: {text}").into(),
                limit => limit,
            }
        })
    }
}

/// A value as an argument of a type.
fn converted(value: Value, parameter: Type) -> Result<Value, CallError> {
    if value.is_nil()
        && (parameter.takes_any() || (matches!(value, Value::Nil) && parameter.takes_nil()))
    {
        return Ok(Value::Nil);
    }
    if matches!(value, Value::Nil) {
        return Err(format!("invalid value; expected {}", parameter.name()).into());
    }
    if parameter.takes(&value) {
        return Ok(value);
    }
    let (expected, got) = (parameter.name(), value.type_name());
    Err(format!("wrong type for value; expected {expected}; got {got}").into())
}
