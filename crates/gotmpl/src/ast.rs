//! The tree of a parsed template.
//!
//! The types are plain data with public fields, so that execution can walk them and contextual
//! HTML escaping can rewrite them. Printing a node gives template text again, in the canonical
//! form that Go shows in error messages. Trees nest at most as deep as
//! [`Limits::nesting_max`](crate::Limits::nesting_max) allows, so recursion over them is safe.

use std::sync::Arc;

use crate::error::line_and_column;

/// The text that templates were parsed from; shared by all templates of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name given to the parser: a file's name, or empty for an inline string.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// Translates a byte offset into a line and a column, both counted from 1.
    #[must_use]
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        line_and_column(&self.text, offset)
    }
}

/// One named template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// The name by which `{{template}}` finds it.
    pub name: Arc<str>,
    /// Where it was written; the offsets of its nodes point into this text.
    pub source: Source,
    /// What it does, in order.
    pub body: Vec<Node>,
}

impl Template {
    /// Says whether the template holds nothing but white space.
    ///
    /// Such a template never replaces another one of the same name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.iter().all(|node| match node {
            Node::Text(text) => text.text.trim().is_empty(),
            _ => false,
        })
    }
}

/// One step of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Text that is copied as it is.
    Text(Text),
    /// `{{pipeline}}`: prints a value, or only sets variables when it declares any.
    Action(Pipeline),
    /// `{{if}}` with all its `{{else if}}` branches.
    If(Conditional),
    /// `{{with}}` with all its `{{else with}}` branches.
    With(Conditional),
    /// `{{range}}`.
    Range(Range),
    /// `{{template}}`, or the place where a `{{block}}` stands.
    Call(Call),
    /// `{{break}}`, at this byte offset.
    Break(usize),
    /// `{{continue}}`, at this byte offset.
    Continue(usize),
}

/// Text between actions, already trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Byte offset in the source.
    pub offset: usize,
    /// The text to copy.
    pub text: Box<str>,
}

/// `{{if}}` or `{{with}}`: the first branch whose condition holds is taken.
///
/// Variables that a condition declares live until the end of the whole conditional.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditional {
    /// Byte offset of the keyword.
    pub offset: usize,
    /// The branches in order; never empty.
    pub branches: Vec<Branch>,
    /// What to do when no condition holds.
    pub otherwise: Option<Vec<Node>>,
}

/// One condition and what to do when it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The value that is tested.
    pub condition: Pipeline,
    /// What to do.
    pub body: Vec<Node>,
}

/// `{{range}}`: repeats its body for every element.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Byte offset of the keyword.
    pub offset: usize,
    /// What to go through. It declares at most two variables: the element, or index and element.
    pub pipeline: Pipeline,
    /// What to do for each element.
    pub body: Vec<Node>,
    /// What to do when there is no element.
    pub otherwise: Option<Vec<Node>>,
}

/// `{{template "name" pipeline}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Byte offset of the name.
    pub offset: usize,
    /// The template to run. It is looked up at execution.
    pub name: Arc<str>,
    /// The value that becomes dot; none is nil.
    pub argument: Option<Pipeline>,
}

/// Commands that hand their results on, optionally into variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Byte offset of the first token.
    pub offset: usize,
    /// How the variables are set; meaningless without any.
    pub binding: Binding,
    /// The variables to set, with their `$`.
    pub variables: Vec<Arc<str>>,
    /// The commands in order; never empty.
    pub commands: Vec<Command>,
}

/// The difference between `:=` and `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// `:=` makes new variables.
    Declare,
    /// `=` changes variables that exist.
    ///
    /// As in Go, the parser takes any name here; a missing variable is an execution error.
    Assign,
}

/// One operand and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Byte offset of the first token.
    pub offset: usize,
    /// The operands; never empty. When there are several, the first one is called with the others.
    pub operands: Vec<Operand>,
}

/// A value, or something that can be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// Byte offset of the operand; of one with chained fields (`.A.B`, `(x).A`) that of the first chained field.
    pub offset: usize,
    /// What it is.
    pub kind: OperandKind,
}

/// The kinds of operand.
#[derive(Debug, Clone, PartialEq)]
pub enum OperandKind {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// A number or a character constant.
    Number(Number),
    /// A string literal.
    String(StringLiteral),
    /// `.A.B`: fields, map keys or methods, starting at dot. Never empty.
    Field(Vec<Arc<str>>),
    /// `$x.A.B`; the name has its `$`, and the root variable is just `$`.
    Variable {
        /// The variable, with its `$`.
        name: Arc<str>,
        /// The fields taken from it, often none.
        fields: Vec<Arc<str>>,
    },
    /// The name of a function.
    Function(Arc<str>),
    /// A pipeline in parentheses.
    Pipeline(Box<Pipeline>),
    /// `(pipeline).A.B` or `function.A`.
    Chain {
        /// What the fields are taken from: a pipeline or a function.
        base: Box<Operand>,
        /// The fields, never empty.
        fields: Vec<Arc<str>>,
    },
}

/// A numeric constant and everything it can be used as.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// As written.
    pub text: Box<str>,
    /// The value as a signed integer, when it is one.
    pub int: Option<i64>,
    /// The value as an unsigned integer, when it is one.
    pub uint: Option<u64>,
    /// The value as a float, unless it has an imaginary part.
    pub float: Option<f64>,
    /// Real and imaginary part, when it was written as a complex or imaginary constant.
    pub complex: Option<(f64, f64)>,
}

/// A string constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    /// As written, with its quotation marks.
    pub quoted: Box<str>,
    /// The value: bytes, because a Go string need not be UTF-8.
    pub value: Box<[u8]>,
}
