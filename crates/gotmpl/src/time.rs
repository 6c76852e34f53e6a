//! Go's `time.Time`, `time.Duration` and zones, as far as templates can see them.

mod civil;
mod duration;
mod layout;
pub(crate) mod methods;
mod parse;
mod zone;

pub use zone::Zone;

pub(crate) use duration::{duration_text, parse as parse_duration};
pub(crate) use parse::parse as parse_time;

use std::fmt;

use civil::Civil;

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// Seconds from the Unix epoch to the start of the year 1, which is Go's zero time.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// The furthest a time can be from the Unix epoch, in seconds: some 30,000 years.
const SECONDS_MAX: i64 = 1 << 40;

/// An instant and the zone it is shown in.
#[derive(Debug, Clone)]
pub struct Time {
    seconds: i64,
    nanoseconds: u32,
    zone: Zone,
}

impl Time {
    /// Makes a time from seconds since the Unix epoch and nanoseconds of the second.
    ///
    /// Times further away than 30,000 years become the last such time.
    #[must_use]
    pub fn new(seconds: i64, nanoseconds: u32, zone: Zone) -> Self {
        Self {
            seconds: seconds.clamp(-SECONDS_MAX, SECONDS_MAX),
            nanoseconds: nanoseconds.min(999_999_999),
            zone,
        }
    }

    /// Go's zero time, 0001-01-01 00:00:00 UTC: "not stated".
    #[must_use]
    pub fn zero() -> Self {
        Self::new(ZERO_SECONDS, 0, Zone::Utc)
    }

    /// Makes a time from nanoseconds since the Unix epoch.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: i128, zone: Zone) -> Self {
        let second = i128::from(SECOND);
        let limit = i128::from(SECONDS_MAX);
        let seconds = nanoseconds.div_euclid(second).clamp(-limit, limit);
        Self::new(
            i64::try_from(seconds).unwrap_or(0),
            u32::try_from(nanoseconds.rem_euclid(second)).unwrap_or(0),
            zone,
        )
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds of the second.
    #[must_use]
    pub fn subsecond_nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// The zone it is shown in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same instant in another zone.
    #[must_use]
    pub fn with_zone(&self, zone: Zone) -> Self {
        Self::new(self.seconds, self.nanoseconds, zone)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub fn nanoseconds(&self) -> i128 {
        i128::from(self.seconds) * i128::from(SECOND) + i128::from(self.nanoseconds)
    }

    /// Says whether it is Go's zero time.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanoseconds == 0
    }

    /// The time later by so many nanoseconds.
    #[must_use]
    pub fn plus(&self, nanoseconds: i64) -> Self {
        let sum = self.nanoseconds().saturating_add(nanoseconds.into());
        Self::from_nanoseconds(sum, self.zone.clone())
    }

    /// Nanoseconds since another time, as far as a `time.Duration` reaches.
    #[must_use]
    pub fn since(&self, other: &Self) -> i64 {
        let difference = self.nanoseconds() - other.nanoseconds();
        let clamped = difference.clamp(i64::MIN.into(), i64::MAX.into());
        i64::try_from(clamped).unwrap_or(0)
    }

    /// Writes the time as Go's layout says.
    #[must_use]
    pub fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    /// RFC 3339 with as many decimals as needed; none when the year does not have four digits.
    #[must_use]
    pub fn to_rfc3339_nano(&self) -> Option<String> {
        let year = self.civil().year;
        (0..=9999)
            .contains(&year)
            .then(|| self.format("2006-01-02T15:04:05.999999999Z07:00"))
    }

    /// The time as Go source.
    pub(crate) fn go_syntax(&self) -> String {
        let civil = self.civil();
        let zone = match &self.zone {
            Zone::Utc => "time.UTC".to_owned(),
            other => format!("time.Location({:?})", other.name()),
        };
        format!(
            "time.Date({}, time.{}, {}, {}, {}, {}, {}, {zone})",
            civil.year,
            month_text(civil.month),
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
            self.nanoseconds
        )
    }

    /// Date and time of day in the zone.
    fn civil(&self) -> Civil {
        Civil::from_seconds(self.seconds + i64::from(self.zone.at(self.seconds).offset_seconds))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// Go's name of a month, counted from 1.
pub(crate) fn month_text(month: i64) -> String {
    match usize::try_from(month.saturating_sub(1))
        .ok()
        .and_then(|index| civil::MONTHS.get(index))
    {
        Some(name) => (*name).to_owned(),
        None => format!("%!Month({})", month.cast_unsigned()),
    }
}

/// Go's name of a day of the week, Sunday is 0.
pub(crate) fn weekday_text(day: i64) -> String {
    match usize::try_from(day)
        .ok()
        .and_then(|index| civil::WEEKDAYS.get(index))
    {
        Some(name) => (*name).to_owned(),
        None => format!("%!Weekday({})", day.cast_unsigned()),
    }
}
