//! `Printf`: the format string.

use super::printer::{Flags, Printer};
use super::{Buffer, Full};
use crate::value::Value;

/// Widths and precisions beyond this are mistakes to Go.
const NUMBER_MAX: usize = 1_000_000;

/// Prints values as `fmt.Sprintf` does, error forms included.
///
/// # Errors
/// The buffer is full.
pub fn printf(out: &mut Buffer<'_>, format: &[u8], arguments: &[Value]) -> Result<(), Full> {
    let mut directive = Directive {
        printer: Printer::new(out),
        format,
        at: 0,
        arguments,
        next: 0,
        is_reordered: false,
        is_good_index: true,
        after_index: false,
    };
    directive.all()?;
    directive.extra()
}

struct Directive<'f, 'p, 'b> {
    printer: Printer<'p, 'b>,
    format: &'f [u8],
    /// Where in the format.
    at: usize,
    arguments: &'f [Value],
    /// The argument that is used next.
    next: usize,
    /// An index like `%[2]d` was seen.
    is_reordered: bool,
    /// The index names an argument.
    is_good_index: bool,
    /// An index was just read.
    after_index: bool,
}

impl Directive<'_, '_, '_> {
    fn all(&mut self) -> Result<(), Full> {
        loop {
            let rest = self.format.get(self.at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| *byte == b'%') else {
                return self.printer.push(rest);
            };
            self.printer.push(&rest[..length])?;
            self.at += length + 1;
            self.one()?;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Reads one directive, of which the `%` is already read.
    fn one(&mut self) -> Result<(), Full> {
        self.printer.flags = Flags::default();
        self.is_good_index = true;
        self.after_index = false;
        self.flags();
        self.index();
        self.width()?;
        self.precision()?;
        if !self.after_index {
            self.index();
        }
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(verb) = crate::value::chars(rest).next() else {
            return self.printer.push(b"%!(NOVERB)");
        };
        self.at += verb.map_or(1, char::len_utf8);
        let verb = verb.unwrap_or('\u{fffd}');
        if verb == '%' {
            return self.printer.push(b"%");
        }
        if !self.is_good_index {
            return self.mistake(verb, b"(BADINDEX)");
        }
        let Some(argument) = self.arguments.get(self.next) else {
            return self.mistake(verb, b"(MISSING)");
        };
        if matches!(verb, 'v' | 'w') {
            let flags = &mut self.printer.flags;
            flags.go_syntax = std::mem::take(&mut flags.sharp);
            flags.field_names = std::mem::take(&mut flags.plus);
        }
        self.next += 1;
        self.printer.argument(argument, verb)
    }

    fn mistake(&mut self, verb: char, what: &[u8]) -> Result<(), Full> {
        self.printer.push(b"%!")?;
        self.printer.out.push_char(verb)?;
        self.printer.push(what)
    }

    fn flags(&mut self) {
        while let Some(byte) = self.peek() {
            let flags = &mut self.printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn width(&mut self) -> Result<(), Full> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.star() {
                Some(width) => {
                    if width < 0 {
                        self.printer.flags.minus = true;
                        self.printer.flags.zero = false;
                    }
                    self.printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => self.printer.push(b"%!(BADWIDTH)")?,
            }
            self.after_index = false;
            return Ok(());
        }
        self.printer.flags.width = self.number();
        if self.after_index && self.printer.flags.width.is_some() {
            self.is_good_index = false;
        }
        Ok(())
    }

    fn precision(&mut self) -> Result<(), Full> {
        if self.peek() != Some(b'.') {
            return Ok(());
        }
        self.at += 1;
        if self.after_index {
            self.is_good_index = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let precision = self.star().and_then(|number| usize::try_from(number).ok());
            self.printer.flags.precision = precision;
            if precision.is_none() {
                self.printer.push(b"%!(BADPREC)")?;
            }
            self.after_index = false;
        } else {
            self.printer.flags.precision = Some(self.number().unwrap_or(0));
        }
        Ok(())
    }

    /// The integer argument that a `*` stands for.
    fn star(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument {
            Value::Int(number, _) => Some(*number),
            Value::Uint(number, _) => i64::try_from(*number).ok(),
            _ => None,
        };
        number.filter(|number| number.unsigned_abs() <= NUMBER_MAX as u64)
    }

    /// A number in the format; one that is too large counts as none, and so do its digits.
    fn number(&mut self) -> Option<usize> {
        let (number, end) = digits(self.format, self.at)?;
        self.at = end;
        number
    }

    /// Reads `[3]`, the index of the argument to use next.
    fn index(&mut self) {
        if self.peek() != Some(b'[') {
            self.after_index = false;
            return;
        }
        self.is_reordered = true;
        let rest = &self.format[self.at..];
        let close = rest.iter().position(|byte| *byte == b']');
        let Some(close) = close.filter(|_| rest.len() >= 3) else {
            self.is_good_index = false;
            self.at += 1;
            self.after_index = false;
            return;
        };
        let number = match digits(&rest[..close], 1) {
            Some((Some(number), end)) if end == close => Some(number),
            _ => None,
        };
        self.at += close + 1;
        self.after_index = number.is_some();
        match number.and_then(|number| number.checked_sub(1)) {
            Some(index) if index < self.arguments.len() => self.next = index,
            _ => self.is_good_index = false,
        }
    }

    /// Names the arguments that were not used.
    fn extra(&mut self) -> Result<(), Full> {
        let unused = self.arguments.get(self.next..).unwrap_or_default();
        if self.is_reordered || unused.is_empty() {
            return Ok(());
        }
        self.printer.flags = Flags::default();
        self.printer.push(b"%!(EXTRA ")?;
        for (index, argument) in unused.iter().enumerate() {
            if index > 0 {
                self.printer.push(b", ")?;
            }
            if argument.is_nil() {
                self.printer.push(b"<nil>")?;
                continue;
            }
            self.printer.push(argument.type_name().as_bytes())?;
            self.printer.push(b"=")?;
            self.printer.argument(argument, 'v')?;
        }
        self.printer.push(b")")
    }
}

/// The digits from a place on: their number, unless it is too large, and where they end.
fn digits(text: &[u8], from: usize) -> Option<(Option<usize>, usize)> {
    let rest = text.get(from..)?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut number = 0;
    for (index, byte) in rest[..length].iter().enumerate() {
        if number > NUMBER_MAX {
            // As in Go, the digits behind are read as something else.
            return Some((None, from + index));
        }
        number = number * 10 + usize::from(byte - b'0');
    }
    (length > 0).then_some((Some(number), from + length))
}
