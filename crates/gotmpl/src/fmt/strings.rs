//! Strings.

use super::printer::Printer;
use super::{Buffer, Full, quote};
use crate::value::{Value, chars};

impl Printer<'_, '_> {
    pub(super) fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Result<(), Full> {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'v' | 's' => self.padded_text(text),
            'x' | 'X' => self.hexadecimal(text, verb),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    pub(super) fn padded_text(&mut self, text: &[u8]) -> Result<(), Full> {
        let shown = self.truncated(text);
        self.padded(shown)
    }

    /// The characters that the precision allows.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        let length: usize = chars(text)
            .take(precision)
            .map(|char| char.map_or(1, char::len_utf8))
            .sum();
        text.get(..length).unwrap_or(text)
    }

    fn quoted(&mut self, text: &[u8]) -> Result<(), Full> {
        let text = self.truncated(text);
        if self.flags.width.is_none() && !self.flags.sharp {
            return quote::quote(self.out, text, self.flags.plus);
        }
        let mut quoted = Vec::new();
        if self.flags.sharp && quote::fits_backquotes(text) {
            quoted.push(b'`');
            quoted.extend_from_slice(text);
            quoted.push(b'`');
        } else {
            let length_max = text.len().saturating_mul(10).saturating_add(2);
            quote::quote(
                &mut Buffer::new(&mut quoted, length_max),
                text,
                self.flags.plus,
            )?;
        }
        self.padded(&quoted)
    }

    fn hexadecimal(&mut self, text: &[u8], verb: char) -> Result<(), Full> {
        let flags = self.flags;
        let shown = text
            .get(..flags.precision.unwrap_or(text.len()))
            .unwrap_or(text);
        let prefix = match (flags.sharp, verb) {
            (false, _) => "",
            (true, 'X') => "0X",
            (true, _) => "0x",
        };
        let mut width = 2 * shown.len();
        if !shown.is_empty() {
            if flags.space {
                width = width * if flags.sharp { 2 } else { 1 } + shown.len() - 1;
            } else {
                width += prefix.len();
            }
        }
        let missing = flags.width.unwrap_or(0).saturating_sub(width);
        if !flags.minus || shown.is_empty() {
            self.padding(missing)?;
        }
        for (index, byte) in shown.iter().enumerate() {
            if flags.space && index > 0 {
                self.push(b" ")?;
            }
            if flags.space || index == 0 {
                self.push(prefix.as_bytes())?;
            }
            let digits = if verb == 'X' {
                b"0123456789ABCDEF"
            } else {
                b"0123456789abcdef"
            };
            self.push(&[
                digits[usize::from(byte >> 4)],
                digits[usize::from(byte & 15)],
            ])?;
        }
        if flags.minus && !shown.is_empty() {
            self.padding(missing)?;
        }
        Ok(())
    }
}
