//! What the machine can do.

use std::sync::Arc;

use super::compile;
use super::place::Place;
use crate::Value;
use crate::ast::{Binding, Template};

/// A template as the machine runs it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) template: Arc<Template>,
    pub(super) code: Vec<Op>,
    /// The variables by their number; the first one is `$`.
    pub(super) variables: Vec<Arc<str>>,
}

impl Program {
    pub(crate) fn new(template: Arc<Template>) -> Self {
        compile::program(template)
    }
}

/// Index of an operation.
pub(super) type Address = usize;

/// Number of a variable's name in its program.
pub(super) type Name = usize;

/// One operation. Values are on a stack; "top" is its last one.
#[derive(Debug)]
pub(super) enum Op {
    /// Puts out a text.
    Text(Box<str>),
    /// Puts out the top and drops it.
    Print,
    /// Drops the top.
    Drop,
    /// Remembers what is evaluated; an error names the last such place.
    At(Place),
    /// Pushes a constant.
    Push(Value),
    /// Pushes dot.
    Dot,
    /// Pushes a variable.
    Variable(Name),
    /// Replaces the top by its field, map entry, or what its method gives without arguments.
    Field(Arc<str>, Place),
    /// Begins a call of a function. Arguments follow, then [`Op::Invoke`].
    Function(Arc<str>, Arguments),
    /// Begins a call of a method of the top, which ends at the address.
    Method(Arc<str>, Arguments, Address),
    /// Pushes a constant as an argument of the call that was begun.
    Constant(Constant),
    /// Checks that the top can be the next argument of the call that was begun.
    Accept,
    /// Ends a call of `and` or `or` when the argument on top decides it.
    Decide(Address),
    /// Calls what was begun.
    Invoke(Place),
    /// Fails: this piece is no function, but has arguments.
    NotFunction(Box<str>),
    /// Fails: this number is larger than an integer can be.
    Overflow(Box<str>),
    /// Fails: `nil` cannot stand alone.
    NilCommand,
    /// The command that gave the top is done.
    EndCommand,
    /// Gives the top to a variable; it stays on top.
    Set(Binding, Name),
    /// Opens a scope for variables and dot.
    Enter,
    /// Closes it.
    Leave,
    /// Drops the top and jumps when it was not true.
    Unless(Address),
    /// Makes the top dot, or drops it and jumps when it is not true.
    With(Address),
    /// Jumps.
    Jump(Address),
    /// Begins a loop over the top and drops it; jumps to `otherwise` when there is nothing to go through.
    Range(Box<RangeOp>),
    /// The end of a loop's body.
    Next,
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the next element of the innermost loop.
    Continue,
    /// Checks that a template can be called.
    Lookup(Arc<str>),
    /// Runs a template with the top as dot.
    Call(Arc<str>),
}

/// The arguments of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments {
    /// How many are written.
    pub(super) count: usize,
    /// Whether the result of the command before is the last one.
    pub(super) has_piped: bool,
}

/// A constant that becomes what the parameter wants.
#[derive(Debug)]
pub(super) enum Constant {
    Nil,
    Bool(bool),
    Number(Box<crate::ast::Number>),
    String { value: Value, quoted: Box<str> },
}

#[derive(Debug)]
pub(super) struct RangeOp {
    pub(super) binding: Binding,
    pub(super) variables: Vec<Name>,
    pub(super) otherwise: Address,
    /// Where the [`Op::Next`] of this loop is.
    pub(super) next: Address,
    /// What comes after the loop.
    pub(super) end: Address,
}
