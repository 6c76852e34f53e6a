//! Values and strings in CSS.

use super::UNSAFE_VALUE;

/// Escapes text for a string.
pub(in crate::html) fn string(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => escaped.push_str("\\\\"),
            '\0' | '\t' | '\n' | '\u{c}' | '\r' | '"' | '&' | '\'' | '(' | ')' | '+' | '/'
            | ':' | ';' | '<' | '>' | '{' | '}' => {
                escaped.push_str(&format!("\\{:x}", u32::from(char)));
                // Without a space the next character could become part of the escape.
                if chars
                    .peek()
                    .is_none_or(|next| next.is_ascii_hexdigit() || is_space(*next))
                {
                    escaped.push(' ');
                }
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

/// Lets only values through that are plain words, numbers and the like.
pub(in crate::html) fn value(text: &str) -> String {
    let decoded = decode(text);
    // CSS ends strings and blocks at such characters even where something is wrong before.
    let is_unsafe = decoded.contains([
        '\0', '"', '\'', '(', ')', '/', ';', '@', '[', '\\', ']', '`', '{', '}', '<', '>',
    ]);
    let word: String = decoded
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || *char == '_')
        .map(|char| char.to_ascii_lowercase())
        .collect();
    // Old browsers run scripts at these words.
    let is_script = word.contains("expression") || word.contains("mozbinding");
    if is_unsafe || is_script || decoded.contains("--") {
        UNSAFE_VALUE.to_owned()
    } else {
        decoded
    }
}

/// Decodes the escapes of a string or value.
pub(in crate::html) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest
            .bytes()
            .take(6)
            .take_while(u8::is_ascii_hexdigit)
            .count();
        if digits == 0 {
            let mut chars = rest.chars();
            decoded.extend(chars.next());
            rest = chars.as_str();
            continue;
        }
        let (char, length) = character(&rest[..digits]);
        decoded.push(char);
        rest = skip_space(&rest[length..]);
    }
    decoded.push_str(rest);
    decoded
}

/// The character of a hexadecimal number; one digit fewer is taken when that is too large.
fn character(digits: &str) -> (char, usize) {
    // Six digits always fit.
    let number = u32::from_str_radix(digits, 16).unwrap_or_default();
    let (number, length) = if number > u32::from(char::MAX) {
        (number / 16, digits.len() - 1)
    } else {
        (number, digits.len())
    };
    let char = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
    (char, length)
}

fn skip_space(text: &str) -> &str {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix(is_space))
        .unwrap_or(text)
}

fn is_space(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::{decode, string, value};

    #[test]
    fn strings() {
        assert_eq!(string("q\"u</style>"), "q\\22u\\3c\\2fstyle\\3e ");
        assert_eq!(string("(a)\\ ;é"), "\\28 a\\29\\\\ \\3bé");
        assert_eq!(string("\nb"), "\\a b");
    }

    #[test]
    fn values() {
        for (given, expected) in [
            ("red", "red"),
            ("12px #fff -1.5em 50%", "12px #fff -1.5em 50%"),
            ("", ""),
            ("red;x", "ZgotmplZ"),
            ("url(x)", "ZgotmplZ"),
            ("a--b", "ZgotmplZ"),
            ("-moz-binding", "ZgotmplZ"),
            ("ex\\70ression", "ZgotmplZ"),
            ("\\3c", "ZgotmplZ"),
            ("\\72 ed", "red"),
        ] {
            assert_eq!(value(given), expected, "{given}");
        }
    }

    #[test]
    fn escapes() {
        for (given, expected) in [
            ("plain", "plain"),
            ("\\A B", "\nB"),
            ("\\41\r\nx", "Ax"),
            ("\\\\\\\"", "\\\""),
            ("\\110000x", "\u{11000}0x"),
            ("\\d800", "\u{fffd}"),
            ("end\\", "end"),
            ("\\é", "é"),
        ] {
            assert_eq!(decode(given), expected, "{given}");
        }
    }
}
