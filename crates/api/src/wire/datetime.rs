//! Reading date-times in the forms Alertmanager accepts, with the offset they were written with.
//!
//! Alertmanager tries a list of layouts one after the other. They differ only in what may follow the minutes, so one
//! pass over the text decides the same; its error is that of the last layout tried, the date alone.

use domain::time::{Timestamp, days_from_civil};

/// Reads a date-time; the empty text reads as `None`, not stated.
///
/// # Errors
/// Alertmanager's text for a date-time in none of the accepted forms.
pub fn parse(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match read(text.as_bytes()) {
        Some(instant) => Ok(Some(instant)),
        None => Err(explain(text)),
    }
}

/// What remains to be read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(count)?;
        let value = head.iter().try_fold(0_u32, |sum, b| {
            b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0'))
        })?;
        self.0 = rest;
        Some(value)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.byte()? == byte).then_some(())
    }
}

/// A fraction of a second, and how many digits it was written with (0: none).
#[derive(Clone, Copy)]
struct Fraction {
    nanos: u32,
    digits: usize,
}

fn read(text: &[u8]) -> Option<Timestamp> {
    let mut rest = Cursor(text);
    let year = rest.digits(4)?;
    rest.expect(b'-')?;
    let month = rest.digits(2)?;
    rest.expect(b'-')?;
    let day = rest.digits(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_from_civil(i64::from(year), month, day) * 86_400;
    let has_zone = match rest.byte() {
        None => return Some(Timestamp::new(midnight, 0, 0)),
        Some(b'T') => true,
        Some(b' ') => false,
        Some(_) => return None,
    };
    // Go reads an hour of one digit, too.
    let hour_digits = if rest.0.get(1).is_some_and(u8::is_ascii_digit) {
        2
    } else {
        1
    };
    let hour = rest.digits(hour_digits)?;
    rest.expect(b':')?;
    let minute = rest.digits(2)?;
    if hour > 23 || minute > 59 {
        return None;
    }
    let minutes = midnight + i64::from(hour * 60 + minute) * 60;
    if has_zone && matches!(rest.0, b"" | b"Z") {
        return Some(Timestamp::new(minutes, 0, 0));
    }
    rest.expect(b':')?;
    let second = rest.digits(2)?;
    if second > 59 {
        return None;
    }
    let fraction = fraction(&mut rest)?;
    let offset = if has_zone {
        offset(&mut rest, fraction)?
    } else {
        0
    };
    if !rest.0.is_empty() {
        return None;
    }
    let local = minutes + i64::from(second);
    Some(Timestamp::new(
        local - i64::from(offset) * 60,
        fraction.nanos,
        offset,
    ))
}

/// Reads `.123` or `,123`; digits beyond nanoseconds are dropped.
fn fraction(rest: &mut Cursor<'_>) -> Option<Fraction> {
    if !matches!(rest.0.first(), Some(b'.' | b',')) {
        return Some(Fraction {
            nanos: 0,
            digits: 0,
        });
    }
    let digits = rest.0[1..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if digits == 0 {
        return None;
    }
    let mut nanos = 0;
    for place in 0..9 {
        let digit = rest.0[1..=digits]
            .get(place)
            .map_or(0, |b| u32::from(b - b'0'));
        nanos = nanos * 10 + digit;
    }
    rest.0 = &rest.0[1 + digits..];
    Some(Fraction { nanos, digits })
}

/// Reads `Z`, `+hh:mm`, nothing (UTC), or `+hhmm` after exactly milli- or microseconds; answers minutes.
fn offset(rest: &mut Cursor<'_>, fraction: Fraction) -> Option<i16> {
    let sign = match rest.byte() {
        None | Some(b'Z') => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let hours = rest.digits(2)?;
    if rest.0.first() == Some(&b':') {
        rest.expect(b':')?;
    } else if !matches!(fraction.digits, 3 | 6) {
        return None;
    }
    let minutes = rest.digits(2)?;
    if hours > 24 || minutes > 60 {
        return None;
    }
    i16::try_from(hours * 60 + minutes)
        .ok()
        .map(|offset| sign * offset)
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Says what Go says when the date-only layout, the last it tries, does not fit.
fn explain(text: &str) -> String {
    let whole = quote(text.as_bytes());
    let cannot = |at: usize, element: &str| {
        let rest = quote(&text.as_bytes()[at..]);
        format!("parsing time {whole} as \"2006-01-02\": cannot parse {rest} as \"{element}\"")
    };
    let bytes = text.as_bytes();
    let are_digits = |from: usize, to: usize| {
        bytes
            .get(from..to)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    if !are_digits(0, 4) {
        return cannot(0, "2006");
    }
    if bytes.get(4) != Some(&b'-') {
        return cannot(4, "-");
    }
    if !are_digits(5, 7) {
        return cannot(5, "01");
    }
    if !matches!(&bytes[5..7], [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']) {
        return format!("parsing time {whole}: month out of range");
    }
    if bytes.get(7) != Some(&b'-') {
        return cannot(7, "-");
    }
    if !are_digits(8, 10) {
        return cannot(8, "02");
    }
    if bytes.len() > 10 {
        return format!("parsing time {whole}: extra text: {}", quote(&bytes[10..]));
    }
    format!("parsing time {whole}: day out of range")
}

/// Quotes as Go's `time` package does: everything but printable ASCII as `\x..`.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' | 0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
