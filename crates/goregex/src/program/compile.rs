//! From the tree to the states, last first, so that what comes next is always known.

use std::collections::HashMap;

use regex_syntax::hir::{self, HirKind};

use super::{Class, MATCH, Meter, Program, State};
use crate::ast::Node;

/// Work to make one state.
const STATE_WORK: usize = 8;
/// Work to make a class.
const CLASS_WORK: usize = 2_000;
/// Work for a Unicode category in it, which is hundreds of ranges, and for the other cases of its characters.
const CATEGORY_WORK: usize = 20_000;
const CATEGORY_FOLD_WORK: usize = 300_000;
/// Characters there are.
const CHARACTERS: usize = 0x0011_0000 - 0x800;

impl Program {
    /// Compiles a tree.
    ///
    /// # Errors
    /// The meter's, when it cannot pay for it.
    pub fn compile<M: Meter>(node: &Node, meter: &mut M) -> Result<Self, M::Exhausted> {
        let mut compiler = Compiler {
            states: vec![State::Match],
            classes: Vec::new(),
            known: HashMap::new(),
            names: vec![None],
            assertions: 0,
            meter,
        };
        let start = compiler.node(node, MATCH)?;
        let Compiler {
            states,
            classes,
            names,
            assertions,
            ..
        } = compiler;
        let (offsets, sources) = reversed(&states);
        Ok(Self {
            states,
            classes,
            start,
            assertions,
            offsets,
            sources,
            names,
        })
    }
}

struct Compiler<'m, M> {
    states: Vec<State>,
    classes: Vec<Class>,
    /// Classes by how they are written.
    known: HashMap<String, u32>,
    names: Vec<Option<String>>,
    assertions: u8,
    meter: &'m mut M,
}

impl<M: Meter> Compiler<'_, M> {
    fn push(&mut self, state: State) -> Result<u32, M::Exhausted> {
        // A state, where its sources begin, and up to two of these.
        self.meter.hold(size_of::<State>() + 3 * size_of::<u32>())?;
        self.meter.work(STATE_WORK)?;
        let id = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        self.states.push(state);
        Ok(id)
    }

    /// Makes the states of a node that go on at `next`; gives the first.
    fn node(&mut self, node: &Node, next: u32) -> Result<u32, M::Exhausted> {
        self.meter.work(1)?;
        match node {
            Node::Empty => Ok(next),
            Node::Literal { c, fold: false } => self.push(State::Char { c: *c, next }),
            Node::Literal { .. } | Node::Any { .. } | Node::Class(_) => {
                let class = self.class(node.to_pattern())?;
                self.push(State::Class { class, next })
            }
            Node::Assert(assertion) => {
                self.assertions |= assertion.bit();
                let assertion = *assertion;
                self.push(State::Assert { assertion, next })
            }
            Node::Repeat {
                node,
                min,
                max,
                greedy,
            } => self.repeat(node, (*min, *max), *greedy, next),
            Node::Concat(nodes) => {
                let mut nodes = nodes.iter().rev();
                nodes.try_fold(next, |next, node| self.node(node, next))
            }
            Node::Alternate(nodes) => {
                let Some((last, others)) = nodes.split_last() else {
                    return Ok(next);
                };
                let last = self.node(last, next)?;
                others.iter().rev().try_fold(last, |second, node| {
                    let first = self.node(node, next)?;
                    self.push(State::Split { first, second })
                })
            }
            Node::Capture { node, number, name } => {
                self.name(*number as usize, name.as_deref())?;
                let slot = number.saturating_mul(2);
                let next = self.push(State::Save {
                    slot: slot.saturating_add(1),
                    next,
                })?;
                let next = self.node(node, next)?;
                self.push(State::Save { slot, next })
            }
        }
    }

    fn name(&mut self, number: usize, name: Option<&str>) -> Result<(), M::Exhausted> {
        if number >= self.names.len() {
            let more = number + 1 - self.names.len();
            self.meter.hold(more * size_of::<Option<String>>())?;
            self.names.resize(number + 1, None);
        }
        if let (Some(place @ None), Some(name)) = (self.names.get_mut(number), name) {
            self.meter.hold(name.len())?;
            *place = Some(name.to_owned());
        }
        Ok(())
    }

    /// Go's ways to write counted repetitions as others.
    fn repeat(
        &mut self,
        node: &Node,
        (min, max): (u32, Option<u32>),
        greedy: bool,
        next: u32,
    ) -> Result<u32, M::Exhausted> {
        let mut at = next;
        match (min, max) {
            (0, None) if !is_nullable(node) => {
                return self.several(node, greedy, next, Enter::Loop);
            }
            (0, None) => {
                let several = self.several(node, greedy, next, Enter::Body)?;
                return self.either(several, next, greedy);
            }
            (_, None) => at = self.several(node, greedy, next, Enter::Body)?,
            (min, Some(max)) => {
                for _ in min..max {
                    let body = self.node(node, at)?;
                    at = self.either(body, next, greedy)?;
                }
            }
        }
        let copies = if max.is_none() { min - 1 } else { min };
        for _ in 0..copies {
            at = self.node(node, at)?;
        }
        Ok(at)
    }

    fn either(&mut self, body: u32, next: u32, greedy: bool) -> Result<u32, M::Exhausted> {
        self.push(choice(body, next, greedy))
    }

    /// A loop.
    fn several(
        &mut self,
        node: &Node,
        greedy: bool,
        next: u32,
        enter: Enter,
    ) -> Result<u32, M::Exhausted> {
        let split = self.push(State::Match)?;
        let body = self.node(node, split)?;
        if let Some(state) = self.states.get_mut(split as usize) {
            *state = choice(body, next, greedy);
        }
        Ok(match enter {
            Enter::Loop => split,
            Enter::Body => body,
        })
    }

    fn class(&mut self, text: String) -> Result<u32, M::Exhausted> {
        if let Some(class) = self.known.get(&text) {
            return Ok(*class);
        }
        let categories = text.matches(r"\p").count() + text.matches(r"\P").count();
        let in_either_case = text
            .strip_prefix("(?i:")
            .and_then(|text| text.strip_suffix(')'));
        let per_category = match in_either_case {
            Some(_) => CATEGORY_FOLD_WORK,
            None => CATEGORY_WORK,
        };
        self.meter
            .work(CLASS_WORK + 10 * text.len() + categories * per_category)?;
        if let Some(class) = in_either_case {
            // The other cases of every character before the class is negated are looked up.
            let characters = characters(&ranges(class));
            let folded = if class.starts_with("[^") {
                CHARACTERS.saturating_sub(characters)
            } else {
                characters
            };
            self.meter.work(2 * folded)?;
        }
        let ranges = ranges(&text);
        self.meter
            .hold(size_of::<Class>() + size_of_val(&*ranges) + 2 * text.len())?;
        let id = u32::try_from(self.classes.len()).unwrap_or(u32::MAX);
        self.classes.push(Class::new(ranges));
        self.known.insert(text, id);
        Ok(id)
    }
}

/// Where a loop is entered: `x*` before its choice, `x+` after it.
enum Enter {
    Loop,
    Body,
}

fn choice(body: u32, next: u32, greedy: bool) -> State {
    let (first, second) = if greedy { (body, next) } else { (next, body) };
    State::Split { first, second }
}

/// Whether a node may match nothing, as Go asks before it makes a loop of it.
fn is_nullable(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Assert(_) => true,
        Node::Literal { .. } | Node::Any { .. } | Node::Class(_) => false,
        Node::Repeat { node, min, .. } => *min == 0 || is_nullable(node),
        Node::Concat(nodes) => nodes.iter().all(is_nullable),
        Node::Alternate(nodes) => nodes.iter().any(is_nullable),
        Node::Capture { node, .. } => is_nullable(node),
    }
}

/// The characters of a class in the `regex` crate's syntax; none when it is not one.
fn ranges(text: &str) -> Box<[(char, char)]> {
    let Ok(parsed) = regex_syntax::parse(text) else {
        return Box::default();
    };
    match parsed.kind() {
        HirKind::Class(hir::Class::Unicode(class)) => {
            let ranges = class.ranges().iter();
            ranges.map(|range| (range.start(), range.end())).collect()
        }
        HirKind::Class(hir::Class::Bytes(class)) => {
            let ranges = class.ranges().iter();
            let ranges = ranges.map(|range| (range.start().into(), range.end().into()));
            ranges.collect()
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).unwrap_or_default();
            text.chars().map(|c| (c, c)).collect()
        }
        _ => Box::default(),
    }
}

fn characters(ranges: &[(char, char)]) -> usize {
    let widths = ranges.iter();
    let widths = widths.map(|&(low, high)| u32::from(high).abs_diff(u32::from(low)) as usize + 1);
    widths.sum()
}

impl Class {
    fn new(ranges: Box<[(char, char)]>) -> Self {
        let mut ascii = 0_u128;
        for &(low, high) in ranges.iter().filter(|(low, _)| low.is_ascii()) {
            for code in u32::from(low)..=u32::from(high).min(127) {
                ascii |= 1 << code;
            }
        }
        Self { ascii, ranges }
    }
}

/// For each state the states that lead to it without a character.
fn reversed(states: &[State]) -> (Vec<u32>, Vec<u32>) {
    let targets = |state: &State| match *state {
        State::Assert { next, .. } | State::Save { next, .. } => [Some(next), None],
        State::Split { first, second } => [Some(first), Some(second)],
        State::Char { .. } | State::Class { .. } | State::Match => [None, None],
    };
    let mut offsets = vec![0_u32; states.len() + 1];
    for target in states.iter().flat_map(targets).flatten() {
        if let Some(count) = offsets.get_mut(target as usize + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for offset in &mut offsets {
        total += *offset;
        *offset = total;
    }
    let mut sources = vec![0; total as usize];
    let mut places = offsets.clone();
    for (id, state) in (0..).zip(states) {
        for target in targets(state).into_iter().flatten() {
            let Some(place) = places.get_mut(target as usize) else {
                continue;
            };
            if let Some(source) = sources.get_mut(*place as usize) {
                *source = id;
            }
            *place += 1;
        }
    }
    (offsets, sources)
}
