//! As much of protocol buffers as those files need: records with their length before them, and the fields of a message.

use std::io::{self, Read};
use std::time::Duration;

use domain::time::Timestamp;

use super::RECORD_BYTES_MAX;

/// A record that makes no sense, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) String);

impl From<&str> for Malformed {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Reads the next record into `record`; answers how many bytes of the file it took, `None` at the end.
///
/// No more memory is taken than bytes come, whatever length is stated.
pub(super) fn next_record(
    from: &mut impl Read,
    record: &mut Vec<u8>,
) -> Result<Option<u64>, io::Error> {
    record.clear();
    let mut length = 0_u64;
    let mut head = 0_u64;
    loop {
        let mut byte = [0];
        if let Err(error) = from.read_exact(&mut byte) {
            let is_end = error.kind() == io::ErrorKind::UnexpectedEof && head == 0;
            return if is_end { Ok(None) } else { Err(error) };
        }
        let bits = u64::from(byte[0] & 0x7F);
        if head == 9 && bits > 1 {
            return Err(io::Error::other("its length is no number"));
        }
        length |= bits << (7 * head);
        head += 1;
        if byte[0] & 0x80 == 0 {
            break;
        }
        if head == 10 {
            return Err(io::Error::other("its length is no number"));
        }
    }
    if length > RECORD_BYTES_MAX {
        let text = format!("it is said to have {length} bytes (most {RECORD_BYTES_MAX})");
        return Err(io::Error::other(text));
    }
    from.by_ref().take(length).read_to_end(record)?;
    let came = u64::try_from(record.len()).unwrap_or(u64::MAX);
    if came < length {
        let text = format!("it is cut off: {came} of {length} bytes are there");
        return Err(io::Error::other(text));
    }
    Ok(Some(head + length))
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A variable-length number.
    Number(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes, which no field of theirs has.
    Fixed32,
    /// Text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other; ends after the first that cannot be read.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = number(&mut self.rest)?;
        let value = match tag & 7 {
            0 => Value::Number(number(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(fixed(&mut self.rest)?)),
            2 => {
                let length = number(&mut self.rest)?;
                Value::Bytes(split(&mut self.rest, length)?)
            }
            5 => fixed::<4>(&mut self.rest).map(|_| Value::Fixed32)?,
            unknown => return Err(Malformed(format!("unknown wire type {unknown}"))),
        };
        Ok((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Takes a variable-length number off the front.
pub(super) fn number(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for (place, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).wrapping_shl(7 * u32::try_from(place).unwrap_or(0));
        if byte & 0x80 == 0 {
            *rest = rest.get(place + 1..).unwrap_or(&[]);
            return Ok(value);
        }
    }
    Err("a number is cut off or too long".into())
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (bytes, after) = rest
        .split_first_chunk()
        .ok_or("a fixed number is cut off")?;
    *rest = after;
    Ok(*bytes)
}

fn split<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Malformed> {
    let parts = usize::try_from(length).ok();
    let parts = parts.and_then(|length| rest.split_at_checked(length));
    let (bytes, after) = parts.ok_or("a field is longer than its message")?;
    *rest = after;
    Ok(bytes)
}

impl<'a> Value<'a> {
    /// Bytes, as they are.
    pub(super) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a number is where text or a message should be".into()),
        }
    }

    /// A text.
    pub(super) fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8".into())
    }

    /// A number.
    pub(super) fn number(self) -> Result<u64, Malformed> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err("something else is where a number should be".into()),
        }
    }

    /// Adds a number, or those of a packed list.
    pub(super) fn numbers_into(self, set: &mut impl Extend<u64>) -> Result<(), Malformed> {
        let mut packed = match self {
            Self::Number(one) => {
                set.extend([one]);
                return Ok(());
            }
            packed => packed.bytes()?,
        };
        while !packed.is_empty() {
            set.extend([number(&mut packed)?]);
        }
        Ok(())
    }

    /// A `google.protobuf.Timestamp`.
    pub(super) fn time(self) -> Result<Timestamp, Malformed> {
        // Of years 1 to 9999, as protocol buffers have it.
        const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        let (mut seconds, mut nanos) = (0_i64, 0_u32);
        for field in Fields::of(self.bytes()?) {
            match field? {
                (1, value) => seconds = value.number()?.cast_signed(),
                (2, value) => nanos = u32::try_from(value.number()?).unwrap_or(u32::MAX),
                _ => {}
            }
        }
        if !SECONDS.contains(&seconds) || Duration::from_nanos(nanos.into()).as_secs() > 0 {
            return Err("a time is out of range".into());
        }
        Ok(Timestamp::new(seconds, nanos, 0))
    }

    /// An entry of a map of texts to whatever it holds.
    pub(super) fn entry(self) -> Result<(&'a str, Option<Value<'a>>), Malformed> {
        let (mut name, mut held) = ("", None);
        for field in Fields::of(self.bytes()?) {
            match field? {
                (1, value) => name = value.text()?,
                (2, value) => held = Some(value),
                _ => {}
            }
        }
        Ok((name, held))
    }
}
