//! Places in a template, as error messages show them.

use super::Location;
use super::machine::cut;
use crate::ast::{Node, Operand, OperandKind, Pipeline, Template};

/// A piece of a template, found again by its kind and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: PlaceKind,
    pub(super) offset: usize,
}

/// The kinds of pieces that messages show; no two pieces of one kind have the same offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceKind {
    Pipeline,
    Command,
    Operand,
    Call,
}

impl Place {
    pub(super) fn new(kind: PlaceKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// Describes the place for a message.
    pub(super) fn locate(self, template: &Template) -> Location {
        let text = &template.source.text;
        let offset = (0..=self.offset.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at));
        let before = text.get(..offset.unwrap_or(0)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            source: template.source.name.to_string(),
            line: before.matches('\n').count() + 1,
            column: before.len() - line_start,
            piece: cut(self.in_nodes(&template.body).unwrap_or_default()),
        }
    }

    fn in_nodes(self, nodes: &[Node]) -> Option<String> {
        nodes.iter().find_map(|node| self.in_node(node))
    }

    fn in_node(self, node: &Node) -> Option<String> {
        match node {
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => None,
            Node::Action(pipeline) => self.in_pipeline(pipeline),
            Node::If(conditional) | Node::With(conditional) => {
                let mut branches = conditional.branches.iter();
                let found = branches.find_map(|branch| {
                    self.in_pipeline(&branch.condition)
                        .or_else(|| self.in_nodes(&branch.body))
                });
                found.or_else(|| self.in_nodes(conditional.otherwise.as_deref()?))
            }
            Node::Range(range) => self
                .in_pipeline(&range.pipeline)
                .or_else(|| self.in_nodes(&range.body))
                .or_else(|| self.in_nodes(range.otherwise.as_deref()?)),
            Node::Call(call) if self == Self::new(PlaceKind::Call, call.offset) => {
                Some(call.to_string())
            }
            Node::Call(call) => self.in_pipeline(call.argument.as_ref()?),
        }
    }

    fn in_pipeline(self, pipeline: &Pipeline) -> Option<String> {
        if self == Self::new(PlaceKind::Pipeline, pipeline.offset) {
            return Some(pipeline.to_string());
        }
        pipeline.commands.iter().find_map(|command| {
            if self == Self::new(PlaceKind::Command, command.offset) {
                return Some(command.to_string());
            }
            command
                .operands
                .iter()
                .find_map(|operand| self.in_operand(operand))
        })
    }

    fn in_operand(self, operand: &Operand) -> Option<String> {
        if self == Self::new(PlaceKind::Operand, operand.offset) {
            return Some(operand.to_string());
        }
        match &operand.kind {
            OperandKind::Pipeline(pipeline) => self.in_pipeline(pipeline),
            OperandKind::Chain { base, .. } => self.in_operand(base),
            _ => None,
        }
    }
}
