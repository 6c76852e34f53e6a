//! The recorded vectors in full. The YAML around the texts is read here the way the configuration will.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/time_intervals.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are in the repository");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

/// What the configuration's YAML layer refuses before a text reaches this module.
const SHAPE: &str = "yaml: unmarshal errors";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    times: Option<Vec<Option<StatedTimes>>>,
    weekdays: Option<Vec<Option<String>>>,
    days_of_month: Option<Vec<Option<String>>>,
    months: Option<Vec<Option<String>>>,
    years: Option<Vec<Option<String>>>,
    location: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StatedTimes {
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    end_time: String,
}

fn ranges(
    texts: Option<Vec<Option<String>>>,
    parse: impl Fn(&str) -> Result<InclusiveRange, IntervalError>,
) -> Result<Option<Vec<InclusiveRange>>, IntervalError> {
    let element = |text: Option<String>| text.map_or(Ok(InclusiveRange::default()), |t| parse(&t));
    texts
        .map(|texts| texts.into_iter().map(element).collect())
        .transpose()
}

impl Stated {
    fn parse(self) -> Result<TimeInterval, IntervalError> {
        let time = |range: Option<StatedTimes>| match range {
            Some(range) => TimeRange::parse(&range.start_time, &range.end_time),
            None => Ok(TimeRange::default()),
        };
        Ok(TimeInterval {
            times: self
                .times
                .map(|times| times.into_iter().map(time).collect())
                .transpose()?,
            weekdays: ranges(self.weekdays, parse_weekdays)?,
            days_of_month: ranges(self.days_of_month, parse_days_of_month)?,
            months: ranges(self.months, parse_months)?,
            years: ranges(self.years, parse_years)?,
            location: self.location.as_deref().map(Location::parse).transpose()?,
        })
    }
}

fn load(yaml: &str) -> Result<Vec<TimeInterval>, String> {
    let stated: Vec<Option<Stated>> =
        serde_saphyr::from_str(yaml).map_err(|error| format!("{SHAPE}: {error}"))?;
    let element = |stated: Option<Stated>| match stated {
        Some(stated) => stated.parse().map_err(|error| error.to_string()),
        None => Ok(TimeInterval::default()),
    };
    stated.into_iter().map(element).collect()
}

/// The texts in the form Alertmanager writes back, one line each, quotes and YAML layout left out.
fn written(intervals: &[TimeInterval]) -> Vec<String> {
    fn line(
        name: &str,
        ranges: &Option<Vec<InclusiveRange>>,
        text: impl Fn(InclusiveRange) -> String,
    ) -> Option<String> {
        let texts: Vec<_> = ranges.iter().flatten().map(|range| text(*range)).collect();
        (!texts.is_empty()).then(|| format!("{name}: {}", texts.join(", ")))
    }
    let mut lines = Vec::new();
    for interval in intervals {
        for range in interval.times.iter().flatten() {
            lines.push(format!("start_time: {}", range.start_text()));
            lines.push(format!("end_time: {}", range.end_text()));
        }
        lines.extend(line("weekdays", &interval.weekdays, weekday_range_text));
        lines.extend(line("days_of_month", &interval.days_of_month, |r| {
            r.to_string()
        }));
        lines.extend(line("months", &interval.months, month_range_text));
        lines.extend(line("years", &interval.years, |r| r.to_string()));
        lines.extend(
            interval
                .location
                .iter()
                .map(|location| format!("location: {location}")),
        );
    }
    lines
}

fn recorded_lines(remarshalled: &Value) -> Vec<String> {
    let strip = |line: &str| {
        line.trim_start_matches(['-', ' '])
            .replace(['"', '\'', '[', ']'], "")
            .trim()
            .to_owned()
    };
    let lines = remarshalled.as_str().expect("a text").lines().map(strip);
    lines
        .filter(|line| !matches!(line.as_str(), "" | "{}" | "times:"))
        .collect()
}

fn instant(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("RFC 3339");
    Timestamp::from_unix_nanos(instant.as_nanosecond())
}

#[test]
fn active_as_recorded() {
    let vectors = vectors();
    let cases = vectors["valid"].as_array().expect("cases");
    assert_eq!(cases.len(), 42);
    for case in cases {
        let yaml = case["yaml"].as_str().expect("a text");
        let intervals = load(yaml).expect(yaml);
        assert_eq!(
            written(&intervals),
            recorded_lines(&case["remarshalled"]),
            "{yaml}"
        );
        for check in case["checks"].as_array().expect("checks") {
            let at = check["instant"].as_str().expect("a text");
            let active = intervals
                .iter()
                .any(|interval| interval.contains(instant(at)));
            assert_eq!(
                active,
                check["active"].as_bool().expect("a bool"),
                "{yaml} at {at}"
            );
        }
    }
}

#[test]
fn accepted_and_refused_as_recorded() {
    let vectors = vectors();
    let cases = vectors["parse_only"].as_array().expect("cases");
    assert_eq!(cases.len(), 69);
    for case in cases {
        let yaml = case["yaml"].as_str().expect("a text");
        match (load(yaml), case["error"].as_str()) {
            (Ok(intervals), None) => {
                assert_eq!(
                    written(&intervals),
                    recorded_lines(&case["remarshalled"]),
                    "{yaml}"
                );
            }
            (Err(got), Some(want)) if want.starts_with(SHAPE) => {
                assert!(got.starts_with(SHAPE), "{yaml}: {got}");
            }
            (Err(got), Some(want)) => assert_eq!(got, want, "{yaml}"),
            (got, want) => panic!("{yaml}: {got:?}, want {want:?}"),
        }
    }
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
            let _ = TimeRange::parse(text, text);
            let _ = Location::parse(text);
            let interval = TimeInterval {
                times: None,
                weekdays: parse_weekdays(text).ok().map(|r| vec![r]),
                days_of_month: parse_days_of_month(text).ok().map(|r| vec![r]),
                months: parse_months(text).ok().map(|r| vec![r]),
                years: parse_years(text).ok().map(|r| vec![r]),
                location: None,
            };
            let _ = written(std::slice::from_ref(&interval));
            interval.contains(Timestamp::new(seconds, 0, 0));
        }
    }
}
