//! The way forth: the matches of a text, one after the other.

use super::sets::{Move, Sets};
use super::{Meter, Program, State};

impl Program {
    /// Says whether the pattern matches somewhere in a text.
    ///
    /// # Errors
    /// The meter's, when it cannot pay for it.
    pub fn is_match<M: Meter>(&self, text: &str, meter: &mut M) -> Result<bool, M::Exhausted> {
        let mut sets = Sets::new(self);
        let (mut set, mut after) = (0, None);
        let mut chars = text.chars().rev();
        loop {
            let before = chars.next();
            let holding = self.holding(before, after);
            let step = Move {
                from: set,
                c: after,
                holding,
            };
            set = sets.go(step, meter)?;
            if sets.has(set, self.start) {
                return Ok(true);
            }
            if before.is_none() {
                return Ok(false);
            }
            after = before;
        }
    }
}

/// Finds the matches of a text that Go's `ReplaceAll` finds.
pub struct Matches<'p> {
    program: &'p Program,
    sets: Sets<'p>,
    chars: Vec<char>,
    /// For each place the states from which a match can be reached.
    ways: Vec<u32>,
    /// The place to look at next, in characters and in bytes.
    at: (usize, usize),
    last_end: usize,
    slots: Vec<Option<usize>>,
    /// For each state the place, counted over all matches, at which it was last tried.
    tried: Vec<u64>,
    places: u64,
    stack: Vec<Try>,
}

/// What is left to do at a place.
enum Try {
    State(u32),
    /// A way was none after all: what it noted is forgotten.
    Restore(usize, Option<usize>),
}

impl<'p> Matches<'p> {
    /// Reads a text; groups are noted up to, and without, this number.
    ///
    /// # Errors
    /// The meter's, when it cannot pay for it.
    pub fn new<M: Meter>(
        program: &'p Program,
        text: &str,
        groups_end: usize,
        meter: &mut M,
    ) -> Result<Self, M::Exhausted> {
        let groups_end = groups_end.clamp(1, program.names.len());
        let count = text.chars().count();
        meter.hold((count + 1) * (size_of::<char>() + size_of::<u32>()))?;
        let per_state = size_of::<u64>() + 2 * size_of::<Try>();
        meter.hold(program.states.len() * per_state)?;
        meter.hold(2 * groups_end * size_of::<Option<usize>>())?;
        let chars: Vec<char> = text.chars().collect();
        let mut sets = Sets::new(program);
        let mut ways = vec![0; count + 1];
        let (mut from, mut after) = (0, None);
        for (place, way) in ways.iter_mut().enumerate().rev() {
            let before = place.checked_sub(1).and_then(|at| chars.get(at)).copied();
            let holding = program.holding(before, after);
            let step = Move {
                from,
                c: after,
                holding,
            };
            from = sets.go(step, meter)?;
            *way = from;
            after = before;
        }
        Ok(Self {
            program,
            sets,
            chars,
            ways,
            at: (0, 0),
            last_end: 0,
            slots: vec![None; 2 * groups_end],
            tried: vec![0; program.states.len()],
            places: 0,
            stack: Vec::new(),
        })
    }

    /// The next match: where it and its groups begin and end, in bytes; a group that took no part has neither.
    ///
    /// # Errors
    /// The meter's, when it cannot pay for it.
    pub fn find<M: Meter>(
        &mut self,
        meter: &mut M,
    ) -> Result<Option<&[Option<usize>]>, M::Exhausted> {
        while let Some(way) = self.ways.get(self.at.0) {
            meter.work(2)?;
            if !self.sets.has(*way, self.program.start) {
                self.advance();
                continue;
            }
            let begin = self.at;
            let end = self.walk(meter)?;
            self.at = end;
            if end == begin {
                self.advance();
            }
            // Nothing found directly after a match is no match of its own.
            if end.1 > self.last_end || begin.1 == 0 {
                self.last_end = end.1;
                if let [start, stop, ..] = self.slots.as_mut_slice() {
                    (*start, *stop) = (Some(begin.1), Some(end.1));
                }
                return Ok(Some(&self.slots));
            }
        }
        Ok(None)
    }

    fn advance(&mut self) {
        let width = self.chars.get(self.at.0).map_or(1, |c| c.len_utf8());
        self.at = (self.at.0 + 1, self.at.1 + width);
    }

    /// Goes through a match, which is known to be one; gives its end.
    fn walk<M: Meter>(&mut self, meter: &mut M) -> Result<(usize, usize), M::Exhausted> {
        meter.work(self.slots.len())?;
        self.slots.fill(None);
        let mut at = self.at;
        let mut state = self.program.start;
        while let Some(next) = self.pass(state, at, meter)? {
            let width = self.chars.get(at.0).map_or(1, |c| c.len_utf8());
            at = (at.0 + 1, at.1 + width);
            state = next;
        }
        Ok(at)
    }

    /// Goes from a state over a character; gives the state after it, or none at the end of the match.
    fn pass<M: Meter>(
        &mut self,
        state: u32,
        at: (usize, usize),
        meter: &mut M,
    ) -> Result<Option<u32>, M::Exhausted> {
        let Some(&way) = self.ways.get(at.0) else {
            return Ok(None);
        };
        self.places += 1;
        self.stack.clear();
        self.stack.push(Try::State(state));
        while let Some(next) = self.stack.pop() {
            meter.work(2)?;
            let state = match next {
                Try::State(state) => state,
                Try::Restore(slot, place) => {
                    self.note(slot, place);
                    continue;
                }
            };
            let Some(tried) = self.tried.get_mut(state as usize) else {
                continue;
            };
            if *tried == self.places || !self.sets.has(way, state) {
                continue;
            }
            *tried = self.places;
            match self.program.state(state) {
                State::Match => return Ok(None),
                State::Char { next, .. } | State::Class { next, .. } => return Ok(Some(next)),
                State::Assert { next, .. } => self.stack.push(Try::State(next)),
                State::Split { first, second } => {
                    self.stack.push(Try::State(second));
                    self.stack.push(Try::State(first));
                }
                State::Save { slot, next } => {
                    let slot = slot as usize;
                    if let Some(before) = self.note(slot, Some(at.1)) {
                        self.stack.push(Try::Restore(slot, before));
                    }
                    self.stack.push(Try::State(next));
                }
            }
        }
        Ok(None)
    }

    /// Notes a place for a slot that is asked for; gives what was noted before.
    fn note(&mut self, slot: usize, place: Option<usize>) -> Option<Option<usize>> {
        let own = self.slots.get_mut(slot)?;
        Some(std::mem::replace(own, place))
    }
}
