//! The file `nflog`: one `MeshEntry` per record.

use std::collections::BTreeSet;

use domain::group::inherited::Inherited;
use domain::group::told::ReceiverData;

use super::Notified;
use super::wire::{Fields, Malformed, Value};

/// Reads a record.
pub(super) fn read(record: &[u8]) -> Result<Vec<Notified>, Malformed> {
    let (mut entry, mut expires_at) = (None, None);
    for field in Fields::of(record) {
        match field? {
            (1, value) => entry = Some(value.bytes()?),
            (2, value) => expires_at = Some(value.time()?),
            _ => {}
        }
    }
    let entry = entry.ok_or("it holds no entry")?;
    let expires_at = expires_at.ok_or("it does not say when it expires")?;
    let (mut group_key, mut receiver, mut told_at) = (None, None, None);
    let (mut firing, mut muted) = (BTreeSet::new(), BTreeSet::new());
    let mut kept = Vec::new();
    for field in Fields::of(entry) {
        match field? {
            (1, value) => group_key = Some(value.text()?.to_owned()),
            (2, value) => receiver = Some(integration(value.bytes()?)?),
            (5, value) => told_at = Some(value.time()?),
            (6, value) => value.numbers_into(&mut firing)?,
            (8, value) => kept.extend(kept_text(value)?),
            // Alerts that fire but were kept back (newer than 0.34).
            (9, value) => value.numbers_into(&mut muted)?,
            _ => {}
        }
    }
    let (receiver, kind, index) = receiver.ok_or("it names no receiver")?;
    Ok(vec![Notified {
        group_key: group_key.ok_or("it names no group")?,
        receiver,
        kind,
        index,
        said: Inherited {
            firing: &firing - &muted,
            told_at: told_at.ok_or("it does not say when it was sent")?,
            expires_at,
            // Without it the message before is not changed but followed by another one.
            receiver_data: ReceiverData::new(kept).unwrap_or_default(),
        },
    }])
}

/// Name of the receiver, type and place of the integration.
fn integration(message: &[u8]) -> Result<(String, String, usize), Malformed> {
    let (mut receiver, mut kind, mut index) = ("", "", 0);
    for field in Fields::of(message) {
        match field? {
            (1, value) => receiver = value.text()?,
            (2, value) => kind = value.text()?,
            (3, value) => index = value.number()?,
            _ => {}
        }
    }
    let index = usize::try_from(index).map_err(|_| "the integration's place is too large")?;
    Ok((receiver.to_owned(), kind.to_owned(), index))
}

/// What an integration keeps: a text, a whole number or another one, under its name.
fn kept_text(value: Value<'_>) -> Result<Option<(String, String)>, Malformed> {
    let (name, held) = value.entry()?;
    let Some(held) = held else { return Ok(None) };
    let mut text = None;
    for field in Fields::of(held.bytes()?) {
        text = match field? {
            (1, value) => Some(value.text()?.to_owned()),
            (2, value) => Some(value.number()?.cast_signed().to_string()),
            (3, Value::Fixed64(bits)) => Some(f64::from_bits(bits).to_string()),
            _ => text,
        };
    }
    Ok(text.map(|text| (name.to_owned(), text)))
}
