//! Go's string and character literals: reading them, and quoting text in messages.

/// Why a literal cannot be read; Go says no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidSyntax;

/// Reads a whole literal, `"…"` or `` `…` ``, with its quotation marks.
///
/// The result is bytes: `"\xff"` is a legal Go string and not UTF-8.
pub(crate) fn unquote(literal: &str) -> Result<Vec<u8>, InvalidSyntax> {
    if let Some(body) = between(literal, '`') {
        if body.contains('`') {
            return Err(InvalidSyntax);
        }
        return Ok(body.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let mut rest = between(literal, '"').ok_or(InvalidSyntax)?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (unit, tail) = unquote_unit(rest, '"')?;
        match unit {
            Unit::Byte(byte) => bytes.push(byte),
            Unit::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    Ok(bytes)
}

/// What one character of a literal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A raw byte, from `\x41` or `\101`.
    Byte(u8),
    /// A character.
    Char(char),
}

/// Reads the first character or escape of a literal's body; also gives what follows it.
pub(crate) fn unquote_unit(body: &str, quote: char) -> Result<(Unit, &str), InvalidSyntax> {
    let mut chars = body.chars();
    let first = chars.next().ok_or(InvalidSyntax)?;
    if first == quote || first == '\n' {
        return Err(InvalidSyntax);
    }
    if first != '\\' {
        return Ok((Unit::Char(first), chars.as_str()));
    }
    let escape = chars.next().ok_or(InvalidSyntax)?;
    let rest = chars.as_str();
    let simple = |char| Ok((Unit::Char(char), rest));
    match escape {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        'x' => byte(rest, 2, 16),
        '0'..='7' => byte(&body[1..], 3, 8),
        'u' => character(rest, 4),
        'U' => character(rest, 8),
        '\'' | '"' if escape == quote => simple(quote),
        _ => Err(InvalidSyntax),
    }
}

fn byte(text: &str, digits: usize, radix: u32) -> Result<(Unit, &str), InvalidSyntax> {
    let (value, rest) = digits_value(text, digits, radix)?;
    let byte = u8::try_from(value).map_err(|_| InvalidSyntax)?;
    Ok((Unit::Byte(byte), rest))
}

fn character(text: &str, digits: usize) -> Result<(Unit, &str), InvalidSyntax> {
    let (value, rest) = digits_value(text, digits, 16)?;
    let char = char::from_u32(value).ok_or(InvalidSyntax)?;
    Ok((Unit::Char(char), rest))
}

fn digits_value(text: &str, digits: usize, radix: u32) -> Result<(u32, &str), InvalidSyntax> {
    let (number, rest) = text.split_at_checked(digits).ok_or(InvalidSyntax)?;
    let mut value: u32 = 0;
    for char in number.chars() {
        let digit = char.to_digit(radix).ok_or(InvalidSyntax)?;
        value = value
            .checked_mul(radix)
            .and_then(|v| v.checked_add(digit))
            .ok_or(InvalidSyntax)?;
    }
    Ok((value, rest))
}

fn between(literal: &str, mark: char) -> Option<&str> {
    literal.strip_prefix(mark)?.strip_suffix(mark)
}

/// Quotes a text for a message, as Go's `%q` does.
pub(crate) fn quote(text: &str) -> String {
    use std::fmt::Write as _;

    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\x{:02x}", u32::from(char));
            }
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
