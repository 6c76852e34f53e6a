//! Patterns as programs over characters, for which every piece of work is paid for before it is done.
//!
//! A search goes through the text twice. From the end to the beginning it finds for each place the set of states from
//! which a match can still be reached; from the beginning to the end it then takes, at each choice, the first way that
//! is in the set, which is the one Go's engine takes. So all matches of a text together take time in proportion to the
//! text times the states, whatever the pattern, and groups cost what the match that has them costs.

use crate::ast::Assertion;

mod compile;
mod search;
mod sets;

pub use search::Matches;

/// Pays for what a program does.
pub trait Meter {
    /// There is no more.
    type Exhausted;

    /// Pays for going over some states, each a few nanoseconds.
    ///
    /// # Errors
    /// It cannot.
    fn work(&mut self, states: usize) -> Result<(), Self::Exhausted>;

    /// Pays for some bytes that stay for as long as the program, or the search.
    ///
    /// # Errors
    /// It cannot.
    fn hold(&mut self, bytes: usize) -> Result<(), Self::Exhausted>;
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Program {
    states: Vec<State>,
    classes: Vec<Class>,
    start: u32,
    /// Which assertions occur, a bit each.
    assertions: u8,
    /// Where the states that lead to state `n` without a character begin in `sources`.
    offsets: Vec<u32>,
    sources: Vec<u32>,
    /// The names of the groups, the whole match first.
    names: Vec<Option<String>>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Goes on with this character.
    Char { c: char, next: u32 },
    /// Goes on with a character of this class.
    Class { class: u32, next: u32 },
    /// Goes on where this holds.
    Assert { assertion: Assertion, next: u32 },
    /// Goes on with either, the first rather than the second.
    Split { first: u32, second: u32 },
    /// Notes the place.
    Save { slot: u32, next: u32 },
    /// The end.
    Match,
}

/// The state every program ends with.
const MATCH: u32 = 0;

/// A set of characters.
#[derive(Debug)]
struct Class {
    ascii: u128,
    ranges: Box<[(char, char)]>,
}

impl Class {
    fn has(&self, c: char) -> bool {
        if c.is_ascii() {
            return self.ascii >> u32::from(c) & 1 == 1;
        }
        let after = self.ranges.partition_point(|&(low, _)| low <= c);
        let range = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        range.is_some_and(|&(_, high)| c <= high)
    }
}

impl Assertion {
    fn bit(self) -> u8 {
        1 << (self as u8)
    }

    fn holds(self, before: Option<char>, after: Option<char>) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        match self {
            Self::TextStart => before.is_none(),
            Self::TextEnd => after.is_none(),
            Self::LineStart => before.is_none_or(|c| c == '\n'),
            Self::LineEnd => after.is_none_or(|c| c == '\n'),
            Self::WordBoundary => is_word(before) != is_word(after),
            Self::NoWordBoundary => is_word(before) == is_word(after),
        }
    }
}

impl Program {
    /// The names of the groups by number; the first is the whole match.
    #[must_use]
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// The assertions of the program that hold at a place.
    fn holding(&self, before: Option<char>, after: Option<char>) -> u8 {
        if self.assertions == 0 {
            return 0;
        }
        let all = Assertion::ALL.iter();
        let asked = all.filter(|assertion| self.assertions & assertion.bit() != 0);
        let holding = asked.filter(|assertion| assertion.holds(before, after));
        holding.fold(0, |bits, assertion| bits | assertion.bit())
    }

    /// The states that lead to a state without a character.
    fn sources(&self, state: u32) -> &[u32] {
        let at = state as usize;
        let bounds = self.offsets.get(at).zip(self.offsets.get(at + 1));
        let (from, to) = bounds.map_or((0, 0), |(from, to)| (*from as usize, *to as usize));
        self.sources.get(from..to).unwrap_or_default()
    }

    fn state(&self, state: u32) -> State {
        self.states
            .get(state as usize)
            .copied()
            .unwrap_or(State::Match)
    }
}
