use std::time::Instant;

use super::late::{Lateness, told_instance};
use super::traffic::{Counters, Traffic};

const BEFORE: &str = "total_net_input_bytes:1000\r\ntotal_net_output_bytes:500\r\n\
                      cmdstat_evalsha:calls=10,usec=1000,usec_per_call=100.00\r\n\
                      cmdstat_config|get:calls=1,usec=5\r\ncmdstat_hset:calls=30,usec=60\r\n";

#[test]
fn what_was_asked_is_the_difference_of_the_counters() {
    let after = BEFORE
        .replace(":1000", ":3000")
        .replace(":500", &format!(":{}", 900 + BEFORE.len()))
        .replace("calls=10,usec=1000", "calls=30,usec=5000")
        .replace("calls=30,usec=60", "calls=51,usec=90");
    let now = Instant::now();
    let before = Counters::parse(BEFORE, now).unwrap();
    let asked = Counters::parse(&after, now).unwrap().per(&before, 20.0);
    let expected = Traffic {
        scripts: 1.0,
        script_seconds: 0.0002,
        commands: 2.0,
        bytes_in: 100.0,
        bytes_out: 20.0,
    };
    assert!((asked.script_seconds - expected.script_seconds).abs() < 1e-9);
    let script_seconds = asked.script_seconds;
    assert_eq!(
        asked,
        Traffic {
            script_seconds,
            ..expected
        }
    );
    assert_eq!(asked.without(asked, 1.0), Traffic::default());
    assert!(Counters::parse("nothing", now).is_none());
}

#[test]
fn lateness_is_given_by_median_and_percentile() {
    let values = (0..=1000).rev().map(f64::from).collect();
    let expected = Lateness {
        p50: 500.0,
        p99: 990.0,
    };
    assert_eq!(Lateness::of(values), expected);
    assert_eq!(Lateness::of(Vec::new()), Lateness::default());
}

#[test]
fn the_group_of_a_message_is_found() {
    let body = br#"{"receiver":"sink","groupLabels":{"instance":"late-spread-0-7"},"alerts":[]}"#;
    assert_eq!(told_instance(body).as_deref(), Some("late-spread-0-7"));
    assert_eq!(told_instance(b"{}"), None);
}
