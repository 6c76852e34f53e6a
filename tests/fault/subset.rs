//! The quick subset that `cargo test` runs: a test for each row, a few rows at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::row::{Row, Verdict};
use crate::{JOBS, play, rows, seed};

/// How many rows run now. More than a few at once and the machine is what is tested.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// Plays a row when few others are played.
fn played_alone(row: &Row) -> Option<Verdict> {
    let (running, changed) = &RUNNING;
    let lock = running.lock().unwrap_or_else(PoisonError::into_inner);
    let free = changed.wait_while(lock, |running| *running >= JOBS);
    *free.unwrap_or_else(PoisonError::into_inner) += 1;
    let verdict = play(row, seed());
    *running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    changed.notify_all();
    verdict
}

#[track_caller]
fn holds(id: &str) {
    let row = rows::named(id).expect("the row is there");
    if let Some(verdict) = played_alone(&row) {
        assert!(verdict.has_passed(), "{}", verdict.failure());
    }
}

/// The harness itself: three instances that share nothing tell everything three times, and the oracle sees it. What is
/// told again says the same (D) or, where the instances heard of different alerts, another part of it (N); where each goes
/// on hearing of its own part only, no last message is ever the whole truth.
#[test]
fn instances_that_share_nothing_are_caught() {
    let apart = Row {
        instances: 3,
        settling: Duration::from_secs(2),
        ..rows::named("F01").expect("the row is there")
    };
    let found = played_alone(&apart);
    let is_caught = |verdict: Verdict| {
        let [_, again, no_news, ..] = verdict.counts;
        let is_never_told = verdict.complaints.iter().any(|c| c.contains("not settled"));
        !verdict.has_passed() && (again + no_news > 20 || is_never_told)
    };
    assert!(found.is_some_and(is_caught));
}

#[test]
fn f01_nothing_fails_alone() {
    holds("F01");
}

#[test]
fn f02_nothing_fails_together() {
    holds("F02");
}

#[test]
fn f03_an_instance_is_killed() {
    holds("F03");
}

#[test]
fn f04_killed_after_the_claim() {
    holds("F04");
}

#[test]
fn f04a_killed_amid_a_batch() {
    holds("F04A");
}

#[test]
fn f04b_killed_before_the_answer_to_a_poll() {
    holds("F04B");
}

#[test]
fn f05_killed_before_the_last_byte() {
    holds("F05");
}

#[test]
fn f06_killed_once_the_request_is_out() {
    holds("F06");
}

#[test]
fn f07_killed_after_sent_is_recorded() {
    holds("F07");
}

#[test]
fn f08_all_are_killed() {
    holds("F08");
}

#[test]
fn f10_rolling_restarts() {
    holds("F10");
}

#[test]
fn f10a_killed_amid_a_stop() {
    holds("F10A");
}

#[test]
fn f12_stopped_before_the_gate() {
    holds("F12");
}

#[test]
fn f13_stopped_past_the_lease() {
    holds("F13");
}

#[test]
fn f13a_stopped_while_alone() {
    holds("F13A");
}

#[test]
fn f15_redis_is_killed() {
    holds("F15");
}

#[test]
fn f16_redis_comes_back_empty() {
    holds("F16");
}

#[test]
fn f17_flushall() {
    holds("F17");
}

#[test]
fn f27_redis_is_late() {
    holds("F27");
}

#[test]
fn f29_redis_is_a_blackhole() {
    holds("F29");
}

#[test]
fn f31_redis_is_away_for_long() {
    holds("F31");
}

#[test]
fn f35_redis_is_full() {
    holds("F35");
}

#[test]
fn f30_redis_is_a_blackhole_for_one() {
    holds("F30");
}

#[test]
fn f33_a_degraded_instance_is_killed() {
    holds("F33");
}

#[test]
fn f33a_a_degraded_instance_dies_after_an_answer() {
    holds("F33A");
}

#[test]
fn f42_scripts_are_flushed() {
    holds("F42");
}

#[test]
fn f43_connections_are_killed() {
    holds("F43");
}

#[test]
fn f48_a_receiver_refuses() {
    holds("F48");
}

#[test]
fn f49_a_receiver_hangs() {
    holds("F49");
}

#[test]
fn f50_a_receiver_drops_its_answers() {
    holds("F50");
}

#[test]
fn f51_a_receiver_asks_to_wait() {
    holds("F51");
}

#[test]
fn f61_a_silence_is_just_in_time() {
    holds("F61");
}

#[test]
fn f62_alerts_flap() {
    holds("F62");
}

#[test]
fn f63_two_senders_disagree() {
    holds("F63");
}

#[test]
fn f64_posts_come_again_and_again() {
    holds("F64");
}

#[test]
fn f17t_flushall_with_two_tenants() {
    holds("F17T");
}
