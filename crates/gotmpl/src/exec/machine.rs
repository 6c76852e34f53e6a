//! The machine: one loop over operations, and stacks for everything that nests.

use super::ExecError;
use super::invoke::Pending;
use super::op::{Address, Op, Program};
use super::place::Place;
use super::scope::{Return, Scope, Variable};
use crate::fmt::{Buffer, print_result};
use crate::functions::{CallError, Context, Functions, Limit};
use crate::markup::disarmed;
use crate::{Limits, Templates, Value};

/// One execution.
pub(super) struct Machine<'t, 'e> {
    pub(super) templates: &'t Templates,
    pub(super) functions: &'t Functions,
    pub(super) limits: &'t Limits,
    pub(super) context: Context<'e>,
    output: &'e mut Vec<u8>,
    /// How long the output may become.
    output_length_max: usize,
    pub(super) program: &'t Program,
    /// The operation to do next.
    pub(super) next: Address,
    pub(super) dot: Value,
    /// What is evaluated.
    pub(super) at: Option<Place>,
    pub(super) values: Vec<Value>,
    pub(super) variables: Vec<Variable>,
    /// Where the variables of the running template begin.
    pub(super) base: usize,
    pub(super) scopes: Vec<Scope<'t>>,
    /// Calls that were begun; their arguments are being evaluated.
    pub(super) pending: Vec<Pending>,
    /// How many templates are running.
    depth: usize,
}

impl<'t, 'e> Machine<'t, 'e> {
    pub(super) fn new(
        templates: &'t Templates,
        functions: &'t Functions,
        limits: &'t Limits,
        context: Context<'e>,
        output: &'e mut Vec<u8>,
        program: &'t Program,
    ) -> Self {
        Self {
            templates,
            functions,
            limits,
            context,
            output_length_max: output.len().saturating_add(limits.output_bytes_max),
            output,
            program,
            next: 0,
            dot: Value::Nil,
            at: None,
            values: Vec::new(),
            variables: Vec::new(),
            base: 0,
            scopes: Vec::new(),
            pending: Vec::new(),
            depth: 0,
        }
    }

    /// Runs the template to its end.
    pub(super) fn run(mut self, dot: &Value) -> Result<(), ExecError> {
        self.dot = dot.clone();
        self.variables.push(Variable {
            name: 0,
            value: dot.clone(),
        });
        loop {
            let program = self.program;
            let done = match program.code.get(self.next) {
                Some(op) => {
                    self.next += 1;
                    self.context
                        .step(1)
                        .map_err(CallError::from)
                        .and_then(|()| self.operate(op))
                }
                None if self.end_template() => Ok(()),
                None => return Ok(()),
            };
            if let Err(error) = done {
                return Err(self.failure(error));
            }
        }
    }

    fn operate(&mut self, op: &'t Op) -> Result<(), CallError> {
        match op {
            Op::Text(text) => self.put_out(text.as_bytes())?,
            Op::Print => self.print()?,
            Op::Drop => drop(self.pop()),
            Op::At(place) => self.at = Some(*place),
            Op::Push(value) => self.values.push(value.clone()),
            Op::Dot => self.values.push(self.dot.clone()),
            Op::Variable(name) => {
                let value = self.variable(*name)?;
                self.values.push(value);
            }
            Op::Field(name, place) => self.field(name, *place)?,
            Op::Function(name, arguments) => self.begin_function(name, *arguments)?,
            Op::Method(name, arguments, end) => self.begin_method(name, *arguments, *end)?,
            Op::Constant(constant) => self.constant(constant)?,
            Op::Accept => self.accept()?,
            Op::Decide(end) => self.decide(*end),
            Op::Invoke(place) => self.invoke(*place)?,
            Op::NotFunction(piece) => {
                return Err(format!("can't give argument to non-function {piece}").into());
            }
            Op::Overflow(piece) => return Err(format!("{piece} overflows int").into()),
            Op::NilCommand => return Err("nil is not a command".into()),
            Op::EndCommand => {
                let value = self.pop().out_of_element();
                self.values.push(value);
            }
            Op::Set(binding, name) => {
                let value = self.values.last().cloned().unwrap_or(Value::Nil);
                self.set(*binding, *name, value)?;
            }
            Op::Enter => self.scopes.push(Scope::Block(self.mark())),
            Op::Leave => self.leave(),
            Op::Unless(to) => {
                if !self.pop().is_true() {
                    self.next = *to;
                }
            }
            Op::With(to) => match self.pop() {
                value if value.is_true() => self.dot = value,
                _ => self.next = *to,
            },
            Op::Jump(to) => self.next = *to,
            Op::Range(range) => {
                let value = self.pop();
                self.range(range, &value)?;
            }
            Op::Next => self.next_element()?,
            Op::Break => self.break_loop(),
            Op::Continue => self.continue_loop(),
            Op::Lookup(name) => self.lookup(name)?,
            Op::Call(name) => self.call(name)?,
        }
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Value {
        self.values.pop().unwrap_or(Value::Nil)
    }

    fn put_out(&mut self, text: &[u8]) -> Result<(), CallError> {
        self.context.read(text.len())?;
        let mut buffer = Buffer::new(self.output, self.output_length_max);
        buffer.push(text).map_err(|_| Limit::Output.into())
    }

    fn print(&mut self) -> Result<(), CallError> {
        let value = self.pop();
        let before = self.output.len();
        let mut buffer = Buffer::new(self.output, self.output_length_max);
        print_result(&mut buffer, &value).map_err(|_| Limit::Output)?;
        self.context.read(self.output.len() - before)?;
        if self.context.environment().calls_nobody {
            self.disarm(before)?;
        }
        Ok(())
    }

    /// Writes what was printed since then so that it calls nobody.
    fn disarm(&mut self, since: usize) -> Result<(), CallError> {
        let (text, printed) = self.output.split_at(since);
        let Some(harmless) = disarmed(text, printed) else {
            return Ok(());
        };
        self.output.truncate(since);
        self.put_out(&harmless)
    }

    fn lookup(&mut self, name: &str) -> Result<(), CallError> {
        if self.templates.get(name).is_none() {
            let quoted = crate::quote::quote(name);
            return Err(format!("template {quoted} not defined").into());
        }
        if self.depth >= self.limits.depth_max {
            return Err(Limit::Depth.into());
        }
        Ok(())
    }

    fn call(&mut self, name: &str) -> Result<(), CallError> {
        let argument = self.pop();
        let Some(program) = self.templates.program(name) else {
            return Ok(());
        };
        self.depth += 1;
        self.scopes.push(Scope::Template(Return {
            program: self.program,
            next: self.next,
            at: self.at,
            mark: self.mark(),
            base: self.base,
        }));
        self.program = program;
        self.next = 0;
        self.at = None;
        self.base = self.variables.len();
        self.variables.push(Variable {
            name: 0,
            value: argument.clone(),
        });
        self.dot = argument;
        Ok(())
    }

    /// Goes back to the caller; gives false when there is none.
    fn end_template(&mut self) -> bool {
        let Some(Scope::Template(caller)) = self.scopes.pop() else {
            return false;
        };
        self.depth -= 1;
        self.program = caller.program;
        self.next = caller.next;
        self.at = caller.at;
        self.base = caller.base;
        self.go_back(caller.mark);
        true
    }

    fn failure(&self, error: CallError) -> ExecError {
        let (message, limit) = match error {
            CallError::Failed(message) => (message, None),
            CallError::Limit(Limit::Depth) => {
                let message = format!(
                    "exceeded maximum template depth ({})",
                    self.limits.depth_max
                );
                (message, Some(Limit::Depth))
            }
            CallError::Limit(limit) => (limit.to_string(), Some(limit)),
        };
        let template = &self.program.template;
        ExecError {
            executing: template.name.to_string(),
            place: self.at.map(|place| place.locate(template)),
            message: cut(message),
            limit,
        }
    }
}

/// Most bytes of a message or of the piece of template it shows.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// Cuts a text that is too long for a message; it may hold whatever a template made.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > SHOWN_BYTES_MAX {
        text.truncate(text.floor_char_boundary(SHOWN_BYTES_MAX));
        text.push('…');
    }
    text
}
