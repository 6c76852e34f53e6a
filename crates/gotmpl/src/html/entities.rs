//! Character references of HTML, as far as they matter to the reading of attribute values.
//!
//! A value is decoded only to find out what state its text leads to, and no state depends on
//! which character beyond ASCII it is. So a reference to any such character becomes U+FFFD, and
//! the names alone have to be known: `entities.txt` lists them, first those that are
//! recognised without a semicolon.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The names of characters beyond ASCII.
const NAMES: &str = include_str!("entities.txt");

/// The longest name that is recognised without a semicolon.
const BARE_BYTES_MAX: usize = 6;

struct Names {
    /// Recognised without a semicolon, too.
    bare: HashSet<&'static str>,
    /// All others.
    full: HashSet<&'static str>,
}

static BEYOND_ASCII: LazyLock<Names> = LazyLock::new(|| {
    let (bare, full) = NAMES.split_once(';').unwrap_or(("", NAMES));
    Names {
        bare: bare.split_whitespace().collect(),
        full: full.split_whitespace().collect(),
    }
});

/// Decodes the references in a text.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        let body = &rest[at + 1..];
        let reference = match body.strip_prefix('#') {
            Some(number) => {
                numeric(number).map(|(char, length)| (char.to_string().into(), length + 1))
            }
            None => named(body),
        };
        match reference {
            Some((characters, length)) => {
                decoded.push_str(&characters);
                rest = &body[length..];
            }
            None => {
                decoded.push('&');
                rest = body;
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Reads what follows `&#`; also gives how long it is.
fn numeric(text: &str) -> Option<(char, usize)> {
    let (digits, radix, prefix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 1),
        None => (text, 10, 0),
    };
    let length = digits
        .find(|char: char| !char.is_digit(radix))
        .unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    // A number too large for the type is no character either.
    let number = u32::from_str_radix(&digits[..length], radix).unwrap_or(u32::MAX);
    let char = match number {
        // Characters of Windows-1252, all of them beyond ASCII.
        0 | 0x80..=0x9f => char::REPLACEMENT_CHARACTER,
        _ => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some((char, prefix + length + semicolon))
}

/// Reads what follows `&` of a named reference; also gives how long it is.
fn named(text: &str) -> Option<(Cow<'static, str>, usize)> {
    let length = text
        .find(|char: char| !char.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let name = &text[..length];
    if text[length..].starts_with(';')
        && let Some(characters) = ascii(name).or_else(|| beyond_ascii(name))
    {
        return Some((characters.into(), length + 1));
    }
    (2..=length.min(BARE_BYTES_MAX))
        .rev()
        .find_map(|length| Some((bare(&name[..length])?.into(), length)))
}

/// A name of a character beyond ASCII.
fn beyond_ascii(name: &str) -> Option<&'static str> {
    let names = &*BEYOND_ASCII;
    (names.full.contains(name) || names.bare.contains(name)).then_some("\u{fffd}")
}

/// A name that is recognised without a semicolon.
fn bare(name: &str) -> Option<&'static str> {
    match name {
        "AMP" | "amp" | "GT" | "gt" | "LT" | "lt" | "QUOT" | "quot" => ascii(name),
        _ => BEYOND_ASCII.bare.contains(name).then_some("\u{fffd}"),
    }
}

/// A name of something that has an ASCII character in it.
fn ascii(name: &str) -> Option<&'static str> {
    Some(match name {
        "Tab" => "\t",
        "NewLine" => "\n",
        "excl" => "!",
        "QUOT" | "quot" => "\"",
        "num" => "#",
        "dollar" => "$",
        "percnt" => "%",
        "AMP" | "amp" => "&",
        "apos" => "'",
        "lpar" => "(",
        "rpar" => ")",
        "ast" | "midast" => "*",
        "plus" => "+",
        "comma" => ",",
        "period" => ".",
        "sol" => "/",
        "colon" => ":",
        "semi" => ";",
        "LT" | "lt" => "<",
        "nvlt" => "<\u{fffd}",
        "equals" => "=",
        "bne" => "=\u{fffd}",
        "GT" | "gt" => ">",
        "nvgt" => ">\u{fffd}",
        "quest" => "?",
        "commat" => "@",
        "lbrack" | "lsqb" => "[",
        "bsol" => "\\",
        "rbrack" | "rsqb" => "]",
        "Hat" => "^",
        "UnderBar" | "lowbar" => "_",
        "DiacriticalGrave" | "grave" => "`",
        "fjlig" => "fj",
        "lbrace" | "lcub" => "{",
        "VerticalLine" | "verbar" | "vert" => "|",
        "rbrace" | "rcub" => "}",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a&amp;b&ampc", "a&b&c"),
            ("&quot;&QUOT&#34;&#x22;&#X22 ", "\"\"\"\"\" "),
            ("&sol;&lpar;&NewLine;", "/(\n"),
            (
                "&eacute;&eacute &notit;&CounterClockwiseContourIntegral;",
                "\u{fffd}\u{fffd} \u{fffd}it;\u{fffd}",
            ),
            (
                "&nosuchname; &; & &# &#; &#x;",
                "&nosuchname; &; & &# &#; &#x;",
            ),
            (
                "&sol &#0;&#x80;&#xD800;&#99999999999;",
                "&sol \u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("x?a=1&copy=2", "x?a=1\u{fffd}=2"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }
}
