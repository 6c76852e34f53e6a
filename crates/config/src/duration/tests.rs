//! Both notations.

use super::*;

#[test]
fn prometheus_durations_are_read_and_printed() {
    for (text, millis, printed) in [
        ("0", 0, "0s"),
        ("5m", 300_000, "5m"),
        ("1h30m5s", 5_405_000, "1h30m5s"),
        ("1500ms", 1500, "1s500ms"),
        ("90d", 90 * 86_400_000, "90d"),
        ("2w", 14 * 86_400_000, "2w"),
        ("1y", 365 * 86_400_000, "1y"),
        ("120m", 7_200_000, "2h"),
    ] {
        let duration = parse_prometheus(text).unwrap();
        assert_eq!(duration, Duration::from_millis(millis), "{text}");
        assert_eq!(print_prometheus(duration), printed, "{text}");
    }
}

#[test]
fn prometheus_durations_are_refused_in_its_words() {
    for (text, message) in [
        ("", "empty duration string"),
        ("x", r#"not a valid duration string: "x""#),
        ("30", r#"not a valid duration string: "30""#),
        ("-1s", r#"not a valid duration string: "-1s""#),
        ("1m1h", r#"not a valid duration string: "1m1h""#),
        ("1.5s", r#"unknown unit "." in duration "1.5s""#),
        ("1000y", "duration out of range"),
    ] {
        assert_eq!(parse_prometheus(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn go_durations_are_read_and_printed() {
    for (text, nanos, printed) in [
        ("0", 0, "0s"),
        ("10ns", 10, "10ns"),
        ("1.5us", 1500, "1.5\u{b5}s"),
        ("90s", 90_000_000_000, "1m30s"),
        ("1h", 3_600_000_000_000, "1h0m0s"),
        ("1.5h", 5_400_000_000_000, "1h30m0s"),
        ("-5s", -5_000_000_000, "-5s"),
        ("1m0.25s", 60_250_000_000, "1m0.25s"),
        (".5s", 500_000_000, "500ms"),
        (
            "-9223372036854775808ns",
            i64::MIN,
            "-2562047h47m16.854775808s",
        ),
    ] {
        let duration = parse_go(text).unwrap();
        assert_eq!(duration, GoDuration(nanos), "{text}");
        assert_eq!(duration.to_string(), printed, "{text}");
    }
}

#[test]
fn go_durations_are_refused_in_its_words() {
    for (text, message) in [
        ("", r#"time: invalid duration """#),
        ("1d", r#"time: unknown unit "d" in duration "1d""#),
        ("10", r#"time: missing unit in duration "10""#),
        ("abc", r#"time: invalid duration "abc""#),
        ("9999999999h", r#"time: invalid duration "9999999999h""#),
    ] {
        assert_eq!(parse_go(text).unwrap_err().to_string(), message);
    }
}
