//! The way back: which states can still reach a match, place by place.

use std::collections::HashMap;
use std::rc::Rc;

use super::{MATCH, Meter, Program, State};

/// A set of states, a bit each.
type Set = Rc<[u64]>;

/// Bytes that an entry of a map takes besides what it points to.
const ENTRY_BYTES: usize = 64;

/// The sets met so far, and which follows from which: texts repeat themselves, so that most places need no more than
/// to look one up.
pub(super) struct Sets<'p> {
    program: &'p Program,
    numbers: HashMap<Set, u32>,
    sets: Vec<Set>,
    moves: HashMap<Move, u32>,
    /// Moves made lately, at places of their own: to look one up in the map costs more than to make it.
    recent: [Option<(Move, u32)>; RECENT],
    stack: Vec<u32>,
}

/// From the set after a character to the one before it; the end of the text has no character after it.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
pub(super) struct Move {
    pub(super) from: u32,
    pub(super) c: Option<char>,
    /// The assertions that hold before the character.
    pub(super) holding: u8,
}

/// How many moves are at hand: small letters and digits each have a place of their own.
const RECENT: usize = 64;

impl Move {
    fn place(self) -> usize {
        let c = self.c.map_or(0, u32::from);
        (c ^ self.from.wrapping_mul(11)) as usize % RECENT
    }
}

impl<'p> Sets<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Self {
            program,
            numbers: HashMap::new(),
            sets: Vec::new(),
            moves: HashMap::new(),
            recent: [None; RECENT],
            stack: Vec::new(),
        }
    }

    pub(super) fn has(&self, set: u32, state: u32) -> bool {
        let set = self.sets.get(set as usize);
        set.is_some_and(|set| is_in(set, state))
    }

    /// The number of the set that a move leads to.
    pub(super) fn go<M: Meter>(&mut self, step: Move, meter: &mut M) -> Result<u32, M::Exhausted> {
        meter.work(PLACE_WORK)?;
        let place = step.place();
        if let Some((known, set)) = self.recent.get(place).copied().flatten()
            && known == step
        {
            return Ok(set);
        }
        let number = self.looked_up(step, meter)?;
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Some((step, number));
        }
        Ok(number)
    }

    fn looked_up<M: Meter>(&mut self, step: Move, meter: &mut M) -> Result<u32, M::Exhausted> {
        if let Some(set) = self.moves.get(&step) {
            return Ok(*set);
        }
        let states = self.program.states.len();
        let words = states.div_ceil(64);
        meter.work(2 * states + 2 * words)?;
        let set = self.before(step, words, meter)?;
        let number = match self.numbers.get(&*set) {
            Some(number) => *number,
            None => {
                meter.hold(8 * words + 2 * ENTRY_BYTES)?;
                let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
                self.sets.push(Rc::clone(&set));
                self.numbers.insert(set, number);
                number
            }
        };
        meter.hold(ENTRY_BYTES)?;
        self.moves.insert(step, number);
        Ok(number)
    }

    fn before<M: Meter>(
        &mut self,
        step: Move,
        words: usize,
        meter: &mut M,
    ) -> Result<Set, M::Exhausted> {
        let program = self.program;
        let mut set = vec![0; words];
        self.stack.clear();
        add(&mut set, &mut self.stack, MATCH);
        if let (Some(c), Some(after)) = (step.c, self.sets.get(step.from as usize)) {
            for (id, state) in (0..).zip(&program.states) {
                let goes_on = match *state {
                    State::Char { c: own, next } => own == c && is_in(after, next),
                    State::Class { class, next } => {
                        let class = program.classes.get(class as usize);
                        is_in(after, next) && class.is_some_and(|class| class.has(c))
                    }
                    _ => false,
                };
                if goes_on {
                    add(&mut set, &mut self.stack, id);
                }
            }
        }
        while let Some(state) = self.stack.pop() {
            let sources = program.sources(state);
            meter.work(1 + 2 * sources.len())?;
            for &source in sources {
                let is_open = match program.state(source) {
                    State::Assert { assertion, .. } => step.holding & assertion.bit() != 0,
                    _ => true,
                };
                if is_open {
                    add(&mut set, &mut self.stack, source);
                }
            }
        }
        Ok(set.into())
    }
}

/// Work at each place of a text.
const PLACE_WORK: usize = 8;

fn is_in(set: &[u64], state: u32) -> bool {
    let word = set.get(state as usize / 64);
    word.is_some_and(|word| word >> (state % 64) & 1 == 1)
}

fn add(set: &mut [u64], stack: &mut Vec<u32>, state: u32) {
    if let Some(word) = set.get_mut(state as usize / 64) {
        let bit = 1 << (state % 64);
        if *word & bit == 0 {
            *word |= bit;
            stack.push(state);
        }
    }
}
