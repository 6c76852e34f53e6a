use std::collections::HashSet;

use super::http::read_answer;
use super::load::Fleet;
use super::machine::{cpu_ticks, timestamp};
use super::measure::{count_alerts, spread};
use super::options::Options;
use super::process::listening_address;
use super::report::{SHARED, SINGLE, replaced};

#[test]
fn alerts_are_json_with_eight_labels_in_the_promised_number_of_groups() {
    let fleet = Fleet {
        alerts: 2_000,
        starts: 1_700_000_000,
    };
    let mut groups = HashSet::new();
    let mut instances = HashSet::new();
    for i in 0..fleet.alerts {
        let mut text = String::new();
        fleet.write_alert(i, "2030-01-01T00:00:00.000Z", &mut text);
        let alert: serde_json::Value = serde_json::from_str(&text).unwrap();
        let labels = alert["labels"].as_object().unwrap();
        assert_eq!(labels.len(), 8);
        groups.insert(format!(
            "{}{}{}",
            labels["alertname"], labels["cluster"], labels["job"]
        ));
        instances.insert(labels["instance"].to_string());
    }
    assert_eq!(groups.len(), fleet.groups());
    assert_eq!(instances.len(), fleet.alerts);
}

#[test]
fn answers_are_read_in_both_framings() {
    let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";
    for (input, expected) in [(&plain[..], 200), (&chunked[..], 404)] {
        let mut body = Vec::new();
        assert_eq!(read_answer(&mut &*input, &mut body).unwrap(), expected);
        assert_eq!(body, b"hello");
    }
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    read_answer(&mut &cut[..], &mut Vec::new()).unwrap_err();
}

#[test]
fn times_are_written_as_calendar_dates() {
    assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00.000Z");
    assert_eq!(timestamp(1_735_689_599), "2024-12-31T23:59:59.000Z");
}

#[test]
fn cpu_ticks_are_found_behind_a_name_with_blanks() {
    let stat = "42 (a) b c) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0";
    assert_eq!(cpu_ticks(stat), Some(100));
    assert_eq!(cpu_ticks("nothing"), None);
}

#[test]
fn the_listening_line_gives_the_address() {
    let line = r#"time=2030-01-01T00:00:00Z level=INFO source=tls_config.go:346 msg="Listening on" address=127.0.0.1:4242"#;
    assert_eq!(
        listening_address(line),
        Some("127.0.0.1:4242".parse().unwrap())
    );
    assert_eq!(listening_address("msg=other address=127.0.0.1:1"), None);
}

#[test]
fn spread_numbers_do_not_repeat() {
    for size in [40, 1_000, 4_000, 100_000] {
        let count = size.min(3_000);
        let numbers: HashSet<usize> = (0..count).map(|n| spread(n, size)).collect();
        assert_eq!(numbers.len(), count);
    }
}

#[test]
fn alerts_are_counted_by_their_fingerprints() {
    assert_eq!(
        count_alerts(br#"[{"fingerprint":"a"},{"fingerprint":"b"}]"#),
        2
    );
}

#[test]
fn a_report_replaces_the_one_before_and_keeps_the_words_around_it() {
    let first = replaced("", &SINGLE, "one\n");
    let edited = format!("{first}\nWhere the time goes.\n");
    let second = replaced(&edited, &SINGLE, "two\n");
    assert!(second.starts_with("# Performance\n"), "{second}");
    assert!(
        second.contains("two") && !second.contains("one\n"),
        "{second}"
    );
    assert!(second.ends_with("Where the time goes.\n"), "{second}");
    let third = replaced(&replaced(&second, &SHARED, "three\n"), &SHARED, "four\n");
    assert!(
        third.contains("two\n") && third.contains("four\n"),
        "{third}"
    );
    assert!(!third.contains("three\n"), "{third}");
}

#[test]
fn options_out_of_bounds_are_refused() {
    let parse = |args: &[&str]| {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(parse(&["--alerts", "1000"]).unwrap().unwrap().alerts, 1_000);
    let only_redis = parse(&["--only", "redis"]).unwrap().unwrap();
    assert!(only_redis.redis && !only_redis.peer && !only_redis.belfry);
    assert!(parse(&["--help"]).unwrap().is_none());
    for bad in [
        &["--alerts", "0"][..],
        &["--alerts"],
        &["--only", "both"],
        &["--only", "peer", "--only", "belfry"],
        &["--frobnicate"],
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}
