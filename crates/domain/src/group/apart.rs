//! What integrations were told by instances that could not hear each other, made one again.

use std::time::Duration;

use super::numbers::Numbers;
use super::told::{Told, ToldMessage, insert};
use crate::fingerprint::Fingerprint;
use crate::time::Timestamp;

/// What one side knows of two that told the same integration without hearing of each other.
pub struct Apart<'a> {
    /// When ours told last, while apart, that an alert ended; `Err` when that was not kept.
    pub ended: &'a (dyn Fn(Fingerprint) -> Result<Option<Timestamp>, Unknown> + Sync),
    /// Whether theirs told something since we heard of them last.
    pub is_theirs_new: bool,
    /// Messages that were accepted closer to each other than this may have arrived in either order.
    pub doubt: Duration,
    /// By how much the clocks of two that told may differ: what was decided later than this after another message was accepted arrived
    /// after it.
    pub skew: Duration,
}

/// What was told is not known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl Apart<'_> {
    /// Whether an alert that the later message called firing may have been told to be over after it.
    fn may_have_ended(
        &self,
        fired: Fingerprint,
        said: &ToldMessage,
        earlier: &Told,
        is_ours_later: bool,
    ) -> bool {
        // Whoever takes the last message for the truth takes what it leaves out for over, and which of the two arrived last nobody
        // knows. What ours said alone is news to the others.
        let is_news = !is_ours_later || self.is_theirs_new;
        let told = earlier.last.as_ref().filter(|_| is_news);
        let named = |set: &[Fingerprint]| set.binary_search(&fired).is_ok();
        let in_flight = earlier.pending.as_ref();
        let is_named = named(earlier.firing()) || in_flight.is_some_and(|p| named(&p.firing));
        let is_left_out =
            told.is_some_and(|told| !is_named && told.sent_at + self.skew > said.tick);
        if is_ours_later || is_left_out {
            return is_left_out;
        }
        match (self.ended)(fired) {
            Ok(ended) => ended.is_some_and(|at| at + self.skew > said.tick),
            Err(Unknown) => true,
        }
    }

    /// Whether an alert that only the earlier message called firing was told to be over, for certain, after it.
    fn has_ended(&self, fingerprint: Fingerprint, earlier: &Told, is_ours_later: bool) -> bool {
        let said_at = earlier.last.as_ref().map(|last| last.sent_at);
        match ((self.ended)(fingerprint), said_at) {
            (Ok(Some(at)), Some(said_at)) => is_ours_later && at > said_at + self.doubt,
            _ => false,
        }
    }

    /// What counts as told last when nothing of the later side was accepted: its group was made anew, so whatever the earlier
    /// one called firing may have been told to be over before that.
    fn left_of(&self, earlier: &Told, is_ours_later: bool) -> Option<ToldMessage> {
        let mut last = earlier.last.clone()?;
        let is_over = |fired: &Fingerprint| self.has_ended(*fired, earlier, is_ours_later);
        last.hidden.retain(|hidden| !is_over(hidden));
        last.firing.retain(|fired| !is_over(fired));
        let is_certain =
            |fired: &Fingerprint| is_ours_later && matches!((self.ended)(*fired), Ok(None));
        let (firing, in_doubt) = last.firing.into_iter().partition(is_certain);
        last.firing = firing;
        let in_doubt: Vec<Fingerprint> = in_doubt;
        for fingerprint in in_doubt {
            insert(&mut last.hidden, fingerprint);
        }
        Some(last)
    }
}

impl Told {
    /// Joins what two instances told that could not hear each other; `self` is what ours told, `theirs` what is known of the
    /// others. What only the earlier one called firing the receiver may still believe: its end is owed, and that it fires is
    /// news, as of what the order is in doubt of.
    ///
    /// What comes of it has a number of its own, unless it is theirs as it was.
    #[must_use]
    pub fn joined(&self, theirs: &Told, apart: &Apart<'_>) -> Told {
        if self.last == theirs.last && self.pending == theirs.pending {
            return theirs.clone();
        }
        if self.is_repeat_of(theirs) {
            return later_repeat(self, theirs).clone();
        }
        let is_ours_later = self.supersedes(theirs);
        let (later, earlier) = if is_ours_later {
            (self, theirs)
        } else {
            (theirs, self)
        };
        let mut joined = later.clone();
        // What became of a message with the later one's number the later one knows.
        let in_flight = earlier.pending.as_ref().filter(|p| p.seq != later.seq);
        joined.pending = joined.pending.or_else(|| in_flight.cloned());
        joined.last = joined
            .last
            .or_else(|| apart.left_of(earlier, is_ours_later));
        if let (Some(last), Some(said)) = (&mut joined.last, &later.last) {
            let in_doubt: Vec<_> = said
                .firing
                .iter()
                .filter(|fired| apart.may_have_ended(**fired, said, earlier, is_ours_later))
                .copied()
                .collect();
            last.firing.retain(|fired| !in_doubt.contains(fired));
            for fingerprint in in_doubt {
                insert(&mut last.hidden, fingerprint);
            }
            for fingerprint in earlier.believed() {
                if last.believes(fingerprint) {
                    continue;
                }
                // The later message left it out: its end is owed, and that it fires is news.
                if !apart.has_ended(fingerprint, earlier, is_ours_later) {
                    insert(&mut last.hidden, fingerprint);
                }
            }
        }
        joined.keep_owing_behind_pending();
        // Mirrors tell by its number that a message is not one they told apart themselves.
        if joined != *later || (is_ours_later && Numbers::is_alone(joined.seq)) {
            joined.seq = Numbers::SHARED.next(later.seq.max(earlier.seq), 0);
        }
        joined
    }

    /// Whether both are what came of one message, which was accepted more than once.
    fn is_repeat_of(&self, other: &Told) -> bool {
        let settled = |told: &Told| told.pending.is_none() && !Numbers::is_alone(told.seq);
        let beliefs = |told: &Told| {
            let last = told.last.as_ref();
            last.map(|last| (last.firing.clone(), last.hidden.clone(), last.tick))
        };
        self.seq == other.seq && settled(self) && settled(other) && beliefs(self) == beliefs(other)
    }

    /// Adds to `theirs` what is known here of alerts that were in other groups before: a part of what an integration believes. Its
    /// number says when it was carried over, and nothing of when it was told.
    ///
    /// `is_untouched`: nothing was told since the first part was put there, so the parts add up. Otherwise what only this one knows may
    /// have been told to be over: its end is owed, and that it fires is news; and what is in flight here may have been repeated since.
    #[must_use]
    pub fn added_to(&self, theirs: &Told, is_untouched: bool) -> Told {
        if theirs.is_silent() {
            return self.clone();
        }
        let mut joined = theirs.clone();
        let in_flight = self.pending.as_ref().filter(|_| is_untouched);
        joined.pending = joined.pending.or_else(|| in_flight.cloned());
        let adds_up = is_untouched && joined.pending.is_none();
        let said = self.last.as_ref().or(theirs.last.as_ref());
        for fingerprint in self.believed() {
            if theirs.believes_firing(fingerprint) || theirs.has_in_flight(fingerprint) {
                continue;
            }
            let Some(said) = said else { break };
            let last = joined.last.get_or_insert_with(|| ToldMessage {
                firing: Vec::new(),
                hidden: Vec::new(),
                ..said.clone()
            });
            let set = match adds_up && self.firing().contains(&fingerprint) {
                true => &mut last.firing,
                false => &mut last.hidden,
            };
            insert(set, fingerprint);
        }
        joined.keep_owing_behind_pending();
        // A later number here would outlast theirs, which says the same.
        if joined != *theirs || theirs.seq < self.seq {
            joined.seq = Numbers::SHARED.next(self.seq.max(theirs.seq), 0);
        }
        joined
    }

    /// Adds to `theirs`, in doubt, what is said here: it is not known whether it was told to be over since.
    #[must_use]
    pub fn doubted_beside(&self, theirs: &Told) -> Told {
        let nothing = ToldMessage {
            firing: Vec::new(),
            hidden: Vec::new(),
            ..match &self.last {
                Some(last) => last.clone(),
                None => return theirs.clone(),
            }
        };
        let known = Told {
            last: theirs.last.clone().or(Some(nothing)),
            ..theirs.clone()
        };
        match theirs.is_silent() && self.believed().next().is_none() {
            true => theirs.clone(),
            false => self.added_to(&known, false),
        }
    }

    /// Whatever the integration believes, or may believe, to be firing.
    fn believed(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        let last = self
            .last
            .iter()
            .flat_map(|m| m.firing.iter().chain(&m.hidden));
        let pending = self.pending.iter();
        let pending = pending.flat_map(|p| p.firing.iter().chain(&p.hidden));
        last.chain(pending).copied()
    }

    /// A message in flight was decided without what was joined since: what it does not name stays owed behind it.
    fn keep_owing_behind_pending(&mut self) {
        let (Some(last), Some(pending)) = (&self.last, &mut self.pending) else {
            return;
        };
        let has = |set: &[Fingerprint], one: &Fingerprint| set.binary_search(one).is_ok();
        for fingerprint in last.firing.iter().chain(&last.hidden) {
            if !has(&pending.firing, fingerprint) && !has(&pending.resolved, fingerprint) {
                insert(&mut pending.hidden, *fingerprint);
            }
        }
    }
}

/// Of two times at which a message was accepted the later counts: were each to stand for its own, they would correct each other for
/// ever.
fn later_repeat<'a>(ours: &'a Told, theirs: &'a Told) -> &'a Told {
    let sent_at = |told: &Told| told.last.as_ref().map(|last| last.sent_at);
    match sent_at(theirs) < sent_at(ours) {
        true => ours,
        false => theirs,
    }
}

#[cfg(test)]
mod tests;
