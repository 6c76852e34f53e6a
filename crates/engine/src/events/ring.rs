//! The latest changes in the order they became known here, and how a follower takes up where it left.

use std::collections::{HashMap, VecDeque};

use domain::id::TenantId;
use domain::limits::SHARDS;
use state::coordinator::{Epoch, EventId};

use super::{Event, Position, Reset};

/// Most changes looked at in one go: the ring is locked meanwhile.
const SCANNED_MAX: usize = 2_000;

/// Most changes handed out in one go.
pub(super) const BATCH_MAX: usize = 200;

/// A position may be this far ahead of what is known here: another instance was faster.
const AHEAD_MAX_MS: u64 = 60_000;

/// Where a change has its number from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// This instance alone counts it.
    Here,
    /// The feed of a shard.
    Feed {
        /// Which shard's.
        shard: usize,
        /// Its place there.
        id: EventId,
        /// Whether no other change follows at the same place; whoever has not come to the last has not come past that place.
        is_last: bool,
    },
    /// A change of silences.
    Silences {
        /// The version that includes it.
        version: u64,
        /// The version up to which all silences of the tenant are known here, after it; 0 when others made by the same
        /// change follow.
        known: u64,
    },
}

/// The numbers that are handed out at present: those of the feeds, or this instance's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era {
    /// Tells one from another, also of other instances.
    pub(super) number: u64,
    /// Whether the feeds' numbers are used.
    pub(super) is_shared: bool,
}

struct Entry {
    tenant: TenantId,
    origin: Origin,
    event: Event,
}

/// See the module's text.
pub(super) struct Ring {
    kept_max: usize,
    era: Era,
    entries: VecDeque<Entry>,
    /// Number of the first entry; numbers never repeat.
    first: u64,
    /// The last change of each feed that is known here.
    heads: [EventId; SHARDS],
    /// The life of each shard's data.
    epochs: [Option<Epoch>; SHARDS],
    /// Changes of each feed after this one are all in the ring.
    floors: [EventId; SHARDS],
    /// The same of the tenants' silences.
    silence_floors: HashMap<TenantId, u64>,
    /// Why the era began.
    reason: Reset,
}

/// How far a follower has come.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    era: u64,
    /// Number of the next entry to look at.
    next: u64,
    /// Entries before this one were there when the follower came: it may know them.
    new_from: u64,
    /// Of those, changes of silences up to this version are known to it.
    known_silences: u64,
    pub(super) position: Position,
}

/// Why a follower cannot go on in the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// It has to begin anew.
    All(Reset),
    /// Silences changed before what is kept here.
    Silences {
        /// All that changed after this version is kept.
        floor: u64,
    },
    /// Changes of this shard after this one, of which the first are not kept here.
    Changes {
        /// Which shard's.
        shard: usize,
        /// The last one it knows of.
        after: EventId,
    },
}

/// What a look at the ring finds.
pub(super) enum Found {
    /// Changes, each with the position that includes it; none if there are none.
    Events(Vec<(Position, Event)>),
    /// What comes next is not there any more.
    Lost(Reset),
}

impl Ring {
    pub(super) fn new(kept_max: usize) -> Self {
        Self {
            kept_max,
            era: Era {
                number: 0,
                is_shared: false,
            },
            entries: VecDeque::new(),
            first: 0,
            heads: [EventId::default(); SHARDS],
            epochs: [const { None }; SHARDS],
            floors: [EventId::default(); SHARDS],
            silence_floors: HashMap::new(),
            reason: Reset::Turned,
        }
    }

    pub(super) fn era(&self) -> Era {
        self.era
    }

    /// Why an era is over; `None` while it is not.
    pub(super) fn ended(&self, era: u64) -> Option<Reset> {
        (era != self.era.number).then_some(self.reason)
    }

    /// Forgets everything: what follows is numbered anew, or does not follow what was before.
    pub(super) fn restart(
        &mut self,
        era: Era,
        reason: Reset,
        silences: impl Iterator<Item = (TenantId, u64)>,
    ) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.era = era;
        self.reason = reason;
        self.floors = self.heads;
        self.silence_floors = silences.collect();
    }

    pub(super) fn push(&mut self, tenant: TenantId, origin: Origin, event: Event) {
        if let Origin::Feed { shard, id, .. } = origin
            && let Some(head) = self.heads.get_mut(shard)
        {
            *head = id;
        }
        self.entries.push_back(Entry {
            tenant,
            origin,
            event,
        });
        while self.entries.len() > self.kept_max {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.first += 1;
        match entry.origin {
            Origin::Here => {}
            Origin::Feed { shard, id, .. } => {
                if let Some(floor) = self.floors.get_mut(shard) {
                    *floor = id;
                }
            }
            Origin::Silences { version, .. } => {
                let floor = self.silence_floors.entry(entry.tenant).or_default();
                *floor = version.max(*floor);
            }
        }
    }

    /// Everything up to here is known of a feed, which is of this epoch; answers whether changes of it are missing in the ring.
    pub(super) fn skip_to(&mut self, shard: usize, last: EventId, epoch: &Epoch) -> bool {
        let (Some(head), Some(known)) = (self.heads.get_mut(shard), self.epochs.get_mut(shard))
        else {
            return false;
        };
        let is_other = known.replace(epoch.clone()).as_ref() != Some(epoch);
        std::mem::replace(head, last) != last || is_other
    }

    /// The same on every instance that shares the same data (FNV-1a of all epochs).
    fn data(&self) -> u64 {
        let texts = self.epochs.iter().flatten();
        let bytes = texts.flat_map(|epoch| epoch.0.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Where a follower begins that wants what comes from now on; `silences` is the version known of its tenant's.
    pub(super) fn now(&self, silences: u64) -> Cursor {
        let position = if self.era.is_shared {
            Position::Shared {
                data: self.data(),
                streams: Box::new(self.heads),
                silences,
            }
        } else {
            Position::Here {
                era: self.era.number,
                number: self.end(),
            }
        };
        Cursor {
            era: self.era.number,
            next: self.end(),
            new_from: self.end(),
            known_silences: silences,
            position,
        }
    }

    /// Where a follower goes on that has come this far, here or elsewhere.
    pub(super) fn resume(
        &self,
        tenant: &TenantId,
        position: Position,
        now_ms: u64,
    ) -> Result<Cursor, Missed> {
        let (next, known_silences) = match &position {
            Position::Here { era, number } => {
                if self.era.is_shared || *era != self.era.number || *number > self.end() {
                    return Err(Missed::All(Reset::Unknown));
                }
                if *number < self.first {
                    return Err(Missed::All(Reset::Trimmed));
                }
                (*number, 0)
            }
            Position::Shared {
                data,
                streams,
                silences,
            } => {
                if !self.era.is_shared || *data != self.data() {
                    return Err(Missed::All(Reset::Unknown));
                }
                self.check_streams(streams, now_ms)?;
                let floor = self.silence_floors.get(tenant).copied().unwrap_or(0);
                if *silences < floor {
                    return Err(Missed::Silences { floor });
                }
                (self.first, *silences)
            }
        };
        Ok(Cursor {
            era: self.era.number,
            next,
            new_from: self.end(),
            known_silences,
            position,
        })
    }

    /// Whether the ring has all that came after these places, and these places are ones that were.
    fn check_streams(&self, streams: &[EventId; SHARDS], now_ms: u64) -> Result<(), Missed> {
        let mut is_known = [false; SHARDS];
        for (shard, id) in streams.iter().enumerate() {
            if AHEAD_MAX_MS < id.ms.saturating_sub(now_ms.max(self.heads[shard].ms)) {
                return Err(Missed::All(Reset::Unknown));
            }
            // Whether a place before the first one here ever was is seen where its changes are read.
            is_known[shard] = *id <= self.floors[shard] || *id > self.heads[shard];
        }
        for entry in &self.entries {
            if let Origin::Feed { shard, id, .. } = entry.origin {
                is_known[shard] |= streams[shard] == id;
            }
        }
        if !is_known.iter().all(|is_known| *is_known) {
            return Err(Missed::All(Reset::Unknown));
        }
        let mut places = streams.iter().zip(&self.floors).enumerate();
        match places.find(|(_, (id, floor))| id < floor) {
            Some((shard, (after, _))) => Err(Missed::Changes {
                shard,
                after: *after,
            }),
            None => Ok(()),
        }
    }

    /// What comes next for a follower of a tenant.
    pub(super) fn read(&self, tenant: &TenantId, cursor: &mut Cursor) -> Found {
        if let Some(reset) = self.ended(cursor.era) {
            return Found::Lost(reset);
        }
        let Some(skipped) = cursor.next.checked_sub(self.first) else {
            return Found::Lost(Reset::Slow);
        };
        let start = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for entry in self.entries.iter().skip(start).take(SCANNED_MAX) {
            if found.len() == BATCH_MAX {
                break;
            }
            let is_own = entry.tenant == *tenant;
            if cursor.pass(entry.origin, is_own) && is_own {
                found.push((cursor.position.clone(), entry.event.clone()));
            }
        }
        Found::Events(found)
    }

    /// Whether a follower has looked at everything.
    pub(super) fn is_at_end(&self, cursor: &Cursor) -> bool {
        cursor.era == self.era.number && cursor.next == self.end()
    }
}

impl Cursor {
    /// Goes past the next change; answers whether it is news to the follower.
    fn pass(&mut self, origin: Origin, is_own: bool) -> bool {
        let is_new = self.next >= self.new_from;
        self.next += 1;
        match (&mut self.position, origin) {
            (Position::Here { number, .. }, _) => {
                *number = self.next;
                true
            }
            (Position::Shared { streams, .. }, Origin::Feed { shard, id, is_last }) => {
                let seen = streams.get_mut(shard).filter(|seen| **seen < id);
                let is_news = seen.is_some();
                seen.filter(|_| is_last)
                    .into_iter()
                    .for_each(|seen| *seen = id);
                is_news
            }
            (Position::Shared { silences, .. }, Origin::Silences { version, known }) if is_own => {
                *silences = known.max(*silences);
                is_new || self.known_silences < version
            }
            (Position::Shared { .. }, Origin::Silences { .. } | Origin::Here) => is_new,
        }
    }
}

#[cfg(test)]
mod tests;
