//! What stands inside an action: pipelines, commands, operands.

use std::sync::Arc;

use super::{Parsed, Parser};
use crate::ast::{Binding, Command, Operand, OperandKind, Pipeline, StringLiteral};
use crate::lexer::{Keyword, Kind, Token};
use crate::number;
use crate::quote::quote;

impl Parser<'_> {
    /// Reads a pipeline and the token that ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipeline> {
        let offset = self.peek_non_space().start;
        let (binding, variables) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                break;
            }
            if !starts_command(token.kind) {
                return Err(self.unexpected(token, context));
            }
            self.push_back(token);
            commands.push(self.command()?);
        }
        if commands.is_empty() {
            return Err(self.error_at(offset, format!("missing value for {context}")));
        }
        // Only the first command may start with something that cannot be called.
        for (index, command) in commands.iter().enumerate().skip(1) {
            if command
                .operands
                .first()
                .is_some_and(|operand| is_plain_value(&operand.kind))
            {
                let message = format!("non executable command in pipeline stage {}", index + 1);
                return Err(self.error_at(command.offset, message));
            }
        }
        Ok(Pipeline {
            offset,
            binding,
            variables,
            commands,
        })
    }

    /// Reads `$x :=`, `$x =` or, in a range, `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Parsed<(Binding, Vec<Arc<str>>)> {
        let mut names = Vec::new();
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok((Binding::Declare, names));
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            let binding = match next.kind {
                Kind::Assign => Some(Binding::Assign),
                Kind::Declare => Some(Binding::Declare),
                Kind::Char if self.text(next) == "," => None,
                _ => {
                    // The variable is an argument. The white space after it separates arguments.
                    if after.kind == Kind::Space {
                        self.push_back(after);
                    }
                    self.push_back(variable);
                    return Ok((Binding::Declare, names));
                }
            };
            self.next_non_space();
            let name: Arc<str> = self.text(variable).into();
            names.push(Arc::clone(&name));
            self.scope.declare(name);
            match binding {
                Some(binding) => return Ok((binding, names)),
                None if context == "range" && names.len() < 2 => self.second_variable_follows()?,
                None => {
                    let message = format!("too many declarations in {context}");
                    return Err(self.error_at(next.start, message));
                }
            }
        }
    }

    fn second_variable_follows(&mut self) -> Parsed<()> {
        match self.peek_non_space().kind {
            Kind::Variable | Kind::RightDelimiter | Kind::RightParen => Ok(()),
            _ => Err(self.error("range can only initialize variables".to_owned())),
        }
    }

    /// Reads operands up to the end of the pipeline, or up to and including a pipe.
    ///
    /// A pipe with nothing after it is thereby accepted, as in Go.
    fn command(&mut self) -> Parsed<Command> {
        let offset = self.peek_non_space().start;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelimiter | Kind::RightParen => {
                    self.push_back(token);
                    break;
                }
                Kind::Pipe => break,
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        if operands.is_empty() {
            return Err(self.error_at(offset, "empty command".to_owned()));
        }
        Ok(Command { offset, operands })
    }

    /// Reads a term and the fields chained to it.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(Operand { offset, kind }) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        let mut chained: Vec<Arc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            chained.push(self.field_name(token));
        }
        if chained.is_empty() {
            return Ok(Some(Operand { offset, kind }));
        }
        let kind = match kind {
            OperandKind::Field(mut fields) => {
                fields.append(&mut chained);
                OperandKind::Field(fields)
            }
            OperandKind::Variable { name, mut fields } => {
                fields.append(&mut chained);
                OperandKind::Variable { name, fields }
            }
            kind if is_plain_value(&kind) => {
                let term = quote(&Operand { offset, kind }.to_string());
                let message = format!("unexpected . after term {term}");
                return Err(self.error_at(first.start, message));
            }
            kind => OperandKind::Chain {
                base: Box::new(Operand { offset, kind }),
                fields: chained,
            },
        };
        // As in Go, a chained operand stands where its first chained field stands.
        Ok(Some(Operand {
            offset: first.start,
            kind,
        }))
    }

    /// Reads one term, or nothing when the next token does not start one.
    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.next_non_space();
        let text = self.text(token);
        let kind = match token.kind {
            Kind::Identifier if self.functions.contains(text) => OperandKind::Function(text.into()),
            Kind::Identifier => {
                let message = format!("function {} not defined", quote(text));
                return Err(self.error_at(token.start, message));
            }
            Kind::Variable if self.scope.contains(text) => OperandKind::Variable {
                name: text.into(),
                fields: Vec::new(),
            },
            Kind::Variable => {
                let message = format!("undefined variable {}", quote(text));
                return Err(self.error_at(token.start, message));
            }
            Kind::Keyword(Keyword::Dot) => OperandKind::Dot,
            Kind::Keyword(Keyword::Nil) => OperandKind::Nil,
            Kind::Field => OperandKind::Field(vec![self.field_name(token)]),
            Kind::Bool => OperandKind::Bool(text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => self.number(token)?,
            Kind::String | Kind::RawString => OperandKind::String(StringLiteral {
                quoted: text.into(),
                value: self.unquoted(token)?.into(),
            }),
            Kind::LeftParen => {
                self.enter()?;
                let pipeline = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.nesting -= 1;
                OperandKind::Pipeline(Box::new(pipeline))
            }
            _ => {
                self.push_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Operand {
            offset: token.start,
            kind,
        }))
    }

    fn number(&self, token: Token) -> Parsed<OperandKind> {
        let text = self.text(token);
        let number = match token.kind {
            Kind::CharConstant => number::character(text),
            Kind::Complex => number::complex(text),
            _ => number::number(text),
        };
        number
            .map(OperandKind::Number)
            .map_err(|message| self.error_at(token.start, message))
    }

    fn field_name(&self, token: Token) -> Arc<str> {
        let text = self.text(token);
        text.strip_prefix('.').unwrap_or(text).into()
    }
}

fn starts_command(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::CharConstant
            | Kind::Complex
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
            | Kind::Keyword(Keyword::Dot | Keyword::Nil)
    )
}

/// Says whether an operand can neither be called nor have fields.
fn is_plain_value(kind: &OperandKind) -> bool {
    matches!(
        kind,
        OperandKind::Bool(_)
            | OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Number(_)
            | OperandKind::String(_)
    )
}
