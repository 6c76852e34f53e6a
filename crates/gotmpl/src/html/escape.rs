//! The walk over the templates that one template reaches.
//!
//! The walk builds new trees and leaves the given ones alone, so a part of it can be thrown away:
//! the second look at the body of a `{{range}}`, and the first attempt at a template that calls
//! itself.

mod range;

use std::collections::HashMap;
use std::sync::Arc;

use super::context::Context;
use super::fault::{ErrorCode, EscapeError, Fault, Place};
use super::state::State;
use super::{Limits, pipeline, text};
use crate::Templates;
use crate::ast::{Branch, Call, Conditional, Node, Pipeline, Template, Text};
use range::Exit;

/// Escapes a template and all that it calls.
///
/// The result has what is needed to execute the template, and nothing else. A template that does
/// not exist gives an empty set.
///
/// # Errors
/// The first reason why some output cannot be made safe, or a bound of `limits` that is exceeded.
pub fn escape(
    templates: &Templates,
    name: &str,
    limits: &Limits,
) -> Result<Templates, EscapeError> {
    let Some(template) = templates.get(name) else {
        return Ok(Templates::default());
    };
    let mut walk = Walk {
        templates,
        limits,
        entry: name,
        depth: 0,
        work_bytes: 0,
        open: HashMap::new(),
        done: HashMap::new(),
        order: Vec::new(),
        exits: Vec::new(),
    };
    let end = walk
        .template(Context::default(), template, Arc::clone(&template.name))
        .map_err(|error| *error)?;
    if end.state != State::Text {
        let message = format!("ends in a non-text context: {end}");
        let fault = Fault::new(ErrorCode::EndContext, message);
        return Err(*walk.error(template, None, fault));
    }
    let mut escaped = Templates::default();
    for (_, done) in walk.done {
        escaped.insert(done.template);
    }
    Ok(escaped)
}

struct Walk<'t> {
    templates: &'t Templates,
    limits: &'t Limits,
    /// The name of the template to be executed.
    entry: &'t str,
    depth: usize,
    work_bytes: usize,
    /// The templates around the current place, by their derived names.
    open: HashMap<Arc<str>, Open>,
    /// The escaped templates, by their derived names.
    done: HashMap<Arc<str>, Done>,
    /// The names of `done` in the order in which they came.
    order: Vec<Arc<str>>,
    /// For each open range, where `{{break}}` and `{{continue}}` leave its body.
    exits: Vec<Vec<Exit>>,
}

struct Open {
    /// The context in which a call of the template from inside is assumed to end.
    assumed: Context,
    /// Whether there was such a call.
    recursed: bool,
}

struct Done {
    end: Context,
    template: Template,
}

/// The error is boxed to keep the frames of the recursion small.
type Walked<T> = Result<T, Box<EscapeError>>;

impl Walk<'_> {
    /// Escapes a template for a context, under its derived name; gives the context where it ends.
    fn template(
        &mut self,
        start: Context,
        template: &Template,
        derived: Arc<str>,
    ) -> Walked<Context> {
        let mark = self.order.len();
        let mut assumed = start.clone();
        // The first guess is right for nearly all templates that call themselves.
        for attempt in 0..2 {
            let open = Open {
                assumed: assumed.clone(),
                recursed: false,
            };
            self.open.insert(Arc::clone(&derived), open);
            let walked = self.list(start.clone(), &template.body, template);
            let recursed = self.open.remove(&derived).is_some_and(|open| open.recursed);
            match walked {
                Ok((end, body)) if !recursed || end == assumed => {
                    self.finish(derived, template, &end, body);
                    return Ok(end);
                }
                Ok((end, _)) => assumed = end,
                Err(error) if attempt == 0 || error.code == ErrorCode::Limit => return Err(error),
                Err(_) => {}
            }
            self.forget(mark);
        }
        let message = format!("cannot compute output context for template {derived}");
        let fault = Fault::new(ErrorCode::OutputContext, message);
        Err(self.error(template, Some(first_offset(&template.body)), fault))
    }

    fn finish(&mut self, derived: Arc<str>, template: &Template, end: &Context, body: Vec<Node>) {
        self.order.push(Arc::clone(&derived));
        let done = Done {
            end: end.clone(),
            template: Template {
                name: Arc::clone(&derived),
                source: template.source.clone(),
                body,
            },
        };
        self.done.insert(derived, done);
    }

    /// Forgets the templates that were done since there were this many.
    fn forget(&mut self, mark: usize) {
        for name in self.order.drain(mark..) {
            self.done.remove(&name);
        }
    }

    fn list(
        &mut self,
        start: Context,
        nodes: &[Node],
        template: &Template,
    ) -> Walked<(Context, Vec<Node>)> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return Err(self.limit(template, first_offset(nodes), "nest too deeply"));
        }
        let mut context = start;
        let mut escaped = Vec::with_capacity(nodes.len());
        for node in nodes {
            // Nothing comes here.
            if context.state == State::Dead {
                break;
            }
            self.pay(weight(node), node, template)?;
            escaped.push(self.node(&mut context, node, template)?);
        }
        self.depth -= 1;
        Ok((context, escaped))
    }

    fn pay(&mut self, bytes: usize, node: &Node, template: &Template) -> Walked<()> {
        self.work_bytes = self.work_bytes.saturating_add(bytes);
        if self.work_bytes > self.limits.work_bytes_max {
            return Err(self.limit(template, offset_of(node), "take too much work to escape"));
        }
        Ok(())
    }

    fn node(&mut self, context: &mut Context, node: &Node, template: &Template) -> Walked<Node> {
        match node {
            Node::If(inner) => self.conditional(context, inner, ("if", Node::If), template),
            Node::With(inner) => self.conditional(context, inner, ("with", Node::With), template),
            Node::Range(range) => self.range(context, range, template),
            Node::Call(call) => self.call(context, call, template),
            leaf => self.leaf(context, leaf, template),
        }
    }

    /// Escapes a node without others inside; apart from the rest to keep that small on the stack.
    fn leaf(&mut self, context: &mut Context, node: &Node, template: &Template) -> Walked<Node> {
        Ok(match node {
            Node::Text(text) => Node::Text(self.text(context, text, template)?),
            Node::Action(pipeline) => Node::Action(self.action(context, pipeline, template)?),
            Node::Break(offset) => {
                self.leave_range(context, *offset, "break");
                Node::Break(*offset)
            }
            Node::Continue(offset) => {
                self.leave_range(context, *offset, "continue");
                Node::Continue(*offset)
            }
            other => other.clone(),
        })
    }

    fn text(&mut self, context: &mut Context, node: &Text, template: &Template) -> Walked<Text> {
        let rewritten = text::rewrite(context, &node.text)
            .map_err(|fault| self.error(template, Some(node.offset + fault.at), fault))?;
        Ok(Text {
            offset: node.offset,
            text: rewritten.into(),
        })
    }

    fn action(
        &mut self,
        context: &mut Context,
        pipeline: &Pipeline,
        template: &Template,
    ) -> Walked<Pipeline> {
        // It sets variables and prints nothing.
        if !pipeline.variables.is_empty() {
            return Ok(pipeline.clone());
        }
        let (after, rewritten) = pipeline::rewrite(context, pipeline)
            .map_err(|fault| self.error(template, Some(pipeline.offset), fault))?;
        *context = after;
        Ok(rewritten)
    }

    fn conditional(
        &mut self,
        context: &mut Context,
        node: &Conditional,
        (keyword, wrap): (&str, fn(Conditional) -> Node),
        template: &Template,
    ) -> Walked<Node> {
        let mut branches = Vec::with_capacity(node.branches.len());
        let mut ends = Vec::with_capacity(node.branches.len());
        for branch in &node.branches {
            let (end, body) = self.list(context.clone(), &branch.body, template)?;
            let condition = branch.condition.clone();
            ends.push((end, condition.offset));
            branches.push(Branch { condition, body });
        }
        let otherwise = self.otherwise(context, node.otherwise.as_deref(), template)?;
        // As if each `else if` were an `if` of its own inside the `else`.
        for (end, offset) in ends.into_iter().rev() {
            *context = self.join(&end, context, keyword, offset, template)?;
        }
        Ok(wrap(Conditional {
            offset: node.offset,
            branches,
            otherwise,
        }))
    }

    /// Escapes an `else`, if there is one; without one the context stays.
    fn otherwise(
        &mut self,
        context: &mut Context,
        nodes: Option<&[Node]>,
        template: &Template,
    ) -> Walked<Option<Vec<Node>>> {
        let Some(nodes) = nodes else {
            return Ok(None);
        };
        let (end, escaped) = self.list(context.clone(), nodes, template)?;
        *context = end;
        Ok(Some(escaped))
    }

    fn call(&mut self, context: &mut Context, node: &Call, template: &Template) -> Walked<Node> {
        let derived: Arc<str> = context.derived_name(&node.name).into();
        let end = if let Some(open) = self.open.get_mut(&derived) {
            open.recursed = true;
            open.assumed.clone()
        } else if let Some(done) = self.done.get(&derived) {
            done.end.clone()
        } else {
            self.refuse_too_many(&derived, node, template)?;
            let Some(called) = self.templates.get(&node.name) else {
                let message = format!("no such template {}", crate::quote::quote(&node.name));
                let fault = Fault::new(ErrorCode::NoSuchTemplate, message);
                return Err(self.error(template, Some(node.offset), fault));
            };
            self.template(context.clone(), called, Arc::clone(&derived))?
        };
        *context = end;
        Ok(Node::Call(Call {
            offset: node.offset,
            name: derived,
            argument: node.argument.clone(),
        }))
    }

    /// Refuses one more copy of a template, or one under the name of another template.
    fn refuse_too_many(&self, derived: &str, node: &Call, template: &Template) -> Walked<()> {
        if *derived == *node.name {
            return Ok(());
        }
        if self.done.len() + self.open.len() >= self.limits.derived_max + self.templates.len() {
            let message = "are called in too many contexts";
            return Err(self.limit(template, node.offset, message));
        }
        if self.templates.get(derived).is_some() {
            let message = format!("the name {} is needed", crate::quote::quote(derived));
            let fault = Fault::new(ErrorCode::NoSuchTemplate, message);
            return Err(self.error(template, Some(node.offset), fault));
        }
        Ok(())
    }

    fn join(
        &self,
        one: &Context,
        other: &Context,
        keyword: &str,
        offset: usize,
        template: &Template,
    ) -> Walked<Context> {
        one.join(other).ok_or_else(|| {
            let message =
                format!("{{{{{keyword}}}}} branches end in different contexts: {one}, {other}");
            let fault = Fault::new(ErrorCode::BranchEnd, message);
            self.error(template, Some(offset), fault)
        })
    }

    fn limit(&self, template: &Template, offset: usize, what: &str) -> Box<EscapeError> {
        let fault = Fault::new(ErrorCode::Limit, format!("the templates {what}"));
        self.error(template, Some(offset), fault)
    }

    fn error(&self, template: &Template, offset: Option<usize>, fault: Fault) -> Box<EscapeError> {
        Box::new(EscapeError {
            code: fault.code,
            template: self.entry.to_owned(),
            place: offset.map(|offset| Place::of(&template.source, offset)),
            message: fault.message,
        })
    }
}

/// About how many bytes a copy of a node takes, without the bodies inside it.
fn weight(node: &Node) -> usize {
    let inner = match node {
        Node::Text(text) => text.text.len(),
        Node::Action(pipeline) => pipeline::weight(pipeline),
        Node::If(conditional) | Node::With(conditional) => {
            let branches = conditional.branches.iter();
            branches
                .map(|branch| size_of::<Branch>() + pipeline::weight(&branch.condition))
                .sum()
        }
        Node::Range(range) => pipeline::weight(&range.pipeline),
        // The name of the copy that is called is longer by the name of the context.
        Node::Call(call) => {
            call.argument.as_ref().map_or(0, pipeline::weight) + call.name.len() + 256
        }
        Node::Break(_) | Node::Continue(_) => 0,
    };
    size_of::<Node>() + inner
}

fn first_offset(nodes: &[Node]) -> usize {
    nodes.first().map_or(0, offset_of)
}

fn offset_of(node: &Node) -> usize {
    match node {
        Node::Text(text) => text.offset,
        Node::Action(pipeline) => pipeline.offset,
        Node::If(conditional) | Node::With(conditional) => conditional.offset,
        Node::Range(range) => range.offset,
        Node::Call(call) => call.offset,
        Node::Break(offset) | Node::Continue(offset) => *offset,
    }
}
