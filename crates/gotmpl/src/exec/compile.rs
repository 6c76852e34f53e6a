//! From the tree to operations. The order in which places are remembered is Go's, since messages show it.

use std::collections::HashMap;
use std::sync::Arc;

use super::constant;
use super::op::{Address, Arguments, Name, Op, Program, RangeOp};
use super::place::{Place, PlaceKind};
use crate::Value;
use crate::ast::{
    Call, Command, Conditional, Node, Operand, OperandKind, Pipeline, Range, Template,
};

/// Stands for an address that is filled in later.
const LATER: Address = usize::MAX;

pub(super) fn program(template: Arc<Template>) -> Program {
    let mut compiler = Compiler::default();
    compiler.name(&Arc::from("$"));
    compiler.nodes(&template.body);
    Program {
        template,
        code: compiler.code,
        variables: compiler.variables,
    }
}

#[derive(Default)]
struct Compiler {
    code: Vec<Op>,
    variables: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name>,
}

impl Compiler {
    fn emit(&mut self, op: Op) -> Address {
        self.code.push(op);
        self.code.len() - 1
    }

    fn here(&self) -> Address {
        self.code.len()
    }

    fn at(&mut self, kind: PlaceKind, offset: usize) -> Place {
        let place = Place::new(kind, offset);
        self.emit(Op::At(place));
        place
    }

    /// Makes a jump that was emitted go here.
    fn land(&mut self, jump: Address) {
        let here = self.here();
        if let Some(
            Op::Jump(to) | Op::Unless(to) | Op::With(to) | Op::Decide(to) | Op::Method(_, _, to),
        ) = self.code.get_mut(jump)
        {
            *to = here;
        }
    }

    fn name(&mut self, name: &Arc<str>) -> Name {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.variables.len();
        self.variables.push(Arc::clone(name));
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text(text) => {
                self.emit(Op::Text(text.text.clone()));
            }
            Node::Action(pipeline) => {
                self.pipeline(pipeline);
                let is_silent = !pipeline.variables.is_empty();
                self.emit(if is_silent { Op::Drop } else { Op::Print });
            }
            Node::If(conditional) => self.conditional(conditional, Op::Unless),
            Node::With(conditional) => self.conditional(conditional, Op::With),
            Node::Range(range) => self.range(range),
            Node::Call(call) => self.call(call),
            Node::Break(_) => {
                self.emit(Op::Break);
            }
            Node::Continue(_) => {
                self.emit(Op::Continue);
            }
        }
    }

    /// All variables of the conditions live until the end of the whole, so one scope is enough.
    fn conditional(&mut self, conditional: &Conditional, test: fn(Address) -> Op) {
        self.emit(Op::Enter);
        let mut exits = Vec::new();
        for branch in &conditional.branches {
            self.pipeline(&branch.condition);
            let skip = self.emit(test(LATER));
            self.nodes(&branch.body);
            exits.push(self.emit(Op::Jump(LATER)));
            self.land(skip);
        }
        self.nodes(conditional.otherwise.as_deref().unwrap_or_default());
        for exit in exits {
            self.land(exit);
        }
        self.emit(Op::Leave);
    }

    fn range(&mut self, range: &Range) {
        self.emit(Op::Enter);
        self.pipeline(&range.pipeline);
        let names = range.pipeline.variables.iter();
        let variables = names.map(|name| self.name(name)).collect();
        let start = self.emit(Op::Break);
        self.nodes(&range.body);
        let next = self.emit(Op::Next);
        let otherwise = self.here();
        self.nodes(range.otherwise.as_deref().unwrap_or_default());
        let end = self.emit(Op::Leave);
        self.code[start] = Op::Range(Box::new(RangeOp {
            binding: range.pipeline.binding,
            variables,
            next,
            otherwise,
            end,
        }));
    }

    fn call(&mut self, call: &Call) {
        self.at(PlaceKind::Call, call.offset);
        self.emit(Op::Lookup(Arc::clone(&call.name)));
        match &call.argument {
            Some(pipeline) => self.pipeline(pipeline),
            None => {
                self.emit(Op::Push(Value::Nil));
            }
        }
        self.emit(Op::Call(Arc::clone(&call.name)));
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.at(PlaceKind::Pipeline, pipeline.offset);
        for (index, command) in pipeline.commands.iter().enumerate() {
            self.command(command, index > 0);
            self.emit(Op::EndCommand);
        }
        for variable in &pipeline.variables {
            let name = self.name(variable);
            self.emit(Op::Set(pipeline.binding, name));
        }
    }

    /// A command; when something is piped into it, that is on top before.
    fn command(&mut self, command: &Command, has_piped: bool) {
        let Some((first, written)) = command.operands.split_first() else {
            return;
        };
        let arguments = Arguments {
            count: written.len(),
            has_piped,
        };
        let has_arguments = has_piped || !written.is_empty();
        match &first.kind {
            OperandKind::Function(name) => {
                self.at(PlaceKind::Operand, first.offset);
                self.function(
                    name,
                    arguments,
                    written,
                    Place::new(PlaceKind::Command, command.offset),
                );
            }
            OperandKind::Field(fields) => {
                let place = self.at(PlaceKind::Operand, first.offset);
                self.emit(Op::Dot);
                self.fields(fields, arguments, written, place);
            }
            OperandKind::Variable { name, fields } => {
                let place = self.variable(first, name);
                if fields.is_empty() && has_arguments {
                    self.not_function(first);
                }
                self.fields(fields, arguments, written, place);
            }
            OperandKind::Chain { base, fields } => {
                let place = self.at(PlaceKind::Operand, first.offset);
                self.argument_value(base);
                self.fields(fields, arguments, written, place);
            }
            OperandKind::Pipeline(pipeline) => {
                if has_arguments {
                    self.not_function(first);
                }
                self.pipeline(pipeline);
            }
            plain => {
                self.at(PlaceKind::Operand, first.offset);
                if has_arguments {
                    self.not_function(first);
                }
                let op = match constant::ideal(plain) {
                    // What is too large for an integer would be an unsigned one.
                    Some(Value::Uint(..)) => Op::Overflow(first.to_string().into()),
                    Some(value) => Op::Push(value),
                    None if *plain == OperandKind::Dot => Op::Dot,
                    None => Op::NilCommand,
                };
                self.emit(op);
            }
        }
    }

    fn not_function(&mut self, operand: &Operand) {
        self.emit(Op::NotFunction(operand.to_string().into()));
    }

    fn variable(&mut self, operand: &Operand, name: &Arc<str>) -> Place {
        let place = self.at(PlaceKind::Operand, operand.offset);
        let name = self.name(name);
        self.emit(Op::Variable(name));
        place
    }

    /// Takes fields of the top; the last one gets the arguments, in case it is a method.
    fn fields(
        &mut self,
        fields: &[Arc<str>],
        arguments: Arguments,
        written: &[Operand],
        place: Place,
    ) {
        let Some((last, before)) = fields.split_last() else {
            return;
        };
        for field in before {
            self.emit(Op::Field(Arc::clone(field), place));
        }
        if arguments.count == 0 && !arguments.has_piped {
            self.emit(Op::Field(Arc::clone(last), place));
            return;
        }
        let call = self.emit(Op::Method(Arc::clone(last), arguments, LATER));
        for operand in written {
            self.argument(operand);
        }
        self.emit(Op::Invoke(place));
        self.land(call);
    }

    fn function(
        &mut self,
        name: &Arc<str>,
        arguments: Arguments,
        written: &[Operand],
        place: Place,
    ) {
        self.emit(Op::Function(Arc::clone(name), arguments));
        let mut exits = Vec::new();
        for operand in written {
            self.argument(operand);
            if matches!(&**name, "and" | "or") {
                exits.push(self.emit(Op::Decide(LATER)));
            }
        }
        self.emit(Op::Invoke(place));
        for exit in exits {
            self.land(exit);
        }
    }

    /// An argument of the call that was begun.
    fn argument(&mut self, operand: &Operand) {
        if let Some(constant) = constant::written(operand) {
            self.at(PlaceKind::Operand, operand.offset);
            self.emit(Op::Constant(constant));
            return;
        }
        self.argument_value(operand);
        self.emit(Op::Accept);
    }

    /// Pushes the value of an operand that is not a constant.
    fn argument_value(&mut self, operand: &Operand) {
        const ALONE: Arguments = Arguments {
            count: 0,
            has_piped: false,
        };
        match &operand.kind {
            OperandKind::Variable { name, fields } => {
                let place = self.variable(operand, name);
                self.fields(fields, ALONE, &[], place);
            }
            OperandKind::Pipeline(pipeline) => self.pipeline(pipeline),
            OperandKind::Function(name) => {
                let place = self.at(PlaceKind::Operand, operand.offset);
                self.function(name, ALONE, &[], place);
            }
            OperandKind::Field(fields) => {
                let place = self.at(PlaceKind::Operand, operand.offset);
                self.emit(Op::Dot);
                self.fields(fields, ALONE, &[], place);
            }
            OperandKind::Chain { base, fields } => {
                let place = self.at(PlaceKind::Operand, operand.offset);
                self.argument_value(base);
                self.fields(fields, ALONE, &[], place);
            }
            _ => {
                self.at(PlaceKind::Operand, operand.offset);
                self.emit(Op::Dot);
            }
        }
    }
}
