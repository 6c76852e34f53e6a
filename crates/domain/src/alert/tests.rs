use super::*;

fn alert(starts: i64, ends: i64, updated: i64) -> Alert {
    let labels = Labels::from_pairs([("alertname", "A")]);
    Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at: Timestamp::from_unix_ms(starts),
        ends_at: Timestamp::from_unix_ms(ends),
        updated_at: Timestamp::from_unix_ms(updated),
        is_timeout: false,
    }
}

/// Starts and ends of `known` after `posted` arrived, in milliseconds.
fn check(known: Alert, posted: Alert, expected: (i64, i64)) {
    let now = known.updated_by(posted);
    assert_eq!((now.starts_at.unix_ms(), now.ends_at.unix_ms()), expected);
}

#[test]
fn overlapping_posts_keep_the_earlier_start() {
    check(alert(100, 500, 110), alert(120, 600, 130), (100, 600));
}

#[test]
fn touching_posts_replace_because_the_comparison_is_strict() {
    check(alert(100, 500, 110), alert(500, 900, 510), (500, 900));
    check(alert(100, 500, 110), alert(100, 500, 120), (100, 500));
}

#[test]
fn a_resolved_post_inside_the_range_ends_the_alert() {
    check(alert(100, 900, 110), alert(100, 300, 310), (100, 300));
}

#[test]
fn of_two_ends_the_later_stays() {
    check(alert(290, 480, 480), alert(290, 410, 490), (290, 480));
}

#[test]
fn a_firing_post_keeps_the_later_stated_end_but_not_a_guessed_one() {
    check(alert(100, 900, 110), alert(100, 500, 120), (100, 900));
    let mut guessed = alert(100, 900, 110);
    guessed.is_timeout = true;
    check(guessed, alert(100, 500, 120), (100, 500));
}

#[test]
fn after_a_start_time_outs_wait_but_explicit_ends_do_not() {
    let ms = Timestamp::from_unix_ms;
    let grace = Grace {
        since: ms(1_000),
        until: ms(5_000),
    };
    let timed_out = alert(100, 900, 110);
    assert!(!timed_out.is_resolved(ms(2_000), grace));
    assert!(timed_out.is_resolved(ms(5_000), grace));
    assert_eq!(timed_out.deadline(grace), ms(5_000));
    let ended = alert(100, 900, 950);
    assert!(ended.is_resolved(ms(2_000), grace));
    let refreshed = alert(100, 1_500, 1_100);
    assert!(
        refreshed.is_resolved(ms(2_000), grace),
        "heard of after the start: its time-out counts"
    );
}
