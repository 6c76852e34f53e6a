//! Points in time as alerts state them: an instant with nanoseconds and the offset it was written with.
//!
//! There is no `now()` here; whoever owns a clock passes the instant in.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, Sub};
use std::time::Duration;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// Seconds from the Unix epoch to 0001-01-01T00:00:00Z, Go's zero time.
const ZERO_SECONDS: i64 = -62_135_596_800;
/// Seconds from the Unix epoch to 9999-12-31T23:59:59Z, the last year RFC 3339 can write.
const MAX_SECONDS: i64 = 253_402_300_799;

/// An instant with nanosecond precision that remembers the UTC offset it was stated with.
///
/// Comparison, equality and hashing are by instant only: `10:00Z` equals `11:00+01:00`.
#[derive(Clone, Copy)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
    offset_minutes: i16,
}

/// A time as text is hardly ever longer.
const TEXT_LEN: usize = 36;

impl Timestamp {
    /// Go's zero time, 0001-01-01T00:00:00Z: "not stated".
    pub const ZERO: Self = Self {
        seconds: ZERO_SECONDS,
        nanos: 0,
        offset_minutes: 0,
    };
    /// The last instant RFC 3339 can write.
    pub const MAX: Self = Self {
        seconds: MAX_SECONDS,
        nanos: 999_999_999,
        offset_minutes: 0,
    };

    /// Builds an instant from Unix seconds, nanoseconds (below 10^9) and an offset; out of range clamps.
    pub fn new(seconds: i64, nanos: u32, offset_minutes: i16) -> Self {
        if seconds < ZERO_SECONDS {
            return Self::ZERO;
        }
        if seconds > MAX_SECONDS {
            return Self::MAX;
        }
        Self {
            seconds,
            nanos: nanos.min(999_999_999),
            offset_minutes,
        }
    }

    /// Builds a UTC instant from milliseconds since the Unix epoch.
    pub fn from_unix_ms(ms: i64) -> Self {
        let nanos = u32::try_from(ms.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
        Self::new(ms.div_euclid(1000), nanos, 0)
    }

    /// Builds a UTC instant from nanoseconds since the Unix epoch.
    pub fn from_unix_nanos(nanos: i128) -> Self {
        let seconds = nanos.div_euclid(NANOS_PER_SECOND);
        let rest = u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).unwrap_or(0);
        let clamped = seconds.clamp(i128::from(ZERO_SECONDS) - 1, i128::from(MAX_SECONDS) + 1);
        Self::new(i64::try_from(clamped).unwrap_or(MAX_SECONDS), rest, 0)
    }

    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// The offset from UTC this instant was stated with, in minutes.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub fn unix_ms(self) -> i64 {
        self.seconds * 1000 + i64::from(self.nanos / 1_000_000)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// Whether this is Go's zero time.
    pub fn is_zero(self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }

    /// The same instant, written in UTC.
    pub fn utc(self) -> Self {
        Self {
            offset_minutes: 0,
            ..self
        }
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.unix_nanos() - earlier.unix_nanos();
        if nanos <= 0 {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
        let rest = u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0);
        Duration::new(seconds, rest)
    }

    /// This instant, so many milliseconds later, or earlier if they are negative.
    #[must_use]
    pub fn moved_by_ms(self, by_ms: i64) -> Self {
        let by = Duration::from_millis(by_ms.unsigned_abs());
        if by_ms < 0 { self - by } else { self + by }
    }

    /// RFC 3339 with exactly three fractional digits, as API v2 writes it (`2026-01-02T15:04:05.000Z`).
    pub fn rfc3339_millis(self) -> String {
        let mut out = self.date_and_time();
        out.push('.');
        push_padded(&mut out, i64::from(self.nanos / 1_000_000), 3);
        self.push_offset(&mut out);
        out
    }

    /// RFC 3339 with as many fractional digits as needed, as Go's `time.RFC3339Nano`.
    pub fn rfc3339_nano(self) -> String {
        let mut out = self.date_and_time();
        if self.nanos != 0 {
            out.push('.');
            push_padded(&mut out, i64::from(self.nanos), 9);
            out.truncate(out.trim_end_matches('0').len());
        }
        self.push_offset(&mut out);
        out
    }

    fn date_and_time(self) -> String {
        let local = self.seconds + i64::from(self.offset_minutes) * 60;
        let (year, month, day) = civil_from_days(local.div_euclid(86_400));
        let second = local.rem_euclid(86_400);
        let mut out = String::with_capacity(TEXT_LEN);
        push_padded(&mut out, year, 4);
        let parts = [
            ('-', i64::from(month)),
            ('-', i64::from(day)),
            ('T', second / 3600),
            (':', second / 60 % 60),
            (':', second % 60),
        ];
        for (mark, number) in parts {
            out.push(mark);
            push_padded(&mut out, number, 2);
        }
        out
    }

    fn push_offset(self, out: &mut String) {
        if self.offset_minutes == 0 {
            out.push('Z');
            return;
        }
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.unsigned_abs();
        out.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
}

/// Writes a number with zeros in front, as `{number:0width$}` does; alerts are full of times, so it is worth doing by hand.
pub fn push_padded(out: &mut String, number: i64, width: usize) {
    let mut digits = [b'0'; 20];
    let (Ok(mut rest), true) = (u64::try_from(number), width <= digits.len()) else {
        out.push_str(&format!("{number:0width$}"));
        return;
    };
    let mut start = digits.len();
    while rest > 0 {
        start -= 1;
        digits[start] += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let digits = &digits[start.min(digits.len() - width.max(1))..];
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.seconds == other.seconds && self.nanos == other.nanos
    }
}

impl Eq for Timestamp {}

impl Hash for Timestamp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.seconds.hash(state);
        self.nanos.hash(state);
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Adds a span, saturating at [`Timestamp::MAX`]; the offset is kept.
    fn add(self, span: Duration) -> Self {
        let nanos = self.nanos + span.subsec_nanos();
        let carry = i64::from(nanos / 1_000_000_000);
        let seconds = i64::try_from(span.as_secs())
            .ok()
            .and_then(|s| self.seconds.checked_add(s))
            .and_then(|s| s.checked_add(carry))
            .unwrap_or(i64::MAX);
        Self::new(seconds, nanos % 1_000_000_000, self.offset_minutes)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// Subtracts a span, saturating at [`Timestamp::ZERO`]; the offset is kept.
    fn sub(self, span: Duration) -> Self {
        let nanos = self.unix_nanos() - i128::try_from(span.as_nanos()).unwrap_or(i128::MAX / 2);
        Self {
            offset_minutes: self.offset_minutes,
            ..Self::from_unix_nanos(nanos)
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339_nano())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339_nano())
    }
}

/// Year, month and day of a day number counted from 1970-01-01 in the proleptic Gregorian calendar.
///
/// The usual era arithmetic: a year is taken to begin in March, so the leap day comes last.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (
        year,
        u32::try_from(month).unwrap_or(1),
        u32::try_from(day).unwrap_or(1),
    )
}

/// Day number counted from 1970-01-01 of a date in the proleptic Gregorian calendar.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests;
