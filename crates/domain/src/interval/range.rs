//! The ranges a time interval is made of, and how they are read and written.

use std::fmt;

use super::IntervalError;

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A span of the day in minutes since midnight; the end is excluded.
///
/// The default is the empty span a `null` element of the list stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first minute inside.
    pub start_minute: u16,
    /// The first minute after, up to 1440.
    pub end_minute: u16,
}

impl TimeRange {
    /// Reads `start_time` and `end_time`, each `HH:MM`; a field that is not stated is `""`.
    ///
    /// # Errors
    /// Alertmanager's text when one is missing or malformed, or the end is not after the start.
    pub fn parse(start: &str, end: &str) -> Result<Self, IntervalError> {
        if start.is_empty() || end.is_empty() {
            return Err(IntervalError(
                "both start and end times must be provided".to_owned(),
            ));
        }
        let range = Self {
            start_minute: parse_minute(start)?,
            end_minute: parse_minute(end)?,
        };
        if range.start_minute >= range.end_minute {
            let text = "start time cannot be equal or greater than end time";
            return Err(IntervalError(text.to_owned()));
        }
        Ok(range)
    }

    /// Whether the minute of the day is inside.
    pub fn contains(self, minute: u16) -> bool {
        (self.start_minute..self.end_minute).contains(&minute)
    }

    /// The start as `HH:MM`.
    pub fn start_text(self) -> String {
        minute_text(self.start_minute)
    }

    /// The end as `HH:MM`.
    pub fn end_text(self) -> String {
        minute_text(self.end_minute)
    }
}

fn minute_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn parse_minute(text: &str) -> Result<u16, IntervalError> {
    let invalid = || IntervalError(format!("couldn't parse timestamp {text}, invalid format"));
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
        return Err(invalid());
    };
    let digits = [h1, h2, m1, m2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid());
    }
    let [h1, h2, m1, m2] = digits.map(|digit| u16::from(digit - b'0'));
    let (hour, minute) = (h1 * 10 + h2, m1 * 10 + m2);
    if (hour < 24 && minute < 60) || (hour == 24 && minute == 0) {
        Ok(hour * 60 + minute)
    } else {
        Err(invalid())
    }
}

/// A range of numbers with both ends inside.
///
/// The default, 0 to 0, is what a `null` element of a list stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InclusiveRange {
    /// The first number inside.
    pub begin: i64,
    /// The last number inside.
    pub end: i64,
}

impl InclusiveRange {
    /// Whether the number is inside.
    pub fn contains(self, value: i64) -> bool {
        (self.begin..=self.end).contains(&value)
    }
}

impl fmt::Display for InclusiveRange {
    /// Writes `3`, or `1:3`: how days of the month, months and years are written back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.begin == self.end {
            write!(f, "{}", self.begin)
        } else {
            write!(f, "{}:{}", self.begin, self.end)
        }
    }
}

/// How a range of weekdays is written back: `monday`, or `monday:friday`.
pub fn weekday_range_text(range: InclusiveRange) -> String {
    let (begin, end) = (
        name_at(&WEEKDAYS, range.begin),
        name_at(&WEEKDAYS, range.end),
    );
    if range.begin == range.end {
        begin.to_owned()
    } else {
        format!("{begin}:{end}")
    }
}

/// How a range of months is written back: by number, whatever it was written as.
pub fn month_range_text(range: InclusiveRange) -> String {
    range.to_string()
}

/// The name with this index; `""` when there is none, as Alertmanager prints it.
fn name_at(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or("")
}

/// Reads one element of `weekdays`: `monday` or `monday:friday`, in any case.
///
/// # Errors
/// Alertmanager's text for an unknown name or a range that runs backwards (weeks begin on Sunday).
pub fn parse_weekdays(text: &str) -> Result<InclusiveRange, IntervalError> {
    let range = parse_range(text, |member| {
        let index = WEEKDAYS.iter().position(|name| *name == member);
        index
            .and_then(|index| i64::try_from(index).ok())
            .ok_or_else(|| IntervalError(format!("{member} is not a valid weekday")))
    })?;
    if range.begin > range.end {
        return Err(IntervalError(
            "start day cannot be before end day".to_owned(),
        ));
    }
    Ok(range)
}

/// Reads one element of `days_of_month`: `1`, `1:5` or `-3:-1`.
///
/// # Errors
/// Alertmanager's text for what is not a day, or a range that is empty in every month.
pub fn parse_days_of_month(text: &str) -> Result<InclusiveRange, IntervalError> {
    let range = parse_range(text, parse_int)?;
    for day in [range.begin, range.end] {
        if day == 0 || !(-31..=31).contains(&day) {
            let text = format!("{day} is not a valid day of the month: out of range");
            return Err(IntervalError(text));
        }
    }
    if range.begin < 0 && range.end > 0 {
        let text = "end day must be negative if start day is negative";
        return Err(IntervalError(text.to_owned()));
    }
    // Counted from the end, a day's number depends on the month; the shortest month decides.
    let in_february = |day: i64| if day < 0 { 28 + day } else { day };
    if in_february(range.begin) > in_february(range.end) {
        let text = format!(
            "end day {} is always before start day {}",
            range.end, range.begin
        );
        return Err(IntervalError(text));
    }
    Ok(range)
}

/// Reads one element of `months`: names in any case or numbers; numbers are not checked, as in Alertmanager.
///
/// # Errors
/// Alertmanager's text for an unknown name or a range that runs backwards.
pub fn parse_months(text: &str) -> Result<InclusiveRange, IntervalError> {
    let range = parse_range(text, |member| {
        let index = MONTHS.iter().position(|name| *name == member);
        match index.and_then(|index| i64::try_from(index + 1).ok()) {
            Some(month) => Ok(month),
            None => parse_int(member)
                .map_err(|_| IntervalError(format!("{member} is not a valid month"))),
        }
    })?;
    if range.begin > range.end {
        let name = |month: i64| name_at(&MONTHS, month.saturating_sub(1));
        return Err(IntervalError(format!(
            "end month {} is before start month {}",
            name(range.end),
            name(range.begin)
        )));
    }
    Ok(range)
}

/// Reads one element of `years`: `2026` or `2026:2028`.
///
/// # Errors
/// Alertmanager's text for what is not a number or a range that runs backwards.
pub fn parse_years(text: &str) -> Result<InclusiveRange, IntervalError> {
    let range = parse_range(text, parse_int)?;
    if range.begin > range.end {
        let text = format!(
            "end year {} is before start year {}",
            range.end, range.begin
        );
        return Err(IntervalError(text));
    }
    Ok(range)
}

fn parse_range(
    text: &str,
    member: impl Fn(&str) -> Result<i64, IntervalError>,
) -> Result<InclusiveRange, IntervalError> {
    let text = text.to_lowercase();
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(only), None, _) => {
            let value = member(only)?;
            Ok(InclusiveRange {
                begin: value,
                end: value,
            })
        }
        (Some(begin), Some(end), None) => Ok(InclusiveRange {
            begin: member(begin)?,
            end: member(end)?,
        }),
        _ => Err(IntervalError(format!(
            "couldn't parse range {text}, invalid format"
        ))),
    }
}

/// Go's `strconv.Atoi` and its error texts.
fn parse_int(text: &str) -> Result<i64, IntervalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let reason = if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        "invalid syntax"
    } else {
        match text.parse() {
            Ok(number) => return Ok(number),
            Err(_) => "value out of range",
        }
    };
    let quoted = crate::quote::quote(text);
    Err(IntervalError(format!(
        "strconv.Atoi: parsing {quoted}: {reason}"
    )))
}
