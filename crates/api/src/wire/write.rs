//! Writing JSON: straight into a byte buffer, strings copied in runs.

use domain::label::Labels;
use domain::time::{Timestamp, civil_from_days};

/// What each byte becomes inside a string: itself (0), `\u00xx` (`u`), or a backslash and this letter.
const ESCAPES: [u8; 256] = escapes();

const fn escapes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.push(b'"');
    loop {
        let clean = plain_run(rest);
        out.extend_from_slice(&rest[..clean]);
        let Some(&byte) = rest.get(clean) else { break };
        match ESCAPES[usize::from(byte)] {
            b'u' => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
        rest = &rest[clean + 1..];
    }
    out.push(b'"');
}

/// How many bytes from the start need no escape: below 0x20, `"` and `\` do.
///
/// Eight bytes are tested at once; the same test finds the end of a string when reading.
pub fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let has_zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = controls
            | has_zero(word ^ (ONES * u64::from(b'"')))
            | has_zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            // Borrows only run upwards, so the lowest mark is exact.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..]
        .iter()
        .position(|&b| ESCAPES[usize::from(b)] != 0)
        .unwrap_or(bytes.len() - at)
}

/// Appends `{"name":"value",…}`.
pub fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    push_pairs(out, labels.pairs());
}

/// Appends pairs as `{"name":"value",…}`.
pub fn push_pairs<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (index, (name, value)) in pairs.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        push_string(out, value);
    }
    out.push(b'}');
}

/// Appends a list, each item by `push`.
pub fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

/// Appends an instant with three fractional digits and its offset, in quotes.
pub fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    let local = time.unix_seconds() + i64::from(time.offset_minutes()) * 60;
    let (year, month, day) = civil_from_days(local.div_euclid(86_400));
    // Timestamps lie between the years 1 and 9999, so an offset reaches 0 or 10000 at most.
    let year = u32::try_from(year).unwrap_or(0);
    let second = u32::try_from(local.rem_euclid(86_400)).unwrap_or(0);
    out.push(b'"');
    push_two(out, year / 100);
    push_two(out, year % 100);
    out.push(b'-');
    push_two(out, month);
    out.push(b'-');
    push_two(out, day);
    out.push(b'T');
    push_two(out, second / 3600);
    out.push(b':');
    push_two(out, second / 60 % 60);
    out.push(b':');
    push_two(out, second % 60);
    let millis = time.subsec_nanos() / 1_000_000;
    out.push(b'.');
    out.push(digit(millis / 100));
    push_two(out, millis % 100);
    push_offset(out, time.offset_minutes());
    out.push(b'"');
}

fn push_offset(out: &mut Vec<u8>, offset: i16) {
    if offset == 0 {
        out.push(b'Z');
        return;
    }
    let minutes = u32::from(offset.unsigned_abs());
    out.push(if offset < 0 { b'-' } else { b'+' });
    push_two(out, minutes / 60);
    out.push(b':');
    push_two(out, minutes % 60);
}

fn push_two(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&[digit(value / 10 % 10), digit(value)]);
}

fn digit(value: u32) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or(0)
}

/// Appends a fingerprint's 16 digits in quotes.
pub fn push_fingerprint(out: &mut Vec<u8>, fingerprint: domain::fingerprint::Fingerprint) {
    out.push(b'"');
    for byte in fingerprint.0.to_be_bytes() {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
