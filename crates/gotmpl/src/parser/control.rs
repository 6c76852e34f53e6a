//! Actions that direct the flow: `if`, `with`, `range`, `template`, `block` and their endings.

use super::{Ending, Parsed, Parser, Step};
use crate::ast::{Branch, Call, Conditional, Node, Range};
use crate::lexer::{Keyword, Kind};

impl Parser<'_> {
    /// Reads an action, of which `{{` is already read.
    pub(super) fn action(&mut self) -> Parsed<Step> {
        let token = self.next_non_space();
        let Kind::Keyword(keyword) = token.kind else {
            self.push_back(token);
            return self.plain_action();
        };
        let node = match keyword {
            Keyword::If => Node::If(self.conditional(token.start, Keyword::If, "if")?),
            Keyword::With => Node::With(self.conditional(token.start, Keyword::With, "with")?),
            Keyword::Range => Node::Range(self.range(token.start)?),
            Keyword::Template => Node::Call(self.template_call()?),
            Keyword::Block => Node::Call(self.block()?),
            Keyword::Break => {
                self.inside_range("{{break}}", token.start)?;
                Node::Break(token.start)
            }
            Keyword::Continue => {
                self.inside_range("{{continue}}", token.start)?;
                Node::Continue(token.start)
            }
            Keyword::Else => return self.else_clause(),
            Keyword::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Step::Ending(Ending::End));
            }
            Keyword::Define | Keyword::Dot | Keyword::Nil => {
                self.push_back(token);
                return self.plain_action();
            }
        };
        Ok(Step::Node(node))
    }

    fn plain_action(&mut self) -> Parsed<Step> {
        // Its variables live until the end of the block around it.
        let pipeline = self.pipeline("command", Kind::RightDelimiter)?;
        Ok(Step::Node(Node::Action(pipeline)))
    }

    /// Reads what follows `{{else`; of `{{else if`, the `if` is left for the block to find.
    fn else_clause(&mut self) -> Parsed<Step> {
        let next = self.peek_non_space();
        if !matches!(next.kind, Kind::Keyword(Keyword::If | Keyword::With)) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Step::Ending(Ending::Else))
    }

    /// Reads an `if` or a `with` with all its branches, in a loop: a chain of any length is flat.
    fn conditional(
        &mut self,
        offset: usize,
        keyword: Keyword,
        context: &str,
    ) -> Parsed<Conditional> {
        let variables = self.scope.variables.len();
        let mut branches = Vec::new();
        let otherwise = loop {
            let condition = self.pipeline(context, Kind::RightDelimiter)?;
            let (body, ending) = self.list()?;
            branches.push(Branch { condition, body });
            if ending == Ending::End {
                break None;
            }
            if self.peek().kind != Kind::Keyword(keyword) {
                break Some(self.otherwise()?);
            }
            self.next();
        };
        self.scope.truncate(variables);
        Ok(Conditional {
            offset,
            branches,
            otherwise,
        })
    }

    fn range(&mut self, offset: usize) -> Parsed<Range> {
        let variables = self.scope.variables.len();
        let pipeline = self.pipeline("range", Kind::RightDelimiter)?;
        self.scope.ranges += 1;
        let (body, ending) = self.list()?;
        self.scope.ranges -= 1;
        let otherwise = match ending {
            Ending::Else => Some(self.otherwise()?),
            Ending::End => None,
        };
        self.scope.truncate(variables);
        Ok(Range {
            offset,
            pipeline,
            body,
            otherwise,
        })
    }

    fn otherwise(&mut self) -> Parsed<Vec<Node>> {
        match self.list()? {
            (nodes, Ending::End) => Ok(nodes),
            (_, Ending::Else) => Err(self.error("expected end; found {{else}}".to_owned())),
        }
    }

    fn template_call(&mut self) -> Parsed<Call> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let next = self.next_non_space();
        let argument = if next.kind == Kind::RightDelimiter {
            None
        } else {
            self.push_back(next);
            Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?)
        };
        Ok(Call {
            offset: token.start,
            name,
            argument,
        })
    }

    /// Reads a block: a definition and, at its place, a call of it.
    fn block(&mut self) -> Parsed<Call> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let argument = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        let body = self.separate_body(CONTEXT)?;
        self.define(name.clone(), body)?;
        Ok(Call {
            offset: token.start,
            name,
            argument: Some(argument),
        })
    }

    fn inside_range(&mut self, action: &str, offset: usize) -> Parsed<()> {
        self.expect(Kind::RightDelimiter, action)?;
        if self.scope.ranges == 0 {
            return Err(self.error_at(offset, format!("{action} outside {{{{range}}}}")));
        }
        Ok(())
    }
}
