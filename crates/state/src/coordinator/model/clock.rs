//! The shard clock: the server's own, which may be wrong and step, made into one that never goes back.

use std::time::Duration;

use domain::time::Timestamp;

/// Of so much time that passes, the clock that is ahead of its server's lets one part go unseen, until it is not.
const CATCH_UP_PARTS: u32 = 20;

/// What makes a shard clock of the server's; one for all shards.
#[derive(Clone, Default)]
pub(super) struct ShardClock {
    /// By how much it was ahead when the server's stepped back.
    offset: Duration,
    /// What the server's showed then.
    offset_at: Option<Timestamp>,
    /// The latest time a poll has seen.
    latest: Option<Timestamp>,
}

impl ShardClock {
    /// What it shows when the server's own shows this.
    pub(super) fn at(&self, server: Timestamp) -> Timestamp {
        let shown = server + self.offset_by(server);
        self.latest.map_or(shown, |latest| shown.max(latest))
    }

    /// Notes that somebody polls; a step back shows.
    pub(super) fn note_poll(&mut self, server: Timestamp) {
        let (offset, now) = (self.offset_by(server), self.at(server));
        let missing = now.since(server + offset);
        if missing > Duration::ZERO {
            self.offset = offset + missing;
            self.offset_at = Some(server);
        }
        self.latest = Some(now);
    }

    fn offset_by(&self, server: Timestamp) -> Duration {
        let passed = self.offset_at.map(|at| server.since(at));
        let gone = passed.unwrap_or_default() / CATCH_UP_PARTS;
        self.offset.saturating_sub(gone)
    }
}
