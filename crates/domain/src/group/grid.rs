//! A group's ticks: the first, then a fixed grid, measured from tick to tick (protocol.md §1).

use std::time::Duration;

use crate::time::Timestamp;

/// When a group ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The tick the grid counts from; before the first tick, when that is planned.
    first: Timestamp,
    next: Timestamp,
    interval: Duration,
    has_ticked: bool,
    /// Whether the grid was restarted while a tick was being answered: its own first tick is still to come.
    owes_restart: bool,
}

impl Grid {
    /// A grid whose first tick is still to come.
    pub fn starting(first: Timestamp, interval: Duration) -> Self {
        let first = first.utc();
        Self {
            first,
            next: first,
            interval,
            has_ticked: false,
            owes_restart: false,
        }
    }

    /// A grid as recorded, after an absence: `known_until` is the last instant at which the instance is known to have run.
    ///
    /// A tick that fell into the absence is due at once; otherwise the next one comes when it always would have.
    pub fn resumed(first: Timestamp, interval: Duration, known_until: Timestamp) -> Self {
        let mut grid = Self::starting(first, interval);
        if first <= known_until {
            grid.has_ticked = true;
            grid.next = grid.after(known_until);
        }
        grid
    }

    /// A grid as it is known elsewhere.
    pub fn known(first: Timestamp, next: Timestamp, interval: Duration, has_ticked: bool) -> Self {
        Self {
            has_ticked,
            next: next.utc(),
            ..Self::starting(first, interval)
        }
    }

    /// From tick to tick.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The tick the grid counts from.
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// Whether the first tick is over.
    pub fn has_ticked(&self) -> bool {
        self.has_ticked
    }

    /// The next tick.
    pub fn next(&self) -> Timestamp {
        self.next
    }

    /// Answers the tick that is due at `now`. The first one sets the grid: it counts from when it really happened.
    ///
    /// Of several ticks missed in a row only the latest counts: none pile up.
    pub fn take_tick(&mut self, now: Timestamp) -> Timestamp {
        if !self.has_ticked {
            self.has_ticked = true;
            self.first = now.utc();
            self.next = self.first;
            return self.next;
        }
        self.owes_restart = false;
        let missed = self.after(now) - self.interval;
        self.next = self.next.max(missed);
        self.next
    }

    /// Moves on after the flush of the tick taken last, and answers the next tick; one that passed meanwhile is due at once.
    ///
    /// After a restart in the meantime that is the tick the grid restarted at.
    pub fn go_on(&mut self, now: Timestamp) -> Timestamp {
        if self.owes_restart {
            return self.next;
        }
        let following = self.after(self.next);
        let latest = self.after(now) - self.interval;
        self.next = following.max(latest);
        self.next
    }

    /// Brings the next tick forward to `at` if it is later.
    pub fn tick_no_later_than(&mut self, at: Timestamp) {
        self.next = self.next.min(at.utc());
    }

    /// Leaves out ticks that somebody else took who went on alone, the one due now at most; answers whether there were any.
    pub fn skip_to(&mut self, next: Timestamp, now: Timestamp) -> bool {
        let next = next.utc().min(self.after(now));
        let skips = self.has_ticked && !self.owes_restart && self.next < next;
        if skips {
            self.next = next;
        }
        skips
    }

    /// Restarts the grid at `now`, with a tick at once; a grid that never ticked keeps its first tick.
    pub fn restart(&mut self, now: Timestamp, interval: Duration) {
        self.interval = interval;
        if self.has_ticked {
            self.first = now.utc();
            self.next = self.first;
            self.owes_restart = true;
        }
    }

    /// The first grid tick strictly after `t`.
    fn after(&self, t: Timestamp) -> Timestamp {
        if t < self.first {
            return self.first;
        }
        let interval = self.interval.as_nanos().max(1);
        let steps = t.since(self.first).as_nanos() / interval + 1;
        let nanos = i128::try_from(steps.saturating_mul(interval)).unwrap_or(i128::MAX / 2);
        Timestamp::from_unix_nanos(self.first.unix_nanos().saturating_add(nanos))
    }
}
