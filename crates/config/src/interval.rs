//! Named time intervals as written.

use domain::interval::{
    InclusiveRange, IntervalError, Location, TimeInterval, TimeRange, month_range_text,
    parse_days_of_month, parse_months, parse_weekdays, parse_years, weekday_range_text,
};

use crate::error::{ConfigError, Mark, Result};
use crate::yaml::{Block, Fields, Node, Value, list, text};

/// A named list of intervals.
pub(crate) struct NamedInterval {
    pub(crate) name: String,
    pub(crate) intervals: Vec<TimeInterval>,
    pub(crate) mark: Mark,
}

impl NamedInterval {
    /// Reads one; `what` names it in the error about a missing name.
    pub(crate) fn decode(node: &Node, what: &str) -> Result<Self> {
        let mark = node.mark;
        if node.is_null() {
            return Ok(Self {
                name: String::new(),
                intervals: Vec::new(),
                mark,
            });
        }
        let f = Fields::new(node, what, &["name", "time_intervals"])?;
        let name = f.text("name")?;
        if name.is_empty() {
            return Err(f.error(format!("missing name in {what}")));
        }
        let intervals = f.list("time_intervals", "[]timeinterval.TimeInterval")?;
        let intervals = intervals
            .iter()
            .map(|n| decode_interval(n))
            .collect::<Result<_>>()?;
        Ok(Self {
            name,
            intervals,
            mark,
        })
    }

    pub(crate) fn print(&self) -> Value {
        Block::new()
            .value("name", self.name.as_str().into())
            .value("time_intervals", print_intervals(&self.intervals))
            .done()
    }
}

/// Prints the list below `time_intervals`.
fn print_intervals(intervals: &[TimeInterval]) -> Value {
    Value::List(intervals.iter().map(print_interval).collect())
}

const KEYS: &[&str] = &[
    "times",
    "weekdays",
    "days_of_month",
    "months",
    "years",
    "location",
];

fn decode_interval(node: &Node) -> Result<TimeInterval> {
    let f = Fields::new(node, "timeinterval.TimeInterval", KEYS)?;
    let located = |mark| move |error: IntervalError| ConfigError::at(mark, error.to_string());
    let ranges =
        |key: &str, parse: fn(&str) -> std::result::Result<InclusiveRange, IntervalError>| {
            let Some(node) = f.some(key) else {
                return Ok(None);
            };
            let read = |item: &Node| {
                if item.is_null() {
                    return Ok(InclusiveRange::default());
                }
                parse(&text(item)?).map_err(located(item.mark))
            };
            let items = list(node, "a list of ranges")?;
            items
                .iter()
                .map(|item| read(item))
                .collect::<Result<Vec<_>>>()
                .map(Some)
        };
    let times = match f.some("times") {
        None => None,
        Some(node) => {
            let items = list(node, "[]timeinterval.TimeRange")?;
            Some(
                items
                    .iter()
                    .map(|item| decode_time(item))
                    .collect::<Result<_>>()?,
            )
        }
    };
    let location = f.maybe_text("location")?.map(|name| Location::parse(&name));
    Ok(TimeInterval {
        times,
        weekdays: ranges("weekdays", parse_weekdays)?,
        days_of_month: ranges("days_of_month", parse_days_of_month)?,
        months: ranges("months", parse_months)?,
        years: ranges("years", parse_years)?,
        location: location
            .transpose()
            .map_err(located(f.mark_of("location")))?,
    })
}

fn decode_time(node: &Node) -> Result<TimeRange> {
    if node.is_null() {
        return Ok(TimeRange::default());
    }
    let f = Fields::new(node, "times", &["start_time", "end_time"])?;
    TimeRange::parse(&f.text("start_time")?, &f.text("end_time")?).map_err(|error| {
        f.error(error.to_string())
            .hint("HH:MM, from 00:00 to 24:00")
    })
}

fn print_interval(interval: &TimeInterval) -> Value {
    let ranges = |ranges: &Option<Vec<InclusiveRange>>,
                  print: &dyn Fn(InclusiveRange) -> String| {
        let ranges = ranges.as_deref().filter(|ranges| !ranges.is_empty())?;
        Some(Value::Inline(
            ranges.iter().map(|range| print(*range)).collect(),
        ))
    };
    let number = |range: InclusiveRange| range.to_string();
    let times = interval.times.iter().flatten().map(|time| {
        Block::new()
            .value("start_time", time.start_text().as_str().into())
            .value("end_time", time.end_text().as_str().into())
            .done()
    });
    Block::new()
        .list("times", times.collect())
        .some("weekdays", ranges(&interval.weekdays, &weekday_range_text))
        .some("days_of_month", ranges(&interval.days_of_month, &number))
        .some("months", ranges(&interval.months, &month_range_text))
        .some("years", ranges(&interval.years, &number))
        .text(
            "location",
            interval.location.as_ref().map_or("", Location::name),
        )
        .done()
}
