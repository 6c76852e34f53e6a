//! Reading single fields the way Go's decoder does: `null` leaves a field as it is, and a value of the wrong kind is
//! reported only after the whole body has been found to be JSON.

use std::borrow::Cow;

use domain::time::Timestamp;

use super::datetime;
use super::json::{Kind, Read, Reader};

/// Name and value of a label or an annotation.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Keeps the first thing that is wrong; Go reports that one, too.
#[derive(Debug, Default)]
pub struct First(Option<String>);

impl First {
    /// Remembers a text unless there is one already.
    #[cold]
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if self.0.is_none() {
            self.0 = Some(text());
        }
    }

    /// Notes a value of the wrong kind; `place` is `Go struct field T.f` or `Go value`.
    #[cold]
    pub fn wrong_kind(&mut self, found: Kind, place: &str, wanted: &str) {
        self.note(|| {
            format!(
                "json: cannot unmarshal {} into {place} of type {wanted}",
                found.word()
            )
        });
    }

    /// What was remembered.
    pub fn take(&mut self) -> Option<String> {
        self.0.take()
    }
}

/// Whether a member's name means this field: Go ignores the case of ASCII letters.
pub fn is_field(key: &str, field: &str) -> bool {
    key.eq_ignore_ascii_case(field)
}

/// Reads a string; `None` for `null` and for anything else, which is noted.
pub fn string<'a>(
    reader: &mut Reader<'a>,
    wrong: &mut First,
    place: &str,
) -> Read<Option<Cow<'a, str>>> {
    match reader.kind()? {
        Kind::String => return reader.string().map(Some),
        Kind::Null => reader.null()?,
        other => {
            wrong.wrong_kind(other, place, "string");
            reader.skip()?;
        }
    }
    Ok(None)
}

/// Reads a Boolean; `None` for `null` and for anything else, which is noted.
pub fn bool(reader: &mut Reader<'_>, wrong: &mut First, place: &str) -> Read<Option<bool>> {
    match reader.kind()? {
        Kind::Bool => return reader.bool().map(Some),
        Kind::Null => reader.null()?,
        other => {
            wrong.wrong_kind(other, place, "bool");
            reader.skip()?;
        }
    }
    Ok(None)
}

/// Reads a date-time: `None` for `null`, `Some(None)` for one that says "not stated" (empty, or Go's zero time).
pub fn datetime(reader: &mut Reader<'_>, wrong: &mut First) -> Read<Option<Option<Timestamp>>> {
    let Some(text) = string(reader, wrong, "Go value")? else {
        return Ok(None);
    };
    match datetime::parse(&text) {
        Ok(instant) => Ok(Some(instant.filter(|instant| !instant.is_zero()))),
        Err(reason) => {
            wrong.note(|| reason);
            Ok(None)
        }
    }
}

/// Reads a map of strings into `pairs`; answers whether there is a map, which `null` says there is not.
///
/// Of equal names the last wins, and a map given twice is merged. `place` names the field for messages.
pub fn pairs<'a>(
    reader: &mut Reader<'a>,
    wrong: &mut First,
    place: &'static str,
    pairs: &mut Vec<Pair<'a>>,
) -> Read<bool> {
    match reader.kind()? {
        Kind::Object => {}
        Kind::Null => {
            reader.null()?;
            pairs.clear();
            return Ok(false);
        }
        other => {
            wrong.wrong_kind(other, place, "models.LabelSet");
            reader.skip()?;
            return Ok(true);
        }
    }
    reader.enter()?;
    let mut first = true;
    let mut is_sorted = pairs.is_empty();
    while let Some(name) = reader.key(&mut first)? {
        let value = match reader.kind()? {
            Kind::String => reader.string()?,
            Kind::Null => {
                reader.null()?;
                Cow::Borrowed("")
            }
            other => {
                wrong.wrong_kind(other, &format!("{place}.{name}"), "string");
                reader.skip()?;
                continue;
            }
        };
        // Senders write maps sorted, and in a sorted map a name greater than the last cannot be there yet.
        is_sorted = is_sorted && pairs.last().is_none_or(|last| last.0 < name);
        if is_sorted {
            pairs.push((name, value));
        } else {
            insert(pairs, name, value);
        }
    }
    Ok(true)
}

/// Adds a pair or overwrites the one of that name.
#[cold]
fn insert<'a>(pairs: &mut Vec<Pair<'a>>, name: Cow<'a, str>, value: Cow<'a, str>) {
    match pairs.iter_mut().find(|pair| pair.0 == name) {
        Some(pair) => pair.1 = value,
        None => pairs.push((name, value)),
    }
}
