//! Integers and characters.

use super::printer::Printer;
use super::{Full, quote};
use crate::value::{IntType, Value};

impl Printer<'_, '_> {
    pub(super) fn integer(
        &mut self,
        value: &Value,
        size: u64,
        is_negative: bool,
        verb: char,
    ) -> Result<(), Full> {
        // Sign and size give the character only when it is one.
        let char = || {
            u32::try_from(size)
                .ok()
                .filter(|_| !is_negative)
                .and_then(char::from_u32)
                .unwrap_or('\u{fffd}')
        };
        match verb {
            'v' if self.flags.go_syntax && matches!(value, Value::Uint(..)) => {
                self.flags.sharp = true;
                let done = self.digits(size, false, 16, 'v');
                self.flags.sharp = false;
                done
            }
            'v' | 'd' => self.digits(size, is_negative, 10, verb),
            'b' => self.digits(size, is_negative, 2, verb),
            'o' | 'O' => self.digits(size, is_negative, 8, verb),
            'x' | 'X' => self.digits(size, is_negative, 16, verb),
            'c' => self.padded(char().encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let quoted = quote::quote_char(char(), self.flags.plus);
                self.padded(quoted.as_bytes())
            }
            'U' => self.code_point(value, size, is_negative),
            _ => self.bad_verb(value, verb),
        }
    }

    fn digits(&mut self, size: u64, is_negative: bool, base: u8, verb: char) -> Result<(), Full> {
        let flags = self.flags;
        let has_sign = is_negative || flags.plus || flags.space;
        let mut length_min = 0;
        if let Some(precision) = flags.precision {
            length_min = precision;
            if precision == 0 && size == 0 {
                return self.without_zeros(|printer| printer.padding(flags.width.unwrap_or(0)));
            }
        } else if flags.zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            length_min = width.saturating_sub(usize::from(has_sign));
        }
        let digits = match base {
            2 => format!("{size:b}"),
            8 => format!("{size:o}"),
            16 if verb == 'X' => format!("{size:X}"),
            16 => format!("{size:x}"),
            _ => size.to_string(),
        };
        let zeros = length_min.saturating_sub(digits.len());
        let prefix = match base {
            2 if flags.sharp => "0b",
            8 if verb == 'O' => "0o",
            8 if flags.sharp && zeros == 0 && !digits.starts_with('0') => "0",
            16 if flags.sharp && verb == 'X' => "0X",
            16 if flags.sharp => "0x",
            _ => "",
        };
        let sign = match (is_negative, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        // Filling goes around sign, prefix, zeros and digits together; they are not joined because zeros can be many.
        let length = sign.len() + prefix.len() + zeros + digits.len();
        let missing = flags.width.unwrap_or(0).saturating_sub(length);
        self.without_zeros(|printer| {
            if !flags.minus {
                printer.padding(missing)?;
            }
            printer.push(sign.as_bytes())?;
            printer.push(prefix.as_bytes())?;
            printer.out.fill(b'0', zeros)?;
            printer.push(digits.as_bytes())?;
            if flags.minus {
                printer.padding(missing)?;
            }
            Ok(())
        })
    }

    /// `U+20AC`
    fn code_point(&mut self, value: &Value, size: u64, is_negative: bool) -> Result<(), Full> {
        // Go shows a negative number as the unsigned one with the same bits.
        let bits = match value {
            Value::Int(number, IntType::Int | IntType::Int64) if is_negative => {
                number.cast_unsigned()
            }
            _ => size,
        };
        let precision = self.flags.precision.unwrap_or(0).max(4);
        let digits = format!("{bits:X}");
        let zeros = precision.saturating_sub(digits.len());
        let char = u32::try_from(bits).ok().and_then(char::from_u32);
        let shown = match char {
            Some(char) if self.flags.sharp && quote::is_printable(char) => format!(" '{char}'"),
            _ => String::new(),
        };
        let length = 2 + zeros + digits.len() + shown.chars().count();
        let missing = self.flags.width.unwrap_or(0).saturating_sub(length);
        let is_left = self.flags.minus;
        self.without_zeros(|printer| {
            if !is_left {
                printer.padding(missing)?;
            }
            printer.push(b"U+")?;
            printer.out.fill(b'0', zeros)?;
            printer.push(digits.as_bytes())?;
            printer.push(shown.as_bytes())?;
            if is_left {
                printer.padding(missing)?;
            }
            Ok(())
        })
    }
}
