//! Layouts: Go writes a format as the reference time `Mon Jan 2 15:04:05 MST 2006`.

use super::Time;
use super::civil::{Civil, MONTHS, WEEKDAYS};
use super::zone::Offset;

/// A part of a layout that stands for a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Offset(OffsetForm),
    Fraction {
        separator: char,
        digits: usize,
        is_trimmed: bool,
    },
}

/// The way an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffsetForm {
    /// UTC is `Z`.
    pub(super) has_z: bool,
    pub(super) has_colons: bool,
    pub(super) has_minutes: bool,
    pub(super) has_seconds: bool,
}

/// Parts that a fixed text stands for; of two that fit the earlier one counts.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumberMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::UnderYearDay),
    ("_2", Part::UnderDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
];

/// The offsets, longest first.
const OFFSETS: &[(&str, bool, bool, bool)] = &[
    ("07:00:00", true, true, true),
    ("070000", false, true, true),
    ("07:00", true, true, false),
    ("0700", false, true, false),
    ("07", false, false, false),
];

/// Writes a time as a layout says.
pub(super) fn format(time: &Time, layout: &str) -> String {
    let offset = time.zone.at(time.seconds);
    let civil = Civil::from_seconds(time.seconds + i64::from(offset.offset_seconds));
    let mut out = String::with_capacity(layout.len() + 16);
    let mut rest = layout;
    while let Some(char) = rest.chars().next() {
        match part_at(rest) {
            Some((part, length)) => {
                write_part(&mut out, part, time, &civil, &offset);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                out.push(char);
                rest = &rest[char.len_utf8()..];
                // `_2006` is an underscore and a year.
                if char == '_' && rest.starts_with("2006") {
                    write_part(&mut out, Part::LongYear, time, &civil, &offset);
                    rest = &rest[4..];
                }
            }
        }
    }
    out
}

/// The part that a text begins with, and the bytes it takes.
pub(super) fn part_at(text: &str) -> Option<(Part, usize)> {
    let first = text.chars().next()?;
    match first {
        '.' | ',' => return fraction_at(text, first),
        '-' | 'Z' => return offset_at(text, first == 'Z'),
        '_' if text.starts_with("_2006") => return None,
        _ => {}
    }
    let (name, part) = PARTS.iter().find(|(name, _)| text.starts_with(name))?;
    let follows_lower = text[name.len()..].starts_with(|char: char| char.is_ascii_lowercase());
    // "Month" is a word, not a weekday.
    if matches!(part, Part::Month | Part::Weekday) && follows_lower {
        return None;
    }
    Some((*part, name.len()))
}

fn offset_at(text: &str, has_z: bool) -> Option<(Part, usize)> {
    let rest = &text[1..];
    let (name, has_colons, has_minutes, has_seconds) =
        OFFSETS.iter().find(|(name, ..)| rest.starts_with(name))?;
    let form = OffsetForm {
        has_z,
        has_colons: *has_colons,
        has_minutes: *has_minutes,
        has_seconds: *has_seconds,
    };
    Some((Part::Offset(form), name.len() + 1))
}

/// `.000` or `.999`, when no other digit follows.
fn fraction_at(text: &str, separator: char) -> Option<(Part, usize)> {
    let rest = &text[1..];
    let digit = rest
        .chars()
        .next()
        .filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = rest.chars().take_while(|char| *char == digit).count();
    if rest[digits..].starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    let part = Part::Fraction {
        separator,
        digits,
        is_trimmed: digit == '9',
    };
    Some((part, digits + 1))
}

fn write_part(out: &mut String, part: Part, time: &Time, civil: &Civil, offset: &Offset) {
    let hour12 = (civil.hour + 11) % 12 + 1;
    let text = match part {
        Part::LongMonth => named(&MONTHS, civil.month - 1).to_owned(),
        Part::Month => named(&MONTHS, civil.month - 1)[..3].to_owned(),
        Part::NumberMonth => civil.month.to_string(),
        Part::ZeroMonth => padded(civil.month, 2),
        Part::LongWeekday => named(&WEEKDAYS, civil.weekday).to_owned(),
        Part::Weekday => named(&WEEKDAYS, civil.weekday)[..3].to_owned(),
        Part::Day => civil.day.to_string(),
        Part::UnderDay => format!("{:2}", civil.day),
        Part::ZeroDay => padded(civil.day, 2),
        Part::UnderYearDay => format!("{:3}", civil.year_day),
        Part::ZeroYearDay => padded(civil.year_day, 3),
        Part::Hour => padded(civil.hour, 2),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => padded(hour12, 2),
        Part::Minute => civil.minute.to_string(),
        Part::ZeroMinute => padded(civil.minute, 2),
        Part::Second => civil.second.to_string(),
        Part::ZeroSecond => padded(civil.second, 2),
        Part::LongYear => padded(civil.year, 4),
        Part::Year => padded(civil.year.max(0) % 100, 2),
        Part::UpperPm => if civil.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::LowerPm => if civil.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Part::ZoneName if offset.abbreviation.is_empty() => unnamed(offset.offset_seconds),
        Part::ZoneName => offset.abbreviation.clone(),
        Part::Offset(form) => offset_text(offset.offset_seconds, form),
        Part::Fraction {
            separator,
            digits,
            is_trimmed,
        } => fraction(time.nanoseconds, separator, digits, is_trimmed),
    };
    out.push_str(&text);
}

fn named<'n>(names: &[&'n str], index: i64) -> &'n str {
    let name = usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index));
    name.copied().unwrap_or("???")
}

fn padded(number: i64, width: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{:0width$}", number.unsigned_abs())
}

fn unnamed(seconds: i32) -> String {
    let form = OffsetForm {
        has_z: false,
        has_colons: false,
        has_minutes: true,
        has_seconds: false,
    };
    offset_text(seconds, form)
}

fn offset_text(seconds: i32, form: OffsetForm) -> String {
    if form.has_z && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    let colon = if form.has_colons { ":" } else { "" };
    let mut text = format!("{sign}{:02}", size / 3600);
    if form.has_minutes {
        text += &format!("{colon}{:02}", size / 60 % 60);
    }
    if form.has_seconds {
        text += &format!("{colon}{:02}", size % 60);
    }
    text
}

fn fraction(nanoseconds: u32, separator: char, digits: usize, is_trimmed: bool) -> String {
    let mut text = format!("{nanoseconds:09}");
    // Go has no more digits than nine.
    text.truncate(digits);
    if is_trimmed {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    format!("{separator}{text}")
}
