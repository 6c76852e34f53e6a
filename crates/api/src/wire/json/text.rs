//! Strings: plain ones are borrowed, those with escapes are built.

use std::borrow::Cow;

use super::{JsonError, Read, Reader};
use crate::wire::write::plain_run;

impl<'a> Reader<'a> {
    /// Reads a string; the position must be at its opening quote.
    ///
    /// # Errors
    /// The string does not end, holds a control character or an unknown escape.
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        let start = self.at + 1;
        let end = start + plain_run(self.text.as_bytes().get(start..).unwrap_or_default());
        // Runs stop at ASCII characters only, so this never cuts a character in two.
        let run = self.text.get(start..end).unwrap_or_default();
        self.at = end;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(run));
        }
        self.escaped(run.to_owned()).map(Cow::Owned)
    }

    /// Reads on where a string has its first escape.
    fn escaped(&mut self, mut out: String) -> Read<String> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(b' '..) => {
                    let run = plain_run(&self.text.as_bytes()[self.at..]);
                    out.push_str(self.text.get(self.at..self.at + run).unwrap_or_default());
                    self.at += run;
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else {
            return Err(self.unexpected(""));
        };
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(start),
            _ => return Err(self.bad_escape(start)),
        })
    }

    /// Reads the digits of `\uXXXX`, and a second one when they are half of a pair; a lone half is U+FFFD.
    fn unicode(&mut self, start: usize) -> Read<char> {
        let high = self.hex(start)?;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        let follows = self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
        if (0xD800..0xDC00).contains(&high) && follows {
            let second = self.at;
            self.at += 2;
            let low = self.hex(second)?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = second;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self, start: usize) -> Read<u32> {
        let Some(digits) = self.text.as_bytes().get(self.at..self.at + 4) else {
            self.at = self.text.len();
            return Err(self.unexpected(""));
        };
        let mut value = 0;
        for &byte in digits {
            match char::from(byte).to_digit(16) {
                Some(digit) => value = value * 16 + digit,
                None => return Err(self.bad_escape(start)),
            }
            self.at += 1;
        }
        Ok(value)
    }

    #[cold]
    fn bad_escape(&self, start: usize) -> JsonError {
        // Up to and including the character that does not belong.
        let rest = self.text.get(start..).unwrap_or_default();
        let shown: String = rest.chars().take((self.at - start).clamp(2, 6)).collect();
        JsonError(format!("invalid escape sequence `{shown}` in string"))
    }
}

/// Writes a character as Go's `strconv.QuoteRune`.
pub(super) fn quote_char(c: char) -> String {
    match c {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        _ => {
            let quoted = domain::quote::quote(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}
