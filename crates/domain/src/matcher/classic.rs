//! The classic notation: label names of letters, values mostly as they stand.

use super::bytes::{next_char, to_text};
use super::{MatchOp, Matcher, MatcherError};

/// Reads a list: one brace is dropped at each end, then the text is split at commas outside double quotes.
pub(super) fn parse_list(input: &[u8]) -> Result<Vec<Matcher>, MatcherError> {
    let input = input.strip_prefix(b"{").unwrap_or(input);
    let input = input.strip_suffix(b"}").unwrap_or(input);
    // Going through text is what turns invalid bytes into U+FFFD in lists and in lists only.
    let text = to_text(input);
    split(&text)
        .into_iter()
        .map(|piece| parse_one(piece.as_bytes()))
        .collect()
}

/// Cuts at commas; the last piece is dropped when blank.
fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            // A comma leaves the state of a backslash before it as it is.
            ',' if !quoted => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            ',' => {}
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        pieces.push(last);
    }
    pieces
}

/// Reads one matcher; commas and braces are part of the value.
pub(super) fn parse_one(input: &[u8]) -> Result<Matcher, MatcherError> {
    let (name, op, raw) = cut(input)
        .ok_or_else(|| MatcherError::Syntax(format!("bad matcher format: {}", to_text(input))))?;
    let value = unescape(raw)?;
    Matcher::new(op, &to_text(name), &value)
}

/// Cuts a matcher into name, operator and raw value, blanks around each dropped.
fn cut(input: &[u8]) -> Option<(&[u8], MatchOp, &[u8])> {
    let input = trim_start(input);
    let name_len = input
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b':')))
        .unwrap_or(input.len());
    let (name, rest) = input.split_at(name_len);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    let rest = trim_start(rest);
    let (op, width) = match rest {
        [b'=', b'~', ..] => (MatchOp::Regex, 2),
        [b'=', ..] => (MatchOp::Equal, 1),
        [b'!', b'=', ..] => (MatchOp::NotEqual, 2),
        [b'!', b'~', ..] => (MatchOp::NotRegex, 2),
        _ => return None,
    };
    let mut value = trim_start(rest.get(width..).unwrap_or_default());
    while let [head @ .., last] = value
        && is_blank(*last)
    {
        value = head;
    }
    Some((name, op, value))
}

/// Go's `\s`: no vertical tab, nothing beyond ASCII.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    text
}

/// Takes the optional quotes off and resolves `\n`, `\"` and `\\`; other backslashes are literal.
fn unescape(raw: &[u8]) -> Result<String, MatcherError> {
    let unbalanced = || {
        let text = to_text(raw);
        MatcherError::Syntax(format!(
            "matcher value contains unescaped double quote: {text}"
        ))
    };
    let mut quote_open = raw.first() == Some(&b'"');
    let body = if quote_open {
        raw.get(1..).unwrap_or_default()
    } else {
        raw
    };
    if std::str::from_utf8(body).is_err() {
        let text = to_text(raw);
        return Err(MatcherError::Syntax(format!(
            "matcher value not valid UTF-8: {text}"
        )));
    }
    let mut value = String::with_capacity(body.len());
    let mut escaped = false;
    let mut rest = body;
    while let Some((c, width)) = next_char(rest) {
        rest = rest.get(width..).unwrap_or_default();
        if escaped {
            escaped = false;
            match c {
                'n' => value.push('\n'),
                '"' | '\\' => value.push(c),
                _ => value.extend(['\\', c]),
            }
            continue;
        }
        match c {
            '\\' if !rest.is_empty() => escaped = true,
            '"' if quote_open && rest.is_empty() => quote_open = false,
            '"' => return Err(unbalanced()),
            _ => value.push(c),
        }
    }
    if quote_open {
        Err(unbalanced())
    } else {
        Ok(value)
    }
}
