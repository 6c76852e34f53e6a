//! The stored form of records: twins of domain types (L3), in postcard, with a version and a checksum around them.
//!
//! Fields are added at the end of the enum as new variants, never inside one: rows of an older version stay readable.
//! A change of an existing variant raises [`VERSION`] and keeps a reader for the one before.

mod decode;
mod wire;

use crate::journal::Record;

pub(crate) use decode::Decoder;
use wire::to_wire;

/// Version of the form below.
pub(crate) const VERSION: i64 = 1;

/// Most bytes of records one row holds (a single larger record has a row of its own): the memory a replay needs.
pub(crate) const BODY_MAX: usize = 4 * 1024 * 1024;

/// Encoded records, as they are queued and stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) body: Vec<u8>,
    pub(crate) records: u32,
}

/// A record that cannot be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadRecord(pub(crate) String);

/// Encodes records into as few frames as their size allows, in order.
pub(crate) fn encode(records: &[Record]) -> Result<Vec<Frame>, BadRecord> {
    let mut frames = Vec::new();
    let mut frame = Frame::default();
    // Most records are alerts of a few hundred bytes; growing in steps from nothing would copy them several times.
    frame.body.reserve(records.len().min(4096) * 512);
    for record in records {
        let before = frame.body.len();
        let body = std::mem::take(&mut frame.body);
        frame.body =
            postcard::to_extend(&to_wire(record), body).map_err(|e| BadRecord(e.to_string()))?;
        if frame.body.len() > BODY_MAX && frame.records > 0 {
            let last = frame.body.split_off(before);
            frames.push(std::mem::replace(
                &mut frame,
                Frame {
                    body: last,
                    records: 0,
                },
            ));
        }
        frame.records += 1;
    }
    if frame.records > 0 {
        frames.push(frame);
    }
    Ok(frames)
}

/// Appends frames to a list, joining neighbours that fit into one row.
pub(crate) fn join_frames(rows: &mut Vec<Frame>, frames: Vec<Frame>) {
    for frame in frames {
        match rows.last_mut() {
            Some(last) if last.body.len() + frame.body.len() <= BODY_MAX => {
                last.body.extend_from_slice(&frame.body);
                last.records = last.records.saturating_add(frame.records);
            }
            _ => rows.push(frame),
        }
    }
}

/// A checksum that notices damage: 64 bits, eight bytes at a time, the same in every version and on every machine.
///
/// Not a defence against intent; whoever can write the file can write anything.
pub(crate) fn checksum(body: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(MULTIPLIER);
        // Both halves of the product, so that every bit of the word reaches every bit of the sum.
        let [low, high] = [product & u128::from(u64::MAX), product >> 64];
        u64::try_from(low ^ high)
            .unwrap_or(0)
            .wrapping_add(MULTIPLIER)
    };
    let (words, rest) = body.as_chunks::<8>();
    let mut hash = u64::try_from(body.len()).unwrap_or(u64::MAX);
    for word in words {
        hash = fold(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests;
