//! What the recorded vectors (`cargo xtask vectors`) do not say, and properties over arbitrary input.

use proptest::prelude::*;

use super::*;

fn instant(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("RFC 3339");
    Timestamp::from_unix_nanos(instant.as_nanosecond())
}

#[test]
fn a_list_that_is_stated_but_empty_never_holds() {
    let never = TimeInterval {
        weekdays: Some(Vec::new()),
        ..TimeInterval::default()
    };
    assert!(!never.contains(Timestamp::ZERO));
    assert!(TimeInterval::default().contains(Timestamp::ZERO));
}

#[test]
fn local_is_an_argument() {
    let location = Some(Location::parse("Local").expect("Local is known"));
    let interval = TimeInterval {
        times: Some(vec![TimeRange::parse("09:00", "10:00").expect("valid")]),
        location,
        ..TimeInterval::default()
    };
    let tokyo = Location::parse("Asia/Tokyo").expect("bundled");
    let at = instant("2026-03-04T00:30:00Z");
    assert!(!interval.contains(at));
    assert!(interval.contains_with_local(at, &tokyo));
}

#[test]
fn zone_names_are_go_s() {
    for (name, error) in [
        ("europe/berlin", "unknown time zone europe/berlin"),
        ("../etc/passwd", "time: invalid location name"),
        ("/UTC", "time: invalid location name"),
        ("Europe/Nowhere", "unknown time zone Europe/Nowhere"),
    ] {
        assert_eq!(Location::parse(name).expect_err(name).to_string(), error);
    }
    assert_eq!(Location::parse("").expect("UTC").name(), "UTC");
}

#[test]
fn the_ends_of_time_are_inside_something() {
    let zone = Some(Location::parse("Pacific/Auckland").expect("bundled"));
    let years = Some(vec![InclusiveRange {
        begin: 1,
        end: 10_000,
    }]);
    let interval = TimeInterval {
        years,
        location: zone,
        ..TimeInterval::default()
    };
    assert!(interval.contains(Timestamp::ZERO) && interval.contains(Timestamp::MAX));
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), numbers in "-?[0-9:-]{0,25}", seconds in any::<i64>()) {
        for text in [&text, &numbers] {
            let _ = TimeRange::parse(text, text).map(|range| (range.start_text(), range.end_text()));
            let _ = Location::parse(text);
            let interval = TimeInterval {
                times: None,
                weekdays: parse_weekdays(text).ok().map(|r| vec![r]),
                days_of_month: parse_days_of_month(text).ok().map(|r| vec![r]),
                months: parse_months(text).ok().map(|r| vec![r]),
                years: parse_years(text).ok().map(|r| vec![r]),
                location: None,
            };
            interval.weekdays.iter().flatten().for_each(|range| drop(weekday_range_text(*range)));
            interval.months.iter().flatten().for_each(|range| drop(month_range_text(*range)));
            interval.contains(Timestamp::new(seconds, 0, 0));
        }
    }
}
