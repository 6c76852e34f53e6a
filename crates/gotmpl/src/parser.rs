//! Tokens to trees.
//!
//! A recursive descent over [`Lexer`] with a short pushback. Recursion happens only for blocks
//! and parentheses, and both count against [`Limits::nesting_max`]. This file holds the token
//! handling and what stands at the top of a source; [`control`] reads blocks, [`pipeline`] what
//! stands inside an action.

mod control;
mod pipeline;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{Node, Source, Template, Text};
use crate::error::line_and_column;
use crate::lexer::{Keyword, Kind, Lexer, Token};
use crate::quote::{quote, unquote};
use crate::{Functions, Limits, ParseError, Templates};

/// What every step of the parser gives.
type Parsed<T> = Result<T, ParseError>;

/// Reads one source.
pub(crate) struct Parser<'s> {
    name: &'s str,
    source: &'s str,
    shared_source: Source,
    functions: &'s Functions,
    limits: &'s Limits,
    lexer: Lexer<'s>,
    /// Tokens given back; the last one is read next. Never more than three.
    pushback: Vec<Token>,
    templates: Templates,
    scope: Scope,
    /// Open blocks and parentheses.
    nesting: usize,
    /// The offset of the action that is being read.
    action_start: Option<usize>,
}

/// What is visible inside one template; every definition starts with a new one.
struct Scope {
    /// The variables in the order of their declaration.
    variables: Vec<Arc<str>>,
    /// How often each name stands in `variables`, so that a look-up does not search.
    counts: HashMap<Arc<str>, usize>,
    /// Open `{{range}}` blocks.
    ranges: usize,
}

impl Scope {
    fn new() -> Self {
        let mut scope = Self {
            variables: Vec::new(),
            counts: HashMap::new(),
            ranges: 0,
        };
        scope.declare("$".into());
        scope
    }

    fn declare(&mut self, name: Arc<str>) {
        *self.counts.entry(Arc::clone(&name)).or_insert(0) += 1;
        self.variables.push(name);
    }

    fn contains(&self, name: &str) -> bool {
        self.counts.get(name).is_some_and(|count| *count > 0)
    }

    /// Forgets the variables declared since there were `length` of them.
    fn truncate(&mut self, length: usize) {
        for name in self.variables.drain(length..) {
            if let Some(count) = self.counts.get_mut(&name) {
                *count -= 1;
            }
        }
    }
}

/// What ended a list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Else,
    End,
}

impl Ending {
    fn text(self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            Self::End => "{{end}}",
        }
    }
}

/// One step of a list: a node, or the token pair that ends the list.
enum Step {
    Node(Node),
    Ending(Ending),
}

impl<'s> Parser<'s> {
    pub(crate) fn new(
        name: &'s str,
        source: &'s str,
        functions: &'s Functions,
        limits: &'s Limits,
    ) -> Self {
        Self {
            name,
            source,
            shared_source: Source {
                name: name.into(),
                text: source.into(),
            },
            functions,
            limits,
            lexer: Lexer::new(source),
            pushback: Vec::new(),
            templates: Templates::default(),
            scope: Scope::new(),
            nesting: 0,
            action_start: None,
        }
    }

    /// Reads the whole source.
    pub(crate) fn parse(mut self) -> Parsed<Templates> {
        let mut body = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelimiter {
                let delimiter = self.next();
                let first = self.next_non_space();
                if first.kind == Kind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.push_back(first);
                self.push_back(delimiter);
            }
            match self.text_or_action()? {
                Step::Node(node) => body.push(node),
                Step::Ending(ending) => {
                    return Err(self.error(format!("unexpected {}", ending.text())));
                }
            }
        }
        self.define(self.name.into(), body)?;
        Ok(self.templates)
    }

    /// Reads a definition, of which `{{define` is already read.
    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let name = self.next_non_space();
        let name = self.template_name(name, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let body = self.separate_body(CONTEXT)?;
        self.define(name, body)
    }

    /// Reads the body of a definition or a block up to its `{{end}}`, in a scope of its own.
    fn separate_body(&mut self, context: &str) -> Parsed<Vec<Node>> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let (body, ending) = self.list()?;
        self.scope = outer;
        if ending == Ending::End {
            Ok(body)
        } else {
            Err(self.error(format!("unexpected {} in {context}", ending.text())))
        }
    }

    fn define(&mut self, name: Arc<str>, body: Vec<Node>) -> Parsed<()> {
        let quoted = quote(&name);
        let template = Template {
            name,
            source: self.shared_source.clone(),
            body,
        };
        if self.templates.define(template) {
            Ok(())
        } else {
            Err(self.error(format!(
                "template: multiple definition of template {quoted}"
            )))
        }
    }

    /// Reads nodes up to `{{else}}` or `{{end}}`.
    fn list(&mut self) -> Parsed<(Vec<Node>, Ending)> {
        self.enter()?;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Step::Node(node) => nodes.push(node),
                Step::Ending(ending) => {
                    self.nesting -= 1;
                    return Ok((nodes, ending));
                }
            }
        }
        Err(self.error("unexpected EOF".to_owned()))
    }

    fn text_or_action(&mut self) -> Parsed<Step> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(Text {
                offset: token.start,
                text: self.text(token).into(),
            }))),
            Kind::LeftDelimiter => {
                self.action_start = Some(token.start);
                let step = self.action();
                self.action_start = None;
                step
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn template_name(&self, token: Token, context: &str) -> Parsed<Arc<str>> {
        match token.kind {
            Kind::String | Kind::RawString => {
                let bytes = self.unquoted(token)?;
                // A name that is not UTF-8 can only be called by the same spelling.
                Ok(String::from_utf8_lossy(&bytes).into())
            }
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn unquoted(&self, token: Token) -> Parsed<Vec<u8>> {
        unquote(self.text(token))
            .map_err(|_| self.error_at(token.start, "invalid syntax".to_owned()))
    }

    /// Counts one more level of nesting; the caller takes it back.
    fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > self.limits.nesting_max {
            let limit = self.limits.nesting_max;
            return Err(self.error(format!("max expression depth exceeded: at most {limit}")));
        }
        Ok(())
    }

    fn text(&self, token: Token) -> &'s str {
        &self.source[token.start..token.end]
    }

    fn next(&mut self) -> Token {
        self.pushback
            .pop()
            .unwrap_or_else(|| self.lexer.next_token())
    }

    fn push_back(&mut self, token: Token) {
        self.pushback.push(token);
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.push_back(token);
        token
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.push_back(token);
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind {
            Ok(token)
        } else {
            Err(self.unexpected(token, context))
        }
    }

    /// Makes an error at the token that is read next, or at the last one of the source.
    fn error(&mut self, message: String) -> ParseError {
        let offset = self.peek().start;
        self.error_at(offset, message)
    }

    fn error_at(&self, offset: usize, message: String) -> ParseError {
        ParseError::at(self.name, self.source, offset, message)
    }

    fn unexpected(&self, token: Token, context: &str) -> ParseError {
        if token.kind != Kind::Error {
            let found = self.shown(token);
            return self.error_at(token.start, format!("unexpected {found} in {context}"));
        }
        let message = self.lexer.error();
        let (line, _) = line_and_column(self.source, token.start);
        let action_line = self
            .action_start
            .map(|start| line_and_column(self.source, start).0);
        let place = match action_line {
            Some(started) if started != line => {
                // Not "unclosed action in action started".
                let what = if message.ends_with(" action") {
                    ""
                } else {
                    " in action"
                };
                format!("{what} started at {}:{started}", self.name)
            }
            _ => String::new(),
        };
        self.error_at(token.start, format!("{message}{place}"))
    }

    /// Shows a token in a message, shortened when it is long.
    fn shown(&self, token: Token) -> String {
        const SHOWN_CHARS: usize = 10;
        let text = self.text(token);
        match token.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Keyword(_) => format!("<{text}>"),
            _ if text.len() > SHOWN_CHARS => {
                format!(
                    "{}...",
                    quote(&text.chars().take(SHOWN_CHARS).collect::<String>())
                )
            }
            _ => quote(text),
        }
    }
}
