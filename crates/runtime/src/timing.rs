//! The times of the protocol between instances, as one value that tests may shrink.
//!
//! A test of leases and grace periods must not take an hour, so all of them shrink by one factor, the hidden
//! `timing.scale`. What an operator's configuration states (group_wait, timeouts of receivers) never does.

use std::time::Duration;

use domain::limits;

/// Least value of a scaled time: a time of zero would turn waiting into spinning.
const FLOOR: Duration = Duration::from_millis(1);

/// Smallest factor times are scaled by; the largest is 1.
pub const SCALE_MIN: f64 = 0.01;

/// Every time of the protocol (protocol.md §4 to §10); [`Default`] is what production runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a claim lasts unless renewed.
    pub lease: Duration,
    /// How often a lease is renewed while a send is out.
    pub lease_renewal: Duration,
    /// Least lease time that must be left when a send starts.
    pub gate: Duration,
    /// Longest a single send may take when the receiver names no timeout of its own.
    pub send_timeout: Duration,
    /// Shortest deadline of a flush.
    pub flush_deadline_min: Duration,
    /// How long ends by time-out are suspended after a start or a stall.
    pub grace: Duration,
    /// Nobody having polled for this long counts as a stall.
    pub stall: Duration,
    /// Longest sleep between two polls.
    pub poll_max: Duration,
    /// How long after an error the shared state is asked again.
    pub poll_retry: Duration,
    /// How often groups are looked at whose tenant is not served.
    pub retired_pause: Duration,
    /// An intent that is not recorded after this long is recorded later; the send goes on.
    pub intent_patience: Duration,
    /// How long a stop waits for sends that are out.
    pub drain: Duration,
    /// A claim that was not begun is free again after this long without a sign of its instance.
    pub unbegun_claim: Duration,
    /// How long a group waits whose instance's mirror is behind.
    pub behind_delay: Duration,
    /// A mirror that is behind for this long is passed over: the shared state is read instead.
    pub behind_max: Duration,
    /// Silence of the shared state after which it counts as unreachable.
    pub breaker_silence: Duration,
    /// How long nothing is claimed after the shared state lost its data.
    pub hold_after_loss: Duration,
    /// How long a server must have thrown nothing away before it is trusted with state again.
    pub eviction_calm: Duration,
    /// How long nothing is claimed, at most, after every instance was out of reach, until all of them are back.
    pub hold_after_outage: Duration,
    /// How long a group that is due is left to the instance whose turn it is.
    pub courtesy: Duration,
    /// How often something that was forbidden is tried again.
    pub permission_retry: Duration,
    /// A group whose route is gone from a configuration is moved after this long.
    pub foreign_move_after: Duration,
    /// How long what was deleted is remembered, so that a replay cannot bring it back.
    pub tombstone: Duration,
    /// An instance that showed no sign for this long counts as gone.
    pub instance_expiry: Duration,
    /// An owed "resolved" that is refused is given up after this, or after repeat_interval if that is longer. The
    /// domain's own rule ([`limits::OWED_MIN`]) does not scale.
    pub owed_min: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: limits::LEASE,
            lease_renewal: limits::LEASE_RENEWAL,
            gate: limits::GATE,
            send_timeout: limits::SEND_TIMEOUT,
            flush_deadline_min: limits::FLUSH_DEADLINE_MIN,
            grace: limits::GRACE,
            stall: limits::STALL,
            poll_max: Duration::from_secs(1),
            poll_retry: Duration::from_secs(1),
            retired_pause: Duration::from_secs(300),
            intent_patience: Duration::from_secs(1),
            drain: Duration::from_secs(25),
            unbegun_claim: Duration::from_secs(10),
            behind_delay: Duration::from_millis(250),
            behind_max: Duration::from_secs(5),
            breaker_silence: Duration::from_secs(3),
            hold_after_loss: Duration::from_secs(5),
            eviction_calm: Duration::from_secs(30),
            hold_after_outage: Duration::from_secs(10),
            courtesy: Duration::from_millis(100),
            permission_retry: Duration::from_secs(30),
            foreign_move_after: Duration::from_secs(60),
            tombstone: Duration::from_secs(3600),
            instance_expiry: Duration::from_secs(10),
            owed_min: limits::OWED_MIN,
        }
    }
}

impl Timing {
    /// The default times multiplied by a factor from [`SCALE_MIN`] to 1; one outside is brought inside, and no time
    /// becomes shorter than a millisecond.
    #[must_use]
    pub fn scaled(scale: f64) -> Self {
        let scale = if scale.is_nan() { 1.0 } else { scale };
        let scale = scale.clamp(SCALE_MIN, 1.0);
        let times = |time: Duration| time.mul_f64(scale).max(FLOOR);
        let whole = Self::default();
        Self {
            lease: times(whole.lease),
            lease_renewal: times(whole.lease_renewal),
            gate: times(whole.gate),
            send_timeout: times(whole.send_timeout),
            flush_deadline_min: times(whole.flush_deadline_min),
            grace: times(whole.grace),
            stall: times(whole.stall),
            poll_max: times(whole.poll_max),
            poll_retry: times(whole.poll_retry),
            retired_pause: times(whole.retired_pause),
            intent_patience: times(whole.intent_patience),
            drain: times(whole.drain),
            unbegun_claim: times(whole.unbegun_claim),
            behind_delay: times(whole.behind_delay),
            behind_max: times(whole.behind_max),
            breaker_silence: times(whole.breaker_silence),
            hold_after_loss: times(whole.hold_after_loss),
            eviction_calm: times(whole.eviction_calm),
            hold_after_outage: times(whole.hold_after_outage),
            courtesy: times(whole.courtesy),
            permission_retry: times(whole.permission_retry),
            foreign_move_after: times(whole.foreign_move_after),
            tombstone: times(whole.tombstone),
            instance_expiry: times(whole.instance_expiry),
            owed_min: times(whole.owed_min),
        }
    }
}

#[cfg(test)]
mod tests;
