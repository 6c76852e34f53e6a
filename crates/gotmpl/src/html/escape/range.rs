//! Ranges: a body runs any number of times, and is left in the middle.

use super::{Walk, Walked};
use crate::ast::{Node, Range, Template};
use crate::html::context::Context;
use crate::html::fault::EscapeError;
use crate::html::state::State;

/// A place where `{{break}}` or `{{continue}}` leaves the body of a range.
pub(super) struct Exit {
    context: Context,
    offset: usize,
    keyword: &'static str,
}

impl Walk<'_> {
    pub(super) fn range(
        &mut self,
        context: &mut Context,
        node: &Range,
        template: &Template,
    ) -> Walked<Node> {
        let offset = node.pipeline.offset;
        let (mut end, body) = self.range_body(context.clone(), node, template)?;
        // A second round starts where the first one ended and has to end there, too.
        if end != *context {
            let mark = self.order.len();
            self.exits.push(Vec::new());
            let walked = self.list(end.clone(), &node.body, template);
            self.forget(mark);
            let exits = self.exits.pop().unwrap_or_default();
            let (again, _) = walked?;
            end = self
                .join(&end, &again, "range", offset, template)
                .map_err(|error| prefixed(error, "on range loop re-entry: "))?;
            end = self.join_exits(end, exits, template)?;
        }
        let otherwise = self.otherwise(context, node.otherwise.as_deref(), template)?;
        *context = self.join(&end, context, "range", offset, template)?;
        Ok(Node::Range(Range {
            offset: node.offset,
            pipeline: node.pipeline.clone(),
            body,
            otherwise,
        }))
    }

    fn range_body(
        &mut self,
        start: Context,
        node: &Range,
        template: &Template,
    ) -> Walked<(Context, Vec<Node>)> {
        self.exits.push(Vec::new());
        let walked = self.list(start, &node.body, template);
        let exits = self.exits.pop().unwrap_or_default();
        let (end, body) = walked?;
        Ok((self.join_exits(end, exits, template)?, body))
    }

    pub(super) fn leave_range(
        &mut self,
        context: &mut Context,
        offset: usize,
        keyword: &'static str,
    ) {
        let context = std::mem::replace(
            context,
            Context {
                state: State::Dead,
                ..Context::default()
            },
        );
        // The parser sees to it that there is a range around.
        if let Some(exits) = self.exits.last_mut() {
            exits.push(Exit {
                context,
                offset,
                keyword,
            });
        }
    }

    /// Joins the end of a range's body with the places that leave it, first all breaks.
    fn join_exits(
        &self,
        mut end: Context,
        mut exits: Vec<Exit>,
        template: &Template,
    ) -> Walked<Context> {
        exits.sort_by_key(|exit| exit.keyword);
        for exit in exits {
            end = self
                .join(&end, &exit.context, exit.keyword, exit.offset, template)
                .map_err(|error| prefixed(error, &format!("at range loop {}: ", exit.keyword)))?;
        }
        Ok(end)
    }
}

fn prefixed(mut error: Box<EscapeError>, prefix: &str) -> Box<EscapeError> {
    error.message.insert_str(0, prefix);
    error
}
