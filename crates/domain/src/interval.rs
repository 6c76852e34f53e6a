//! Time intervals: the hours, days, months and years in which a route is muted or active.
//!
//! Parsing takes the texts as they stand in the configuration, one list element at a time, and answers with
//! Alertmanager's error texts; [`TimeInterval::contains`] takes the time as an argument.

use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::{Timestamp, civil_from_days, days_from_civil};

mod range;

pub use range::{
    InclusiveRange, TimeRange, month_range_text, parse_days_of_month, parse_months, parse_weekdays,
    parse_years, weekday_range_text,
};

/// Why a piece of a time interval is refused; prints Alertmanager's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IntervalError(pub(crate) String);

/// One element of a time interval: an instant is inside when every stated field holds.
///
/// A field that is not stated is `None`; a list stated but empty (`weekdays: []`) holds never, as in Alertmanager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeInterval {
    /// Times of day, ends excluded.
    pub times: Option<Vec<TimeRange>>,
    /// Days of the week, Sunday 0 to Saturday 6.
    pub weekdays: Option<Vec<InclusiveRange>>,
    /// Days of the month, 1 to 31, or -1 (the last) to -31.
    pub days_of_month: Option<Vec<InclusiveRange>>,
    /// Months, January 1 to December 12.
    pub months: Option<Vec<InclusiveRange>>,
    /// Years.
    pub years: Option<Vec<InclusiveRange>>,
    /// The zone the fields are read in; UTC when not stated.
    pub location: Option<Location>,
}

impl TimeInterval {
    /// Whether the instant is inside; a location `Local` is read as UTC.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.contains_with_local(now, &Location::utc())
    }

    /// As [`TimeInterval::contains`], with the zone that `Local` stands for.
    ///
    /// What the machine's own zone is cannot be known here (the domain reads no environment), so it is an argument.
    pub fn contains_with_local(&self, now: Timestamp, local: &Location) -> bool {
        let zone = match &self.location {
            Some(location) if location.is_local() => &local.zone,
            Some(location) => &location.zone,
            None => &TimeZone::UTC,
        };
        let civil = Civil::at(now, zone);
        let holds = |ranges: &Option<Vec<InclusiveRange>>, value: i64| {
            ranges
                .as_ref()
                .is_none_or(|ranges| ranges.iter().any(|range| range.contains(value)))
        };
        let in_times = self
            .times
            .as_ref()
            .is_none_or(|times| times.iter().any(|range| range.contains(civil.minute)));
        let in_days = self
            .days_of_month
            .as_ref()
            .is_none_or(|days| days.iter().any(|range| civil.is_on_day_of(*range)));
        in_times
            && in_days
            && holds(&self.months, civil.month)
            && holds(&self.weekdays, civil.weekday)
            && holds(&self.years, civil.year)
    }
}

/// An instant's calendar fields in one zone.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    days_in_month: i64,
    weekday: i64,
    minute: u16,
}

impl Civil {
    fn at(now: Timestamp, zone: &TimeZone) -> Self {
        let local = now.unix_seconds() + offset_seconds(now, zone);
        let days = local.div_euclid(86_400);
        let (year, month, day) = civil_from_days(days);
        let (next_year, next_month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        let days_in_month =
            days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1);
        Self {
            year,
            month: i64::from(month),
            day: i64::from(day),
            days_in_month,
            // 1970-01-01 was a Thursday, day 4.
            weekday: (days + 4).rem_euclid(7),
            minute: u16::try_from(local.rem_euclid(86_400) / 60).unwrap_or(0),
        }
    }

    fn is_on_day_of(&self, range: InclusiveRange) -> bool {
        let from_end = |day: i64| {
            if day < 0 {
                self.days_in_month + day + 1
            } else {
                day
            }
        };
        let (begin, end) = (from_end(range.begin), from_end(range.end));
        begin <= self.days_in_month && (begin..=end).contains(&self.day)
    }
}

/// The zone's offset at an instant; beyond the instants `jiff` can represent, that of the nearest one.
fn offset_seconds(now: Timestamp, zone: &TimeZone) -> i64 {
    let instant =
        jiff::Timestamp::from_second(now.unix_seconds()).unwrap_or(if now.unix_seconds() < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
    i64::from(zone.to_offset(instant).seconds())
}

/// A time zone by its IANA name, `UTC`, or `Local`.
#[derive(Clone)]
pub struct Location {
    name: String,
    zone: TimeZone,
}

impl Location {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// Finds a zone by name in the tables built into the program; the empty name is UTC.
    ///
    /// # Errors
    /// Go's text when the name is malformed or no zone has it; names are case-sensitive as in Go.
    pub fn parse(name: &str) -> Result<Self, IntervalError> {
        if name.is_empty() || name == "UTC" {
            return Ok(Self::utc());
        }
        if name == "Local" {
            return Ok(Self {
                name: name.to_owned(),
                zone: TimeZone::UTC,
            });
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err(IntervalError("time: invalid location name".to_owned()));
        }
        TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            .filter(|zone| zone.iana_name() == Some(name))
            .map(|zone| Self {
                name: name.to_owned(),
                zone,
            })
            .ok_or_else(|| IntervalError(format!("unknown time zone {name}")))
    }

    /// The name as the configuration states it (`UTC` for the empty one).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this stands for the machine's own zone.
    pub fn is_local(&self) -> bool {
        self.name == "Local"
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Location {}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
