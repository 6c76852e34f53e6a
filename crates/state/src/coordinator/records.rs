//! The forms in which groups, what was told, entries of the feed and silences are written to shared state (protocol.md §11).
//!
//! During an upgrade instances of two builds share. Each says with every poll which forms it can read, and what is written is
//! the newest that all of them can. That never goes back: whoever cannot read what is written stays away, and works alone, until nothing
//! is left of it and nobody writes it again.
//!
//! What was written before stays as it is, so a build reads every form from its oldest on, and gives one up only after a
//! release that wrote anew whatever it found of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::limits;
use tokio::time::Instant;

use super::{CoordinatorError, Outage};

/// The oldest form this build can read and write.
pub(super) const OLDEST: u32 = 1;

/// The newest one.
pub(super) const NEWEST: u32 = 1;

/// The forms a build can read and write, from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordVersions {
    /// The oldest.
    pub oldest: u32,
    /// The newest.
    pub newest: u32,
}

impl Default for RecordVersions {
    fn default() -> Self {
        Self {
            oldest: OLDEST,
            newest: NEWEST,
        }
    }
}

impl fmt::Display for RecordVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "{}", self.newest)
        } else {
            write!(f, "{} to {}", self.oldest, self.newest)
        }
    }
}

impl RecordVersions {
    /// Refuses a build that does not know the form that is `written` in the home of this name; the error says what to do.
    pub fn check(self, written: u32, home: &str) -> Result<(), CoordinatorError> {
        let advice = if self.newest < written {
            "upgrade it"
        } else if written < self.oldest {
            "upgrade the others first, to a release that knows both"
        } else {
            return Ok(());
        };
        Err(CoordinatorError {
            outage: Outage::Refused,
            text: format!(
                "the records in {home} are of version {written}, this Belfry knows {self}: {advice}; it works alone until then"
            ),
        })
    }
}

/// What a connection of a coordinator has heard of the forms that are written.
#[derive(Debug)]
pub struct RecordsHeard {
    known: RecordVersions,
    /// Of each shard; zero where nothing was heard.
    shards: Vec<AtomicU32>,
    /// Since when shards were empty at every look, whose form this build does not know.
    empty_since: Mutex<HashMap<usize, Instant>>,
}

impl RecordsHeard {
    /// Nothing yet, by a build that knows these forms.
    pub fn new(known: RecordVersions) -> Self {
        Self {
            known,
            shards: (0..limits::SHARDS).map(|_| AtomicU32::new(0)).collect(),
            empty_since: Mutex::default(),
        }
    }

    /// The forms this build knows.
    pub fn known(&self) -> RecordVersions {
        self.known
    }

    /// Notes which form is written in a shard.
    pub fn note(&self, shard: usize, written: u32) {
        if let Some(heard) = self.shards.get(shard) {
            heard.store(written, Ordering::Relaxed);
        }
        self.empty_since().remove(&shard);
    }

    /// Notes that a shard is empty. Whoever wrote a form this build does not know would write it again within `patience`, if it were
    /// there still; past that nobody needs it.
    pub fn note_empty(&self, shard: usize, patience: Duration) {
        let heard = self.shards.get(shard);
        let heard = heard.map_or(0, |heard| heard.load(Ordering::Relaxed));
        let is_readable = (self.known.oldest..=self.known.newest).contains(&heard);
        if heard == 0 || is_readable {
            return;
        }
        let now = Instant::now();
        let since = *self.empty_since().entry(shard).or_insert(now);
        if since + patience <= now {
            self.note(shard, 0);
        }
    }

    fn empty_since(&self) -> MutexGuard<'_, HashMap<usize, Instant>> {
        let empty_since = self.empty_since.lock();
        empty_since.unwrap_or_else(PoisonError::into_inner)
    }

    /// The form to write in a shard: as heard last, also if its data was lost since, as others wrote it meanwhile; the oldest
    /// where nothing was heard, because somebody may still need it.
    pub fn to_write(&self, shard: usize) -> u32 {
        match self.shards.get(shard).map(|h| h.load(Ordering::Relaxed)) {
            None | Some(0) => self.known.oldest,
            Some(heard) => heard,
        }
    }

    /// Refuses this build if it does not know what is written in any shard.
    pub fn check(&self, home: &str) -> Result<(), CoordinatorError> {
        let heard = self.shards.iter().map(|h| h.load(Ordering::Relaxed));
        let mut heard = heard.filter(|written| *written > 0);
        heard.try_for_each(|written| self.known.check(written, home))
    }
}
