//! Go's `strconv.Quote`, the spelling group keys and matcher texts are made of.

/// Quotes a text exactly as Go's `strconv.Quote`: double quotes, Go escapes, printable Unicode kept.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

/// As [`quote`] for bytes that need not be UTF-8: an invalid byte is written `\xff`.
pub fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk
            .valid()
            .chars()
            .for_each(|c| push_escaped(&mut out, c));
        chunk
            .invalid()
            .iter()
            .for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if is_printable(c) => out.push(c),
        c if u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether Go's `strconv.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the ASCII space.
///
/// Rust's `{:?}` escapes the same classes (controls, separators, unassigned, private use, format), except that it
/// also escapes grapheme extenders, which Go prints.
pub fn is_printable(c: char) -> bool {
    if c == ' ' {
        return true;
    }
    if c.is_control() || c.is_whitespace() {
        return false;
    }
    if c.is_ascii() {
        return true;
    }
    // With a base before it a grapheme extender is still escaped by `escape_debug`, so ask for it alone first.
    let escaped = c.escape_debug();
    escaped.len() == 1 || is_mark(c)
}

/// Combining marks (general categories Mn and Me), which `escape_debug` escapes and Go prints.
fn is_mark(c: char) -> bool {
    MARKS.is_match(c.encode_utf8(&mut [0; 4]))
}

static MARKS: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"^\p{M}$").expect("a constant pattern that the tests compile")
});

#[cfg(test)]
mod tests {
    use super::{quote, quote_bytes};

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"b\\c\n\u{1}\u{7f}"), r#""a\"b\\c\n\x01\x7f""#);
        assert_eq!(quote("é🔥 ok"), "\"é🔥 ok\"");
        assert_eq!(
            quote("\u{a0}\u{200b}\u{fffd}\u{2028}"),
            "\"\\u00a0\\u200b\u{fffd}\\u2028\""
        );
        assert_eq!(quote("e\u{301}"), "\"e\u{301}\"");
        assert_eq!(
            quote_bytes(b"a\xff\xf0\x9f\"\xc3\xa9"),
            "\"a\\xff\\xf0\\x9f\\\"é\""
        );
    }
}
