//! Go's quoted strings and characters, as package `strconv` makes them.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

use super::{Buffer, Full};
use crate::value::chars;

/// The ranges of the characters that Go prints as they are: letters, marks, numbers, punctuation, symbols.
static PRINTABLE: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let class = regex_syntax::parse(r"[\p{L}\p{M}\p{N}\p{P}\p{S} ]")
        .expect("a literal that is a valid class");
    match class.kind() {
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        _ => Vec::new(),
    }
});

/// Go's `strconv.IsPrint`.
pub(crate) fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return (' '..='~').contains(&char);
    }
    let after = PRINTABLE.partition_point(|(start, _)| *start <= char);
    after > 0
        && PRINTABLE
            .get(after - 1)
            .is_some_and(|(_, end)| char <= *end)
}

/// Writes a text in quotation marks; `is_ascii` escapes every character that is not.
pub(crate) fn quote(out: &mut Buffer<'_>, bytes: &[u8], is_ascii: bool) -> Result<(), Full> {
    out.push(b"\"")?;
    for char in chars(bytes) {
        match char {
            Ok(char) => escaped(out, char, '"', is_ascii)?,
            Err(byte) => out.push(format!("\\x{byte:02x}").as_bytes())?,
        }
    }
    out.push(b"\"")
}

/// A character constant.
pub(crate) fn quote_char(char: char, is_ascii: bool) -> String {
    let mut bytes = Vec::new();
    // A character and its quotation marks always fit.
    let _ = escaped(&mut Buffer::new(&mut bytes, 64), char, '\'', is_ascii);
    format!("'{}'", String::from_utf8_lossy(&bytes))
}

fn escaped(out: &mut Buffer<'_>, char: char, mark: char, is_ascii: bool) -> Result<(), Full> {
    let simple = match char {
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ if char == mark => return out.push(format!("\\{char}").as_bytes()),
        _ if is_printable(char) && (char.is_ascii() || !is_ascii) => return out.push_char(char),
        _ => {
            let code = u32::from(char);
            let text = match code {
                0..0x20 | 0x7f => format!("\\x{code:02x}"),
                0x20..0x1_0000 => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            return out.push(text.as_bytes());
        }
    };
    out.push(simple.as_bytes())
}

/// Says whether a text can stand between backquotes as it is.
pub(crate) fn fits_backquotes(bytes: &[u8]) -> bool {
    chars(bytes).all(|char| match char {
        Ok('\u{feff}' | '`' | '\u{7f}') | Err(_) => false,
        Ok('\t') => true,
        Ok(char) => char >= ' ',
    })
}
