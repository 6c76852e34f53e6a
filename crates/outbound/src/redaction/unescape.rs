//! A text with its escapes undone, each byte with its place in the text as it was given.

use std::ops::Range;

/// The longest reference of HTML that is looked for, such as `&#1114111;`.
const REFERENCE_BYTES_MAX: usize = 12;

/// One way to read a text.
pub(super) struct Reading {
    bytes: Vec<u8>,
    /// Where in the given text each byte comes from, and the text's end.
    starts: Vec<usize>,
}

/// What an escape stands for.
enum Meaning {
    Byte(u8),
    Char(char),
}

impl Reading {
    /// A text as it is.
    pub(super) fn of(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_owned(),
            starts: (0..=text.len()).collect(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a part of it was in the given text, escapes whole.
    pub(super) fn place(&self, part: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_default();
        at(part.start)..at(part.end)
    }

    /// The text once more with its escapes undone, of JSON, forms, URLs and HTML alike; nothing when there are none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        let mut next = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            starts: Vec::with_capacity(self.starts.len()),
        };
        let mut at = 0;
        while let Some(rest @ [first, ..]) = self.bytes.get(at..) {
            let (meaning, length) = escape(rest).unwrap_or((Meaning::Byte(*first), 1));
            let start = self.place(at..at).start;
            match meaning {
                Meaning::Byte(byte) => next.bytes.push(byte),
                Meaning::Char(char) => {
                    let mut buffer = [0; 4];
                    let text = char.encode_utf8(&mut buffer);
                    next.bytes.extend_from_slice(text.as_bytes());
                }
            }
            next.starts.resize(next.bytes.len(), start);
            at += length;
        }
        next.starts.push(self.place(at..at).start);
        (next.bytes != self.bytes).then_some(next)
    }
}

/// The escape a text begins with, and how long it is.
fn escape(text: &[u8]) -> Option<(Meaning, usize)> {
    match text {
        [b'+', ..] => Some((Meaning::Byte(b' '), 1)),
        [b'%', rest @ ..] => Some((Meaning::Byte(byte(rest)?), 3)),
        [b'\\', b'x', rest @ ..] => Some((Meaning::Byte(byte(rest)?), 4)),
        [b'\\', b'u', rest @ ..] => unicode(rest),
        [b'\\', escaped, ..] => Some((Meaning::Byte(control(*escaped)), 2)),
        [b'&', rest @ ..] => reference(rest),
        _ => None,
    }
}

/// What stands behind a backslash; all but these mean themselves.
fn control(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other => other,
    }
}

/// The byte that two digits write.
fn byte(text: &[u8]) -> Option<u8> {
    u8::try_from(number(text.get(..2)?, 16)?).ok()
}

/// What stands behind `\u`; characters beyond the first 65,536 are written as two such escapes.
fn unicode(text: &[u8]) -> Option<(Meaning, usize)> {
    let first = number(text.get(..4)?, 16)?;
    if let Some(char) = char::from_u32(first) {
        return Some((Meaning::Char(char), 6));
    }
    let second = text.get(4..)?.strip_prefix(br"\u")?;
    let second = number(second.get(..4)?, 16)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let char = char::decode_utf16(units).next()?.ok()?;
    Some((Meaning::Char(char), 12))
}

/// What stands behind `&`.
fn reference(text: &[u8]) -> Option<(Meaning, usize)> {
    let mut beginning = text.iter().take(REFERENCE_BYTES_MAX);
    let length = beginning.position(|byte| *byte == b';')?;
    let char = match text.get(..length)? {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    // The two signs around it.
    Some((Meaning::Char(char), length + 2))
}

/// A number without a sign.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let are_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_alphanumeric);
    let text = std::str::from_utf8(digits).ok().filter(|_| are_digits)?;
    u32::from_str_radix(text, radix).ok()
}
