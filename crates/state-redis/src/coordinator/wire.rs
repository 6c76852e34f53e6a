//! What lies in Redis as text: compact JSON a person can read, whose head the scripts can read too.
//!
//! This is version 1 of the records (`state::coordinator::RecordVersions`), the only one so far.
//!
//! Instants are 21 digits: seconds since the Unix epoch + 10^11, then nanoseconds. As texts they compare as instants do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::label::Labels;
use domain::time::{Timestamp, push_padded};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::reply::{Read, unreadable};

mod alert;
pub(super) mod silence;
pub(super) mod told;

pub(super) use alert::{alert_text, read_again, read_alert};

/// Makes seconds positive back to the year 0001.
const SECONDS_BIAS: i64 = 100_000_000_000;
/// Digits of the seconds.
const SECONDS_DIGITS: usize = 12;
/// Digits of an instant.
const INSTANT_DIGITS: usize = 21;

/// An instant as 21 digits.
pub(super) fn instant(time: Timestamp) -> String {
    let seconds = time.unix_seconds() + SECONDS_BIAS;
    let mut digits = String::with_capacity(INSTANT_DIGITS);
    push_padded(&mut digits, seconds, SECONDS_DIGITS);
    push_padded(
        &mut digits,
        i64::from(time.subsec_nanos()),
        INSTANT_DIGITS - SECONDS_DIGITS,
    );
    digits
}

/// Reads what [`instant`] wrote.
pub(super) fn read_instant(digits: &str) -> Read<Timestamp> {
    read_instant_at(digits, 0)
}

fn read_instant_at(digits: &str, offset_minutes: i16) -> Read<Timestamp> {
    let is_instant = digits.len() == INSTANT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let parts = digits
        .split_at_checked(SECONDS_DIGITS)
        .filter(|_| is_instant)
        .and_then(|(s, n)| Some((s.parse::<i64>().ok()?, n.parse::<u32>().ok()?)));
    let (seconds, nanos) = parts.ok_or_else(|| unreadable("an instant"))?;
    Ok(Timestamp::new(
        seconds - SECONDS_BIAS,
        nanos,
        offset_minutes,
    ))
}

/// Reads an instant with the offset its text form ends in.
pub(super) fn read_stated(digits: &str, text: &str) -> Read<Timestamp> {
    read_instant_at(digits, offset_minutes(text).unwrap_or(0))
}

fn offset_minutes(text: &str) -> Option<i16> {
    let start = text.len().checked_sub(6)?;
    let offset = text.get(start..)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?;
    match offset.as_bytes().first()? {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    put_quoted(text, &mut |piece| out.push_str(piece));
    out
}

/// A text as JSON, piece by piece.
fn put_quoted(text: &str, put: &mut impl FnMut(&str)) {
    // All of it is looked at, which is faster than to stop at the first: hardly any text has one.
    let is_special = |b: u8| b < b' ' || b == b'"' || b == b'\\';
    if text.bytes().fold(false, |found, b| found | is_special(b)) {
        // Text always has a JSON form.
        put(&serde_json::to_string(text).unwrap_or_default());
        return;
    }
    put("\"");
    put(text);
    put("\"");
}

/// Pairs as a JSON object.
pub(super) fn object<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    put_object(pairs, &mut |piece| out.push_str(piece));
    out
}

fn put_object<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, put: &mut impl FnMut(&str)) {
    put("{");
    for (index, (name, value)) in pairs.enumerate() {
        if index > 0 {
            put(",");
        }
        put_quoted(name, put);
        put(":");
        put_quoted(value, put);
    }
    put("}");
}

/// A text that stays where it lies if nothing in it is escaped.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The members of a JSON object, all texts.
#[derive(Default)]
pub(super) struct Pairs<'a>(Vec<(Text<'a>, Text<'a>)>);

impl Pairs<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&*name.0, &*value.0))
    }
}

/// Reads labels that [`object`] wrote.
pub(super) fn read_labels(text: &str) -> Option<Labels> {
    let pairs: Pairs<'_> = serde_json::from_str(text).ok()?;
    Some(Labels::from_pairs(pairs.iter()))
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = Pairs<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'a>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests;
