//! Bounds, each with its unit and its reason (S6).

use std::time::Duration;

/// Shards groups and queues are spread over (protocol.md §3); fixed when a keyspace is initialised.
pub const SHARDS: usize = 16;

/// How long ends by time-out are suspended after a start or a stall (G5).
pub const GRACE: Duration = Duration::from_secs(300);

/// Nobody having polled for this long counts as a stall, after which [`GRACE`] applies.
pub const STALL: Duration = Duration::from_secs(30);

/// How long a claim lasts unless renewed (M6).
pub const LEASE: Duration = Duration::from_secs(60);

/// How often a lease is renewed while a send is out.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(20);

/// Least lease time that must be left when a send starts (protocol.md §6, GATE).
pub const GATE: Duration = Duration::from_secs(25);

/// Longest a single send may take when the receiver names no timeout of its own.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Shortest deadline of a flush.
pub const FLUSH_DEADLINE_MIN: Duration = Duration::from_secs(10);

/// An owed "resolved" that a receiver keeps refusing is given up after this or repeat_interval, whichever is longer.
pub const OWED_MIN: Duration = Duration::from_secs(24 * 3600);

/// The same where time intervals may mute the group: an end is told after a mute of a week.
pub const OWED_MUTED_MIN: Duration = Duration::from_secs(8 * 24 * 3600);
