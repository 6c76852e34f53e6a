//! Defaults are unscaled, and scaling keeps the order of times.

use super::*;

#[test]
fn defaults_are_unscaled() {
    let timing = Timing::default();
    assert_eq!(timing, Timing::scaled(1.0));
    let seconds = |time: Duration| time.as_secs_f64();
    assert_eq!(seconds(timing.lease), 60.0);
    assert_eq!(seconds(timing.lease_renewal), 20.0);
    assert_eq!(seconds(timing.gate), 25.0);
    assert_eq!(seconds(timing.send_timeout), 20.0);
    assert_eq!(seconds(timing.flush_deadline_min), 10.0);
    assert_eq!(seconds(timing.grace), 300.0);
    assert_eq!(seconds(timing.stall), 30.0);
    assert_eq!(seconds(timing.poll_max), 1.0);
    assert_eq!(seconds(timing.poll_retry), 1.0);
    assert_eq!(seconds(timing.retired_pause), 300.0);
    assert_eq!(seconds(timing.intent_patience), 1.0);
    assert_eq!(seconds(timing.drain), 25.0);
    assert_eq!(seconds(timing.unbegun_claim), 10.0);
    assert_eq!(seconds(timing.behind_delay), 0.25);
    assert_eq!(seconds(timing.behind_max), 5.0);
    assert_eq!(seconds(timing.breaker_silence), 3.0);
    assert_eq!(seconds(timing.hold_after_loss), 5.0);
    assert_eq!(seconds(timing.eviction_calm), 30.0);
    assert_eq!(seconds(timing.permission_retry), 30.0);
    assert_eq!(seconds(timing.foreign_move_after), 60.0);
    assert_eq!(seconds(timing.tombstone), 3600.0);
    assert_eq!(seconds(timing.instance_expiry), 10.0);
    assert_eq!(seconds(timing.owed_min), 86_400.0);
}

#[test]
fn every_time_shrinks_by_the_factor() {
    let timing = Timing::scaled(0.1);
    assert_eq!(timing.lease, Duration::from_secs(6));
    assert_eq!(timing.behind_delay, Duration::from_millis(25));
    assert_eq!(timing.tombstone, Duration::from_secs(360));
}

#[test]
fn a_factor_out_of_bounds_is_brought_inside() {
    assert_eq!(Timing::scaled(7.0), Timing::default());
    assert_eq!(Timing::scaled(f64::NAN), Timing::default());
    assert_eq!(Timing::scaled(0.0), Timing::scaled(SCALE_MIN));
    assert!(Timing::scaled(0.0).behind_delay >= FLOOR);
}
