//! The two notations of durations: Prometheus's (`1h30m`, whole numbers) and Go's (`1.5h`, `10ns`).

use std::fmt;
use std::time::Duration;

/// Why a text is not a duration; prints the original's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DurationError(String);

const PROMETHEUS_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration both notations know, as Go counts nanoseconds in 63 bits.
const NANOS_MAX: u64 = i64::MAX as u64;

/// Reads Prometheus's notation: `0`, or whole numbers with units from the largest to the smallest.
///
/// # Errors
/// Prometheus's text.
pub fn parse_prometheus(text: &str) -> Result<Duration, DurationError> {
    match text {
        "" => return Err(DurationError("empty duration string".to_owned())),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let bad = || DurationError(format!("not a valid duration string: {}", quoted(text)));
    let out_of_range = || DurationError("duration out of range".to_owned());
    let mut rest = text;
    let mut millis = 0_u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let (digits, tail) = split_digits(rest);
        if digits.is_empty() {
            return Err(bad());
        }
        let number: u64 = digits.parse().map_err(|_| bad())?;
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end).ok_or_else(bad)?;
        if unit.is_empty() {
            return Err(bad());
        }
        let place = PROMETHEUS_UNITS.iter().position(|(name, _)| *name == unit);
        let Some((place, (_, factor))) = place.zip(place.and_then(|p| PROMETHEUS_UNITS.get(p)))
        else {
            let text = quoted(text);
            return Err(DurationError(format!(
                "unknown unit {} in duration {text}",
                quoted(unit)
            )));
        };
        if place < next_unit {
            return Err(bad());
        }
        next_unit = place + 1;
        let part = number.checked_mul(*factor).ok_or_else(out_of_range)?;
        millis = millis.checked_add(part).ok_or_else(out_of_range)?;
        rest = tail;
    }
    if NANOS_MAX / 1_000_000 < millis {
        return Err(out_of_range());
    }
    Ok(Duration::from_millis(millis))
}

/// Prints Prometheus's notation; parts of a millisecond are cut off.
pub fn print_prometheus(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in PROMETHEUS_UNITS {
        // Years and weeks only when they come out even: 90d reads better than 12w6d.
        let needs_exact = matches!(unit, "y" | "w");
        let count = millis / factor;
        if count == 0 || (needs_exact && millis % factor != 0) {
            continue;
        }
        text.push_str(&format!("{count}{unit}"));
        millis -= count * factor;
    }
    text
}

/// A duration of Go: nanoseconds, possibly negative. Settings that hold one treat zero and less as "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// A number of seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// The duration when it is longer than zero.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.0)
            .ok()
            .filter(|nanos| 0 < *nanos)
            .map(Duration::from_nanos)
    }
}

const GO_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads Go's notation.
///
/// # Errors
/// Go's text.
pub fn parse_go(text: &str) -> Result<GoDuration, DurationError> {
    let bad = || DurationError(format!("time: invalid duration {}", quoted(text)));
    let (is_negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(GoDuration(0));
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (whole, tail) = split_digits(rest);
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => split_digits(tail),
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(bad());
        }
        let end = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end).ok_or_else(bad)?;
        if unit.is_empty() {
            return Err(DurationError(format!(
                "time: missing unit in duration {}",
                quoted(text)
            )));
        }
        let factor = GO_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, factor)| *factor);
        let Some(factor) = factor else {
            let text = quoted(text);
            return Err(DurationError(format!(
                "time: unknown unit {} in duration {text}",
                quoted(unit)
            )));
        };
        nanos += part_nanos(whole, fraction, factor).ok_or_else(bad)?;
        if u128::from(NANOS_MAX) + 1 < nanos {
            return Err(bad());
        }
        rest = tail;
    }
    let nanos = i128::try_from(nanos).map_err(|_| bad())?;
    i64::try_from(if is_negative { -nanos } else { nanos })
        .map(GoDuration)
        .map_err(|_| bad())
}

fn part_nanos(whole: &str, fraction: &str, factor: u64) -> Option<u128> {
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Digits beyond the eighteenth are less than a nanosecond of the largest unit.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    Some(u128::from(whole) * u128::from(factor) + fraction * u128::from(factor) / scale)
}

impl fmt::Display for GoDuration {
    /// Writes Go's notation: `1m30s`, `10ns`, `1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if nanos == 0 {
            return f.write_str("0s");
        }
        let (unit, factor) = match nanos {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("\u{b5}s", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            _ => ("s", 1_000_000_000),
        };
        let seconds = nanos / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if 0 < hours {
            write!(f, "{hours}h")?;
        }
        if 0 < hours || 0 < minutes {
            write!(f, "{minutes}m")?;
        }
        let rest = if unit == "s" {
            nanos % 60_000_000_000
        } else {
            nanos
        };
        write!(f, "{}", rest / factor)?;
        if rest % factor != 0 {
            let width = factor.ilog10() as usize;
            let fraction = format!("{:0width$}", rest % factor);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A text as Go's `%q` writes it.
pub(crate) fn quoted(text: &str) -> String {
    domain::quote::quote(text)
}

#[cfg(test)]
mod tests;
