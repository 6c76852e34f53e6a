//! Trees back to text, in the canonical form of Go's error messages.

use std::fmt::{Display, Formatter, Result};
use std::sync::Arc;

use crate::ast::{
    Binding, Call, Command, Conditional, Node, Operand, OperandKind, Pipeline, Range, Template,
};
use crate::quote::quote;

impl Display for Template {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        list(f, &self.body)
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(text) => f.write_str(&text.text),
            Self::Action(pipeline) => write!(f, "{{{{{pipeline}}}}}"),
            Self::If(conditional) => branches(f, "if", conditional),
            Self::With(conditional) => branches(f, "with", conditional),
            Self::Range(range) => range.fmt(f),
            Self::Call(call) => call.fmt(f),
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl Display for Range {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{range {}}}}}", self.pipeline)?;
        list(f, &self.body)?;
        ending(f, self.otherwise.as_deref())
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{template {}", quote(&self.name))?;
        if let Some(argument) = &self.argument {
            write!(f, " {argument}")?;
        }
        f.write_str("}}")
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        joined(f, &self.variables, ", ")?;
        if !self.variables.is_empty() {
            f.write_str(match self.binding {
                Binding::Declare => " := ",
                Binding::Assign => " = ",
            })?;
        }
        joined(f, &self.commands, " | ")
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        joined(f, &self.operands, " ")
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.kind {
            OperandKind::Dot => f.write_str("."),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Bool(value) => value.fmt(f),
            OperandKind::Number(number) => f.write_str(&number.text),
            OperandKind::String(string) => f.write_str(&string.quoted),
            OperandKind::Field(fields) => chain(f, fields),
            OperandKind::Variable { name, fields } => {
                f.write_str(name)?;
                chain(f, fields)
            }
            OperandKind::Function(name) => f.write_str(name),
            OperandKind::Pipeline(pipeline) => write!(f, "({pipeline})"),
            OperandKind::Chain { base, fields } => {
                base.fmt(f)?;
                chain(f, fields)
            }
        }
    }
}

fn branches(f: &mut Formatter<'_>, keyword: &str, conditional: &Conditional) -> Result {
    for (index, branch) in conditional.branches.iter().enumerate() {
        let before = if index == 0 { "" } else { "else " };
        write!(f, "{{{{{before}{keyword} {}}}}}", branch.condition)?;
        list(f, &branch.body)?;
    }
    ending(f, conditional.otherwise.as_deref())
}

fn ending(f: &mut Formatter<'_>, otherwise: Option<&[Node]>) -> Result {
    if let Some(nodes) = otherwise {
        f.write_str("{{else}}")?;
        list(f, nodes)?;
    }
    f.write_str("{{end}}")
}

fn list(f: &mut Formatter<'_>, nodes: &[Node]) -> Result {
    nodes.iter().try_for_each(|node| node.fmt(f))
}

fn chain(f: &mut Formatter<'_>, fields: &[Arc<str>]) -> Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

fn joined<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
